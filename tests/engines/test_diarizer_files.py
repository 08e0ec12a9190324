"""Where a diarizer's files come from, and what is said when one is missing."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelUnavailable, UnknownModel
from core.models import ModelSource
from core.settings import Settings
from scriptorium.cli.doctor import speakers
from worker import engines

if find_spec("pyannote") is None or find_spec("pyannote.audio") is None:
    pytest.skip("needs the extra diarization", allow_module_level=True)

from httpx2 import Request, Response
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from tests.fakes.tone_speakers import Speech, conversation, pipeline_folder
from worker.engines.pyannote import load
from worker.engines.pyannote.files import pull

AHC = {"method": "centroid", "threshold": 0.7, "min_cluster_size": 2}


def source(folder: Path) -> ModelSource:
    return ModelSource("tones", "pyannote", str(folder))


def refused(status: int, kind: type[HfHubHTTPError] = HfHubHTTPError) -> HfHubHTTPError:
    return kind("refused", response=Response(status, request=Request("GET", "https://hf.co/")))


def test_nothing_is_reported_to_anybody() -> None:
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "0"
    assert not is_metrics_enabled()


def test_a_diarizer_is_chosen_by_folder(tmp_path: Path) -> None:
    chosen = engines.diarizer(str(pipeline_folder(tmp_path)), Settings(threads=1))
    assert (chosen.info.engine, chosen.info.device, chosen.info.windows) == ("pyannote", "cpu", (10.0,))
    assert len(chosen.info.revision) == 12


def test_what_is_not_here_names_the_page_and_the_command() -> None:
    with pytest.raises(ModelUnavailable) as raised:
        engines.diarizer("nobody/has-this-pipeline", Settings())
    assert "https://hf.co/nobody/has-this-pipeline" in raised.value.message
    assert "scriptorium models pull nobody/has-this-pipeline" in raised.value.message


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownModel, match="no diarizer"):
        engines.diarizer("nothing", Settings())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("config.yaml", "config.yaml"),
        ("segmentation/pytorch_model.bin", "segmentation/pytorch_model.bin"),
        ("plda/plda.npz", "plda/plda.npz"),
    ],
)
def test_a_folder_that_lacks_a_part_says_which(tmp_path: Path, path: str, said: str) -> None:
    (pipeline_folder(tmp_path) / path).unlink()
    with pytest.raises(ModelUnavailable, match=said):
        load(source(tmp_path), Settings())


def test_no_plda_is_needed_where_nothing_asks_it(tmp_path: Path) -> None:
    folder = pipeline_folder(tmp_path, clustering="AgglomerativeClustering", params={"clustering": AHC})
    for file in (folder / "plda").iterdir():
        file.unlink()
    spoken = conversation([Speech(0, 4, 0)], 5.0)
    assert load(source(folder), Settings(threads=1)).diarize(spoken).turns


@pytest.mark.parametrize("damage", [b"", b"version https://git-lfs.github.com/spec/v1"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: bytes) -> None:
    (pipeline_folder(tmp_path) / "embedding" / "pytorch_model.bin").write_bytes(damage)
    with pytest.raises(ModelUnavailable, match="tones does not load here"):
        load(source(tmp_path), Settings())


def test_only_what_runs_here_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="SpeechSeparation"):
        load(source(pipeline_folder(tmp_path, name="SpeechSeparation")), Settings())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(403, GatedRepoError), "accept conditions: do so on https://hf.co/owner/gated"),
        (refused(401, RepositoryNotFoundError), "no owner/gated that you may read"),
        (refused(500), "cannot be reached"),
        (OfflineModeIsEnabled("offline"), "without HF_HUB_OFFLINE"),
    ],
)
def test_what_cannot_be_fetched_says_what_to_do(error: Exception, said: str) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise error

    with pytest.raises(ModelUnavailable, match=said):
        pull(ModelSource("owner/gated", "pyannote", "owner/gated"), progress=False, download=download)


def test_the_parts_in_other_repositories_are_fetched_too(tmp_path: Path) -> None:
    folder = pipeline_folder(tmp_path, embedding="owner/voices@v2", plda={"checkpoint": "owner/plda", "subfolder": "p"})
    asked: list[tuple[str, str | None]] = []

    def download(repository: str, revision: str | None = None, **_: Any) -> str:
        asked.append((repository, revision))
        return str(folder)

    pull(ModelSource("owner/all", "pyannote", "owner/all", "v1"), progress=False, download=download)
    assert asked == [("owner/all", "v1"), ("owner/voices", "v2"), ("owner/plda", None)]


@pytest.mark.parametrize(
    ("diarizer", "good", "says"),
    [
        ("community-1", None, "scriptorium models pull community-1"),
        ("nothing", False, "SCRIPTORIUM_DIARIZER"),
    ],
)
def test_doctor_says_whether_speakers_are_found(
    diarizer: str, good: bool | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (finding,) = speakers(Settings(diarizer=diarizer))
    assert finding.good is good
    assert says in finding.says


def test_doctor_sees_a_pipeline_in_a_folder(tmp_path: Path) -> None:
    (finding,) = speakers(Settings(diarizer=str(pipeline_folder(tmp_path / "mine"))))
    assert finding.says == "found by mine"
    (tmp_path / "mine" / "config.yaml").unlink()
    (finding,) = speakers(Settings(diarizer=str(tmp_path / "mine")))
    assert "config.yaml" in finding.says
