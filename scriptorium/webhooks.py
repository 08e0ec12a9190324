"""Endpoints that are told what happens to jobs, what was sent to them, and the same events to be fetched."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from scriptorium.refusals import ApiError, ServerUnreachable, before_another
from scriptorium.transport import Transport

Endpoint = dict[str, Any]
"""`id`, `url`, `events`, `disabled_at` …; `secret` where it was just made."""
Delivery = dict[str, Any]
"""`id`, `type`, `status`, `attempts` …"""
Happened = dict[str, Any]
"""An event, as webhooks have it: `type`, `timestamp`, `data`; with its `id`, and its `position` in the order of all."""

_PAGE = 100
_LONGEST = 5
"""Tries after which the pause between them, which doubles each time, grows no more."""


class Webhooks(Transport):
    """Every call raises ApiError or ServerUnreachable."""

    def create_webhook(self, url: str, events: Sequence[str] = (), **options: Any) -> Endpoint:
        """The only answer with its `secret`, beside `rotate_webhook`'s. Without `events` it is told all."""
        asked = {"url": url, **({"events": list(events)} if events else {}), **options}
        return self._json("POST", "/v1/webhooks", json=asked)

    def webhooks(self, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
        """A page: `webhooks` and `next_cursor`."""
        return self._json("GET", "/v1/webhooks", params=_told(limit=limit, cursor=cursor))

    def webhook(self, webhook_id: str) -> Endpoint:
        return self._json("GET", f"/v1/webhooks/{webhook_id}")

    def change_webhook(self, webhook_id: str, **changed: Any) -> Endpoint:
        return self._json("PATCH", f"/v1/webhooks/{webhook_id}", json=changed)

    def delete_webhook(self, webhook_id: str) -> None:
        """What was not delivered yet never is."""
        self._request("DELETE", f"/v1/webhooks/{webhook_id}")

    def rotate_webhook(self, webhook_id: str, **options: Any) -> Endpoint:
        """A new secret. For a while the old one signs too, so that no request fails to be verified meanwhile."""
        return self._json("POST", f"/v1/webhooks/{webhook_id}/rotate", json=options)

    def test_webhook(self, webhook_id: str) -> dict[str, Any]:
        """Sends it the event `test`."""
        return self._json("POST", f"/v1/webhooks/{webhook_id}/test")

    def deliveries(
        self, webhook_id: str, status: str | None = None, limit: int = 20, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page, newest first: `deliveries` and `next_cursor`."""
        asked = _told(status=status, limit=limit, cursor=cursor)
        return self._json("GET", f"/v1/webhooks/{webhook_id}/deliveries", params=asked)

    def delivery(self, delivery_id: str) -> Delivery:
        """With each of its attempts."""
        return self._json("GET", f"/v1/deliveries/{delivery_id}")

    def redeliver(self, delivery_id: str) -> Delivery:
        """Sends it once more, now, with the id that it had."""
        return self._json("POST", f"/v1/deliveries/{delivery_id}/redeliver")

    def recover(self, webhook_id: str, since: str, until: str | None = None) -> dict[str, Any]:
        """Sends it all that it wants of a span of time and did not get; times are RFC 3339. How many: `queued`."""
        return self._json("POST", f"/v1/webhooks/{webhook_id}/recover", json=_told(since=since, until=until))

    def events_after(self, after: int = 0, limit: int = _PAGE) -> dict[str, Any]:
        """A page of all that happened, oldest first, behind that position: `events`, and `next_after`, where to go on,
        also when there is nothing new."""
        return self._json("GET", "/v1/events", params={"after": after, "limit": limit})

    def happenings(self, after: int | None = None, poll: float = 1.0, patience: float = 30.0) -> Iterator[Happened]:
        """All that happens from now on, or behind that position, without an end; asked for every `poll` seconds. A
        server that does not answer is asked again for `patience` seconds: it may be starting anew."""
        answered, tried = time.monotonic(), 0
        after = self._newest() if after is None else after
        while True:
            try:
                page = self.events_after(after)
            except (ApiError, ServerUnreachable) as error:
                tried = min(tried + 1, _LONGEST)
                pause = before_another(error, max(2, tried))
                if not pause or time.monotonic() - answered > patience:
                    raise
            else:
                answered, tried, pause = time.monotonic(), 0, 0.0 if page["events"] else poll
                yield from page["events"]
                after = page["next_after"]
            self._pause(pause)

    def _newest(self) -> int:
        """The last position of all, in few questions also where there were very many events: positions have no gaps
        but at their beginning."""
        first, beyond = 0, 1
        if not self._any_after(0):
            return 0
        while self._any_after(beyond):
            first, beyond = beyond, 2 * beyond
        while beyond - first > 1:
            middle = (first + beyond) // 2
            first, beyond = (middle, beyond) if self._any_after(middle) else (first, middle)
        return beyond

    def _any_after(self, position: int) -> bool:
        return bool(self.events_after(position, limit=1)["events"])


def _told(**asked: Any) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}
