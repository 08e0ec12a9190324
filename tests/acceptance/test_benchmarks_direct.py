"""The benchmarks that start a whole server and call the library beside it, at their smallest: that they run, and that
their figures can be true."""

from pathlib import Path

import pytest

from benchmarks import memory, null, product, speech
from benchmarks.direct import measured
from benchmarks.product import first_segment, transcribed
from benchmarks.scripted import scripted
from benchmarks.server import started

SECONDS = 75.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech.write(tmp_path_factory.mktemp("speech") / "short.wav", SECONDS)


def test_both_sides_decode_the_recording(recording: Path) -> None:
    with scripted() as folder, started(model=str(folder)) as server, server.watched() as peaks:
        ours, theirs = transcribed(server, recording, product.PLAIN), measured(folder, recording)
        waited = first_segment(server, recording, product.PLAIN)
    assert 2 <= theirs.windows <= ours.windows <= 6
    assert ours.segments == ours.windows
    assert theirs.segments == theirs.windows
    assert {"up", "web", "postgres", "redis", "light1", "transcribe1"} <= set(ours.spent)
    assert 0 < ours.cpu < 60 * SECONDS
    assert 0 < theirs.first <= theirs.wall
    assert 0 < waited < 60 * SECONDS
    # Not of every program: one that has only just begun, or is about to end, has hardly any.
    most = {name: max(size for (of, _), size in peaks.items() if of == name) for name, _ in peaks}
    assert all(most[name] > 10**6 for name in ("up", "web", "postgres", "redis", "light1", "transcribe1"))


def test_the_length_of_a_synthetic_recording(recording: Path) -> None:
    assert recording.stat().st_size == 44 + 2 * 16_000 * round(SECONDS)


def test_growth_is_told_an_hour() -> None:
    found = [{("light1", "python3"): 100, ("web", "gunicorn"): 7}, {("light2", "python3"): 280, ("web", "gunicorn"): 7}]
    (light,) = [one for one in memory.growths(found, [1, 10]) if one.name == "light"]
    assert (light.peaks, light.slope) == ([100, 280], 20.0)
    assert null.sleeping_model(0) == "sleeping:0"
