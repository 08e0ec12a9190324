"""How often a caller may ask, with a Redis that counts, one that is gone and one that hangs."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from core import keys, tenants
from core.context import Context
from tests.faults.proxy import HOST, Proxy
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, Endless, problem, with_settings

MODELS = "/v1/models"


@pytest.fixture
def limited(context: Context, tenant: keys.Tenant, api_key: str) -> Callable[..., Caller]:
    """A web process of its own each."""

    def made(rate: int = 3, **settings: Any) -> Caller:
        return Caller(with_settings(context, rate_limit=rate, **settings), api_key)

    return made


def rates(answer: TestResponse) -> list[int]:
    return [int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset")]


def statuses(caller: Caller, count: int) -> list[int]:
    return [caller.call("GET", MODELS).status_code for _ in range(count)]


def test_every_answer_says_what_is_left(limited: Callable[..., Caller]) -> None:
    caller = limited(4)
    answers = [
        caller.call("GET", MODELS),
        caller.upload(),
        caller.call("GET", "/v1/jobs/01a21b02-8685-7610-9967-26a263d728c7"),
        caller.call("GET", "/v1/jobs?limit=0"),
    ]
    assert [one.status_code for one in answers] == [200, 202, 404, 422]
    assert [rates(one)[:2] for one in answers] == [[4, 3], [4, 2], [4, 1], [4, 0]]
    assert all(0 < rates(one)[2] <= 61 for one in answers)


def test_one_more_is_refused_before_its_body(limited: Callable[..., Caller]) -> None:
    caller = limited(1)
    caller.call("GET", MODELS)
    body = Endless(1000)
    refused = caller.upload_from(body, CONTENT_LENGTH=str(body.length))
    assert "1 requests a minute" in problem(refused, 429, "rate_limited")["detail"]
    assert body.taken == 0
    most, remaining, reset = rates(refused)
    assert (most, remaining, refused.headers["Retry-After"]) == (1, 0, str(reset))


def test_others_are_refused_in_their_shape(limited: Callable[..., Caller]) -> None:
    caller = limited(1)
    caller.call("GET", MODELS)
    openai = caller.upload("/v1/audio/transcriptions", model="whisper-1")
    assert (openai.status_code, openai.get_json()["error"]["type"]) == (429, "rate_limit_error")
    assert "x-should-retry" not in openai.headers
    simple = caller.upload("/v1/asr", part="audio")
    assert (simple.status_code, simple.get_json()["error"]["code"]) == (429, "rate_limited")
    assert rates(openai)[:2] == rates(simple)[:2] == [1, 0]


def test_each_key_has_a_count_of_its_own(context: Context, limited: Callable[..., Caller]) -> None:
    caller = limited(2)
    assert statuses(caller, 3) == [200, 200, 429]
    caller.key, _ = keys.create(context, "default", "another", ["jobs:read"])
    assert statuses(caller, 3) == [200, 200, 429]


def test_all_processes_count_together(limited: Callable[..., Caller]) -> None:
    processes = [limited(10), limited(10)]
    answers = at_once(*(lambda one=one: one.call("GET", MODELS) for one in processes * 8))
    assert sorted(one.status_code for one in answers) == [200] * 10 + [429] * 6


def test_a_tenant_may_have_its_own(context: Context, limited: Callable[..., Caller]) -> None:
    caller = limited(1)
    tenants.change(context, "default", {"requests_per_minute": 3})
    assert statuses(caller, 4) == [200, 200, 200, 429]
    tenants.change(context, "default", {"requests_per_minute": 0})
    answer = caller.call("GET", MODELS)
    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer.headers


def test_guessing_is_slow_and_disturbs_nobody(limited: Callable[..., Caller]) -> None:
    caller = limited(10, failed_logins=2)
    right = caller.key

    def ask(key: str, ending: int) -> TestResponse:
        caller.key = key
        return caller.call("GET", MODELS, environ_overrides={"REMOTE_ADDR": f"2001:db8:0:1::{ending:x}"})

    # Who has an address of IPv6 has many.
    refused = [ask("sk_guess", ending) for ending in range(3)]
    assert [one.status_code for one in refused] == [401, 401, 429]
    assert [rates(one)[:2] for one in refused] == [[2, 1], [2, 0], [2, 0]]
    problem(refused[2], 429, "rate_limited")
    assert ask(right, 1).status_code == 200


def test_guessing_at_the_token_endpoint_is_slow_too(limited: Callable[..., Caller]) -> None:
    caller = limited(failed_logins=1)
    guess = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    asked = [
        caller.call("POST", "/oauth/token", data=guess, environ_overrides={"REMOTE_ADDR": "2001:db8:0:2::1"})
        for _ in range(2)
    ]
    assert [one.status_code for one in asked] == [401, 429]
    assert asked[1].get_json()["error"] == "temporarily_unavailable"
    assert int(asked[1].headers["Retry-After"]) > 0


def test_what_watches_the_server_is_not_limited(limited: Callable[..., Caller]) -> None:
    caller = limited(1, failed_logins=1)
    for path in ("/healthz", "/readyz", "/openapi.json") * 3:
        answer = caller.call("GET", path)
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer.headers


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy((HOST, urlsplit(redis_url).port or 0)) as made:
        yield made


def through(proxy: Proxy, redis_url: str) -> str:
    return redis_url.replace(f":{urlsplit(redis_url).port}", f":{proxy.port}")


def test_without_redis_nobody_is_refused_for_it(limited: Callable[..., Caller], proxy: Proxy, redis_url: str) -> None:
    caller = limited(100, redis_url=through(proxy, redis_url))
    assert rates(caller.call("GET", MODELS))[:2] == [100, 99]
    proxy.refuse()
    proxy.cut()
    answers = [caller.call("GET", MODELS) for _ in range(20)]
    assert {one.status_code for one in answers} == {200}
    assert [rates(one)[1] for one in answers] == list(range(99, 79, -1)), "this process counts by itself"


def test_without_redis_from_the_start(limited: Callable[..., Caller], proxy: Proxy, redis_url: str) -> None:
    proxy.refuse()
    assert statuses(limited(2, redis_url=through(proxy, redis_url)), 3) == [200, 200, 429]


def test_when_redis_is_back_all_count_together_again(
    limited: Callable[..., Caller], proxy: Proxy, redis_url: str
) -> None:
    caller, other = limited(1000, redis_url=through(proxy, redis_url)), limited(1000)
    proxy.refuse()
    caller.call("GET", MODELS)
    proxy.accept()
    tick = threading.Event()
    for _ in range(600):
        before = rates(other.call("GET", MODELS))[1]
        if rates(caller.call("GET", MODELS))[1] == before - 1:
            return
        tick.wait(0.05)
    raise AssertionError("it went on counting by itself")


class Mute:
    """A Redis that takes connections and never answers. Counts them."""

    def __init__(self) -> None:
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(10)
        for one in self.taken:
            one.close()


@pytest.fixture
def mute() -> Iterator[Mute]:
    made = Mute()
    yield made
    made.close()


def test_a_redis_that_hangs_is_left_alone(limited: Callable[..., Caller], mute: Mute) -> None:
    """Each try takes as long as the limit for an answer; so most requests make none."""
    caller = limited(1000, redis_url=f"redis://:x@{HOST}:{mute.port}/0")
    answers = at_once(*[lambda: [caller.call("GET", MODELS) for _ in range(25)]] * 4)
    assert {one.status_code for some in answers for one in some} == {200}
    assert 1 <= len(mute.taken) <= 8


def test_a_redis_that_falls_silent_holds_nobody(limited: Callable[..., Caller], proxy: Proxy, redis_url: str) -> None:
    caller = limited(100, redis_url=through(proxy, redis_url))
    caller.call("GET", MODELS)
    proxy.freeze()
    assert set(statuses(caller, 20)) == {200}


def test_every_answer_is_described_with_them(limited: Callable[..., Caller]) -> None:
    paths = limited().call("GET", "/openapi.json").get_json()["paths"]
    told = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    for path, operations in paths.items():
        for operation in operations.values() if path.startswith("/v1/") else ():
            if not operation["security"]:
                continue
            assert "Retry-After" in operation["responses"]["429"]["headers"]
            assert all(told <= set(one["headers"]) for one in operation["responses"].values()), path
