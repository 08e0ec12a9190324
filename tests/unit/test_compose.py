"""docker-compose.yml cannot be run everywhere that the tests can. It can be read: by the schema of the Compose
specification, and by what the processes of this project need."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from core.bell import DELIVERIES, queue_name
from core.states import Kind

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA = PROJECT / "tests" / "data" / "compose-spec.json"


@pytest.fixture(scope="module")
def text() -> str:
    return (PROJECT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    """With the values that stand where a variable is not set."""
    loaded: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
    return loaded


def test_it_follows_the_compose_specification(text: str) -> None:
    errors = Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(yaml.safe_load(text))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_services_and_volumes_that_are_named_are_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    needed = {name for service in services.values() for name in service.get("depends_on", {})}
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert needed <= set(services)
    assert mounted == set(compose["volumes"])


def test_who_waits_for_health_waits_for_a_service_that_tells_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    waits = [each.items() for service in services.values() if (each := service.get("depends_on"))]
    healthy = {name for each in waits for name, how in each if how["condition"] == "service_healthy"}
    assert [name for name in sorted(healthy) if "healthcheck" not in services[name]] == []


@pytest.mark.parametrize("transcriber", ["transcriber", "transcriber-gpu"])
def test_every_kind_of_step_has_a_worker(compose: dict[str, Any], transcriber: str) -> None:
    model = compose["services"]["transcriber"]["environment"]["SCRIPTORIUM_MODEL"]
    workers = ("upkeep", "fetcher", "deliverer", "light", "diarizer", transcriber)
    taken = {queue for name in workers for queue in _queues(compose["services"][name])}
    assert taken == {
        "upkeep",
        DELIVERIES,
        queue_name(Kind.FETCH),
        queue_name(Kind.INGEST),
        queue_name(Kind.TRANSCRIBE, model),
        queue_name(Kind.DIARIZE, compose["services"]["diarizer"]["environment"]["SCRIPTORIUM_DIARIZER"]),
        queue_name(Kind.ASSEMBLE),
    }


def test_only_the_web_is_published_and_only_to_this_machine(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_there_is_no_default_password(text: str) -> None:
    used = re.findall(r"\$\{POSTGRES_PASSWORD([^}]*)\}", text)
    assert used
    assert all(rest.startswith(":?") for rest in used)


def _queues(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    queues: str = command[command.index("-Q") + 1]
    return queues.split(",")
