"""Webhooks' rules: what is signed, when it is tried again, and whose turn it is."""

import base64
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from core.errors import InvalidRequest
from core.webhooks import breaker, schedule, signing
from core.webhooks.breaker import Health, UnderWay, Waiting, choose, room
from core.webhooks.types import AnyEvent, EventType, JobEvent, wants

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_body_is_signed_as_the_reference_signs_it() -> None:
    held = signing.mint()
    (ours,) = signing.signatures(held, "msg_1", int(NOW.timestamp()), '{"text":"ü 你"}'.encode())
    assert ours == Webhook(held.v1).sign("msg_1", NOW, '{"text":"ü 你"}')


def test_the_specifications_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`, and its libraries' tests."""
    held = signing.Secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signing.signatures(held, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == ["v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="]


def test_secrets_are_of_32_bytes_and_differ() -> None:
    one, two = signing.mint(), signing.mint(ed25519=True)
    assert len(base64.b64decode(one.v1.removeprefix("whsec_"))) == 32
    assert one.v1 != two.v1
    assert signing.public_key(one) is None
    assert (signing.public_key(two) or "").startswith("whpk_")
    assert signing.Secrets.of(two.sealed_text()) == two


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_callers_own_secret_is_taken(size: int) -> None:
    given = "whsec_" + base64.b64encode(bytes(size)).decode()
    assert signing.mint(given=given).v1 == given


@pytest.mark.parametrize(
    "given",
    [
        "", "whsec_", "secret", base64.b64encode(bytes(32)).decode(), "whsec_" + "?" * 40,
        "whsec_" + base64.b64encode(bytes(23)).decode(), "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_" + base64.b64encode(bytes(32)).decode().rstrip("="), "whsec_é" + "A" * 39,
    ],
)  # fmt: skip
def test_a_secret_that_is_none_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        signing.mint(given=given)
    assert refused.value.details["errors"][0]["field"] == "secret"
    assert len(given) < 10 or given not in refused.value.message


def test_ten_tries_over_75_hours() -> None:
    assert len(schedule.DELAYS) == 10
    assert sum(schedule.DELAYS) / 3600 == pytest.approx(75.6, abs=0.1)
    for tries in range(1, 10):
        low, high = (schedule.delay(schedule.DELAYS, tries, chance=chance) for chance in (0.0, 1.0))
        assert low == pytest.approx(0.9 * schedule.DELAYS[tries])
        assert high == pytest.approx(1.1 * schedule.DELAYS[tries])


def test_retry_after_only_makes_it_later() -> None:
    assert schedule.delay(schedule.DELAYS, 1, 120.0, chance=0.5) == 120.0
    assert schedule.delay(schedule.DELAYS, 5, 120.0, chance=0.5) == 18000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("１２", None), ("0", 0.0), (" 9 ", 9.0),
        ("9" * 400, 86_400.0), ("Sat, 31 Jan 2026 12:01:00 GMT", 60.0), ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("Sat, 31 Jan 2099 12:00:00 GMT", 86_400.0), ("Sat, 31 Jan 2026 25:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_and_bounded(header: str | None, seconds: float | None) -> None:
    assert schedule.retry_after(header, NOW) == seconds


def test_a_receiver_is_well_after_a_quick_success_and_no_longer_after_a_failure() -> None:
    new = Health()
    assert new.width == 1
    well = new.after(success=True, seconds=0.1)
    assert (well.width, well.rest) == (breaker.WIDTH, 0.0)
    assert well.after(success=True, seconds=breaker.SLOW).width == 1
    ill = well.after(success=False, seconds=0.1)
    assert (ill.width, ill.failures) == (1, 1)
    assert ill.after(success=True, seconds=0.1) == well


def test_it_rests_longer_and_longer_but_not_for_ever() -> None:
    health, rests = Health(), []
    for _ in range(14):
        health = health.after(success=False, seconds=1.0)
        rests.append(health.rest)
    assert rests[:4] == [0.0] * 4
    assert rests[4:8] == [5.0, 10.0, 20.0, 40.0]
    assert rests[-1] == 300.0
    for _ in range(20_000):
        health = health.after(success=False, seconds=1.0)
    assert health.rest == 300.0


def test_room() -> None:
    well, new = Health(proven=True), Health()
    assert [room(well, count, 0.1) for count in range(5)] == [4, 3, 2, 1, 0]
    assert room(well, 1, breaker.HESITATION) == 0
    assert [room(new, count, 0.1) for count in range(2)] == [1, 0]


def _waiting(number: int, tenant: int = 1, since: float = 0.0, *, well: bool = True) -> Waiting:
    return Waiting(UUID(int=number), UUID(int=1000 + number), UUID(int=tenant), well, since)


def test_what_waits_longest_goes_first() -> None:
    found = choose([_waiting(1, since=1.0), _waiting(2, since=3.0), _waiting(3, since=2.0)], [], 16, 2)
    assert found == [UUID(int=2), UUID(int=3)]


def test_a_tenants_backlog_does_not_go_before_anothers_new_event() -> None:
    backlog = [_waiting(number, since=1000.0) for number in range(1, 20)]
    found = choose([*backlog, _waiting(50, tenant=2)], [UnderWay(UUID(int=1), True, 3)], 16, 2)
    assert found[0] == UUID(int=50)


def test_those_not_known_to_be_well_leave_half_of_the_places() -> None:
    ill = [_waiting(number, tenant=number, since=1000.0, well=False) for number in range(1, 20)]
    assert len(choose(ill, [], 8, 8)) == 4
    assert len(choose(ill, [UnderWay(UUID(int=9), False, 3)], 8, 5)) == 1
    found = choose([*ill, _waiting(50, tenant=50)], [UnderWay(UUID(int=9), False, 4)], 8, 4)
    assert found == [UUID(int=50)]


def test_one_place_is_enough_to_probe() -> None:
    assert len(choose([_waiting(1, well=False)], [], 1, 1)) == 1


def test_who_names_nothing_wants_all() -> None:
    assert wants([], EventType.JOB_CREATED)
    assert wants(["job.created"], EventType.JOB_CREATED)
    assert not wants(["job.failed"], EventType.JOB_CREATED)


def test_the_names_that_may_be_asked_for_are_the_types() -> None:
    job = set(get_args(JobEvent))
    asked = set(get_args(AnyEvent))
    assert asked == set(EventType) - {EventType.TEST}
    assert job == {one for one in EventType if one.startswith("job.")}
