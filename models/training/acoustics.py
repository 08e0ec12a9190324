"""Log-mel spectra exactly as faster-whisper makes them, and noise for them.

Spectra are kept raw (log10 of mel power, before Whisper's clamp and scale), because in that form
clips can be joined, made louder and mixed with noise without going back to samples.
"""

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

FRAMES_A_SECOND = 100
WINDOW_FRAMES = 3000
_extractor = FeatureExtractor(feature_size=80)
_filters = _extractor.mel_filters
FLOOR = -10.0


def raw_log_mel(samples: np.ndarray) -> np.ndarray:
    """(80, frames) float32; one frame is 10 ms."""
    window = np.hanning(401)[:-1].astype(np.float32)
    padded = np.pad(np.concatenate([samples, np.zeros(160, np.float32)]), 200, mode="reflect")
    count = 1 + (len(padded) - 400) // 160
    frames = np.lib.stride_tricks.as_strided(padded, (count, 400), (padded.strides[0] * 160, padded.strides[0]))
    power = np.abs(np.fft.rfft(frames * window, axis=1)[:-1]) ** 2
    return np.log10(np.maximum(_filters @ power.T.astype(np.float32), 1e-10)).astype(np.float32)


def whisper_scale(raw: np.ndarray) -> np.ndarray:
    """Whisper's own normalisation (openai/whisper `log_mel_spectrogram`): the last step before the model."""
    return (np.maximum(raw, raw.max() - 8.0) + 4.0) / 4.0


def noise(kind: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Samples at about full scale. Coloured noise, hum, clicks, chords: what a meeting room has besides voices."""
    count = int(seconds * 16_000)
    t = np.arange(count) / 16_000
    if kind in ("white", "pink", "brown"):
        spectrum = np.fft.rfft(rng.standard_normal(count))
        tilt = {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind]
        spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** tilt
        wave = np.fft.irfft(spectrum, count)
    elif kind == "hum":
        base = rng.uniform(45, 130)
        wave = np.sum([np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k for k in range(1, 9)], axis=0)
        wave = wave + 0.05 * rng.standard_normal(count)
    elif kind == "clicks":
        wave = 0.01 * rng.standard_normal(count)
        for start in rng.integers(0, max(1, count - 800), int(seconds * 4)):
            length = int(rng.integers(80, 800))
            wave[start : start + length] += rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
    elif kind == "music":
        wave = np.zeros(count)
        for start in np.arange(0, seconds, 0.5):
            span = slice(int(start * 16_000), min(count, int((start + 0.5) * 16_000)))
            for _ in range(3):
                wave[span] += np.sin(2 * np.pi * 220 * 2 ** (rng.integers(0, 24) / 12) * t[span])
    else:
        raise ValueError(kind)
    return (wave / (np.abs(wave).max() + 1e-9)).astype(np.float32)


NOISES = ("white", "pink", "brown", "hum", "clicks", "music")
