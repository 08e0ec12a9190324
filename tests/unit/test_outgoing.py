"""Which URLs and addresses a caller may send this server to."""

from ipaddress import ip_address

import pytest

from core.errors import SourceForbidden
from core.outgoing import Rules, allowances, forbidden
from core.settings import Settings
from tests.fakes.hostile import ADDRESSES, NAMES, URLS

PUBLIC = Rules()


def refused(rules: Rules, url: str) -> str | None:
    """What is said of it; None where it is allowed."""
    try:
        rules.read(url)
    except SourceForbidden as error:
        return error.message
    return None


@pytest.mark.parametrize(("why", "url"), URLS, ids=[why for why, _ in URLS])
def test_hostile_urls_are_refused(why: str, url: str) -> None:
    said = refused(PUBLIC, url)
    assert said is not None
    assert "secret" not in said


def test_there_are_many_of_them() -> None:
    assert len({url for _, url in URLS}) == len(URLS) >= 60


@pytest.mark.parametrize(("what", "text"), ADDRESSES, ids=[f"{what} {text}" for what, text in ADDRESSES])
def test_addresses_that_are_not_the_public_s(what: str, text: str) -> None:
    assert forbidden(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "52.95.110.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses(text: str) -> None:
    assert not forbidden(ip_address(text))
    url = f"https://[{text}]/a" if ":" in text else f"https://{text}/a"
    assert str(PUBLIC.read(url).address) == text


@pytest.mark.parametrize(
    ("url", "understood", "shown"),
    [
        ("HTTPS://Example.ORG", "https://example.org/", "https://example.org/"),
        ("https://example.org./a", "https://example.org/a", "https://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a", "https://example.org/a"),
        ("http://example.org:/a", "http://example.org/a", "http://example.org/a"),
        ("http://example.org:8080?key=secret", "http://example.org:8080/?key=secret", "http://example.org:8080/"),
        ("https://s3.eu.example.org/b/a b.wav".replace(" ", "%20"), "https://s3.eu.example.org/b/a%20b.wav", None),
        ("https://example.org/会.wav?x=é#part", "https://example.org/%E4%BC%9A.wav?x=%C3%A9", None),
        ("https://example.org/a@b:c", "https://example.org/a@b:c", None),
        ("https://example.org/?next=http://127.0.0.1/", "https://example.org/?next=http://127.0.0.1/", None),
        ("https://my_bucket.example.org/a", "https://my_bucket.example.org/a", None),
        ("https://[2A00:1450:0::1]:8443/a", "https://[2a00:1450::1]:8443/a", None),
        ("https://xn--nxasmq6b.example/a", "https://xn--nxasmq6b.example/a", None),
    ],
)
def test_urls_are_understood_in_one_way(url: str, understood: str, shown: str | None) -> None:
    target = PUBLIC.read(url)
    assert target.url == understood
    assert shown is None or target.shown == shown
    assert "secret" not in repr(target)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/calls/a%20b.wav?sig=1", "a b.wav"),
        ("https://example.org/%E4%BC%9A.wav", "会.wav"),
        ("https://example.org/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("https://example.org/a%00b%0d.wav", "ab.wav"),
        ("https://example.org/", "example.org"),
    ],
)
def test_a_recording_is_called_by_the_end_of_its_path(url: str, name: str) -> None:
    assert PUBLIC.read(url).filename == name


@pytest.mark.parametrize("name", NAMES)
def test_names_are_for_the_resolver_to_tell(name: str) -> None:
    """They are not refused by their looks; `tests/integration/test_outgoing.py` shows what becomes of them."""
    assert refused(PUBLIC, f"http://{name}/") is None


OPERATOR = allowances(["10.0.0.0/8", "127.0.0.1:8000", "[fd00::5]:81", "recorder.lan", "vault.lan:22", "192.168.1.7"])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://10.1.2.3/a", True),
        ("http://10.1.2.3:8443/a", True),
        ("http://10.1.2.3:22/a", False),
        ("http://11.1.2.3/a", True),
        ("http://127.0.0.1:8000/a", True),
        ("http://127.0.0.1:8001/a", False),
        ("http://localhost:8000/a", True),
        ("http://localhost/a", False),
        ("http://127.0.0.2:8000/a", False),
        ("http://[fd00::5]:81/a", True),
        ("http://[fd00::5]/a", False),
        ("http://192.168.1.7/a", True),
        ("http://192.168.1.8/a", False),
        ("http://vault.lan:22/a", True),
        ("http://example.org:22/a", True),  # the port is somebody's; the address is looked at before a connection
        ("http://example.org:23/a", False),
    ],
)
def test_what_an_operator_allows(url: str, allowed: bool) -> None:
    assert (refused(OPERATOR, url) is None) is allowed


@pytest.mark.parametrize(
    ("url", "address", "allowed"),
    [
        ("http://recorder.lan/a", "192.168.9.9", True),
        ("http://recorder.lan:8080/a", "127.0.0.1", True),
        ("http://other.lan/a", "192.168.9.9", False),
        ("http://other.lan/a", "10.9.9.9", True),
        ("http://vault.lan:22/a", "192.168.9.9", True),
        ("http://vault.lan/a", "192.168.9.9", False),
        ("http://example.org:22/a", "93.184.216.34", False),
        ("http://example.org:22/a", "10.9.9.9", False),
    ],
)
def test_what_a_name_may_lead_to(url: str, address: str, allowed: bool) -> None:
    target = OPERATOR.read(url)
    if allowed:
        OPERATOR.check(target, ip_address(address))
    else:
        with pytest.raises(SourceForbidden) as refusal:
            OPERATOR.check(target, ip_address(address))
        assert address not in refusal.value.message


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "10.0.0.0/33", "a b", "x:70000", "[fd00::5", "http://x", "", "0x7f.1"])
def test_an_operator_s_slip_is_named(entry: str) -> None:
    with pytest.raises(ValueError) as error:
        allowances([entry])
    assert repr(entry) in str(error.value)


def test_the_setting_is_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTORIUM_OUTGOING_ALLOW", "10.0.0.0/8, recorder.lan:8080,")
    assert refused(Settings().outgoing, "http://10.0.0.1/") is None
    monkeypatch.setenv("SCRIPTORIUM_OUTGOING_ALLOW", "10.0.0.1/8")
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        Settings()
