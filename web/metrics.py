"""`/metrics`: how the server does, in the text format of Prometheus.

The numbers are of all tenants together, so no tenant's key opens them: they have a token of their own, or are told to
this machine only.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from core import metrics
from core.errors import Unauthorized
from core.metrics import Day, Queue, Snapshot
from web.scope import context

_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""What proxies add. A request that came through one on this machine is not of this machine."""

_RESPONSES: Any = {
    200: {"description": "The numbers", "content": {"text/plain": {"schema": {"type": "string"}}}},
    "4XX": {
        "description": "This caller may not see them",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}

routes = APIBlueprint("metrics", __name__, tag="Service")


@routes.get("/metrics")
@routes.doc(responses=_RESPONSES)
def show() -> Response:
    """How the server does, for Prometheus

    Over all tenants. Needs the bearer token that the server's operator set; where there is none, only the server's own
    machine is answered.
    """
    _admit(context().settings.metrics_token)
    return Response(generate_latest(Scrape(metrics.snapshot(context()))), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _admit(token: str) -> None:
    """Raises Unauthorized."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token:
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), token.encode()):
            raise Unauthorized("this needs the metrics token: send the header Authorization: Bearer <metrics token>")
    elif not of_this_machine(request.remote_addr or "") or any(name in request.headers for name in _FORWARDED):
        raise Unauthorized(
            "these numbers are told to the server's own machine only; "
            "set SCRIPTORIUM_METRICS_TOKEN on the server, and send it as Authorization: Bearer <metrics token>"
        )


def of_this_machine(address: str) -> bool:
    """Whether a peer's address is a loopback one; a socket in the file system has none, and serves a proxy."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
        peer = peer.ipv4_mapped  # an IPv4 caller of a socket that takes both
    return peer.is_loopback


@dataclass(frozen=True)
class Scrape(Collector):
    """One snapshot. Every number is a gauge: what is summed goes over the last day, and so falls again."""

    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        found = self.snapshot
        yield _by_status("scriptorium_open_jobs", "Jobs under way.", found.open_jobs)
        yield from _of_steps(found.queues)
        workers = GaugeMetricFamily(
            "scriptorium_workers", "Workers alive; one of several kinds counts for each.", labels=["kind"]
        )
        for kind, count in found.workers.items():
            workers.add_metric([kind], count)
        yield workers
        yield from _of_day(found.day)


def _by_status(name: str, said: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=["status"])
    for status, count in counts.items():
        family.add_metric([status], count)
    return family


def _of_steps(queues: Mapping[tuple[str, str], Queue]) -> Iterator[Metric]:
    steps = GaugeMetricFamily("scriptorium_steps", "Steps that are open.", labels=["kind", "model", "status"])
    oldest = GaugeMetricFamily(
        "scriptorium_oldest_due_step_seconds", "How long the longest due step waits.", labels=["kind", "model"]
    )
    for (kind, model), queue in queues.items():
        steps.add_metric([kind, model, "queued"], queue.queued)
        steps.add_metric([kind, model, "running"], queue.running)
        oldest.add_metric([kind, model], queue.oldest)
    yield from (steps, oldest)


def _of_day(day: Day) -> Iterator[Metric]:
    of = "of jobs made in the last 24 hours."
    yield _by_status("scriptorium_day_jobs", "Jobs made in the last 24 hours.", day.jobs)
    yield _one("scriptorium_day_audio_seconds", f"Audio in chunks that are done with, {of}", day.audio_seconds)
    chunks = GaugeMetricFamily(
        "scriptorium_day_chunks",
        f"Chunks heard by a recognizer, or known to the chunk cache, {of}",
        labels=["kind", "source"],
    )
    for kind, count in day.chunks.items():
        chunks.add_metric([kind, "recognizer"], count.heard - count.cached)
        chunks.add_metric([kind, "cache"], count.cached)
    yield chunks
    if day.hit_ratio is not None:
        yield _one("scriptorium_day_cache_hit_ratio", f"Share of the chunks that the cache knew, {of}", day.hit_ratio)
    yield _one("scriptorium_day_late_results", f"Results refused because they came too late, {of}", day.late_results)


def _one(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)
