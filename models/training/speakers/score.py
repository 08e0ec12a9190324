"""Scores an exported pipeline, loaded by the unmodified pyannote.audio, on voices that it was not trained on.

    python -m models.training.speakers.score models/demo-speakers [--json models/demo-speakers/scores.json]

DER without a collar, overlapped speech counted; and in how many conversations the number of speakers is right. Some
five minutes of one core.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from core.transcript import SpeakerTurn
from models.training.speakers.measure import errors
from models.training.speakers.trials import Trial, meeting, trials
from models.training.voices import RATE
from worker.engines.pyannote import environment  # noqa: F401 - it must come before pyannote

from pyannote.audio import Pipeline  # isort: skip - after ours, which lets it load


PARTS = ("missed", "false_alarm", "confused")


def heard(pipeline: Any, trial: Trial) -> list[SpeakerTurn]:
    file = {"waveform": torch.from_numpy(trial.samples)[None], "sample_rate": RATE, "uri": trial.name}
    found = pipeline(file).speaker_diarization
    return [SpeakerTurn(turn.start, turn.end, label) for turn, _, label in found.itertracks(yield_label=True)]


def row(trial: Trial, turns: Sequence[SpeakerTurn]) -> dict[str, Any]:
    """Parts in seconds."""
    rates = errors([(trial, turns)])
    parts = {name: round(getattr(rates, name), 2) for name in ("spoken", *PARTS)}
    speakers = {"speakers": trial.speakers, "found": len({turn.speaker for turn in turns})}
    return {"name": trial.name, "der": round(rates.rate, 4), **speakers, **parts}


def summed(found: Sequence[tuple[Trial, Sequence[SpeakerTurn]]], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Parts as shares of what is spoken."""
    total = errors(found)
    right = sum(one["speakers"] == one["found"] for one in rows)
    parts = {name: round(getattr(total, name) / total.spoken, 4) for name in PARTS}
    return {"conversations": len(rows), "der": round(total.rate, 4), "right_number": right, **parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.folder)
    found, rows = [], []
    for trial in trials():
        found.append((trial, heard(pipeline, trial)))
        rows.append(row(*found[-1]))
        print(rows[-1], flush=True)
    bundled = meeting()
    scores = {"held_out": summed(found, rows), "meeting": row(bundled, heard(pipeline, bundled)), "conversations": rows}
    print(json.dumps({name: scores[name] for name in ("held_out", "meeting")}, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()
