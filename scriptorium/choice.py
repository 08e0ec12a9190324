"""Which model a server serves when nobody said, and whether it can be had here."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import httpx2

from core.models import DIARIZERS, ModelSource, diarizer, resolve
from core.processors import cores
from core.settings import Settings
from scriptorium.services import Machine

_HUB_SECONDS = 3.0


class NoModel(Exception):
    """The model can be had neither from this machine nor from the hub; the message names `--model demo`."""


def machine() -> Machine:
    return Machine(cores(), _gpus())


def _gpus() -> tuple[str, ...]:
    """CUDA devices, asked of the driver's own tool: a library that asks would take memory on each of them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if os.environ.get("SCRIPTORIUM_DEVICE") == "cpu" or chosen in ("", "-1") or not shutil.which("nvidia-smi"):
        return ()
    asked = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        shown = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return ()
    found = tuple(shown.stdout.split()) if shown.returncode == 0 else ()
    return tuple(chosen.split(",")) if chosen and found else found


def choose(name: str | None, here: Machine, settings: Settings) -> ModelSource:
    """The model that was named, else `large-v3-turbo` on CUDA and `small` on processors.

    Raises UnknownModel, NoModel.
    """
    source = resolve(name or default(here), settings)
    if not (available(source) or hub_reachable()):
        if source.name == "demo":
            raise NoModel(f"the demonstration model is not in {source.source}; is this checkout complete?")
        raise NoModel(
            f"the model {source.name} is not on this machine and the model hub cannot be reached; "
            f"start with --model demo (a small English and Mandarin model that comes along), "
            f"with --model FOLDER, or run `scriptorium models pull {source.name}` when there is a connection"
        )
    return source


def default(here: Machine) -> str:
    return "large-v3-turbo" if here.gpus else "small"


def speakers(model: ModelSource, settings: Settings) -> ModelSource:
    """The pipeline that finds them: the one that is named, else the demonstration model's companion beside that model.

    Raises UnknownModel.
    """
    if model.name == "demo" and "diarizer" not in settings.model_fields_set:
        return DIARIZERS["demo"]
    return diarizer(settings)


def available(source: ModelSource) -> bool:
    """Without the hub: a folder, or fetched earlier. Other engines look after their own."""
    if source.engine != "faster-whisper":
        return True
    if "/" in source.source and not Path(source.source).is_absolute():
        return cached(source)
    return (Path(source.source) / "model.bin").exists()


def lacking(pipeline: ModelSource) -> str:
    """Why that pipeline cannot be loaded here, and the remedy; empty where it can."""
    if pipeline.engine != "pyannote":
        return ""
    if importlib.util.find_spec("pyannote") is None or importlib.util.find_spec("pyannote.audio") is None:
        return "pyannote.audio is not installed; pip install 'scriptorium[diarization]'"
    if Path(pipeline.source).is_absolute():
        there = (Path(pipeline.source) / "config.yaml").exists()
        return "" if there else f"there is no config.yaml in {pipeline.source}; name the folder of a pipeline"
    snapshots = hub_cache() / f"models--{pipeline.source.replace('/', '--')}" / "snapshots"
    if any(snapshots.glob("*/config.yaml")):
        return ""
    return f"the pipeline {pipeline.name} is not on this machine; scriptorium models pull {pipeline.name}"


def cached(source: ModelSource) -> bool:
    """Whether the hub's cache on this machine holds it, in its published layout (models--owner--name/snapshots)."""
    snapshots = hub_cache() / f"models--{source.source.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob(f"{source.revision or '*'}/model.bin")) or (Path(source.source) / "model.bin").exists()


def hub_cache() -> Path:
    """As huggingface_hub finds it."""
    if given := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(given)
    shared = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("HF_HOME") or os.path.join(shared, "huggingface")) / "hub"


def hub_reachable() -> bool:
    """One short request: waiting for the hub's own retries would take half a minute a file."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return False
    try:
        with httpx2.Client(timeout=_HUB_SECONDS) as client:
            address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
            return client.head(f"{address}/api/models/Systran/faster-whisper-small").status_code < 500
    except httpx2.HTTPError:
        return False
