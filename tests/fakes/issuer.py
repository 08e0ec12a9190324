"""An outside issuer of access tokens, on loopback: a small HTTP server that serves its public keys."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.tokens import jose


@dataclass
class FakeIssuer:
    """`answers` False: it answers 500, as one that is down does. `asked` counts the requests for its keys."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jose.new_key("RS256")])
    answers: bool = True
    asked: int = 0

    def token(self, key: dict[str, Any] | None = None, **claims: Any) -> str:
        told = {"iss": self.url, "aud": "scriptorium", "sub": "ada", "exp": int(time.time()) + 300, **claims}
        return jose.signed({name: value for name, value in told.items() if value is not None}, key or self.keys[-1])

    def setting(self, **more: Any) -> str:
        """For SCRIPTORIUM_ISSUERS."""
        told = {"issuer": self.url, "audience": "scriptorium", "jwks_url": f"{self.url}/keys", **more}
        return json.dumps([told])


@contextmanager
def serving() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = json.dumps({"keys": [jose.public(key) for key in issuer.keys]}).encode()
            self.send_response(200 if issuer.answers else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
