"""`scriptorium jobs …` and `scriptorium workers`."""

import json
from typing import Annotated, Any

import typer

from scriptorium.cli.connection import Data, Key, Url, connect
from scriptorium.cli.tables import table

app = typer.Typer(help="List, show, cancel, retry and delete jobs.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command("list")
def list_jobs(
    url: Url = None,
    key: Key = None,
    data: Data = None,
    status: Annotated[str | None, typer.Option(help="queued, processing, completed, failed or cancelled.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """The newest jobs."""
    with connect(url, key, data) as client:
        page = client.jobs(status=status, limit=limit)
    table(("id", "status", "done", "seconds", "created"), [_row(job) for job in page["jobs"]])


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    duration = (job.get("recording") or {}).get("duration")
    seconds = "" if duration is None else f"{duration:.1f}"
    return (job["id"], job["status"], f"{job['progress']:.0%}", seconds, job["created_at"])


@app.command()
def show(job_id: JobId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """One job, as JSON."""
    with connect(url, key, data) as client:
        typer.echo(json.dumps(client.job(job_id), indent=2, ensure_ascii=False))


@app.command()
def cancel(job_id: JobId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """Stop a job; what it has not begun never starts."""
    with connect(url, key, data) as client:
        typer.echo(f"{job_id} {client.cancel(job_id)['status']}")


@app.command()
def retry(
    job_id: JobId,
    stage: Annotated[str | None, typer.Option(help="Run this stage, and what follows it, again.")] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Run again what failed or was cancelled."""
    with connect(url, key, data) as client:
        typer.echo(f"{job_id} {client.retry(job_id, stage)['status']}")


@app.command()
def delete(job_id: JobId, url: Url = None, key: Key = None, data: Data = None) -> None:
    """Erase a job, its audio and its transcript."""
    with connect(url, key, data) as client:
        client.delete(job_id)
    typer.echo(f"{job_id} deleted")


def workers(url: Url = None, key: Key = None, data: Data = None) -> None:
    """Who is alive, what they serve, and how many steps they hold."""
    with connect(url, key, data) as client:
        alive = client.workers()
    columns = ("name", "kinds", "models", "holds", "seen")
    table(columns, [_worker_row(worker) for worker in alive])


def _worker_row(worker: dict[str, Any]) -> tuple[str, ...]:
    serves = (", ".join(worker["kinds"]), ", ".join(worker["models"]))
    return (worker["name"], *serves, str(worker["holds"]), worker["seen_at"])
