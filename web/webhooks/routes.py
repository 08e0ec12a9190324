"""What callers do with webhooks."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from core.scopes import Scope
from core.webhooks import endpoints, feed, ledger
from web import openapi, queries, trail
from web.answers import answer
from web.edits import body
from web.fields import plain
from web.scope import authenticate, context, needs, tenant
from web.webhooks import shapes
from web.webhooks.bodies import NewWebhook, Recovery, Rotation, WebhookChange, revealed

routes = APIBlueprint("webhooks", __name__, url_prefix="/v1", tag="Webhooks")
routes.before_request(authenticate)


@routes.post("/webhooks")
@routes.output(shapes.WebhookWithSecret, status_code=201)
@routes.doc(extensions={"requestBody": openapi.json_body(NewWebhook)}, responses={409: "There are too many"})
@needs(Scope.WEBHOOKS_WRITE)
def create() -> Response:
    """Be told what happens

    Each event is sent as a POST, signed as Standard Webhooks has it, to every webhook that asks for it: ten tries over
    about 75 hours, until one is answered with 2xx. The secret is shown in this answer and never again.
    """
    asked = body(NewWebhook)
    made = endpoints.create(
        context(),
        tenant(),
        asked.url,
        events=asked.events,
        include=asked.include,
        description=asked.description,
        secret=revealed(asked.secret),
        ed25519=asked.ed25519,
    )
    trail.note(ids={"webhook_id": made["id"]})
    return answer(made, 201, url_for("webhooks.show", webhook_id=UUID(made["id"])))


@routes.get("/webhooks")
@routes.input(queries.RecordingsQuery, location="query", arg_name="query")
@routes.output(shapes.WebhookPage)
def page(query: queries.RecordingsQuery) -> Response:
    """Webhooks, newest first"""
    return answer(endpoints.page(context(), tenant(), **plain("cursor", query.model_dump())))


@routes.get("/webhooks/<uuid:webhook_id>")
@routes.output(shapes.WebhookOut)
def show(webhook_id: UUID) -> Response:
    """A webhook, and how it fares"""
    return answer(endpoints.show(context(), tenant(), webhook_id))


@routes.patch("/webhooks/<uuid:webhook_id>")
@routes.output(shapes.WebhookOut)
@routes.doc(extensions={"requestBody": openapi.json_body(WebhookChange)})
@needs(Scope.WEBHOOKS_WRITE)
def change(webhook_id: UUID) -> Response:
    """Change a webhook, or switch it off and on

    Deliveries that wait are given up when it is switched off; `recover` sends them, and what happened meanwhile, once
    it is on again.
    """
    return answer(endpoints.change(context(), tenant(), webhook_id, **body(WebhookChange).model_dump()))


@routes.delete("/webhooks/<uuid:webhook_id>")
@routes.doc(responses={204: "Deleted, now or before"})
@needs(Scope.WEBHOOKS_WRITE)
def delete(webhook_id: UUID) -> tuple[str, int]:
    """Delete a webhook, its secret and what waits for it"""
    endpoints.delete(context(), tenant(), webhook_id)
    return "", 204


@routes.post("/webhooks/<uuid:webhook_id>/rotate")
@routes.output(shapes.WebhookWithSecret)
@routes.doc(extensions={"requestBody": openapi.json_body(Rotation)})
@needs(Scope.WEBHOOKS_WRITE)
def rotate(webhook_id: UUID) -> Response:
    """Give a webhook a new secret

    Until the overlap ends the old one signs too, so that the receiver can change it at any moment between.
    """
    asked = body(Rotation)
    return answer(endpoints.rotate(context(), tenant(), webhook_id, asked.overlap_seconds, revealed(asked.secret)))


@routes.post("/webhooks/<uuid:webhook_id>/test")
@routes.output(shapes.DeliveryWithAttempts, status_code=202)
@routes.doc(responses={409: "It is disabled"})
@needs(Scope.WEBHOOKS_WRITE)
def test(webhook_id: UUID) -> Response:
    """Send an event `test` to a webhook, and to no other"""
    return answer(ledger.test(context(), tenant(), webhook_id), 202)


@routes.post("/webhooks/<uuid:webhook_id>/recover")
@routes.output(shapes.Recovered, status_code=202)
@routes.doc(extensions={"requestBody": openapi.json_body(Recovery)}, responses={409: "It is disabled"})
@needs(Scope.WEBHOOKS_WRITE)
def recover(webhook_id: UUID) -> Response:
    """Send what a webhook missed

    All events since then that it asks for and did not get: those that failed, and those that happened while it was
    disabled or not there yet, as far back as events are kept. All are queued when the answer comes.
    """
    asked = body(Recovery)
    return answer(ledger.recover(context(), tenant(), webhook_id, asked.since, asked.until), 202)


@routes.get("/webhooks/<uuid:webhook_id>/deliveries")
@routes.input(queries.DeliveriesQuery, location="query", arg_name="query")
@routes.output(shapes.DeliveryPage)
def deliveries(webhook_id: UUID, query: queries.DeliveriesQuery) -> Response:
    """What was sent to a webhook, or will be, newest first"""
    status = (query.status,) if query.status else ()
    cursor = plain("cursor", query.cursor)
    return answer(ledger.page(context(), tenant(), webhook_id, status, query.limit, cursor))


@routes.get("/deliveries/<uuid:delivery_id>")
@routes.output(shapes.DeliveryWithAttempts)
def delivery(delivery_id: UUID) -> Response:
    """A delivery, with each attempt"""
    return answer(ledger.show(context(), tenant(), delivery_id))


@routes.post("/deliveries/<uuid:delivery_id>/redeliver")
@routes.output(shapes.DeliveryWithAttempts, status_code=202)
@routes.doc(responses={409: "Its webhook is disabled or deleted"})
@needs(Scope.WEBHOOKS_WRITE)
def redeliver(delivery_id: UUID) -> Response:
    """Send an event again, from the start of the schedule

    Under the same `webhook-id`, also where it was received before.
    """
    return answer(ledger.redeliver(context(), tenant(), delivery_id), 202)


@routes.get("/events")
@routes.input(queries.FeedQuery, location="query", arg_name="query")
@routes.output(shapes.EventPage)
def events(query: queries.FeedQuery) -> Response:
    """What happened, oldest first: webhooks for those who would rather ask

    Ask with `after` set to the `next_after` of the answer before: nothing is passed over, and nothing comes twice,
    whatever is being written meanwhile. Events are kept for 30 days, unless the operator says otherwise.
    """
    return answer(feed.page(context(), tenant(), query.after, query.limit))
