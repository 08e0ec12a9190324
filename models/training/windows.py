"""Training windows: utterances placed on a background, and what the model shall answer.

Everything is done on mel power, so each draw of an utterance sounds different: gain, microphone,
room, noise, gaps. A window is what faster-whisper hands to the model: Whisper's scale, then zeros.
"""

import pickle
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from tokenizers import Tokenizer

from models.training.acoustics import FLOOR, WINDOW_FRAMES, whisper_scale
from models.training.corpus import Utterance
from models.training.tokens import number

IGNORED = -100


@dataclass(frozen=True)
class Window:
    """`mel` (frames, 80); `tokens` with `weights` (0: given, not asked for); `spans` gives for a token the encoder
    positions (20 ms) where it is said; `phonemes` one label a position."""

    mel: np.ndarray
    tokens: list[int]
    weights: list[float]
    spans: dict[int, tuple[int, int]]
    phonemes: np.ndarray


@dataclass(frozen=True)
class Mix:
    """What a batch is made of. `utterances` most in a window, `frames` most in all, `pad_to` at least so long."""

    batch: int
    utterances: int
    frames: int
    pad_to: int
    random_words: float
    timestamps: float


class Windows:
    def __init__(self, corpus: Path, tokenizer: Tokenizer, seed: int) -> None:
        loaded = pickle.loads(corpus.read_bytes())  # our own file, made by corpus.py
        self.noises: list[np.ndarray] = loaded["noises"]
        self.tokenizer = tokenizer
        self.rng = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.pools: dict[tuple[str, bool], list[Utterance]] = {}
        names: dict[str, int] = {}
        for one in (Utterance(**plain) for plain in loaded["utterances"]):
            for _, _, name in one.phonemes:
                names[f"{one.language}{name}"] = names.get(f"{one.language}{name}", 0) + 1
            self.pools.setdefault((one.language, one.style == "random"), []).append(one)
        kept = sorted(name for name, count in names.items() if count >= 200)
        self.labels = {name: index + 1 for index, name in enumerate(kept)}  # 0 is silence
        self.id = {name: number(tokenizer, name) for name in tokenizer.get_vocab() if name.startswith("<|")}

    def draw(self, mix: Mix) -> Window:
        if self.rng.random() < 0.06:
            return self._no_speech(mix)
        language = "zh" if self.rng.random() < 0.3 else "en"
        chosen: list[tuple[Utterance, int]] = []
        at = self.rng.choice([0, 5, 20, 50, self.rng.randint(0, 150)])
        for _ in range(self.rng.randint(1, mix.utterances)):
            one = self.rng.choice(self.pools[language, self.rng.random() < mix.random_words])
            if at + len(one.mel) > mix.frames:
                break
            chosen.append((one, at))
            at += len(one.mel) + self.rng.choice([8, 20, 40, 80, self.rng.randint(10, 250)])
        if not chosen:
            return self.draw(mix)
        last, placed = chosen[-1]
        length = min(mix.frames, placed + len(last.mel) + self.rng.choice([0, 10, 40, self.rng.randint(0, 200)]))
        timestamps = self.rng.random() < mix.timestamps
        tokens, weights, spans = self._answer(language, chosen, timestamps)
        return Window(self._mel(chosen, length), tokens, weights, spans, self._phonemes(chosen, length))

    def _mel(self, chosen: list[tuple[Utterance, int]], length: int) -> np.ndarray:
        rng = self.rng
        speech = np.full((length, 80), FLOOR, np.float32)
        for one, at in chosen:
            clip = one.mel[: length - at].astype(np.float32) + rng.uniform(-0.4, 0.4)
            speech[at : at + len(clip)] = np.maximum(speech[at : at + len(clip)], clip)
        power = 10.0**speech
        if rng.random() < 0.35:  # a room: energy decays by 60 dB in 0.15 to 0.7 s
            decay = 10 ** (-6 * 0.01 / rng.uniform(0.15, 0.7))
            power = power + rng.uniform(0.01, 0.12) * lfilter([1.0], [1.0, -decay], power, axis=0)
        if rng.random() < 0.8:
            loud = float(np.log10(np.percentile(power.mean(1), 90) + 1e-12))
            below = rng.uniform(0.7, 4.5)  # signal to noise 7 to 45 dB
            background = self._background(length)
            power = power + 10.0 ** (background - float(background.mean()) + loud - below)
        raw = np.log10(np.maximum(power, 1e-10)) + self._microphone()
        return self._mask(whisper_scale(raw.astype(np.float32)))

    def _background(self, length: int) -> np.ndarray:
        bed = self.rng.choice(self.noises)
        start = self.rng.randint(0, max(0, len(bed) - length))
        return (
            bed[start : start + length].astype(np.float32)
            if len(bed) >= length
            else np.resize(bed, (length, 80)).astype(np.float32)
        )

    def _microphone(self) -> np.ndarray:
        knots = self.numpy.normal(0, 0.15, 5)
        curve = np.interp(np.linspace(0, 4, 80), np.arange(5), knots)
        return (curve + self.rng.uniform(-1.5, 0.5)).astype(np.float32)

    def _mask(self, mel: np.ndarray) -> np.ndarray:
        """SpecAugment (Park et al. 2019), gently."""
        if self.rng.random() < 0.3:
            low = self.rng.randint(0, 70)
            mel[:, low : low + self.rng.randint(2, 9)] = mel.mean()
        if self.rng.random() < 0.3 and len(mel) > 100:
            start = self.rng.randint(0, len(mel) - 12)
            mel[start : start + self.rng.randint(3, 10)] = mel.mean()
        return mel

    def _no_speech(self, mix: Mix) -> Window:
        length = self.rng.randint(100, mix.frames)
        quiet = self.rng.random() < 0.15
        raw = (
            np.full((length, 80), FLOOR, np.float32)
            if quiet
            else self._background(length) + self._microphone() - self.rng.uniform(0, 3)
        )
        start, code = self.id["<|startoftranscript|>"], self.id[f"<|{self.rng.choice(['en', 'zh'])}|>"]
        mode = self.id["<|notimestamps|>" if self.rng.random() > mix.timestamps else "<|0.00|>"]
        # The first answer is <|nospeech|>; told a language all the same, the text is empty.
        tokens = [start, code, self.id["<|transcribe|>"], mode, self.id["<|endoftext|>"]]
        tokens.append(self.id["<|nospeech|>"])  # read by `targets`: what the first position answers
        return Window(
            whisper_scale(np.maximum(raw, FLOOR)), tokens, [-1.0, 0, 0, 1.0], {}, np.zeros((length + 1) // 2, np.int64)
        )

    def _answer(self, language: str, chosen: list[tuple[Utterance, int]], timestamps: bool):  # type: ignore[no-untyped-def]
        """Tokens, and for each predicted position (that of the token before) its weight and its span."""
        tokens: list[int] = []
        weights: list[float] = []
        spans: dict[int, tuple[int, int]] = {}
        if self.rng.random() < 0.06:
            before = self.rng.choice(self.pools[language, False]).text
            prompt = [self.id["<|startofprev|>"], *self.tokenizer.encode(self._written(language, before)).ids]
            tokens += prompt
            weights += [0.0] * len(prompt)
        tokens += [self.id["<|startoftranscript|>"], self.id[f"<|{language}|>"], self.id["<|transcribe|>"]]
        weights += [1.0, 0.0]  # for the language, for the task
        if not timestamps:
            tokens.append(self.id["<|notimestamps|>"])
            weights.append(0.0)
        for one, at in chosen:
            if timestamps:
                tokens.append(self._stamp(at, one, first=True))
                weights.append(0.5)
            for ids, span in self._words(one):
                for token in ids:
                    if span:
                        spans[len(tokens) - 1] = (int((at / 100 + span[0]) * 50), int((at / 100 + span[1]) * 50) + 1)
                    tokens.append(token)
                    weights.append(1.0)
            if timestamps:
                tokens.append(self._stamp(at, one, first=False))
                weights.append(0.5)
        tokens.append(self.id["<|endoftext|>"])
        weights.append(1.0)
        return tokens, weights, spans

    def _stamp(self, at: int, one: Utterance, *, first: bool) -> int:
        inside = (one.words[0][0] if first else one.words[-1][1]) if one.words else (0.0 if first else one.seconds)
        return self.id["<|0.00|>"] + min(1500, round((at / 100 + inside) * 50))

    @staticmethod
    def _written(language: str, text: str) -> str:
        return text if language == "zh" else f" {text}"

    def _words(self, one: Utterance):  # type: ignore[no-untyped-def]
        """(token ids, span) a word; a full stop is its own token just after its word."""
        pieces = list(one.text) if one.language == "zh" else [f" {word}" for word in one.text.split()]
        for index, piece in enumerate(pieces):
            span = one.words[index] if one.words else None
            body = piece.rstrip(".?")
            yield self.tokenizer.encode(body).ids, span
            if body != piece:
                yield self.tokenizer.encode(piece[len(body) :]).ids, (span[1], span[1] + 0.06) if span else None

    def _phonemes(self, chosen: list[tuple[Utterance, int]], length: int) -> np.ndarray:
        labels = np.zeros((length + 1) // 2, np.int64)
        for one, at in chosen:
            if not one.phonemes:
                labels[at // 2 : (at + len(one.mel)) // 2] = IGNORED
            for start, end, name in one.phonemes:
                span = slice(int((at / 100 + start) * 50), int((at / 100 + end) * 50))
                labels[span] = self.labels.get(f"{one.language}{name}", IGNORED)
        return labels


def collate(windows: list[Window], mix: Mix, end: int) -> dict[str, np.ndarray]:
    frames = max(mix.pad_to, max(len(window.mel) for window in windows))
    frames = min(WINDOW_FRAMES, frames + frames % 2)
    longest = max(len(window.weights) for window in windows)
    count = len(windows)
    mel = np.zeros((count, frames, 80), np.float32)
    inputs = np.full((count, longest), end, np.int64)
    targets = np.full((count, longest), end, np.int64)
    weights = np.zeros((count, longest), np.float32)
    spans = np.zeros((count, longest, 2), np.int64)
    phonemes = np.full((count, frames // 2), IGNORED, np.int64)
    for row, window in enumerate(windows):
        size = len(window.weights)
        mel[row, : len(window.mel)] = window.mel[:frames]
        inputs[row, :size] = window.tokens[:size]
        targets[row, :size] = window.tokens[1 : size + 1]
        weights[row, :size] = window.weights
        if window.weights[0] < 0:  # no speech: the first position answers the last token
            targets[row, 0], weights[row, 0] = window.tokens[-1], 1.0
        for position, span in window.spans.items():
            spans[row, position] = min(span[0], frames // 2 - 1), min(span[1], frames // 2)
        phonemes[row, : min(len(window.phonemes), frames // 2)] = window.phonemes[: frames // 2]
    return {"mel": mel, "inputs": inputs, "targets": targets, "weights": weights, "spans": spans, "phonemes": phonemes}
