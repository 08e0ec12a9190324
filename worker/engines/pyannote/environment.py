"""What must be so before pyannote.audio is imported: nothing is sent to anybody, and torchaudio loads.

Importing this module imports torch and pyannote.audio: seconds, and hundreds of MB.
"""

import os
import sys
import warnings
from types import ModuleType
from typing import Any

import torch

STUB = "torchaudio._extension"


def silence() -> None:
    """pyannote.audio reports durations of recordings and numbers of speakers to its makers, unless told not to before
    it is imported."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"


def stub_torchaudio() -> None:
    """The package index has torchaudio as a CUDA build alone, whose libraries do not load beside a torch for
    processors. All that pyannote.audio uses of it is Python, so there the libraries are left out."""
    if torch.version.cuda is not None or "torchaudio" in sys.modules:
        return
    stub: Any = ModuleType(STUB)
    stub.__path__ = []
    stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
    stub._IS_ALIGN_AVAILABLE = False
    stub.fail_if_no_align = lambda function: function
    stub._check_cuda_version = lambda: None
    sys.modules[STUB] = stub


def import_quietly() -> None:
    """It warns where torchcodec finds no FFmpeg; we hand it samples, never files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyannote.audio.pipelines  # noqa: F401


silence()
stub_torchaudio()
import_quietly()
