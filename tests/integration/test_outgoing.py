"""Requests to URLs of callers, over real sockets. A canary on loopback stands for what must not be reached."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import SourceForbidden, SourceRefused, SourceUnreachable
from core.outgoing import Address, Rules, allowances
from tests.fakes.hostile import NAMES, URLS
from tests.fakes.sources import Answer, Source, dripping, endless, redirect, serving, silent, status, whole
from worker.outgoing import Limits, Outgoing

LIMITS = Limits(30.0, 20.0, redirects=5)
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
"""Where the operator allows a source, and where nobody does. Both are this machine."""


class Resolver:
    """Answers in turn, at last always the last; counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = answers, 0

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        return [ipaddress.ip_address(text) for text in self.answers[min(self.asked, len(self.answers)) - 1]]


def here(*resolved: list[str], rules: Rules | None = None) -> Outgoing:
    return Outgoing(rules or allowances([HERE]), Resolver(*resolved))


def got(outgoing: Outgoing, url: str, limits: Limits = LIMITS) -> bytes:
    with outgoing.open(url, limits) as answer:
        assert answer.status == 200
        return b"".join(answer.body)


@pytest.fixture
def canary() -> Iterator[Source]:
    """On both loopback addresses where there is IPv6; `connections` of both are one number."""
    with ExitStack() as stack:
        first = stack.enter_context(serving({}))
        try:
            second = stack.enter_context(serving({}, "::1", first.port))
        except OSError:
            second = None
        yield first
        assert second is None or second.connections == 0


@pytest.mark.parametrize(("why", "url"), URLS, ids=[why for why, _ in URLS])
def test_hostile_urls_lead_to_no_connection(canary: Source, why: str, url: str) -> None:
    """The resolver is the attacker's, too."""
    resolver = Resolver([HERE])
    with pytest.raises(SourceForbidden), Outgoing(Rules(), resolver).open(
        url.replace(":8000", f":{canary.port}"), LIMITS
    ):  # fmt: skip
        pass
    assert (canary.connections, resolver.asked) == (0, 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answers", [[HERE], ["::1"], ["93.184.216.34", HERE], [HERE, "93.184.216.34"]])
def test_names_that_lead_here_do_not(canary: Source, name: str, answers: list[str]) -> None:
    with pytest.raises(SourceForbidden), Outgoing(Rules(), Resolver(answers)).open(
        f"http://{name}:{canary.port}/", LIMITS
    ):  # fmt: skip
        pass
    assert canary.connections == 0


def test_the_canary_sings_where_it_may_be_reached(canary: Source) -> None:
    with here().open(canary.url, LIMITS) as answer:
        assert answer.status == 404
    assert canary.connections == 1


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({"/a.wav": whole(b"RIFF")}) as made:
        yield made


@pytest.fixture
def wall(source: Source) -> Iterator[Source]:
    """A canary on the source's port, behind the operator's rules."""
    with serving({"/a.wav": whole(b"secret")}, ELSEWHERE, source.port) as made:
        yield made


def test_a_resolver_that_changes_its_mind_is_asked_once(source: Source, wall: Source) -> None:
    outgoing = here([HERE], [ELSEWHERE])
    assert got(outgoing, f"http://rebinding.test:{source.port}/a.wav") == b"RIFF"
    with pytest.raises(SourceForbidden):
        got(outgoing, f"http://rebinding.test:{source.port}/a.wav")
    assert (source.connections, wall.connections) == (1, 0)


@pytest.mark.parametrize("answers", [[HERE, ELSEWHERE], [ELSEWHERE, HERE]])
def test_a_name_on_both_sides_of_the_wall_is_refused(source: Source, wall: Source, answers: list[str]) -> None:
    with pytest.raises(SourceForbidden):
        got(here(answers), f"http://both.test:{source.port}/a.wav")
    assert (source.connections, wall.connections) == (0, 0)


def test_the_next_address_is_tried(source: Source) -> None:
    """Nobody listens at the first one."""
    outgoing = here(["127.0.0.3", HERE], rules=allowances(["127.0.0.0/8"]))
    assert got(outgoing, f"http://two.test:{source.port}/a.wav") == b"RIFF"


def test_the_request_carries_the_name_and_nothing_else_of_ours(
    source: Source, wall: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{ELSEWHERE}:{wall.port}")
    assert got(here([HERE]), f"http://named.test:{source.port}/a.wav?sig=1") == b"RIFF"
    assert wall.connections == 0
    lines = source.heads[0].lower().splitlines()
    assert lines[0] == "get /a.wav?sig=1 http/1.1"
    names = sorted(line.partition(":")[0] for line in lines[1:])
    assert names == ["accept", "accept-encoding", "connection", "host", "user-agent"]
    assert f"host: named.test:{source.port}" in lines


@pytest.mark.parametrize(
    ("why", "where"),
    [
        ("behind the wall", "http://127.0.0.2:{port}/a.wav"),
        ("behind the wall, the scheme left out", "//127.0.0.2:{port}/a.wav"),
        ("behind the wall, as a number", "http://2130706434:{port}/a.wav"),
        ("behind the wall, v4-mapped", "http://[::ffff:127.0.0.2]:{port}/a.wav"),
        ("metadata", "http://169.254.169.254/latest/meta-data/"),
        ("a name that leads there", "http://inside.test:{port}/a.wav"),
        ("a file", "file:///etc/passwd"),
        ("gopher", "gopher://127.0.0.2:{port}/_"),
        ("data", "data:audio/wav;base64,UklGRg=="),
        ("a user name", "http://user:secret@127.0.0.1:{port}/a.wav"),
        ("a broken bracket", "http://[::1/a.wav"),
        ("another service", "http://127.0.0.1:22/"),
    ],
)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_checked_anew(source: Source, wall: Source, why: str, where: str, code: int) -> None:
    source.answers = {"/": redirect(where.format(port=source.port), code)}
    with pytest.raises(SourceForbidden) as refusal:
        got(here([ELSEWHERE]), source.url)
    assert (source.connections, wall.connections) == (1, 0)
    assert "secret" not in refusal.value.message


def hops(count: int) -> dict[str, Answer]:
    chain = {f"/{left}": redirect(f"{left - 1}?left") for left in range(1, count + 1)}
    return {**chain, "/0": whole(b"RIFF")}


def test_five_redirects_are_followed_and_no_sixth(source: Source) -> None:
    source.answers = hops(6)
    assert got(here(), f"{source.url}/5") == b"RIFF"
    with pytest.raises(SourceRefused):
        got(here(), f"{source.url}/6")
    assert source.connections == 6 + 6


def test_a_loop_of_redirects_ends(source: Source) -> None:
    source.answers = {"/": redirect("/")}
    with pytest.raises(SourceRefused):
        got(here(), source.url)
    assert source.connections == 6


def test_without_redirects_the_answer_is_what_it_is(source: Source, wall: Source) -> None:
    source.answers = {"/": redirect(wall.url)}
    with here().open(source.url, Limits(30.0, 20.0)) as answer:
        assert answer.status == 302
    assert wall.connections == 0


def test_a_body_may_be_sent(source: Source) -> None:
    source.answers = {"/": status(204)}
    with here().open(source.url, LIMITS, method="POST", headers={"X-A": "b"}, content=b"hello") as answer:
        assert answer.status == 204
    assert {"content-length: 5", "x-a: b"} <= set(source.heads[0].lower().splitlines())


@pytest.mark.parametrize("answer", [dripping, endless])
def test_the_whole_is_bounded(source: Source, answer: Answer) -> None:
    source.answers = {"/": answer}
    with pytest.raises(SourceRefused) as refusal, here().open(source.url, Limits(0.3, 20.0)) as slow:
        for _ in slow.body:
            pass
    assert refusal.value.code == "source_too_slow"


def test_silence_is_bounded(source: Source) -> None:
    over = threading.Event()
    source.answers = {"/": silent(over)}
    with pytest.raises(SourceUnreachable):
        got(here(), source.url, Limits(30.0, 0.2))
    over.set()


def test_who_waits_is_asked_meanwhile(source: Source) -> None:
    over, asked = threading.Event(), []

    def check() -> None:
        asked.append(1)
        if len(asked) > 3:  # connecting, sending, the first second
            raise KeyboardInterrupt

    source.answers = {"/": silent(over)}
    with pytest.raises(KeyboardInterrupt), here().open(source.url, LIMITS, check=check):
        pass
    over.set()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
    ],
    ids=["nothing", "SSH", "short", "negative", "two lengths", "no chunk", "huge header", "status"],
)
def test_what_is_no_answer_is_named(source: Source, sent: bytes) -> None:
    source.answers = {"/": lambda send, _: send(sent)}
    with pytest.raises(SourceUnreachable):
        got(here(), source.url)


def test_more_than_was_promised_is_not_read(source: Source) -> None:
    source.answers = {"/": lambda send, _: send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nRIFF and more")}
    assert got(here(), source.url) == b"RIFF"


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with serving({}) as gone:
        pass
    with pytest.raises(SourceUnreachable):
        got(here(), gone.url)


def test_a_name_that_is_none_is_unreachable() -> None:
    with pytest.raises(SourceUnreachable):
        got(Outgoing(Rules()), "http://no-such-name.invalid/")


@pytest.fixture
def secured(source: Source, tmp_path: Path) -> ssl.SSLContext:
    """The source speaks TLS as `tls.test`; who trusts its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tls.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tls.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "tls.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    source.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    source.tls.load_cert_chain(file)
    return ssl.create_default_context(cafile=str(file))


def test_the_certificate_is_checked_against_the_name(source: Source, secured: ssl.SSLContext) -> None:
    told: list[str | None] = []
    assert source.tls
    source.tls.sni_callback = lambda _socket, name, _context: told.append(name)
    outgoing = Outgoing(allowances([HERE]), Resolver([HERE]), secured)
    assert got(outgoing, f"https://tls.test:{source.port}/a.wav") == b"RIFF"
    assert told == ["tls.test"]
    with pytest.raises(SourceUnreachable) as refusal:
        got(outgoing, f"https://other.test:{source.port}/a.wav")
    assert "certificate" in refusal.value.message
    with pytest.raises(SourceUnreachable):  # nobody we trust signed it
        got(Outgoing(allowances([HERE]), Resolver([HERE])), f"https://tls.test:{source.port}/a.wav")
    assert len(source.heads) == 1


def test_no_redirect_leads_out_of_https(source: Source, wall: Source, secured: ssl.SSLContext) -> None:
    source.answers = {"/": redirect(f"http://127.0.0.1:{source.port}/a.wav")}
    with pytest.raises(SourceForbidden):
        got(Outgoing(allowances([HERE]), Resolver([HERE]), secured), f"https://tls.test:{source.port}/")
    assert source.connections == 1
