"""What was heard in all blocks -> who spoke when, and back from what the ledger keeps of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import EngineError
from core.options import Options
from core.transcript import SpeakerTurn
from worker.engines.blocks import BlockResult
from worker.engines.protocols import Diarization, Diarizer, SpeakerHints


def joined(blocks: Sequence[bytes], diarizer: Diarizer, options: Options, offset: float = 0.0) -> dict[str, Any]:
    """What is kept: `turns` and `exclusive` as lists of [start, end, label], seconds from the start of the job's time,
    in which its sound begins at `offset`; `embeddings`, label -> numbers; `diarizer`. Raises EngineError where blocks
    are missing."""
    if not blocks:
        raise EngineError("no block of this sound is left to be joined; retry the stage diarize")
    hints = SpeakerHints(options.speakers, options.min_speakers, options.max_speakers)
    found = diarizer.join([BlockResult.from_bytes(block) for block in blocks], hints)
    return {
        "turns": _listed(found.turns, options.clip_start + offset),
        "exclusive": _listed(found.exclusive, options.clip_start + offset),
        "embeddings": {label: [round(float(number), 6) for number in one] for label, one in found.embeddings.items()},
        "diarizer": {"name": diarizer.info.name, "revision": diarizer.info.revision},
    }


def _listed(turns: Sequence[SpeakerTurn], offset: float) -> list[list[Any]]:
    return [[round(turn.start + offset, 3), round(turn.end + offset, 3), turn.speaker] for turn in turns]


def kept(stored: Mapping[str, Any]) -> Diarization:
    """With the labels that people have merged since; without the embeddings."""
    merged: Mapping[str, str] = stored.get("merged", {})
    turns, exclusive = (
        tuple(SpeakerTurn(start, end, merged.get(label, label)) for start, end, label in stored[name])
        for name in ("turns", "exclusive")
    )
    return Diarization(turns, exclusive)


def names(stored: Mapping[str, Any]) -> Mapping[str, str | None]:
    """Label -> what a person calls the speaker."""
    found: Mapping[str, str | None] = stored.get("names", {})
    return found
