"""A real Redis under the data folder. It keeps nothing: losing it costs time, never work."""

import secrets
import signal
import socket
from pathlib import Path
from subprocess import Popen

from scriptorium.embedded import binaries
from scriptorium.embedded.place import account, own_file, own_folder, settle
from scriptorium.embedded.ports import free_port
from scriptorium.embedded.server import Server
from scriptorium.processes import Account, Command, plain_environment

START_SECONDS = 20.0
_ENDING = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{home}"
daemonize no
save ""
appendonly no
maxmemory-policy noeviction
"""


class Redis(Server):
    """`start()` gives the URL: loopback TCP with a random password, which Celery and redis-py read alike.

    (Over a socket each wants a URL of its own.) Raises NotInstalled, NoPlace, ProcessFailed.
    """

    name = "Redis"
    start_seconds = START_SECONDS

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.log = log or self.folder / "redis.log"
        self._process: Popen[bytes] | None = None

    def install(self) -> None:
        """A new port and password at each start; both stay over a restart by the supervisor."""
        self._account: Account | None = account(self.folder)
        self.place = settle(self.folder, self._account)
        self._server = binaries.usable_redis(binaries.redis_server(), self.place, self._account)
        self._port = free_port()
        self._password = secrets.token_urlsafe(32)
        home = own_folder(self.place / "redis", self._account)
        text = _CONFIGURATION.format(port=self._port, password=self._password, home=home)
        self._configuration = own_file(self.place / "redis.conf", text, self._account)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def command(self) -> Command:
        return Command(
            name="redis",
            argv=(str(self._server), str(self._configuration)),
            environment=plain_environment(),
            directory=self.place,
            account=self._account,
            ending=_ENDING,
        )

    def ready(self) -> bool:
        """It answers to our password, so it is ours and not another that took the port."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self._password}\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False
