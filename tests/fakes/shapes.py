"""Whispers of a true shape, with random weights, that always say the same: what a decode costs, without a download.

Every layer runs at its full cost, but the text does not hang on the sound: what a decoder's position is encoded as
outweighs all that the layers add, and is the embedding of the token that is to be said there. So the product and the
library can be compared, window by window, on equal text of a fixed length. Made by CTranslate2's own writer from
numpy arrays: neither torch nor the hub is needed.

A language prompt or hotwords would shift the positions, and with them the text.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from numpy.typing import NDArray

SPOKEN = (0.0, 29.0)
"""Seconds of the one segment of every window."""

_TEXTS = 50_256
"""Tokens of text in the vocabulary of every multilingual Whisper; the empty string follows, then the specials."""
_TIMESTAMPS = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
_FRAMES, _TOKENS = 1500, 448
_CERTAIN = 30.0
"""Logit of the token that is to be said: the others, all 50,000 together, have a chance of one in a million."""
_LOUD = 30.0
"""A position's encoding, in standard deviations of a layer's output: what the layers add hardly turns it."""
_SPREAD = 0.02
"""Standard deviation of the weights, as in a Whisper before its training."""
_INT8_SPREAD = 73.9
"""That of whole numbers from -128 to 127, drawn evenly."""


@dataclass(frozen=True)
class Shape:
    """`languages` decide the size of the vocabulary. `alignment`: the layers and heads that tell the times of words."""

    mels: int
    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    languages: int
    alignment: tuple[tuple[int, int], ...]

    @property
    def specials(self) -> list[str]:
        """How many there are and where they stand is Whisper's; the languages' own order is not."""
        others = [code for code in _LANGUAGE_CODES if code not in ("en", "yue")] + ["yue"]
        tasks = "translate transcribe startoflm startofprev nospeech notimestamps".split()
        names = ["endoftext", "startoftranscript", "en", *others[: self.languages - 1], *tasks]
        return [f"<|{name}|>" for name in names]

    @property
    def vocabulary(self) -> list[str]:
        return [*_text_tokens(), "", *self.specials, *_TIMESTAMPS]


SHAPES = {
    "tiny": Shape(80, 4, 4, 384, 6, 99, ((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5))),
    "large-v3-turbo": Shape(128, 32, 4, 1280, 20, 100, ((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14))),
}


def build(folder: Path, shape: str, words: int = 60, quantization: str = "int8") -> Path:
    """Writes the model into `folder`, which must be there: 40 MB for `tiny`, 0.8 GB for `large-v3-turbo`.

    It says `script(words)` in each window, whatever is in it; more than 40 characters a second would be gated, so a
    window of 2 s takes ten words. `quantization`: int8, float16 or float32. Gives the folder.
    """
    made = SHAPES[shape]
    vocabulary = made.vocabulary
    _Writer(made, quantization).write(folder, vocabulary, _spoken(vocabulary, words))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(vocabulary)))
    features = {"chunk_length": 30, "feature_size": made.mels, "hop_length": 160, "n_fft": 400, "sampling_rate": 16_000}
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def script(words: int) -> str:
    """What is said."""
    return "".join(_word(index) for index in range(words))


def _spoken(vocabulary: list[str], words: int) -> list[int]:
    """The token that follows each of the decoder's positions; the language is that of position 0."""
    if words > _TOKENS // 2 - 4:
        raise ValueError("a window's text is at most half of the decoder's 448 tokens")
    number = {token: index for index, token in enumerate(vocabulary)}
    start, end = (f"<|{time:.2f}|>" for time in SPOKEN)
    text = [_written(_word(index)) for index in range(words)]
    return [number[token] for token in ("<|en|>", "<|transcribe|>", start, *text, end, "<|endoftext|>")]


class _Writer:
    """Fills CTranslate2's description of a Whisper with numbers."""

    def __init__(self, shape: Shape, quantization: str) -> None:
        self._shape, self._quantization = shape, quantization
        self._chance = np.random.default_rng(0)

    def write(self, folder: Path, vocabulary: list[str], spoken: list[int]) -> None:
        shape = self._shape
        spec = WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
        self._encoder(spec.encoder)
        self._decoder(spec.decoder, len(vocabulary), spoken)
        self._configure(spec.config, vocabulary)
        spec.register_vocabulary(vocabulary)
        spec.validate()
        spec.decoder.projection.weight = "decoder/embeddings/weight"  # one matrix both ways, as Whisper has it
        if self._quantization == "int8":
            spec.decoder.projection.weight_scale = "decoder/embeddings/weight_scale"
        spec.save(str(folder))

    def _configure(self, config: Any, vocabulary: list[str]) -> None:
        first = vocabulary.index("<|endoftext|>")
        config.lang_ids = list(range(first + 2, first + 2 + self._shape.languages))
        config.alignment_heads = [list(head) for head in self._shape.alignment]
        config.suppress_ids = []
        config.suppress_ids_begin = [vocabulary.index(_written(" ")), first]

    def _encoder(self, spec: Any) -> None:
        width = self._shape.width
        self._dense(spec.conv1, (width, self._shape.mels, 3))
        self._dense(spec.conv2, (width, width, 3))
        spec.position_encodings.encodings = self._plain(self._chance.standard_normal((_FRAMES, width)) * _SPREAD)
        self._norm(spec.layer_norm)
        for layer in spec.layer:
            self._attention(layer.self_attention, (3, 1))
            self._feed_forward(layer.ffn)

    def _decoder(self, spec: Any, tokens: int, spoken: list[int]) -> None:
        self._norm(spec.layer_norm)
        for layer in spec.layer:
            self._attention(layer.self_attention, (3, 1))
            self._attention(layer.attention, (1, 2, 1))
            self._feed_forward(layer.ffn)
        self._say(spec, tokens, spoken)

    def _say(self, spec: Any, tokens: int, spoken: list[int]) -> None:
        """Each token that is said has a direction of its own: the row of its embedding, and what the positions before
        it are encoded as."""
        width = self._shape.width
        square, _ = np.linalg.qr(self._chance.standard_normal((width, width)))
        directions = square[: len(spoken)] * np.sqrt(width)
        self._dense(spec.embeddings, (tokens, width))
        self._rows(spec.embeddings, spoken, directions * _CERTAIN / width)
        last = np.repeat(directions[-1:], _TOKENS - len(spoken), axis=0)  # what has ended stays ended
        spec.position_encodings.encodings = self._plain(np.concatenate([directions, last]) * _LOUD)
        # Put there so that the description is whole; `write` makes it another name of the embeddings.
        spec.projection.weight = spec.embeddings.weight

    def _attention(self, spec: Any, parts: tuple[int, ...]) -> None:
        """`parts`: how many of query, key, value and output each matrix holds."""
        width = self._shape.width
        self._norm(spec.layer_norm)
        for linear, count in zip(spec.linear, parts, strict=True):
            self._dense(linear, (count * width, width))

    def _feed_forward(self, spec: Any) -> None:
        width = self._shape.width
        self._norm(spec.layer_norm)
        self._dense(spec.linear_0, (4 * width, width))
        self._dense(spec.linear_1, (width, 4 * width))

    def _norm(self, spec: Any) -> None:
        spec.gamma, spec.beta = self._plain(np.ones(self._shape.width)), self._plain(np.zeros(self._shape.width))

    def _dense(self, spec: Any, shape: tuple[int, ...]) -> None:
        drawn = self._chance.integers(-128, 128, shape, np.int8)
        if self._quantization == "int8":
            spec.weight = drawn
            spec.weight_scale = np.full(shape[0], _INT8_SPREAD / _SPREAD, np.float32)
        else:
            spec.weight = drawn.astype(self._quantization)
            spec.weight *= spec.weight.dtype.type(_SPREAD / _INT8_SPREAD)
        if hasattr(spec, "bias"):
            spec.bias = self._plain(np.zeros(shape[0]))

    def _rows(self, spec: Any, numbers: list[int], rows: NDArray[np.float64]) -> None:
        if self._quantization == "int8":
            scales = 127 / np.abs(rows).max(axis=1)
            spec.weight_scale[numbers] = scales
            rows = np.rint(rows * scales[:, np.newaxis])
        spec.weight[numbers] = rows.astype(spec.weight.dtype)

    def _plain(self, values: NDArray[np.float64]) -> NDArray[Any]:
        """What stays a floating number in int8 too."""
        return values.astype(np.float16 if self._quantization == "float16" else np.float32)


def _word(index: int) -> str:
    """Five letters after a space; 200,000 of them differ, and neighbours are not alike, or they would compress well
    enough to be taken for a loop."""
    consonants, vowels = "bcdfghjklmnprstvwxyz", "aeiou"
    left = index * 104_729 % 200_000
    letters = []
    for among in (consonants, vowels, consonants, vowels, consonants):
        left, at = divmod(left, len(among))
        letters.append(among[at])
    return " " + "".join(letters)


def _text_tokens() -> list[str]:
    alphabet = [character for _, character in sorted(_byte_letters().items())]
    return alphabet + [_written(_word(index)) for index in range(_TEXTS - len(alphabet))]


def _written(text: str) -> str:
    letters = _byte_letters()
    return "".join(letters[byte] for byte in text.encode())


@cache
def _byte_letters() -> dict[int, str]:
    """How byte-level BPE writes a byte: as itself where it can be seen, else as a letter from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {**{byte: chr(byte) for byte in seen}, **{byte: chr(256 + at) for at, byte in enumerate(hidden)}}


def _tokenizer(vocabulary: list[str]) -> dict[str, Any]:
    """In the format of the package tokenizers. Without merges: what is encoded becomes bytes."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    texts = vocabulary[: _TEXTS + 1]
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": index, "content": token, "special": token not in _TIMESTAMPS, **plain}
            for index, token in enumerate(vocabulary)
            if index >= len(texts)
        ],
        "pre_tokenizer": level,
        "decoder": level,
        "model": {"type": "BPE", "vocab": {token: index for index, token in enumerate(texts)}, "merges": []},
    }
