"""What a caller says of the bytes it sends, checked while they pass: `Content-Digest` (RFC 9530) and
`X-Content-SHA256`. No byte is read twice."""

import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.errors import InvalidRequest, fault

CONTENT_DIGEST = "Content-Digest"
RECORDING_SHA256 = "X-Content-SHA256"
ALGORITHMS: dict[str, Any] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""By their names in the registry of RFC 9530; those that it calls insecure are left out."""

_MEMBER = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*)=*:(?:;[^,;:]*)*[ \t]*")
"""Of a structured-field dictionary (RFC 9651, 3.2) whose values are byte sequences."""


@dataclass(frozen=True)
class Claim:
    header: str
    algorithm: str
    digest: bytes


class Check:
    """Hashes what passes through `update` as its claims want it; no claims, no work."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._claims: list[Claim] = []
        self._hashes: dict[str, Any] = {}
        self.expect(claims)

    def expect(self, claims: Iterable[Claim]) -> None:
        """More claims, before the first byte."""
        for claim in claims:
            self._claims.append(claim)
            self._hashes.setdefault(claim.algorithm, ALGORITHMS[claim.algorithm]())

    @property
    def claimed(self) -> bool:
        return bool(self._claims)

    def update(self, data: bytes) -> None:
        for hashed in self._hashes.values():
            hashed.update(data)

    def settle(self) -> None:
        """After the last byte. Raises InvalidRequest `digest_mismatch`, which names the header."""
        for claim in self._claims:
            if self._hashes[claim.algorithm].digest() != claim.digest:
                message = f"its {claim.algorithm} is not that of the bytes that arrived; send them again"
                raise fault(claim.header, message, code="digest_mismatch")


def content_digest(given: str | None) -> list[Claim]:
    """The value of a Content-Digest header. A key that comes twice counts as it comes last, and an algorithm that is
    not known here is passed over, unless it is the only one. Raises InvalidRequest."""
    if given is None:
        return []
    named = {name: _bytes(name, text) for name, text in map(_member, given.split(","))}
    known = [Claim(CONTENT_DIGEST, name, digest) for name, digest in named.items() if name in ALGORITHMS]
    if not known:
        raise fault(CONTENT_DIGEST, "names no algorithm that is known here", allowed=list(ALGORITHMS))
    return known


def recording_sha256(given: str | None) -> list[Claim]:
    """The value of an X-Content-SHA256 header. Raises InvalidRequest."""
    if given is None:
        return []
    if not re.fullmatch("[0-9A-Fa-f]{64}", given.strip()):
        raise fault(RECORDING_SHA256, "must be the recording's SHA-256 as 64 hexadecimal digits")
    return [Claim(RECORDING_SHA256, "sha-256", bytes.fromhex(given.strip()))]


def _member(text: str) -> tuple[str, str]:
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise _malformed()
    return found[1], found[2]


def _bytes(name: str, text: str) -> bytes:
    """Of base64 that may lack its padding, as RFC 9651, 4.2.7 wants it read."""
    try:
        digest = binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise _malformed() from error
    if name in ALGORITHMS and len(digest) != ALGORITHMS[name]().digest_size:
        raise _malformed()
    return digest


def _malformed() -> InvalidRequest:
    shape = ", ".join(f"{name}=:…:" for name in ALGORITHMS)
    return fault(CONTENT_DIGEST, f"must be {shape} or both, with the digest in base64", allowed=list(ALGORITHMS))
