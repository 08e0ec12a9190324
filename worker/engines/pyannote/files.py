"""Where a pipeline's files are: a folder, or snapshots of the Hugging Face hub. Loading asks no hub; `pull` does.

A pipeline's `config.yaml` names a segmentation model, an embedding model and a PLDA: in its own folder (`$model/…`), or
in other repositories, each of which may ask its users to accept conditions.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import tqdm

from core.errors import ModelUnavailable
from core.models import ModelSource

CONFIG = "config.yaml"
PARTS = ("segmentation", "embedding", "plda")
DEFAULT = "pyannote/speaker-diarization-community-1"
"""Where pyannote.audio 4 takes a part that a pipeline does not name."""
WANTED = [CONFIG, "*pytorch_model.bin", "*.npz"]
OWN_LOADERS = ("speechbrain", "nvidia", "hbredin/wespeaker")
"""Embedding models of other libraries, which fetch their own files."""
PIPELINE = "SpeakerDiarization"

Config = dict[str, Any]
Download = Callable[..., str]
"""As `huggingface_hub.snapshot_download`."""


@dataclass(frozen=True)
class Part:
    """`folder` holds the files themselves. `repository`: None in the pipeline's own folder."""

    folder: Path
    repository: str | None = None
    subfolder: str | None = None

    @property
    def path(self) -> Path:
        return self.folder / (self.subfolder or "")


@dataclass(frozen=True)
class PipelineFiles:
    """`config` as pyannote.audio takes it, every part a folder of this machine."""

    config: Config
    revision: str


@dataclass(frozen=True)
class Reference:
    """A part in another repository of the hub."""

    repository: str
    revision: str | None = None
    subfolder: str | None = None


def found(source: ModelSource) -> PipelineFiles:
    """What is on this machine. Raises ModelUnavailable, which says what is missing and what to do."""
    kept = _kept(source)
    folder = kept(Reference(source.source, source.revision)) if not source.is_local else Path(source.source)
    config = _config(folder, source.name)
    params = config["pipeline"].setdefault("params", {})
    parts = {name: _part(name, params, folder, kept) for name in _parts(params)}
    for name, part in parts.items():
        _complete(name, part, source.name)
        params[name] = {"checkpoint": part.folder, "subfolder": part.subfolder}
    return PipelineFiles(config, _revision(source, folder, parts))


def pull(source: ModelSource, progress: bool = True, download: Download = snapshot_download) -> Path:
    """Downloads what is missing, the parts in other repositories too, with progress bars on standard error. Raises
    ModelUnavailable, which names the page where access is asked for."""
    if source.is_local:
        found(source)
        return Path(source.source)
    fetch = partial(_fetched, download=partial(download, tqdm_class=tqdm if progress else _Quiet))
    folder = fetch(Reference(source.source, source.revision))
    params = _config(folder, source.name)["pipeline"].get("params", {})
    for name in _parts(params):
        _part(name, params, folder, fetch)
    return folder


class _Quiet(tqdm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["disable"] = True
        super().__init__(*arguments, **options)


def _config(folder: Path, name: str) -> Config:
    path = folder / CONFIG
    if not path.is_file():
        raise ModelUnavailable(f"the diarizer {name} has no {CONFIG}: name the folder of a pyannote.audio pipeline")
    config = yaml.safe_load(path.read_text())
    kind = str((config or {}).get("pipeline", {}).get("name", ""))
    if kind.rpartition(".")[2] != PIPELINE:
        raise ModelUnavailable(
            f"the diarizer {name} is a {kind or 'file without a pipeline'}; here runs a pyannote.audio {PIPELINE}"
        )
    for unused in ("device", "preprocessors"):  # the device is ours to choose, and no files are read
        config.pop(unused, None)
    return dict(config)


def _parts(params: Config) -> Iterator[str]:
    """Those that must be here. pyannote.audio loads a PLDA whatever the clustering, but only VBx asks it anything."""
    for name in PARTS:
        if name == "plda" and params.get("clustering", "VBxClustering") != "VBxClustering":
            continue
        if name == "embedding" and str(params.get(name, "")).startswith(OWN_LOADERS):
            continue
        yield name


def _part(name: str, params: Config, folder: Path, fetch: Callable[[Reference], Path]) -> Part:
    named = params.get(name, {"checkpoint": DEFAULT, "subfolder": name})
    if isinstance(named, str):
        named = {"checkpoint": named}
    checkpoint, subfolder = str(named["checkpoint"]), named.get("subfolder")
    if checkpoint.startswith("$model/"):
        return Part(folder, subfolder=checkpoint.removeprefix("$model/").partition("@")[0])
    if Path(checkpoint).exists():
        return Part(Path(checkpoint), subfolder=subfolder)
    repository, _, revision = checkpoint.partition("@")
    reference = Reference(repository, named.get("revision") or revision or None, subfolder)
    return Part(fetch(reference), repository, subfolder)


def _complete(name: str, part: Part, diarizer: str) -> None:
    wanted = ("plda.npz", "xvec_transform.npz") if name == "plda" else ("pytorch_model.bin",)
    missing = [file for file in wanted if not part.path.is_file() and not (part.path / file).is_file()]
    if missing:
        lacking = ", ".join(f"{part.subfolder or name}/{file}" for file in missing)
        remedy = "put the whole pipeline there" if part.repository is None else f"fetch it again from {part.repository}"
        raise ModelUnavailable(f"the diarizer {diarizer} lacks {lacking}; {remedy}")


def _kept(source: ModelSource) -> Callable[[Reference], Path]:
    def kept(wanted: Reference) -> Path:
        try:
            here = snapshot_download(wanted.repository, revision=wanted.revision, local_files_only=True)
        except (LocalEntryNotFoundError, HFValidationError) as error:
            raise ModelUnavailable(
                f"{wanted.repository}, which the diarizer {source.name} needs, is not on this machine; accept its "
                f"conditions on {_page(wanted)} where it has any, set HF_TOKEN, and fetch it with: "
                f"scriptorium models pull {source.name}; or use the small bundled one: demo"
            ) from error
        return Path(here)

    return kept


def _fetched(wanted: Reference, download: Download) -> Path:
    try:
        return Path(download(wanted.repository, revision=wanted.revision, allow_patterns=WANTED))
    except GatedRepoError as error:
        raise ModelUnavailable(
            f"{wanted.repository} asks its users to accept conditions: do so on {_page(wanted)}, make a token on "
            "https://hf.co/settings/tokens, set it as HF_TOKEN, and try again"
        ) from error
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403, 404):
            raise ModelUnavailable(
                f"the hub has no {wanted.repository} that you may read; look at {_page(wanted)}, and set HF_TOKEN"
            ) from error
        raise _unreachable(wanted) from error
    except HFValidationError as error:
        raise ModelUnavailable(f"{wanted.repository!r} is neither a folder nor a Hugging Face id") from error
    except (OSError, OfflineModeIsEnabled) as error:
        raise _unreachable(wanted) from error


def _page(wanted: Reference) -> str:
    return f"https://hf.co/{wanted.repository}"


def _unreachable(wanted: Reference) -> ModelUnavailable:
    return ModelUnavailable(
        f"the Hugging Face hub cannot be reached, so {wanted.repository} cannot be fetched; try again with a "
        "connection and without HF_HUB_OFFLINE, or name the folder of a copy"
    )


def _revision(source: ModelSource, folder: Path, parts: dict[str, Part]) -> str:
    """The commits of all snapshots, or the digest of a local folder's files."""
    if not source.is_local:
        commits = {folder.name: None, **{part.folder.name: None for part in parts.values() if part.repository}}
        return "+".join(commit[:12] for commit in commits)
    digest = hashlib.sha256()
    for path in sorted({folder / CONFIG, *(file for part in parts.values() for file in _files(part.path))}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.iterdir() if file.suffix in (".bin", ".npz")]
