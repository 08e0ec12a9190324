"""Model files: a local folder, or a snapshot of the Hugging Face hub. The only importer of `huggingface_hub`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import tqdm

from core.errors import ModelUnavailable
from core.models import ModelSource

WANTED = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]
NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without `tokenizer.json` faster-whisper would fetch one from the hub behind our back."""


@dataclass(frozen=True)
class ModelFiles:
    """`revision` is the snapshot's commit, or of a local folder the first 12 hex digits of model.bin's SHA-256."""

    folder: Path
    revision: str


def found(source: ModelSource) -> ModelFiles:
    """What is on this machine; the hub is not asked. Raises ModelUnavailable with what to do."""
    if source.is_local:
        folder = Path(source.source)
        _complete(folder, source, "put the whole converted model into that folder")
        return ModelFiles(folder, _digest(folder / "model.bin"))
    folder = _cached(source)
    _complete(folder, source, f"fetch it again: scriptorium models pull {source.name}")
    return ModelFiles(folder, folder.name)


def pull(source: ModelSource, progress: bool = True) -> Path:
    """Downloads what is missing, with a progress bar on standard error. Raises ModelUnavailable."""
    if source.is_local:
        return found(source).folder
    bar: type[Any] = tqdm if progress else _Quiet
    try:
        fetched = snapshot_download(source.source, revision=source.revision, allow_patterns=WANTED, tqdm_class=bar)
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403, 404):
            raise ModelUnavailable(
                f"the hub has no model {source.source} that you may read; check the name, or set HF_TOKEN"
            ) from error
        raise _unreachable(source) from error
    except HFValidationError as error:
        raise ModelUnavailable(f"{source.source!r} is no Hugging Face id (owner/name)") from error
    except (OSError, OfflineModeIsEnabled) as error:
        raise _unreachable(source) from error
    return Path(fetched)


class _Quiet(tqdm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["disable"] = True
        super().__init__(*arguments, **options)


def _cached(source: ModelSource) -> Path:
    try:
        kept = snapshot_download(
            source.source, revision=source.revision, allow_patterns=WANTED, local_files_only=True, tqdm_class=_Quiet
        )
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelUnavailable(
            f"the model {source.name} is not on this machine; fetch it with: scriptorium models pull {source.name}, "
            "or use the small bundled one: --model demo"
        ) from error
    return Path(kept)


def _complete(folder: Path, source: ModelSource, remedy: str) -> None:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(f"the model {source.name} lacks {', '.join(missing)}; {remedy}")


def _unreachable(source: ModelSource) -> ModelUnavailable:
    return ModelUnavailable(
        f"the Hugging Face hub cannot be reached, so {source.name} cannot be fetched; try again with a connection, "
        "copy a converted model here and name its folder (--model FOLDER), or use the small bundled one: --model demo"
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
