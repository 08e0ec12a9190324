"""The shape of a transcript. Times are float seconds from the start of the recording, rounded only when rendered."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Word:
    """`word` keeps Whisper's leading space where the language has spaces. `confidence`, 0 to 1, is the recognizer's
    own probability; after `core.calibration`, the share of words with such a probability that are right. `overlap`:
    somebody else spoke at the same time."""

    start: float
    end: float
    word: str
    confidence: float
    speaker: str | None = None
    speaker_confidence: float | None = None
    overlap: bool = False


@dataclass(frozen=True)
class Segment:
    """What a recognizer returned in one piece."""

    start: float
    end: float
    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    channel: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """Mean of the words' confidences, weighted by their durations. Without words, the mean token's probability:
        no calibration covers that."""
        if not self.words:
            return round(min(1.0, math.exp(self.avg_logprob)), 4)
        return weighted_mean([(word.confidence, max(word.end - word.start, 0.01)) for word in self.words])

    def shifted(self, seconds: float) -> "Segment":
        words = tuple(replace(w, start=w.start + seconds, end=w.end + seconds) for w in self.words)
        return replace(self, start=self.start + seconds, end=self.end + seconds, words=words)

    def to_json(self) -> dict[str, Any]:
        words = [dict(vars(word)) for word in self.words]  # asdict copies deeply, at fifty times the cost
        return {**vars(self), "words": words, "flags": list(self.flags)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Segment":
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        known["words"] = tuple(Word(**word) for word in stored["words"])
        known["flags"] = tuple(stored["flags"])
        return cls(**known)


@dataclass(frozen=True)
class SpeakerTurn:
    """Where a diarizer heard one speaker, in seconds from the start of the recording. `speaker` is a label, such as
    `S1`, that means one voice from the first minute to the last. Turns of two speakers may overlap."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Utterance:
    """Consecutive words of one speaker. `speaker`: None where no turn was near."""

    start: float
    end: float
    speaker: str | None
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Speaker:
    """`seconds` of speech, what others say at the same time included. `name`: what a person or the meeting says;
    `name_score`, 0 to 1, where it was concluded from when the meeting system heard whom."""

    label: str
    seconds: float
    name: str | None = None
    name_score: float | None = None


CROSS_TALK = "cross_talk"
"""Of a gap whose words stand on another track."""


@dataclass(frozen=True)
class Gap:
    """Speech that has no text, and why."""

    start: float
    end: float
    reasons: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True)
class Transcript:
    """`calibrated`: whether every confidence in it is. `speech_without_text`: seconds of speech, as the detector heard
    it, where nothing was written; words that nobody wrote lower no confidence."""

    duration: float
    language: str | None
    segments: tuple[Segment, ...]
    speech_seconds: float
    gaps: tuple[Gap, ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    language_probability: float | None = None
    calibrated: bool = False
    speech_without_text: float = 0.0
    utterances: tuple[Utterance, ...] = ()
    speakers: tuple[Speaker, ...] = ()
    turns: tuple[SpeakerTurn, ...] = ()

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()

    @property
    def confidence(self) -> float | None:
        """Calibrated, the share of its words that may be expected to be right, weighted by duration; uncalibrated, a
        number that is higher for better transcripts, and no share of anything. What was said and not written counts
        in `speech_without_text` alone. None where there is no text: no number would be honest."""
        if not self.segments:
            return None
        return weighted_mean([(s.confidence, max(s.end - s.start, 0.01)) for s in self.segments])

    def to_json(self, job_id: str) -> dict[str, Any]:
        """The transcript as the API shows it; every time rounded to a millisecond."""
        missing = sum(gap.end - gap.start for gap in self.gaps if gap.reasons != (CROSS_TALK,))
        return {
            "job_id": job_id,
            "language": self.language,
            "language_probability": self.language_probability,
            "duration": round(self.duration, 3),
            "text": self.text,
            "confidence": self.confidence,
            "confidence_calibrated": self.calibrated,
            "segments": [rendered(index, segment) for index, segment in enumerate(self.segments)],
            "utterances": [_utterance(one) for one in self.utterances],
            "speakers": [{**vars(one), "seconds": round(one.seconds, 3)} for one in self.speakers],
            "turns": [
                {"start": round(one.start, 3), "end": round(one.end, 3), "speaker": one.speaker} for one in self.turns
            ],
            "coverage": {
                "speech_seconds": round(self.speech_seconds, 3),
                "transcribed_seconds": round(max(0.0, self.speech_seconds - missing), 3),
                "speech_without_text_seconds": round(self.speech_without_text, 3),
                "suppressed": [
                    {"start": round(g.start, 3), "end": round(g.end, 3), "text": g.text, "reasons": list(g.reasons)}
                    for g in self.gaps
                ],
            },
            "model": self.model,
            "usage": {"seconds": round(self.duration, 3)},
        }


def rendered(index: int, segment: Segment) -> dict[str, Any]:
    """A segment as the API shows it."""
    shown = segment.to_json()
    shown.update(index=index, start=round(segment.start, 3), end=round(segment.end, 3), confidence=segment.confidence)
    shown["words"] = [
        {**word, "start": round(word["start"], 3), "end": round(word["end"], 3)} for word in shown["words"]
    ]
    return shown


def _utterance(one: Utterance) -> dict[str, Any]:
    """Its words stand in the segments."""
    confidence = weighted_mean([(word.confidence, max(word.end - word.start, 0.01)) for word in one.words])
    times = {"start": round(one.start, 3), "end": round(one.end, 3)}
    return {**times, "speaker": one.speaker, "text": one.text, "confidence": confidence}


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float:
    """Of (value, weight), to four places."""
    total = sum(weight for _, weight in pairs)
    return round(sum(value * weight for value, weight in pairs) / total, 4) if total else 0.0


def dominant_language(segments: Iterable[Segment]) -> str | None:
    """The language of the most seconds of text."""
    seconds: dict[str, float] = {}
    for segment in segments:
        seconds[segment.language] = seconds.get(segment.language, 0.0) + segment.end - segment.start
    return max(seconds, key=lambda language: seconds[language]) if seconds else None
