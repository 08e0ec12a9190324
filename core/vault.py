"""Secrets that must be read again, such as keys that sign: kept in the database sealed with the installation's key,
which the database does not have."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import Unavailable
from core.settings import Settings


class Unreadable(Exception):
    """It was sealed with another key."""


def new_key() -> str:
    return Fernet.generate_key().decode()


def seal(settings: Settings, secret: str) -> str:
    """With the first of the installation's keys. Raises Unavailable where there is none."""
    return _box(settings).encrypt(secret.encode()).decode()


def unseal(settings: Settings, sealed: str) -> str:
    """With whichever of the keys fits. Raises Unreadable, Unavailable."""
    try:
        return _box(settings).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _box(settings: Settings) -> MultiFernet:
    keys = [one.strip() for one in settings.installation_key.split(",") if one.strip()]
    if not keys:
        raise Unavailable(
            "this server has no installation key, so it can keep no secrets; "
            "its operator sets SCRIPTORIUM_INSTALLATION_KEY to what `scriptorium keys installation` prints",
            code="no_installation_key",
        )
    try:
        return MultiFernet([Fernet(one) for one in keys])
    except ValueError as error:
        raise Unavailable(
            "SCRIPTORIUM_INSTALLATION_KEY is not a key; `scriptorium keys installation` prints one",
            code="no_installation_key",
        ) from error
