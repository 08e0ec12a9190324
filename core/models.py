"""The registry: a model's name -> which engine loads it, from where, at which revision.

A name is one of `KNOWN`, a local folder, a Hugging Face id (`owner/name`), or `engine:source` for an engine
that the setting `SCRIPTORIUM_ENGINES` adds.
"""

from dataclasses import dataclass
from pathlib import Path

from core.errors import UnknownModel
from core.settings import Settings

_SHIPPED = Path(__file__).resolve().parent.parent / "models"
DEMO_FOLDER = _SHIPPED / "demo-whisper"
DEMO_SPEAKERS = _SHIPPED / "demo-speakers"


@dataclass(frozen=True)
class ModelSource:
    """`source` is a folder or a Hugging Face id. `revision` None takes the hub's newest. `window`: seconds of the
    longest chunk that it hears well. `windows`: seconds that its encoder may be given; a clip takes the shortest that
    holds it and a little silence. Whisper was trained on 30 s alone, and loses words in less (decision 8)."""

    name: str
    engine: str
    source: str
    revision: str | None = None
    window: float = 30.0
    windows: tuple[float, ...] = (30.0,)

    def windows_for(self, settings: Settings) -> tuple[float, ...]:
        """Rising, in seconds; 30 s is always one."""
        return tuple(sorted({*(settings.windows or self.windows), 30.0}))

    @property
    def is_local(self) -> bool:
        return Path(self.source).is_dir()

    @property
    def setting(self) -> str:
        """What SCRIPTORIUM_MODEL, or SCRIPTORIUM_DIARIZER, says to mean this one, wherever a process stands."""
        if self.engine not in ("faster-whisper", "pyannote"):
            return f"{self.engine}:{self.source}"
        return self.source if self.is_local and self not in (*KNOWN.values(), *DIARIZERS.values()) else self.name


_SYSTRAN = "tiny base small medium large-v1 large-v2 large-v3 tiny.en base.en small.en medium.en".split()
KNOWN = {
    "demo": ModelSource("demo", "faster-whisper", str(DEMO_FOLDER), window=10.0, windows=(5.0, 8.0)),
    **{name: ModelSource(name, "faster-whisper", f"Systran/faster-whisper-{name}") for name in _SYSTRAN},
    **{
        name: ModelSource(name, "faster-whisper", "mobiuslabsgmbh/faster-whisper-large-v3-turbo")
        for name in ("large-v3-turbo", "turbo")
    },
    "distil-large-v3": ModelSource("distil-large-v3", "faster-whisper", "Systran/faster-distil-whisper-large-v3"),
}

DIARIZERS = {
    "demo": ModelSource("demo", "pyannote", str(DEMO_SPEAKERS)),
    "community-1": ModelSource("community-1", "pyannote", "pyannote/speaker-diarization-community-1"),
    "3.1": ModelSource("3.1", "pyannote", "pyannote/speaker-diarization-3.1"),
}
"""Pipelines that find speakers. Those of the hub want their terms accepted, and a token; `demo` is made for synthetic
voices."""


def resolve(name: str, settings: Settings, *, folders: bool = True) -> ModelSource:
    """Raises UnknownModel, which lists the names. Without `folders` a folder is as unknown as what does not exist:
    a caller from outside must not learn what lies on this disk."""
    if name in KNOWN:
        return KNOWN[name]
    own = _local(settings.model, settings)
    if own and name in (own.name, settings.model):
        return own
    if folders and (found := _local(name, settings)):
        return found
    if name.count("/") == 1 and not name.startswith(("/", ".")):
        return ModelSource(name, "faster-whisper", name)
    raise UnknownModel(
        f"there is no model {name!r}",
        errors=[{"field": "model", "message": "is not a known name or owner/name", "allowed": sorted(KNOWN)}],
    )


def diarizer(settings: Settings) -> ModelSource:
    """The server's own. Raises UnknownModel."""
    return resolve_diarizer(settings.diarizer, settings)


def resolve_diarizer(name: str, settings: Settings) -> ModelSource:
    """A name of `DIARIZERS`, a folder, an `owner/name` of the hub, or `engine:source`. Raises UnknownModel, which lists
    the names. A checkpoint may run anything when it is loaded: what a caller names must never come here."""
    if name in DIARIZERS:
        return DIARIZERS[name]
    engine, colon, source = name.partition(":")
    if colon and engine in settings.engines:
        return ModelSource(f"{engine}:{Path(source).name}", engine, source)
    if Path(name).is_dir():
        folder = Path(name).resolve()
        return ModelSource(folder.name, "pyannote", str(folder))
    if name.count("/") == 1 and not name.startswith(("/", ".")):
        return ModelSource(name, "pyannote", name)
    raise UnknownModel(
        f"there is no diarizer {name!r}",
        errors=[{"field": "diarizer", "message": "is not a known name or owner/name", "allowed": sorted(DIARIZERS)}],
    )


def window(name: str) -> float:
    """Of a job's model; Whisper's own where nothing else is known."""
    return KNOWN[name].window if name in KNOWN else 30.0


def _local(asked: str, settings: Settings) -> ModelSource | None:
    """A folder, or what an added engine loads. Named by its last part: a path of this machine is nobody's business."""
    engine, colon, source = asked.partition(":")
    if colon and engine in settings.engines:
        return ModelSource(f"{engine}:{Path(source).name}", engine, source)
    if Path(asked).is_dir():
        folder = Path(asked).resolve()
        return ModelSource(folder.name, "faster-whisper", str(folder))
    return None
