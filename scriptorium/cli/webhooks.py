"""`scriptorium webhooks …`."""

import json
from typing import Annotated, Any

import typer

from scriptorium.cli.connection import Data, Key, Url, connect, wrong_use
from scriptorium.cli.tables import table
from scriptorium.client import Client
from scriptorium.forwarding import Forwarder, NotASecret, mint

app = typer.Typer(help="Endpoints that are told what happens, and what was sent to them.", no_args_is_help=True)
WebhookId = Annotated[str, typer.Argument(help="The endpoint's id.")]
Limit = Annotated[int, typer.Option(min=1, max=100)]


@app.command("list")
def list_webhooks(url: Url = None, key: Key = None, data: Data = None, limit: Limit = 20) -> None:
    """The endpoints of your tenant."""
    with connect(url, key, data) as client:
        page = client.webhooks(limit=limit)
    table(("id", "status", "events", "url"), [_row(one) for one in page["webhooks"]])


def _row(endpoint: dict[str, Any]) -> tuple[str, ...]:
    status = "disabled" if endpoint["disabled_at"] else "enabled"
    return (endpoint["id"], status, ", ".join(endpoint["events"]) or "all", endpoint["url"])


@app.command()
def create(
    address: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    event: Annotated[list[str] | None, typer.Option(help="A type, such as job.completed; without it, all.")] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Make an endpoint. Its secret is in the answer, and never shown again."""
    with connect(url, key, data) as client:
        _say(client.create_webhook(address, event or ()))


@app.command()
def delete(webhook_id: WebhookId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """Remove an endpoint; what was not delivered never is."""
    with connect(url, key, data) as client:
        client.delete_webhook(webhook_id)
    typer.echo(f"{webhook_id} deleted")


@app.command()
def rotate(webhook_id: WebhookId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """A new secret, shown once; for a while the old one signs too."""
    with connect(url, key, data) as client:
        _say(client.rotate_webhook(webhook_id))


@app.command("test")
def send_test(webhook_id: WebhookId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """Send the event `test` to an endpoint."""
    with connect(url, key, data) as client:
        _say(client.test_webhook(webhook_id))


@app.command()
def deliveries(
    webhook_id: WebhookId,
    status: Annotated[str | None, typer.Option(help="pending, delivering, delivered, failed or cancelled.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """What was sent to an endpoint, newest first."""
    with connect(url, key, data) as client:
        page = client.deliveries(webhook_id, status=status, limit=limit)
    table(("id", "type", "status", "tries", "created"), [_delivery_row(one) for one in page["deliveries"]])


def _delivery_row(one: dict[str, Any]) -> tuple[str, ...]:
    return (one["id"], one["type"], one["status"], str(one["tries"]), one["created_at"])


@app.command()
def redeliver(
    delivery_id: Annotated[str, typer.Argument(help="The delivery's id.")],
    url: Url = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Send an event once more, with the id that it had."""
    with connect(url, key, data) as client:
        typer.echo(f"{delivery_id} {client.redeliver(delivery_id)['status']}")


@app.command()
def listen(
    after: Annotated[int | None, typer.Option(help="Begin behind this position; else with what is to come.")] = None,
    forward: Annotated[str | None, typer.Option(metavar="URL", help="Post each event there, signed, once.")] = None,
    secret: Annotated[
        str | None, typer.Option(help="What `--forward` signs with; else a new one, which it prints.")
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Show events as they happen, for whoever writes a receiver. Ends with Ctrl-C."""
    forwarder = _forwarder(forward, secret)
    with connect(url, key, data) as client:
        try:
            _follow(client, after, forwarder)
        except KeyboardInterrupt:
            return


def _follow(client: Client, after: int | None, forwarder: Forwarder | None) -> None:
    for event in client.happenings(after):
        job = event["data"].get("job") or {}
        line = f"{event['timestamp']} {event['type']} job={job.get('id', '-')}"
        line += f" sequence={event['data'].get('sequence', '-')} position={event['position']} id={event['id']}"
        print(f"{line} -> {forwarder.send(event)}" if forwarder else line, flush=True)


def _forwarder(address: str | None, secret: str | None) -> Forwarder | None:
    if address is None:
        if secret is not None:
            raise wrong_use("--secret is for --forward URL")
        return None
    if secret is None:
        secret = mint()
        typer.echo(f"events are signed with {secret}", err=True)
    try:
        return Forwarder(address, secret)
    except NotASecret as error:
        raise wrong_use(f"--secret: {error}") from error


def _say(what: dict[str, Any]) -> None:
    typer.echo(json.dumps(what, indent=2, ensure_ascii=False))
