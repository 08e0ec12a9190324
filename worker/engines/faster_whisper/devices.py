"""Where a model runs and in which numbers: by what is there, unless a setting says."""

from collections.abc import Collection
from dataclasses import dataclass

import ctranslate2

from core.processors import cores
from core.settings import Settings

PREFERRED = {"cuda": ("float16", "int8", "float32"), "cpu": ("int8", "float32")}
"""The first that the device computes natively. GPUs before Volta have no quick float16; there int8 comes next."""


@dataclass(frozen=True)
class Device:
    """`kind`: cpu or cuda. `compute_type` is what CTranslate2 is asked for, `supported` all that it has here.
    `threads`: of processors, in one call."""

    kind: str
    compute_type: str
    supported: tuple[str, ...]
    threads: int

    @property
    def able(self) -> bool:
        """Whether a model will load in it; `default` is what the model's files are in."""
        return bool(self.supported) and self.compute_type in (*self.supported, "default")


def chosen(settings: Settings) -> Device:
    kind = settings.device
    if kind == "auto":
        kind = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    supported = _supported(kind)
    asked = compute_type(settings.compute_type, kind, supported)
    return Device(kind, asked, tuple(sorted(supported)), settings.threads or cores())


def compute_type(wanted: str, kind: str, supported: Collection[str]) -> str:
    """What was wanted is not second-guessed: where the device lacks it, loading says so."""
    if wanted != "auto":
        return wanted
    liked = PREFERRED.get(kind, PREFERRED["cpu"])
    return next((one for one in liked if one in supported), liked[0])


def _supported(kind: str) -> Collection[str]:
    try:
        found: Collection[str] = ctranslate2.get_supported_compute_types(kind)
    except (RuntimeError, ValueError):  # no such device here: loading the model gives the reason, with a remedy
        return ()
    return found
