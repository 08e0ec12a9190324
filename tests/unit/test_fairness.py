"""Fair tags, checked by serving the lowest one again and again."""

import heapq

from core import fairness


def served(flows: dict[str, tuple[float, int]], rounds: int) -> list[str]:
    """The flow served in each round; a flow is (weight, steps of cost 1), all there from the start."""
    queue: list[tuple[float, str]] = []
    for name, (weight, steps) in flows.items():
        tags, _ = fairness.tags(0.0, 0.0, [1.0] * steps, weight)
        queue += [(tag, name) for tag in tags]
    heapq.heapify(queue)
    return [heapq.heappop(queue)[1] for _ in range(rounds)]


def test_equal_flows_alternate() -> None:
    order = served({"a": (1.0, 50), "b": (1.0, 50)}, 20)
    assert order.count("a") == order.count("b") == 10


def test_high_priority_gets_four_times_as_much_and_low_does_not_starve() -> None:
    order = served({name: (fairness.weight(1.0, name, 1), 400) for name in ("low", "normal", "high")}, 210)
    assert order.count("high") == 160
    assert order.count("normal") == 40
    assert order.count("low") == 10


def test_ten_jobs_of_one_tenant_get_no_more_than_one_of_another() -> None:
    crowd = {f"a{number}": (fairness.weight(1.0, "normal", 10), 100) for number in range(10)}
    order = served({**crowd, "b": (fairness.weight(1.0, "normal", 1), 100)}, 100)
    assert abs(order.count("b") - 50) <= 5


def test_an_idle_flow_saves_up_nothing() -> None:
    tags, _ = fairness.tags(start=3.0, virtual_now=100.0, costs=[1.0, 1.0], flow_weight=1.0)
    assert tags == [100.0, 101.0]


def test_a_flow_goes_on_where_it_ended() -> None:
    _, end = fairness.tags(0.0, 0.0, [30.0, 30.0], 2.0)
    tags, _ = fairness.tags(end, 10.0, [30.0], 2.0)
    assert tags == [30.0]
