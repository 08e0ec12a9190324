"""Measuring what a model's word probabilities are worth: recordings with their words, heard as the product hears them.

A labelled folder holds pairs, at any depth: `talk.flac` and beside it `talk.txt` with what is said, written as the
model writes it ("twelve" is not "12").
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jiwer

from core import models
from core.calibration import LEAST_WORDS, Calibration, Measured, made, measured
from core.errors import InputError, InvalidRequest
from core.isotonic import Judged
from core.settings import Settings
from core.transcript import Word
from worker import engines
from worker.audio import BYTES_PER_SECOND, SAMPLE_RATE, decode
from worker.chunking import FRAME, Loudness, cut, rules_for
from worker.engines import calibrations
from worker.engines.protocols import Clip, EngineFailure, Hypothesis, Recognizer, samples
from worker.engines.spans import blocks
from worker.steps import ingest

SOUND = frozenset(
    ".aac .aif .aiff .amr .flac .m4a .mka .mkv .mov .mp3 .mp4 .oga .ogg .opus .wav .webm .wma".split()
)  # fmt: skip
_FRAME_SAMPLES = int(FRAME * SAMPLE_RATE)
_BLOCK = 2 * _FRAME_SAMPLES * 64

Tell = Callable[[str], None]


def _silent(line: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Labelled:
    """A recording and the file with its words; `name` as seen from the folder."""

    name: str
    sound: Path
    text: Path


@dataclass(frozen=True)
class Folder:
    """`alone`: names of recordings without words, and of words without a recording."""

    recordings: tuple[Labelled, ...]
    alone: tuple[str, ...]


def labelled(folder: Path) -> Folder:
    """Raises InvalidRequest where there is no pair."""
    texts = {path.with_suffix(""): path for path in sorted(folder.rglob("*.txt"))}
    found, alone = [], []
    for sound in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND):
        name = str(sound.relative_to(folder))
        if text := texts.pop(sound.with_suffix(""), None):
            found.append(Labelled(name, sound, text))
        else:
            alone.append(name)
    alone += [str(text.relative_to(folder)) for text in texts.values()]
    if not found:
        raise InvalidRequest(
            f"there is no labelled recording in {folder}; put pairs there, such as talk.wav and beside it talk.txt "
            "with what is said in it"
        )
    return Folder(tuple(found), tuple(alone))


def calibration(
    recognizer: Recognizer,
    folder: Path,
    settings: Settings,
    *,
    language: str | None = None,
    least: int = LEAST_WORDS,
    tell: Tell = _silent,
) -> Calibration:
    """Of that recognizer, made now. `language` is Whisper's code, None to detect. `tell` hears of each recording.

    Raises InvalidRequest, TooFewWords, and what the recognizer raises."""
    info = recognizer.info
    return made(
        _judged_recordings(recognizer, folder, settings, language, tell),
        model=info.name,
        revision=info.revision,
        compute_type=info.compute_type,
        language=language,
        made_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        least=least,
    )


def checked(
    recognizer: Recognizer, folder: Path, settings: Settings, *, language: str | None = None, tell: Tell = _silent
) -> Measured:
    """How well the calibration holds that a worker would use. Raises InvalidRequest where there is none, or no word,
    and what the recognizer raises."""
    present = calibrations.find(recognizer.info, settings)
    if present is None:
        raise InvalidRequest(f"the model {recognizer.info.name} has no calibration here; make one: leave --check out")
    found = _judged_recordings(recognizer, folder, settings, language or present.language, tell)
    words = [word for recording in found for word in recording]
    if not words:
        raise InvalidRequest("no word was heard in these recordings, so nothing can be checked")
    return measured(words, [present.of(word.raw) for word in words])


def _judged_recordings(
    recognizer: Recognizer, folder: Path, settings: Settings, language: str | None, tell: Tell
) -> list[list[Judged]]:
    """The words that were heard in each recording. What cannot be read is told and left out."""
    pairs, found = labelled(folder), []
    for name in pairs.alone:
        tell(f"{name} has no partner and is left out")
    for one in pairs.recordings:
        try:
            text, pieces = one.text.read_text("utf-8-sig"), _pieces(one.sound, recognizer.info.name, settings)
        except (InputError, OSError, UnicodeDecodeError) as error:
            tell(f"{one.name} is left out: {error}")
            continue
        words = judged(_heard(recognizer, pieces, language, settings), text)
        tell(f"{one.name}: {sum(word.right for word in words)} of {len(words)} words that were heard are right")
        found.append(words)
    return found


def judged(heard: Sequence[Word], text: str) -> list[Judged]:
    """A word is right where the best alignment with the text leaves every part of it as it is. A word without a letter
    is none. What was said and not heard has no probability, and is not judged."""
    parts = [units(word.word) for word in heard]
    kept = _kept(units(text), [unit for part in parts for unit in part])
    found, at = [], 0
    for word, part in zip(heard, parts, strict=True):
        if part:
            found.append(Judged(word.confidence, kept.issuperset(range(at, at + len(part)))))
        at += len(part)
    return found


def units(text: str) -> list[str]:
    """What is compared: words after NFKC, in lower case, without punctuation; characters in scripts without spaces."""
    written = "".join(_written(character) for character in unicodedata.normalize("NFKC", text).lower())
    return written.split()


def _written(character: str) -> str:
    if unicodedata.category(character) == "Pd":  # twenty-one is twenty one
        return " "
    if unicodedata.category(character).startswith("P"):
        return ""
    return f" {character} " if _spaceless(character) else character


def _spaceless(character: str) -> bool:
    """Letters of scripts that faster-whisper's tokenizer splits by character: Chinese, Japanese, Thai, Lao, Burmese."""
    name = unicodedata.name(character, "")
    return name.startswith(("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "MYANMAR ")) and character.isalpha()


def _kept(said: Sequence[str], heard: Sequence[str]) -> set[int]:
    """Which of what was heard was said."""
    if not said:
        return set()
    aligned = jiwer.process_words(" ".join(said), " ".join(heard)).alignments[0]
    return {
        index
        for part in aligned
        if part.type == "equal"
        for index in range(part.hyp_start_idx, part.hyp_end_idx)
    }  # fmt: skip


def _pieces(sound: Path, model: str, settings: Settings) -> list[bytes]:
    """The PCM of chunks, cut as ingest cuts them: 115 MB an hour. Raises InputError, OSError."""
    pcm, loudness = bytearray(), Loudness()

    def heard() -> Iterator[bytes]:
        for block in blocks(decode(sound, settings, tolerant=False, check=lambda: None), _BLOCK):
            pcm.extend(block)
            ingest.measured(loudness, block)
            yield block

    spans = engines.detector(settings.vad).spans(heard())
    cuts = cut(spans, loudness, length=lambda: len(pcm) / BYTES_PER_SECOND, rules=rules_for(models.window(model)))
    edges = [(2 * round(one.start * SAMPLE_RATE), 2 * round(one.end * SAMPLE_RATE)) for one in cuts]
    return [bytes(pcm[start:end]) for start, end in edges]


def _heard(recognizer: Recognizer, pieces: Sequence[bytes], language: str | None, settings: Settings) -> list[Word]:
    """In order. Raises what the recognizer says of a clip."""
    size = engines.batch(settings, recognizer.info.device)
    groups = (pieces[start : start + size] for start in range(0, len(pieces), size))
    answers = [one for group in groups for one in recognizer.transcribe([_clip(pcm, language) for pcm in group])]
    return [word for answer in answers for word in _words(answer)]


def _clip(pcm: bytes, language: str | None) -> Clip:
    return Clip(samples(pcm), language)


def _words(answer: Hypothesis | EngineFailure) -> Iterator[Word]:
    if isinstance(answer, EngineFailure):
        raise answer.error
    for segment in answer.segments:
        yield from segment.words
