"""Whether what a window's decode gave may stand. Pure.

The first four thresholds are those of openai/whisper's `transcribe()` and of faster-whisper, whose batched pipeline
drops these nets. Nothing that they stop is lost: it is kept with the reasons.
"""

import zlib
from dataclasses import dataclass

COMPRESSION = 2.4
"""Text that compresses better than this repeats itself."""
LOGPROB = -1.0
"""Mean log probability of a token below which a decode is improbable."""
NO_SPEECH = 0.6
"""Probability of no speech, which counts only together with an improbable text."""
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Tried in turn where the text of temperature 0 repeats itself or is improbable."""

LOOPS = 8
"""The same one to four words so often in a row: short loops ("no" eight times: 1.8) compress too little."""
_LONGEST_LOOP = 4
RATE = 40.0
"""Characters a second: twice the quickest speech in an alphabet, more than that in characters."""
LITTLE_SPEECH = 0.25
"""Seconds of speech in a whole clip, by the detector: less than the shortest word has. A drum beat can sound so."""
LITTLE_LOGPROB = -0.7
"""Then a text must at least be probable: nothing is stopped for being short, or for what it says."""
_SHORTEST = 0.5
"""Seconds that even a short window counts as, for the rate."""


@dataclass(frozen=True)
class Reading:
    """What one decode of a window gave."""

    tokens: tuple[int, ...]
    text: str
    avg_logprob: float
    no_speech_prob: float
    temperature: float = 0.0

    @property
    def compression(self) -> float:
        said = self.text.strip().encode()
        return len(said) / len(zlib.compress(said)) if said else 0.0

    @property
    def repetitive(self) -> bool:
        return self.compression > COMPRESSION or loops(self.text)

    @property
    def improbable(self) -> bool:
        return self.avg_logprob < LOGPROB

    @property
    def silent(self) -> bool:
        return self.no_speech_prob > NO_SPEECH and self.improbable


def another(reading: Reading) -> bool:
    """Whether the next temperature is to be tried. Silence stays silence at any."""
    return (reading.repetitive or reading.improbable) and not reading.silent


def best(tried: list[Reading]) -> Reading:
    """Of decodes of which none may stand: the most probable; one that does not repeat itself, where there is any."""
    return max([one for one in tried if not one.repetitive] or tried, key=lambda one: one.avg_logprob)


def reasons(reading: Reading, seconds: float, speech: float | None = None) -> tuple[str, ...]:
    """Why the text of a window of so many seconds is suppressed; empty where it stands. `speech`: seconds of it in the
    whole clip, where a detector said."""
    if not reading.text.strip():
        return ()
    found = {
        "no_speech": reading.silent,
        "repetition": reading.repetitive,
        "little_speech": speech is not None and speech < LITTLE_SPEECH and reading.avg_logprob < LITTLE_LOGPROB,
        "rate": len(reading.text.strip()) / max(seconds, _SHORTEST) > RATE,
    }
    return tuple(reason for reason, given in found.items() if given)


def loops(text: str) -> bool:
    """Whether one to four words, or characters where there are no spaces, come LOOPS times in a row."""
    said = text.lower().strip()
    words = said.split() if " " in said else list(said)  # Chinese has no spaces
    return any(_looping(words, length) for length in range(1, _LONGEST_LOOP + 1))


def _looping(words: list[str], length: int) -> bool:
    run = 0
    for before, word in zip(words, words[length:], strict=False):
        run = run + 1 if before == word else 0
        if run >= length * (LOOPS - 1):
            return True
    return False
