"""Access tokens: JWTs for an hour at most, got with an API key here, or from an issuer that the operator trusts."""

from core.tokens.issuers import caller_of
from core.tokens.jose import NotOurs, key_id, unverified_issuer
from core.tokens.own import Issued, authenticate, issue, jwks, rotate

__all__ = [
    "Issued",
    "NotOurs",
    "authenticate",
    "caller_of",
    "issue",
    "jwks",
    "key_id",
    "rotate",
    "unverified_issuer",
]
