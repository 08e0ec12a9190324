"""Synthetic speech with the times of its words, from three free synthesisers.

espeak-ng through its C library (exact word and phoneme times), flite and festival through their
programs (text only). Needs Debian's packages espeak-ng, flite, festival, festvox-kallpc16k,
festvox-kdlpc16k and festvox-us-slt-hts.
"""

import bisect
import ctypes
import random
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 16_000

# Variants of espeak-ng that sound like a person, not like a robot or an effect. The held-out ones are never trained on.
ESPEAK_HELD_OUT = "f3 m7 linda Michael Alicia pablo Gene caleb Andrea steph2 edward2 m5".split()
ESPEAK_TRAIN = (
    "adam Alex Andy Annie antonio aunty belinda benjamin boris david Denis Diogo ed edward gustave Henrique Hugo iven "
    "iven2 iven3 iven4 Jacky john Lee marcelo Marco Mario max michel miguel Mike Nguyen paul pedro quincy rob robert "
    "steph steph3 zac anika f1 f2 f4 f5 m1 m2 m3 m4 m6 m8 norbert sandro shelby travis victor grandpa grandma klatt "
    "klatt2 klatt4"
).split()
FLITE = "kal16 awb rms slt".split()
FESTIVAL = "kal_diphone ked_diphone cmu_us_slt_arctic_hts".split()


@dataclass(frozen=True)
class Speech:
    """16 kHz mono float32 `samples`, and where each word of the spoken text is, in seconds.

    `words` and `phonemes` are empty where the synthesiser does not tell.
    """

    samples: np.ndarray
    words: list[tuple[float, float]] = field(default_factory=list)
    phonemes: list[tuple[float, float, str]] = field(default_factory=list)


class _Event(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng's speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_WORD, _END, _PHONEME = 1, 5, 7
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_RATE_PARAMETER, _PITCH_PARAMETER, _RANGE_PARAMETER = 1, 3, 4


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    synchronous_with_samples, phoneme_events = 2, 1
    rate = library.espeak_Initialize(synchronous_with_samples, 0, None, phoneme_events)
    return library, rate


def espeak(text: str, language: str, variant: str, *, rate: int, pitch: int, pitch_range: int = 50) -> Speech:
    """`rate` in words a minute, `pitch` and `pitch_range` 0-99, as espeak-ng defines them."""
    library, native = _library()
    pieces: list[np.ndarray] = []
    events: list[tuple[int, float, str]] = []

    @_CALLBACK
    def collect(samples, count, event):  # type: ignore[no-untyped-def]
        if count > 0:
            pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        index = 0
        while event[index].type != 0:
            one = event[index]
            name = one.id.decode("utf-8", "replace") if one.type == _PHONEME else str(one.text_position)
            events.append((one.type, one.audio_position / 1000, name))
            index += 1
        return 0

    library.espeak_SetSynthCallback(collect)
    if library.espeak_SetVoiceByName(f"{language}+{variant}".encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {language}+{variant}")
    for parameter, value in ((_RATE_PARAMETER, rate), (_PITCH_PARAMETER, pitch), (_RANGE_PARAMETER, pitch_range)):
        library.espeak_SetParameter(parameter, value, 0)
    encoded = text.encode() + b"\0"
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, 1, None, None)
    wave = np.concatenate(pieces).astype(np.float32) / 32768 if pieces else np.zeros(0, np.float32)
    words, phonemes = _spans(text, events, len(wave) / native)
    return Speech(_to_16k(wave, native), words, phonemes)


def _spans(text: str, events: list[tuple[int, float, str]], length: float):  # type: ignore[no-untyped-def]
    """The (start, end) of each word of `text`, and the (start, end, name) of each phoneme.

    A word runs from its first phoneme to the end of its last, pauses (`_…`) left out. espeak-ng
    says some pairs as one ("on the"): such a span is divided by the number of letters.
    """
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    phonemes: list[tuple[float, float, str]] = []
    said: dict[int, list[float]] = {}
    current = 0
    for index, (kind, at, name) in enumerate(events):
        if kind == _WORD:
            current = max(current, bisect.bisect_right(starts, int(name) - 1) - 1)
        if kind == _PHONEME and name and not name.startswith("_"):
            until = next((t for k, t, _ in events[index + 1 :] if k in (_PHONEME, _END)), length)
            phonemes.append((at, until, name))
            said[current] = [said.get(current, [at])[0], until]
    return _divide(said, [len(word) for word in text.split()]), phonemes


def _divide(said: dict[int, list[float]], letters: list[int]) -> list[tuple[float, float]]:
    if 0 not in said:
        return []
    words: list[tuple[float, float]] = []
    firsts = [*sorted(said), len(letters)]
    for first, following in zip(firsts, firsts[1:], strict=False):
        start, end = said[first]
        end = min(end, said[following][0]) if following in said else end
        total = sum(letters[first:following])
        for index in range(first, following):
            share = (end - start) * letters[index] / total
            words.append((start, start + share))
            start += share
    return words


def _to_16k(wave: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE:
        return wave.astype(np.float32)
    common = int(np.gcd(rate, RATE))
    return resample_poly(wave, RATE // common, rate // common).astype(np.float32)


def random_espeak(text: str, language: str, variants: list[str], rng: random.Random) -> tuple[Speech, str]:
    variant = rng.choice(variants)
    accent = "cmn-latn-pinyin" if language == "zh" else rng.choices(["en-us", "en"], [0.75, 0.25])[0]
    made = espeak(
        text, accent, variant, rate=rng.randint(125, 195), pitch=rng.randint(25, 75), pitch_range=rng.randint(30, 70)
    )
    return made, f"espeak:{accent}+{variant}"


def flite(text: str, voice: str, *, stretch: float = 1.0) -> Speech:
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}", "-t", text, "-o", out.name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wave, rate = soundfile.read(out.name, dtype="float32")
    return Speech(_to_16k(wave, rate))


def festival(texts: list[str], voice: str, *, stretch: float = 1.0) -> list[Speech]:
    """All texts in one process: festival starts slowly."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch:.2f})"]
        for index, text in enumerate(texts):
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{folder}/{index}.wav" \'riff)')
        script = Path(folder, "say.scm")
        script.write_text("\n".join(lines))
        subprocess.run(
            ["festival", "-b", str(script)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        read = [soundfile.read(f"{folder}/{index}.wav", dtype="float32") for index in range(len(texts))]
    return [Speech(_to_16k(wave, rate)) for wave, rate in read]
