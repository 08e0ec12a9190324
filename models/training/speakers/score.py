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

from models.training.speakers.measure import Errors, errors
from models.training.speakers.trials import Trial, meeting, trials
from models.training.voices import RATE

from pyannote.audio import Pipeline  # isort: skip - after ours, which lets it load

FLOOR, RIGHT, MEETING = 0.12, 0.8, 0.10
"""DER on held-out voices, share of conversations with the right number of speakers, DER on the bundled meeting."""


def heard(pipeline: Any, trial: Trial) -> list[tuple[float, float, str]]:
    file = {"waveform": torch.from_numpy(trial.samples)[None], "sample_rate": RATE, "uri": trial.name}
    found = pipeline(file).speaker_diarization
    return [(turn.start, turn.end, label) for turn, _, label in found.itertracks(yield_label=True)]


def scored(pipeline: Any, trial: Trial) -> dict[str, Any]:
    found = heard(pipeline, trial)
    rates = errors(trial, found)
    parts = {name: round(getattr(rates, name), 2) for name in Errors.__dataclass_fields__}
    speakers = {"speakers": trial.speakers, "found": len({label for _, _, label in found})}
    return {"name": trial.name, "der": round(rates.rate, 4), **speakers, **parts}


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    total = Errors.sum([Errors(*(row[name] for name in Errors.__dataclass_fields__)) for row in rows])
    right = sum(row["speakers"] == row["found"] for row in rows)
    parts = {name: round(getattr(total, name) / total.spoken, 4) for name in ("missed", "false", "confused")}
    return {"conversations": len(rows), "der": round(total.rate, 4), "right_number": right, **parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.folder)
    rows = []
    for trial in trials():
        rows.append(scored(pipeline, trial))
        print(rows[-1], flush=True)
    found = {"held_out": summed(rows), "meeting": scored(pipeline, meeting()), "conversations": rows}
    print(json.dumps({name: found[name] for name in ("held_out", "meeting")}, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
