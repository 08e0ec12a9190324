"""Many clips in one call of CTranslate2, each with its own language, task and prompt.

faster-whisper's own batched pipeline drops temperature fallback, every gate, the rest of a window that ends in the
middle of a segment, and gives all clips one prompt; its sequential one decodes a clip at a time. Here windows of
different clips share a call, and what comes out is what decoding each alone gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from faster_whisper.utils import get_end

from core.transcript import Gap, Segment, Word
from worker.engines.faster_whisper import gates
from worker.engines.faster_whisper.gates import Reading
from worker.engines.faster_whisper.windows import FRAMES_PER_SECOND, Row, stacked
from worker.engines.protocols import SAMPLED

BEAM = 5
BEST_OF = 5
"""Candidates at a temperature above 0. Both are upstream's defaults."""
_INITIAL_TIMESTAMP = 50
"""A window's first timestamp lies in its first second, in steps of 20 ms."""
_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"


@dataclass
class Window:
    """Upstream's segments of a window, as dicts; the frame where the next begins; whether the text ended in it."""

    segments: list[dict[str, Any]]
    seek: int
    finished: bool


Encoded = Any
"""ctranslate2.StorageView (windows, frames, width)."""


class Decoder:
    """`advance` decodes the present window of each row. Use it from one thread."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self._tokenizers: dict[tuple[str, str], Tokenizer] = {}

    def tokenizer(self, language: str, task: str) -> Tokenizer:
        key = (language, task)
        if key not in self._tokenizers:
            multilingual = self._model.model.is_multilingual
            self._tokenizers[key] = Tokenizer(self._model.hf_tokenizer, multilingual, task=task, language=language)
        return self._tokenizers[key]

    def advance(self, rows: list[Row]) -> None:
        """Whose buckets are one, and their prefixes of one length: `<|startoftranscript|>` must stand at one index."""
        encoded = self._model.encode(stacked(rows))
        self._detect(rows, encoded)
        readings = self._readings(rows, encoded)
        split = [self._split(row, reading) for row, reading in zip(rows, readings, strict=True)]
        self._align(list(zip(range(len(rows)), rows, split, strict=True)), encoded)
        for row, reading, window in zip(rows, readings, split, strict=True):
            self._keep(row, reading, window)

    def _detect(self, rows: list[Row], encoded: Encoded) -> None:
        unknown = [number for number, row in enumerate(rows) if row.language is None]
        if not unknown:
            return
        for number, found in zip(unknown, self._model.model.detect_language(_rows(encoded, unknown)), strict=True):
            token, probability = found[0]
            rows[number].language, rows[number].probability = token[2:-2], float(probability)

    def _readings(self, rows: list[Row], encoded: Encoded) -> list[Reading]:
        """Temperature 0 for all at once; what may not stand is tried again alone, so that chance is the same whoever
        its neighbours are."""
        greedy = self._generate(rows, encoded, 0.0)
        return [
            self._again(row, reading, _rows(encoded, [number])) if gates.another(reading) else reading
            for number, (row, reading) in enumerate(zip(rows, greedy, strict=True))
        ]

    def _again(self, row: Row, reading: Reading, encoded: Encoded) -> Reading:
        tried = [reading]
        for temperature in gates.TEMPERATURES:
            tried += self._generate([row], encoded, temperature)
            if not gates.another(tried[-1]):
                return tried[-1]
        return gates.best(tried)

    def _generate(self, rows: list[Row], encoded: Encoded, temperature: float) -> list[Reading]:
        ctranslate2.set_random_seed(0)  # where a thread of its pool samples for the first time; see decision 8
        tokenizers = [self._tokenizer_of(row) for row in rows]
        search = (
            {"beam_size": 1, "num_hypotheses": BEST_OF, "sampling_topk": 0, "sampling_temperature": temperature}
            if temperature
            else {"beam_size": BEAM, "patience": 1}
        )
        results = self._model.model.generate(
            encoded,
            [[*row.prefix, *tokenizer.sot_sequence] for row, tokenizer in zip(rows, tokenizers, strict=True)],
            max_length=self._model.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizers[0], [-1]),
            max_initial_timestamp_index=_INITIAL_TIMESTAMP,
            **search,
        )
        return [_reading(result, tokenizer, temperature) for result, tokenizer in zip(results, tokenizers, strict=True)]

    def _split(self, row: Row, reading: Reading) -> Window:
        found, seek, finished = self._model._split_segments_by_timestamps(
            tokenizer=self._tokenizer_of(row),
            tokens=list(reading.tokens),
            time_offset=row.offset,
            segment_size=row.size,
            segment_duration=row.seconds,
            seek=row.seek,
        )
        return Window(found, seek, finished)

    def _align(self, numbered: list[tuple[int, Row, Window]], encoded: Encoded) -> None:
        """The times of words. A call takes one start sequence, so languages and tasks go apart."""
        spoken = [one for one in numbered if one[1].clip.word_timestamps and one[2].segments]
        ordered = sorted(spoken, key=lambda one: (one[1].language or "", one[1].clip.task))
        for _, group in groupby(ordered, key=lambda one: (one[1].language, one[1].clip.task)):
            together = list(group)
            tokenizer = self._tokenizer_of(together[0][1])
            texts = [_text_tokens(window, tokenizer) for _, _, window in together]
            found = self._model.find_alignment(
                tokenizer,
                texts,
                _rows(encoded, [number for number, _, _ in together]),
                [row.size for _, row, _ in together],
            )
            for (_, row, window), alignment in zip(together, found, strict=True):
                self._time(row, window, alignment, tokenizer)

    def _time(self, row: Row, window: Window, alignment: list[dict[str, Any]], tokenizer: Tokenizer) -> None:
        """Upstream's own smoothing, on an alignment that was made in a batch."""
        known: Any = _Known(self._model.frames_per_second, alignment)
        row.last_speech = WhisperModel.add_word_timestamps(
            known, [window.segments], tokenizer, None, row.size, _PREPENDED, _APPENDED, row.last_speech
        )
        last = get_end(window.segments)
        if not window.finished and last is not None and last > row.offset:
            window.seek = round(last * FRAMES_PER_SECOND)

    def _keep(self, row: Row, reading: Reading, window: Window) -> None:
        why = gates.reasons(reading, row.seconds, row.clip.speech_seconds)
        if why:
            row.suppressed.append(Gap(row.offset, row.offset + row.seconds, why, reading.text))
            row.go_on(row.seek + row.size)
            return
        tokenizer, language = self._tokenizer_of(row), row.language or "en"
        for found in window.segments:
            text = tokenizer.decode(found["tokens"])
            if text.strip() and found["start"] != found["end"]:
                row.segments.append(_segment(found, text, language, reading))
        row.go_on(window.seek)

    def _tokenizer_of(self, row: Row) -> Tokenizer:
        assert row.language is not None
        return self.tokenizer(row.language, row.clip.task)


@dataclass(frozen=True)
class _Known:
    """Stands for the model in upstream's smoothing: its alignment is known already."""

    frames_per_second: int
    alignment: list[dict[str, Any]]

    def find_alignment(self, *_: Any) -> list[list[dict[str, Any]]]:
        return [self.alignment]


def _rows(encoded: Encoded, numbers: Sequence[int]) -> Encoded:
    """Some windows of an encoder's output; all of them without a copy."""
    if list(numbers) == list(range(encoded.shape[0])):
        return encoded
    here = encoded if encoded.device == "cpu" else encoded.to_device(ctranslate2.Device.cpu)
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.array(here)[list(numbers)]))


def _reading(result: Any, tokenizer: Tokenizer, temperature: float) -> Reading:
    tokens = tuple(result.sequences_ids[0])
    # The score is the mean over the tokens; the end of the text counts as one more.
    logprob = float(result.scores[0]) * len(tokens) / (len(tokens) + 1)
    return Reading(tokens, tokenizer.decode(list(tokens)), logprob, float(result.no_speech_prob), temperature)


def _text_tokens(window: Window, tokenizer: Tokenizer) -> list[int]:
    return [token for one in window.segments for token in one["tokens"] if token < tokenizer.eot]


def _segment(found: dict[str, Any], text: str, language: str, reading: Reading) -> Segment:
    words = tuple(
        Word(float(one["start"]), float(one["end"]), str(one["word"]), float(one["probability"]))
        for one in found.get("words") or ()
    )
    return Segment(
        start=float(found["start"]),
        end=float(found["end"]),
        text=text,
        language=language,
        avg_logprob=reading.avg_logprob,
        no_speech_prob=reading.no_speech_prob,
        words=words,
        flags=(SAMPLED,) if reading.temperature else (),
    )
