"""How the suite tells the recognizer of `engine.py` and the diarizer of `diarizer.py` to misbehave: a small file that
they read at every call."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RAISE, MEMORY, SHORT, NAN, TEXT, HANG, ABORT = "raise", "memory", "short", "nan", "text", "hang", "abort"
HOLD = "hold"
"""To wait as long as it is told so."""

RECOGNIZER, DIARIZER = "recognizer", "diarizer"


@dataclass(frozen=True)
class Rule:
    """What it does when it hears one of the words `first` to `last`, by number. `times`: how often in all, over every
    process; None without end. `most`: for MEMORY, how many clips fit. `by`: who does it."""

    name: str
    do: str
    first: int
    last: int
    times: int | None = None
    most: int = 0
    by: str = RECOGNIZER


class Control:
    """In the folder of the recordings and their `words.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = folder / "words.json"
        self._file = folder / "control.json"

    def set(self, *rules: Rule, seconds: float = 0.0) -> None:
        """`seconds`: how long each clip takes. Replaces what was said before; what was counted stays counted."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps({"seconds": seconds, "rules": [asdict(rule) for rule in rules]}))
        unfinished.replace(self._file)

    def read(self, by: str = RECOGNIZER) -> tuple[float, list[Rule]]:
        if not self._file.exists():
            return 0.0, []
        said: Mapping[str, Any] = json.loads(self._file.read_text())
        rules = [Rule(**rule) for rule in said["rules"]]
        return said["seconds"], [rule for rule in rules if rule.by == by]

    def take(self, rule: Rule) -> bool:
        """Whether it may be followed once more; then that is counted, by one process only."""
        for number in range(rule.times if rule.times is not None else 10**6):
            try:
                os.close(os.open(self.folder / f"{rule.name}.{number}", os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            return True
        return False

    def taken(self, name: str) -> int:
        return len(list(self.folder.glob(f"{name}.[0-9]*")))
