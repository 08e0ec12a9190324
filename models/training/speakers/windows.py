"""Batches of windows of the pool: sound, and who speaks in it."""

from dataclasses import dataclass

import numpy as np
import torch

from models.training.speakers.pool import LABELS_A_SECOND, Pool
from models.training.voices import RATE

LABEL = RATE // LABELS_A_SECOND
"""Samples."""


@dataclass(frozen=True)
class Batch:
    """`samples`: (n, samples) float32. `active`: (n, labels, speakers). `persons`: (n, speakers), -1 for none."""

    samples: torch.Tensor
    active: torch.Tensor
    persons: torch.Tensor


class Windows:
    """Draws for ever, by its seed."""

    def __init__(self, pool: Pool, seconds: float, seed: int, most: int) -> None:
        """`most`: speakers in a window."""
        self._pool, self._rng, self._most = pool, np.random.default_rng(seed), most
        self._labels = round(seconds * LABELS_A_SECOND)

    def draw(self, size: int) -> Batch:
        found = [self._one() for _ in range(size)]
        samples, active, persons = (torch.from_numpy(np.stack(parts)) for parts in zip(*found, strict=True))
        return Batch(samples, active, persons)

    def _one(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        while True:
            row = int(self._rng.integers(len(self._pool.samples)))
            first = int(self._rng.integers(self._pool.active.shape[1] - self._labels))
            active = np.asarray(self._pool.active[row, first : first + self._labels])
            speaks = active.any(axis=0)
            if speaks.sum() <= self._most:
                break
        # Those who speak come first, in the order of their first sound.
        order = np.argsort(np.where(speaks, active.argmax(axis=0), len(active)), kind="stable")
        pcm = self._pool.samples[row, first * LABEL : (first + self._labels) * LABEL]
        persons = np.where(speaks, self._pool.persons[row], -1)[order].astype(np.int64)
        return self._varied(pcm.astype(np.float32) / 32768), active[:, order], persons

    def _varied(self, samples: np.ndarray) -> np.ndarray:
        """Another level, and now and then the band of a telephone."""
        samples = samples * np.float32(10 ** (self._rng.uniform(-10, 6) / 20))
        if self._rng.random() < 0.1:
            spectrum = np.fft.rfft(samples)
            hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
            spectrum[(hertz < 250) | (hertz > self._rng.uniform(3300, 4200))] = 0
            samples = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
        return np.clip(samples, -1, 1)
