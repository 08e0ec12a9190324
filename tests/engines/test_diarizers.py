"""The contract of a Diarizer, and that ours hears what the stock pipeline of pyannote.audio hears."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import EngineError, InvalidRequest, OutOfMemory
from core.models import ModelSource
from core.settings import Settings
from core.transcript import SpeakerTurn
from worker.engines.blocks import SAMPLE_RATE, BlockResult
from worker.engines.protocols import Diarization, SpeakerHints

if find_spec("pyannote") is None or find_spec("pyannote.audio") is None:
    pytest.skip("needs the extra diarization", allow_module_level=True)

import torch  # after the skip: a machine without the extra has none of these

from tests.fakes.tone_speakers import Speech, conversation, pipeline_folder
from worker.engines.pyannote import PyannoteDiarizer, load
from worker.engines.pyannote.diarizer import Heard
from worker.engines.pyannote.hearing import Hearing
from worker.engines.pyannote.loading import grid, joiner

from pyannote.audio import Pipeline  # isort: skip - after ours, which silences its telemetry

TURNS = (Speech(0.5, 4, 0), Speech(3.4, 7, 1), Speech(8, 12, 2), Speech(11.2, 15, 0), Speech(16, 19.5, 1))
SECONDS = 20.3
ANY = SpeakerHints()
AHC = {"clustering": {"method": "centroid", "threshold": 0.7, "min_cluster_size": 2}}


def source(folder: Path) -> ModelSource:
    return ModelSource("tones", "pyannote", str(folder))


def stock(folder: Path, audio: Any, hints: SpeakerHints = ANY) -> Any:
    file = {"waveform": torch.from_numpy(audio)[None], "sample_rate": SAMPLE_RATE, "uri": "tones"}
    given = {"num_speakers": hints.exact, "min_speakers": hints.least, "max_speakers": hints.most}
    return Pipeline.from_pretrained(folder)(file, **given)


def times(turns: Sequence[SpeakerTurn]) -> list[tuple[float, float]]:
    return sorted((round(turn.start, 6), round(min(turn.end, SECONDS), 6)) for turn in turns)


def stock_times(annotation: Any) -> list[tuple[float, float]]:
    return sorted((round(turn.start, 6), round(min(turn.end, SECONDS), 6)) for turn, _ in annotation.itertracks())


def same(ours: Diarization, theirs: Any) -> bool:
    """Times, and labels under one renaming."""
    pairs = {
        (turn.speaker, label)
        for turn in ours.turns
        for segment, _, label in theirs.speaker_diarization.itertracks(yield_label=True)
        if abs(segment.start - turn.start) < 1e-6 and abs(segment.end - turn.end) < 1e-6
    }
    return (
        times(ours.turns) == stock_times(theirs.speaker_diarization)
        and times(ours.exclusive) == stock_times(theirs.exclusive_speaker_diarization)
        and len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    )


@pytest.fixture(scope="module")
def audio() -> Any:
    return conversation(TURNS, SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tones")
    return pipeline_folder(made, clustering="AgglomerativeClustering", params={"clustering": AHC["clustering"]})


@pytest.fixture(scope="module")
def diarizer(folder: Path) -> PyannoteDiarizer:
    return load(source(folder), Settings(threads=1))


@pytest.fixture(scope="module")
def blocks(folder: Path, diarizer: PyannoteDiarizer, audio: Any) -> list[BlockResult]:
    """Blocks of four seconds, heard last to first, in batches of three."""
    made = Pipeline.from_pretrained(folder)
    own = PyannoteDiarizer(Hearing(made), joiner(made), diarizer.info, 3, grid(made, 4 * SAMPLE_RATE))
    spans = own.spans(len(audio))
    assert len(spans) == 3
    return [own.windows(audio[start:stop], start) for start, stop in reversed(spans)][::-1]


def test_it_hears_who_speaks_when(diarizer: PyannoteDiarizer, audio: Any) -> None:
    found = diarizer.diarize(audio)
    expected = [(turn.start, turn.end, f"S{turn.speaker + 1}") for turn in TURNS]
    assert [turn.speaker for turn in found.turns] == [label for _, _, label in expected]
    for turn, (start, end, _) in zip(found.turns, expected, strict=True):
        assert turn.start == pytest.approx(start, abs=0.05)
        assert turn.end == pytest.approx(end, abs=0.05)
    assert sorted(found.embeddings) == ["S1", "S2", "S3"]
    assert {len(embedding) for embedding in found.embeddings.values()} == {32}
    ends = [turn.end for turn in found.exclusive]
    assert all(end <= turn.start for end, turn in zip(ends, found.exclusive[1:], strict=False))


@pytest.mark.parametrize("hints", [SpeakerHints(), SpeakerHints(exact=2), SpeakerHints(least=4)])
def test_it_is_what_the_stock_pipeline_hears(
    diarizer: PyannoteDiarizer, folder: Path, audio: Any, hints: SpeakerHints
) -> None:
    assert same(diarizer.diarize(audio, hints), stock(folder, audio, hints))


@pytest.mark.parametrize(
    ("changed", "hints"),
    [
        ({}, SpeakerHints()),
        ({}, SpeakerHints(exact=3)),
        ({"embedding_exclude_overlap": True}, SpeakerHints()),
        ({"powerset": False}, SpeakerHints()),
        ({"clustering": "KMeansClustering", "params": {}}, SpeakerHints(exact=3)),
        ({"segmentation_step": 0.15}, SpeakerHints(most=2)),
    ],
)
def test_so_it_is_with_other_pipelines(
    tmp_path: Path, audio: Any, changed: dict[str, Any], hints: SpeakerHints
) -> None:
    folder = pipeline_folder(tmp_path, **changed)
    found = load(source(folder), Settings(threads=1)).diarize(audio, hints)
    assert same(found, stock(folder, audio, hints))


def test_the_speakers_of_a_stock_pipeline_have_our_embeddings(
    diarizer: PyannoteDiarizer, folder: Path, audio: Any
) -> None:
    ours = np.array(sorted(diarizer.diarize(audio).embeddings.values()))
    theirs = np.array(sorted(map(tuple, stock(folder, audio).speaker_embeddings)))
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_joined_blocks_are_the_whole(diarizer: PyannoteDiarizer, blocks: list[BlockResult], audio: Any) -> None:
    stored = [BlockResult.from_bytes(one.to_bytes()) for one in blocks]
    joined, whole = diarizer.join(stored), diarizer.diarize(audio)
    assert (joined.turns, joined.exclusive) == (whole.turns, whole.exclusive)


def test_blocks_that_are_missing_or_of_others_do_not_join(
    diarizer: PyannoteDiarizer, blocks: list[BlockResult]
) -> None:
    with pytest.raises(EngineError, match="from 4 to 8 are missing"):
        diarizer.join([blocks[0], blocks[2]])
    with pytest.raises(EngineError, match="other@1"):
        diarizer.join([replace(blocks[0], made_by="other@1")])


def test_a_bounded_sample_finds_the_same_speakers(folder: Path, blocks: list[BlockResult]) -> None:
    pipeline = Pipeline.from_pretrained(folder)
    few = joiner(pipeline, bound=8).joined(blocks, SpeakerHints())
    assert [turn.speaker for turn in few.turns] == ["S1", "S2", "S3", "S1", "S2"]


def test_models_that_cannot_be_split_are_used_as_they_are(folder: Path, audio: Any) -> None:
    pipeline = Pipeline.from_pretrained(folder)
    windows = torch.from_numpy(audio[: 12 * SAMPLE_RATE]).unfold(0, 10 * SAMPLE_RATE, SAMPLE_RATE)
    whole, split = Hearing(pipeline, split=False).heard(windows), Hearing(pipeline).heard(windows)
    assert np.array_equal(whole.active, split.active)
    assert whole.embeddings == pytest.approx(split.embeddings, abs=1e-5)


@pytest.mark.parametrize(("seconds", "why"), [(0.0, "no sound"), (0.01, "a moment"), (30.0, "minutes of silence")])
def test_nobody_speaks(diarizer: PyannoteDiarizer, seconds: float, why: str) -> None:
    assert diarizer.diarize(np.zeros(round(seconds * SAMPLE_RATE), np.float32)) == Diarization(), why


def test_a_recording_shorter_than_a_window_ends_where_it_ends(diarizer: PyannoteDiarizer) -> None:
    found = diarizer.diarize(conversation([Speech(0, 2, 0)], 2.0))
    assert [turn.speaker for turn in found.turns] == ["S1"]
    assert found.turns[0].end <= 2.0


def test_progress_rises_to_one(diarizer: PyannoteDiarizer, audio: Any) -> None:
    told: list[float] = []
    diarizer.diarize(audio, progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_raising_in_progress_cancels(diarizer: PyannoteDiarizer, audio: Any) -> None:
    class Cancelled(Exception):
        pass

    def cancel(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        diarizer.windows(audio, 0, cancel)


class Cramped(Hearing):
    """Has room for so many windows."""

    def __init__(self, pipeline: Any, room: int, error: Exception) -> None:
        super().__init__(pipeline)
        self._room, self._error = room, error

    def heard(self, windows: torch.Tensor) -> Heard:
        if len(windows) > self._room:
            raise self._error
        return super().heard(windows)


def cramped(folder: Path, like: PyannoteDiarizer, room: int, error: Exception) -> PyannoteDiarizer:
    pipeline = Pipeline.from_pretrained(folder)
    return PyannoteDiarizer(Cramped(pipeline, room, error), joiner(pipeline), like.info, 8, grid(pipeline))


@pytest.mark.parametrize("error", [MemoryError("batch_size (8) is too large"), torch.OutOfMemoryError("CUDA")])
def test_without_room_batches_are_halved(
    folder: Path, diarizer: PyannoteDiarizer, audio: Any, error: Exception
) -> None:
    small = cramped(folder, diarizer, 3, error)
    assert small.diarize(audio).turns == diarizer.diarize(audio).turns
    assert small.batch == 2


def test_no_room_for_one_window_is_told(folder: Path, diarizer: PyannoteDiarizer, audio: Any) -> None:
    with pytest.raises(OutOfMemory, match="single window"):
        cramped(folder, diarizer, 0, MemoryError()).windows(audio, 0)


def test_what_breaks_inside_does_not_leave_the_adapter(folder: Path, diarizer: PyannoteDiarizer, audio: Any) -> None:
    with pytest.raises(EngineError, match="shapes"):
        cramped(folder, diarizer, 0, RuntimeError("shapes do not fit")).windows(audio, 0)


@pytest.mark.parametrize(
    "given",
    [{"exact": 0}, {"least": -1}, {"least": 4, "most": 3}, {"exact": 2, "least": 3}, {"exact": 5, "most": 4}],
)
def test_hints_that_cannot_be_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest):
        SpeakerHints(**given)
