"""Whose chunk is next, on the real ledger: tenants by weight, jobs by priority, a long upload beside short ones."""

from collections import Counter
from uuid import UUID

from sqlalchemy import select, update

from core import jobs, keys
from core.context import Context
from core.states import Kind
from core.tables import Job, Tenant
from tests.integration.conftest import MakeJob


def claimed(context: Context, count: int, batch: int = 1) -> list[UUID]:
    """The jobs of the next chunks, in the order of their claims, after a sweep."""
    order: list[UUID] = []
    jobs.sweep(context)
    while len(order) < count:
        order += [step.job_id for step in jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=batch)]
    return order


def owners(context: Context) -> dict[UUID, str]:
    with context.sessions() as session:
        return {row.id: row.name for row in session.execute(select(Job.id, Tenant.name).join(Tenant))}


def weighed(context: Context, name: str, weight: float) -> keys.Tenant:
    tenant = keys.ensure(context, keys.mint(), name)
    with context.sessions() as session, session.begin():
        session.execute(update(Tenant).where(Tenant.id == tenant.id).values(weight=weight))
    return tenant


def test_three_tenants_by_their_weights(context: Context, make_job: MakeJob) -> None:
    for name, weight in (("one", 1.0), ("two", 2.0), ("five", 5.0)):
        make_job(chunks=60, owner=weighed(context, name, weight))
    names = owners(context)
    for batch in (1, 8):
        share = Counter(names[job] for job in claimed(context, 48, batch))
        assert abs(share["five"] - 30) <= 2, share
        assert abs(share["two"] - 12) <= 2, share
        assert abs(share["one"] - 6) <= 2, share


def test_priorities_in_one_tenant(context: Context, make_job: MakeJob) -> None:
    """Sixteen to four to one, by fair queueing's own tolerance of a chunk or two; low is served nevertheless."""
    made = {str(make_job(chunks=100, priority=priority)): priority for priority in ("low", "normal", "high")}
    share = Counter(made[str(job)] for job in claimed(context, 84))
    assert share["high"] > 2.5 * share["normal"] > 2.5 * share["low"] > 0, share


def test_short_recordings_pass_a_ten_hour_one(context: Context, make_job: MakeJob) -> None:
    """1,200 chunks wait. Each meeting that comes afterwards waits for a few chunks, not for hours."""
    long = make_job(chunks=1200)
    claimed(context, 5)
    for _ in range(5):
        short = make_job(chunks=4)
        order = claimed(context, 12)
        assert order.count(short) == 4, order
        assert order.count(long) >= 4, "the long one goes on too"


def test_many_uploads_of_one_tenant_do_not_crowd_out_another(context: Context, make_job: MakeJob) -> None:
    crowd, other = weighed(context, "crowd", 1.0), weighed(context, "other", 1.0)
    for _ in range(10):
        make_job(chunks=20, owner=crowd)
    make_job(chunks=100, owner=other)
    names = owners(context)
    share = Counter(names[job] for job in claimed(context, 60))
    assert share["other"] >= 25, share


def test_who_comes_late_gets_a_share_and_no_arrears(context: Context, make_job: MakeJob) -> None:
    first = make_job(chunks=100)
    claimed(context, 50)
    late = make_job(chunks=100)
    share = Counter(claimed(context, 40))
    assert abs(share[late] - share[first]) <= 14, share
