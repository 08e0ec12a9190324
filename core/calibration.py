"""A model's calibration: what its word probabilities are worth, measured on labelled recordings. Pure."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.errors import InvalidRequest, ScriptoriumError
from core.isotonic import Judged, Points, fit, interpolated, sound

LEAST_WORDS = 500
"""Heard words that a calibration takes: with fewer, its error is as large as what it is to put right."""
FOLDS = 5
_TENTHS = 10


class TooFewWords(InvalidRequest):
    """The recordings do not say enough about the model."""

    code = "too_few_words"


class BadCalibration(ScriptoriumError):
    """A file that is no calibration."""

    code = "bad_calibration"


Recordings = Sequence[Sequence[Judged]]
"""The words of each. Errors come in clusters, so recordings are what is held out, never words."""


@dataclass(frozen=True)
class Bin:
    """The words whose raw probability lies from `low` to `high`: their means, and the share that is right."""

    low: float
    high: float
    words: int
    mean_raw: float
    share_right: float
    calibrated: float


@dataclass(frozen=True)
class Errors:
    """Of probabilities against what was right. `ece`: expected calibration error, ten bins of equal width (Naeini,
    Cooper and Hauskrecht, 2015). `brier`: mean square error (Brier, 1950), which a constant cannot make small."""

    ece: float
    brier: float


@dataclass(frozen=True)
class Measured:
    """`after` and the `reliability` are of words that the calibration was not made from. `after` is None where a single
    recording was all there was; the reliability is then of the fit itself."""

    before: Errors
    after: Errors | None
    reliability: tuple[Bin, ...]


@dataclass(frozen=True)
class Calibration:
    """What the word probabilities of one model are worth. `language` is Whisper's code, None where it holds for all;
    `words` how many it was made from; `made_at` RFC 3339."""

    model: str
    revision: str
    compute_type: str
    language: str | None
    words: int
    points: Points
    measured: Measured
    made_at: str

    @property
    def id(self) -> str:
        """The same for two that change every confidence alike: stored results depend on it."""
        decides = json.dumps([self.language, self.points])
        return hashlib.sha256(decides.encode()).hexdigest()[:12]

    def covers(self, language: str) -> bool:
        return self.language in (None, language)

    def of(self, raw: float) -> float:
        """The confidence of a word with that probability."""
        return interpolated(self.points, raw)

    def to_json(self) -> dict[str, Any]:
        shown = asdict(self)
        measured = shown.pop("measured")
        for name, found in (("before", measured["before"]), ("after", measured["after"] or {})):
            shown[f"ece_{name}"], shown[f"brier_{name}"] = found.get("ece"), found.get("brier")
        return {**shown, "reliability": measured["reliability"]}

    @classmethod
    def from_json(cls, stored: Any) -> "Calibration":
        """Raises BadCalibration."""
        try:
            names = ("model", "revision", "compute_type", "language", "words", "made_at")
            points = tuple((float(raw), float(share)) for raw, share in stored["points"])
            found = cls(**{name: stored[name] for name in names}, points=points, measured=_measured_from(stored))
        except (KeyError, TypeError, ValueError) as error:
            raise BadCalibration(f"this is no calibration ({type(error).__name__}: {error}); make it again") from error
        if not sound(points):
            raise BadCalibration("the points of a calibration must rise, and lie between 0 and 1; make it again")
        return found


def _measured_from(stored: Any) -> Measured:
    before, after = (
        None if stored[f"ece_{when}"] is None else Errors(float(stored[f"ece_{when}"]), float(stored[f"brier_{when}"]))
        for when in ("before", "after")
    )
    if before is None:
        raise ValueError("ece_before is missing")
    return Measured(before, after, tuple(Bin(**one) for one in stored["reliability"]))


def made(
    recordings: Recordings,
    *,
    model: str,
    revision: str,
    compute_type: str,
    language: str | None,
    made_at: str,
    least: int = LEAST_WORDS,
) -> Calibration:
    """Fitted to all words; measured on words that a fit did not see. Raises TooFewWords."""
    heard = [words for words in recordings if words]
    words = [word for recording in heard for word in recording]
    if len(words) < max(1, least):
        raise TooFewWords(
            f"{len(words)} words were heard in {len(recordings)} recordings, and a calibration takes at least {least}; "
            "add recordings with what is said in them"
        )
    points, unseen = fit(words), _held_out(heard)
    found = measured(words, unseen or [interpolated(points, word.raw) for word in words])
    return Calibration(
        model=model,
        revision=revision,
        compute_type=compute_type,
        language=language,
        words=len(words),
        points=points,
        measured=found if unseen else replace(found, after=None),
        made_at=made_at,
    )


def measured(words: Sequence[Judged], confidences: Sequence[float]) -> Measured:
    """Of at least one word: its probability against the confidence that it was given."""
    raw = [word.raw for word in words]
    return Measured(errors(words, raw), errors(words, confidences), reliability(words, confidences))


def errors(words: Sequence[Judged], confidences: Sequence[float]) -> Errors:
    """Of at least one word."""
    binned: list[list[float]] = [[] for _ in range(_TENTHS)]
    for word, confidence in zip(words, confidences, strict=True):
        binned[_tenth(confidence)].append(confidence - word.right)
    square = sum((given - word.right) ** 2 for word, given in zip(words, confidences, strict=True))
    return Errors(
        ece=round(sum(abs(sum(differences)) for differences in binned) / len(words), 4),
        brier=round(square / len(words), 4),
    )


def reliability(words: Sequence[Judged], confidences: Sequence[float]) -> tuple[Bin, ...]:
    """By tenths of the raw probability; a tenth without words is left out."""
    binned: list[list[tuple[Judged, float]]] = [[] for _ in range(_TENTHS)]
    for word, confidence in zip(words, confidences, strict=True):
        binned[_tenth(word.raw)].append((word, confidence))
    return tuple(_bin(number, inside) for number, inside in enumerate(binned) if inside)


def _bin(number: int, inside: Sequence[tuple[Judged, float]]) -> Bin:
    def mean(value: Callable[[Judged, float], float]) -> float:
        return round(sum(value(word, confidence) for word, confidence in inside) / len(inside), 4)

    return Bin(
        low=number / _TENTHS,
        high=(number + 1) / _TENTHS,
        words=len(inside),
        mean_raw=mean(lambda word, _: word.raw),
        share_right=mean(lambda word, _: float(word.right)),
        calibrated=mean(lambda _, confidence: confidence),
    )


def _held_out(recordings: Recordings) -> list[float] | None:
    """For each word in order, what the fit to the other folds' recordings gives. None for a single recording."""
    folds = min(FOLDS, len(recordings))
    if folds < 2:
        return None
    order = list(range(len(recordings)))
    random.Random(0).shuffle(order)  # neighbours in a folder are often alike
    fold_of = {number: place % folds for place, number in enumerate(order)}
    fits = [
        fit(word for number, words in enumerate(recordings) if fold_of[number] != fold for word in words)
        for fold in range(folds)
    ]
    return [interpolated(fits[fold_of[number]], word.raw) for number, words in enumerate(recordings) for word in words]


def _tenth(probability: float) -> int:
    return min(int(probability * _TENTHS), _TENTHS - 1)
