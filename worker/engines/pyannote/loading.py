"""The Diarizer out of its files: which device, how many windows at once.

A checkpoint is a pickle, which may run anything when it is loaded: a pipeline is the choice of who runs the server,
never of a caller.
"""

import pickle
import warnings
from typing import Any

import torch
from pyannote.audio import Pipeline
from pyannote.audio.core.plda import PLDA

from core.errors import ModelUnavailable
from core.models import ModelSource
from core.processors import cores
from core.settings import Settings
from worker.clustering import BOUND
from worker.engines.blocks import BLOCK, SAMPLE_RATE, Grid
from worker.engines.protocols import EngineInfo
from worker.engines.pyannote import files
from worker.engines.pyannote.diarizer import PyannoteDiarizer
from worker.engines.pyannote.hearing import Hearing
from worker.engines.pyannote.joining import Joiner
from worker.engines.pyannote.voices import SUPPORTED
from worker.turns import Frames

ON_PROCESSORS = 4
"""Windows at once on processors: more take as many CPU seconds, and more memory."""
_MOST = 64
_ROOM = 0.5
"""Share of a GPU's free memory that a batch may take; what is not known beforehand halves it."""


def load(source: ModelSource, settings: Settings) -> PyannoteDiarizer:
    """From what is on this machine. Raises ModelUnavailable."""
    found = files.found(source)
    device = _device(settings)
    torch.set_num_threads(settings.threads or cores())
    pipeline = pipeline_of(source.name, found.config)
    pipeline.to(torch.device(device))
    windows = (float(pipeline._segmentation.duration),)
    info = EngineInfo(source.name, "pyannote", found.revision, device, "float32", windows)
    hearing = Hearing(pipeline)
    return PyannoteDiarizer(hearing, joiner(pipeline), info, _batch(hearing, device), grid(pipeline))


def joiner(pipeline: Any, bound: int = BOUND) -> Joiner:
    segmentation = pipeline._segmentation
    field = segmentation.model.receptive_field
    frames = Frames(field.duration, field.step, segmentation.duration, segmentation.step)
    return Joiner(pipeline.clustering, frames, float(pipeline.segmentation.min_duration_off), bound)


def grid(pipeline: Any, length: int = BLOCK) -> Grid:
    segmentation = pipeline._segmentation
    return Grid(round(segmentation.duration * SAMPLE_RATE), round(segmentation.step * SAMPLE_RATE), length)


def _device(settings: Settings) -> str:
    wanted = settings.device
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda":
        if not torch.cuda.is_available():
            raise ModelUnavailable("SCRIPTORIUM_DEVICE says cuda, but torch sees no GPU here; set it to auto or cpu")
        # pyannote.audio turns these off by itself, with a warning: labels would else depend on the GPU.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    return wanted


def pipeline_of(name: str, config: files.Config) -> Any:
    """An instantiated `SpeakerDiarization`. Raises ModelUnavailable."""
    params = config["pipeline"]["params"]
    if "plda" not in params or params.get("clustering", "VBxClustering") != "VBxClustering":
        params["plda"] = PLDA.__new__(PLDA)  # which its constructor asks for, and nothing else
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions of libraries that a checkpoint was saved with
            loaded = Pipeline.from_pretrained(config)
    except (OSError, ImportError, AttributeError, KeyError, TypeError, ValueError, RuntimeError, EOFError) as error:
        raise _broken(name, str(error)) from error
    except pickle.UnpicklingError as error:
        raise _broken(name, "a checkpoint is damaged, or only a pointer to a large file") from error
    return _usable(name, loaded)


def _usable(name: str, pipeline: Any) -> Any:
    if not pipeline.instantiated:
        pipeline.instantiate(pipeline.default_parameters())
    if not isinstance(pipeline.clustering, SUPPORTED):
        raise _broken(name, f"its clustering, {pipeline.klustering}, cannot run without a reference")
    rates = {int(pipeline._segmentation.model.audio.sample_rate), int(pipeline._embedding.sample_rate)}
    if rates != {SAMPLE_RATE}:
        raise _broken(name, f"its models hear {' and '.join(map(str, sorted(rates)))} Hz, not {SAMPLE_RATE}")
    return pipeline


def _broken(name: str, reason: str) -> ModelUnavailable:
    return ModelUnavailable(f"the diarizer {name} does not load here: {reason}; fetch it again, or use another: demo")


def _batch(hearing: Hearing, device: str) -> int:
    """On a GPU, what half of its free memory holds, by what a single window takes."""
    if device != "cuda":
        return ON_PROCESSORS
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    hearing.probe()
    taken = max(1, torch.cuda.max_memory_allocated() - before)
    free, _ = torch.cuda.mem_get_info()
    return max(1, min(_MOST, int(_ROOM * free / taken)))
