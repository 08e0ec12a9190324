"""Device, numbers and threads are chosen by what is there, and `scriptorium doctor` says which."""

import os
from pathlib import Path

import pytest

from core.models import resolve
from core.processors import cores, quota
from core.settings import Settings
from scriptorium.cli.doctor import transcribing
from scriptorium.services import Machine
from worker import engines
from worker.engines.faster_whisper.devices import chosen, compute_type

PASCAL = ("float32", "int8", "int8_float32")
VOLTA = ("float16", "float32", "int8", "int8_float16", "int8_float32")


@pytest.mark.parametrize(
    ("wanted", "kind", "supported", "expected"),
    [
        pytest.param("auto", "cpu", PASCAL, "int8", id="a processor has quick whole numbers"),
        pytest.param("auto", "cpu", ("float32",), "float32", id="or has not"),
        pytest.param("auto", "cuda", VOLTA, "float16", id="a GPU has half precision"),
        pytest.param("auto", "cuda", PASCAL, "int8", id="an old one has not"),
        pytest.param("auto", "cuda", (), "float16", id="no GPU at all: loading the model says so"),
        pytest.param("float16", "cpu", PASCAL, "float16", id="what was asked for is not second-guessed"),
    ],
)
def test_the_numbers_are_those_that_the_device_is_quick_in(
    wanted: str, kind: str, supported: tuple[str, ...], expected: str
) -> None:
    assert compute_type(wanted, kind, supported) == expected


def test_this_machine_has_a_device_that_loads() -> None:
    on = chosen(Settings(device="cpu"))
    assert on.able
    assert on.threads == cores()
    assert chosen(Settings(device="cpu", threads=3)).threads == 3
    assert not chosen(Settings(device="cpu", compute_type="float7")).able


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="no control groups"),
        pytest.param({"cpu.max": "max 100000\n"}, None, id="no limit"),
        pytest.param({"cpu.max": "150000 100000\n"}, 1.5, id="a core and a half"),
        pytest.param({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, id="v1, no limit"),
        pytest.param(
            {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5, id="v1, half a core"
        ),
    ],
)
def test_a_containers_share_counts(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota(tmp_path) == expected
    here = len(os.sched_getaffinity(0))
    assert cores(tmp_path) == (here if expected is None else min(here, max(1, int(expected))))


@pytest.mark.parametrize(("count", "each"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_transcribers_share_the_cores_and_one_alone_takes_all(count: int, each: int) -> None:
    assert Machine(8).threads(count) == each


def test_a_gpu_gets_many_chunks_at_once_and_a_setting_decides() -> None:
    assert [engines.batch(Settings(), device) for device in ("cuda", "cpu")] == [16, 1]
    assert engines.batch(Settings(transcribe_batch=4), "cpu") == 4


def test_windows_come_from_the_model_unless_a_setting_says() -> None:
    small = resolve("small", Settings())
    assert small.windows_for(Settings()) == (30.0,)
    assert small.windows_for(Settings(windows=(15.0, 10.0))) == (10.0, 15.0, 30.0)


@pytest.mark.parametrize("wrong", [(0.0,), (31.0,)])
def test_a_window_that_no_model_takes_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="windows"):
        Settings(windows=wrong)


def said(now: Settings, here: Machine) -> dict[str, tuple[bool | None, str]]:
    return {finding.what: (finding.good, finding.says) for finding in transcribing(here, now)}


def test_the_doctor_says_how_chunks_would_be_transcribed() -> None:
    shown = said(Settings(model="small", device="cpu", windows=(10.0,), idle_unload=600), Machine(8))
    assert shown["device"][0] is True
    assert "cpu in int8" in shown["device"][1]
    assert shown["transcribers"] == (None, "2 by `up`; each has threads: 4, chunks at once: 1")
    assert shown["windows"][1] == "small is given 10, 30 s of sound at once"
    assert shown["idle unload"][1] == "after 600 s without work"


def test_the_doctor_finds_what_will_not_load() -> None:
    good, says = said(Settings(device="cpu", compute_type="float7"), Machine(2))["device"]
    assert good is False
    assert "SCRIPTORIUM_COMPUTE_TYPE" in says
    good, says = said(Settings(model="no such model"), Machine(2))["model"]
    assert good is False
    assert "no such model" in says
