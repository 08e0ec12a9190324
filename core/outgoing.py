"""Where this server may send a request because a caller named a URL. Pure; `worker/outgoing.py` connects by it.

Such a URL is an attack until it is shown to be none (SSRF): it may mean this machine, its private network or a cloud's
metadata, in many spellings. So one spelling of each thing is understood and all others are refused; what is understood
here is what is connected to, so that no second reader of the URL can take it for something else. Public addresses
alone are allowed, and what the operator names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, unquote

from core.errors import SourceForbidden

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 8000
"""Characters of a URL: one that is signed, with a session's token, has a few thousand."""
PORTS = {"http": 80, "https": 443}
BAD_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080, *range(6665, 6670)}
)
"""Above 1023, where other protocols listen: https://fetch.spec.whatwg.org/#port-blocking. Below, only 80 and 443."""

_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")

_UNICAST = IPv6Network("2000::/3")
"""All that is handed out. Outside lie `::`, `::1`, IPv4 inside IPv6 (`::ffff:0:0/96`, NAT64's `64:ff9b::/96`), ULA,
link-local, multicast."""
_CLOSED: tuple[Network, ...] = (
    IPv4Network("100.64.0.0/10"),  # carriers' shared space, and a cloud's metadata
    IPv4Network("168.63.129.16/32"),  # looks public; Azure's host answers there
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv6Network("2001::/23"),  # Teredo and other protocols' own
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address, of any kind, inside
    IPv6Network("3fff::/20"),
)


def forbidden(address: Address) -> bool:
    """Whether only an operator's word may lead there. `is_global` alone lets NAT64 and multicast pass."""
    outside = isinstance(address, IPv6Address) and address not in _UNICAST
    if outside or not address.is_global or address.is_multicast:
        return True
    return any(address in network for network in _CLOSED if network.version == address.version)


def usual(port: int) -> bool:
    return port in PORTS.values() or (1024 <= port <= 65535 and port not in BAD_PORTS)


@dataclass(frozen=True)
class Target:
    """A URL that was understood. `host`: a name in lower case, or an address without brackets. `path` has the query,
    which may be a secret; `address` is set where the host is one."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    address: Address | None = None

    @property
    def authority(self) -> str:
        """As a Host header has it."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def shown(self) -> str:
        """Without the query: what may be told again."""
        return self.url.partition("?")[0]

    @property
    def filename(self) -> str:
        """For people to read; never a path of ours. Of some bytes that are no text, what can be read."""
        name = unquote(self.path.partition("?")[0]).replace("\\", "/").rpartition("/")[2]
        return "".join(one for one in name if one.isprintable()) or self.host


@dataclass(frozen=True)
class Allowance:
    """One of an operator's exceptions: a network, or a name whose addresses are not looked at. With a port, that port
    only, whichever it is; without, the usual ones."""

    network: Network | None
    name: str
    port: int | None

    def covers(self, host: str, address: Address | None, port: int) -> bool:
        fits = usual(port) if self.port is None else port == self.port
        inside = address is not None and self.network is not None and address in self.network
        return fits and (inside or (bool(self.name) and host == self.name))


@dataclass(frozen=True)
class Rules:
    allowed: tuple[Allowance, ...] = ()

    def check(self, target: Target, address: Address) -> None:
        """Raises SourceForbidden, which does not name the address: a caller would learn of the network here."""
        if any(one.covers(target.host, address, target.port) for one in self.allowed):
            return
        if forbidden(address):
            raise SourceForbidden("its address is not a public one, and this server may not fetch from there")
        _check_port(target.port)

    def read(self, url: str) -> Target:
        """Raises SourceForbidden for what is no URL, and for what can be seen to be forbidden without asking for the
        addresses of a name. Whoever connects has each address checked."""
        target = _parsed(url)
        said = target.address or _meant(target.host)
        if said is not None:
            self.check(target, said)
        elif all(one.port != target.port for one in self.allowed):
            _check_port(target.port)
        return target


def allowances(entries: Sequence[str]) -> Rules:
    """Of an operator's list: `10.0.0.0/8`, `10.1.2.3:8443`, `[fd00::5]:80`, `recorder.lan`, `recorder.lan:8080`.
    Raises ValueError, which names the entry."""
    return Rules(tuple(_allowance(entry.strip()) for entry in entries))


def _allowance(entry: str) -> Allowance:
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::([0-9]{1,5}))?", entry)
    host, port = (bracketed[1], bracketed[2]) if bracketed else (entry, None)
    if bracketed is None and entry.count(":") == 1:
        host, _, port = entry.partition(":")
    try:
        number = None if port is None else _port_number(port)
        if ":" in host or _NUMBER.fullmatch(host.partition("/")[0].rpartition(".")[2].lower()):
            return Allowance(ip_network(host), "", number)
        return Allowance(None, _name(host.lower()), number)
    except (ValueError, SourceForbidden) as error:
        raise ValueError(f"{entry!r} is no network, address or name, with or without a port") from error


def _parsed(url: str) -> Target:
    if len(url) > LONGEST:
        raise SourceForbidden(f"the URL is longer than {LONGEST} characters")
    if any(char <= " " or char == "\x7f" for char in url):
        raise SourceForbidden("the URL holds a blank or a control character; write it as %20, or leave it out")
    found = _URL.fullmatch(url)
    if found is None:
        raise SourceForbidden("the URL must begin with http:// or https://")
    scheme, authority = found[1].lower(), found[2].lower()
    if "@" in authority:
        raise SourceForbidden("the URL holds a user name or password; send one without, or a signed URL")
    host, port = _divided(authority)
    address = _literal(host)
    name = str(address) if address is not None else _name(host)
    return Target(scheme, name, PORTS[scheme] if not port else _port_number(port), _path(found[3]), address)


def _divided(authority: str) -> tuple[str, str]:
    """The host, with brackets where it has some, and the port."""
    if authority.startswith("["):
        host, closing, rest = authority.partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise _no_host()
        return host + closing, rest[1:]
    host, _, port = authority.partition(":")
    return host, port


def _literal(host: str) -> Address | None:
    """Dotted decimal, or IPv6 in brackets. Other ways to write an IPv4 address (one number, octal, hexadecimal, fewer
    parts) are read differently by different programs, and serve nobody else."""
    if host.startswith("["):
        try:
            found = IPv6Address(host[1:-1])
        except ValueError as error:
            raise _no_host() from error
        if found.scope_id is not None:
            raise SourceForbidden("the URL's address names a zone, which has a meaning on one machine alone")
        return found
    if not _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return None
    try:
        return ip_address(host.removesuffix("."))
    except ValueError as error:
        raise SourceForbidden("an IPv4 address must be written as four decimal numbers") from error


def _name(host: str) -> str:
    """A name in ASCII, without the dot that may end it."""
    if not host.isascii():
        raise SourceForbidden("the URL's host must be written in ASCII: a name in other letters begins with xn--")
    name = host.removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _no_host()
    return name


def _meant(name: str) -> Address | None:
    """`localhost`, and all under it, is this machine (RFC 6761, 6.3)."""
    return IPv4Address("127.0.0.1") if name == "localhost" or name.endswith(".localhost") else None


def _port_number(port: str) -> int:
    number = int(port) if _PORT.fullmatch(port) else 0
    if not 1 <= number <= 65535:
        raise SourceForbidden("the URL's port must be a number from 1 to 65535")
    return number


def _check_port(port: int) -> None:
    if not usual(port):
        raise SourceForbidden("the URL's port is not one of the web's: take 80, 443 or one from 1024")


def _path(rest: str) -> str:
    """What is not ASCII, as its UTF-8 in percent signs."""
    try:
        ascii_only = "".join(char if char.isascii() else quote(char) for char in rest)
    except UnicodeEncodeError as error:
        raise SourceForbidden("the URL holds half of a character") from error
    return ascii_only if ascii_only.startswith("/") else f"/{ascii_only}"


def _no_host() -> SourceForbidden:
    return SourceForbidden("the URL's host is neither a name nor an address")
