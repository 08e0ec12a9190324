"""A pipeline's folder in pyannote.audio's own format, from networks and numbers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from worker.engines.pyannote import environment  # noqa: F401 - it must come before pyannote

# isort: split
import numpy as np
import torch
import yaml
from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

PARTS = ("segmentation", "embedding", "plda")


def slots(count: int, seconds: float, together: int | None) -> Specifications:
    """Of a segmentation. `together`: how many may speak at once, scored as a powerset; None scores each by itself."""
    given: Mapping[str, Any] = {"duration": seconds, "classes": list("abcdefgh"[:count]), "permutation_invariant": True}
    if together is None:
        return Specifications(Problem.MULTI_LABEL_CLASSIFICATION, Resolution.FRAME, **given)
    return Specifications(Problem.MONO_LABEL_CLASSIFICATION, Resolution.FRAME, powerset_max_classes=together, **given)


def voice(seconds: float) -> Specifications:
    """Of an embedding."""
    return Specifications(Problem.REPRESENTATION, Resolution.CHUNK, duration=seconds)


def write_model(model: Model, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """`dtype` of what is kept; loading makes float32 of it."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in _named(model)}
    kept: dict[str, Any] = {"state_dict": state, "hyper_parameters": dict(model.hparams)}
    kept["pytorch-lightning_version"] = "2.6.0"
    model.on_save_checkpoint(kept)
    torch.save(kept, folder / "pytorch_model.bin")


def _named(model: Model) -> Iterable[tuple[str, torch.Tensor]]:
    return model.state_dict().items()  # type: ignore[no-any-return]


def write_plda(folder: Path, transform: Mapping[str, Any], plda: Mapping[str, Any]) -> None:
    """`transform`: mean1, mean2, lda. `plda`: mu, tr, psi. As `pyannote.audio.utils.vbx.vbx_setup` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "xvec_transform.npz", **transform)
    np.savez(folder / "plda.npz", **plda)


def write_config(folder: Path, name: str, parameters: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """`parameters` of the pipeline; `values` that it is instantiated with."""
    parts = {part: f"$model/{part}" for part in PARTS}
    config = {
        "version": "4.0.0",
        "pipeline": {"name": f"pyannote.audio.pipelines.{name}", "params": {**parts, **parameters}},
        "params": dict(values),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
