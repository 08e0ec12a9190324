"""What a person types. Each command imports what it needs only when it runs, so that `--help` is quick."""

import sys

import typer

from scriptorium.cli import audit, backup, doctor, jobs, keys, models, score, serve, tenants, transcribe, webhooks
from scriptorium.cli.exits import SERVER_UNREACHABLE, for_refusal
from scriptorium.client import ApiError, ServerUnreachable

app = typer.Typer(
    name="scriptorium",
    help="Recordings in, transcripts out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve.up)
app.command()(serve.demo)
app.command()(transcribe.transcribe)
app.add_typer(jobs.app, name="jobs")
app.command()(jobs.workers)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(audit.app, name="audit")
app.command()(score.score)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(doctor.doctor)


def main() -> None:
    """Exits 0 when done, 1 when the job failed, 2 for wrong use, 3 when the server is not reachable."""
    try:
        app()
    except ServerUnreachable as error:
        print(f"scriptorium: {error}; start one with `scriptorium up`, or give --url", file=sys.stderr)
        sys.exit(SERVER_UNREACHABLE)
    except ApiError as error:
        print(f"scriptorium: {error.message} ({error.code})", file=sys.stderr)
        sys.exit(for_refusal(error))
