"""The one reader of the environment. Every setting is `SCRIPTORIUM_<NAME>`, except the two URLs of production."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.outgoing import Rules, allowances
from core.states import Kind
from core.webhooks.schedule import DELAYS

MIB = 2**20


class Issuer(BaseModel):
    """An outside issuer of access tokens. Its tokens are of one `tenant`, or of the tenant that a claim names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks_url: str = Field(pattern=r"^https?://")
    tenant: str = ""
    tenant_claim: str = ""
    scope_claim: str = "scope"
    scope_prefix: str = ""

    @model_validator(mode="after")
    def _of_some_tenant(self) -> "Issuer":
        if bool(self.tenant) == bool(self.tenant_claim):
            raise ValueError("an issuer has either a tenant or a tenant_claim")
        return self


class Settings(BaseSettings):
    """Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="SCRIPTORIUM_", frozen=True, extra="ignore", protected_namespaces=(), populate_by_name=True
    )

    database_url: str = Field("", validation_alias=AliasChoices("DATABASE_URL", "SCRIPTORIUM_DATABASE_URL"))
    redis_url: str = Field("", validation_alias=AliasChoices("REDIS_URL", "SCRIPTORIUM_REDIS_URL"))
    data: Path = Path("data")
    """Where recordings are kept (`blobs/`), and beside them what the embedded servers keep."""

    model: str = "demo"
    """The model of a job that names none; also the model that a transcribing worker serves."""
    device: str = "auto"
    compute_type: str = "auto"
    engines: dict[str, str] = {}
    """More engines: name -> `module:Class`. A model `name:source` then uses that engine."""
    transcribe_batch: int = 0
    """Chunks decoded in one call; 0 chooses by the device."""
    threads: int = 0
    """CPU threads of one recognizer; 0 divides the cores by the recognizers of this machine."""
    windows: tuple[Annotated[float, Field(gt=0, le=30)], ...] = ()
    """Instead of `core.models.ModelSource.windows`, for who measured that it costs no words; 30 s is always one."""
    idle_unload: float = Field(0.0, ge=0)
    """A transcriber that had no work for so long frees its device; the next chunk waits for the load. 0: never."""
    vad: str = "silero"
    diarizer: str = "community-1"
    """Who finds the speakers of a job that asks for them: a name, a folder or an `owner/name` of the Hugging Face hub.
    Also what a diarizing worker serves."""

    lease: float = Field(20.0, gt=0)
    heartbeat: float = Field(5.0, gt=0)
    sweep: float = Field(5.0, gt=0)
    retry_base: float = 2.0
    """First delay before a step is tried again; doubles each time, with jitter, to at most a minute."""
    look: float = Field(10.0, gt=0)
    """A worker that heard no ring for so long looks for work by itself: Redis may be down for days."""
    deadlines: dict[Kind, float] = {}
    """Overrides of `core.deadlines.SECONDS`."""
    drain: float = 15.0
    """After SIGTERM a worker has so long to finish what it holds; then it hands back and ends."""
    speakers_grace: float = Field(300.0, ge=0)
    """Once its words are there, a job waits so long for its speakers, or for half its duration where that is more."""
    unserved: float = 3 * 86400.0
    """A job whose model no worker serves fails after so long."""
    scavenge: float = 600.0
    """Between two looks for bytes that no row names."""
    orphan_after: float = 3600.0
    """Age from which such bytes are removed, half-written uploads too."""
    cache_days: float = Field(30.0, ge=0)
    """How long what a chunk gave is kept for the same chunk to come; 0 turns the chunk cache off, and empties it."""

    audit_days: float = Field(365.0, gt=0)
    """How long who did what is kept, at least."""
    audit_flush: float = Field(1.0, ge=0, le=60)
    """Entries of calls that change nothing wait so long for others, to be written at once; 0: none waits."""

    max_upload_bytes: int = 5 * 10**9
    max_json_audio_bytes: int = 25 * MIB
    upload_stall: float = Field(60.0, gt=0)
    """Without a byte for so long, an upload is ended."""
    upload_limit: float = Field(6 * 3600.0, gt=0)
    """Seconds that a whole upload may take, however steadily it comes."""
    upload_expires: float = Field(86400.0, ge=60)
    """A resumable upload to which nothing came for so long is removed; a finished one is told of for as long."""
    max_open_uploads: int = Field(100, gt=0)
    """Resumable uploads of one tenant that are not finished."""
    long_upload_bytes: int = 100_000_000
    """Recordings larger than this never hold all who ingest: one is kept for others."""
    max_open_jobs: int = 10_000
    """With more jobs under way on the whole server, uploads are refused for a while."""
    rate_limit: int = Field(3000, ge=0)
    """Requests a minute of one key; 0: no limit, here and in the next two. A tenant may have its own of each."""
    concurrent_jobs: int = Field(0, ge=0)
    """Jobs of a tenant that are at work at a time; further ones wait."""
    monthly_minutes: int = Field(0, ge=0)
    """Of audio, a tenant and calendar month."""
    failed_logins: int = Field(60, ge=0)
    """Requests a minute of one address whose key is unknown; 0: no limit."""
    idempotency_hours: float = 24.0
    max_duration: float = 12 * 3600.0
    decode_timeout: float = 3600.0
    decode_stall: float = 60.0
    fetches: int = Field(4, ge=0)
    """Recordings that one process which fetches by URL takes at once; with 0, `up` starts none."""
    fetch_timeout: float = Field(3600.0, gt=0)
    """Seconds that a whole fetch may take, redirects too; `upload_stall` is how long it may bring nothing."""
    deliveries: int = Field(16, ge=0)
    """Webhooks that one process which delivers them sends at once; with 0, `up` starts none."""
    delivery_seconds: float = Field(15.0, gt=0, le=60)
    """A receiver has so long to answer."""
    delivery_delays: tuple[Annotated[float, Field(ge=0)], ...] = Field(DELAYS, min_length=1, max_length=50)
    """Before each try, from the one before; as many tries as there are."""
    endpoint_failing_days: float = Field(5.0, gt=0)
    """A webhook to which nothing could be delivered for so long is disabled."""
    events_days: float = Field(30.0, gt=0)
    """How long events and what became of their deliveries are kept."""
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = ()
    """Beside public addresses, where requests to callers' URLs may go: see `core.outgoing.allowances`."""
    min_free_bytes: int = 2 * 10**9
    min_free_share: float = 0.05

    web_threads: int = 16
    database_pool: int = 5
    metrics_token: str = Field("", repr=False)
    """What a caller of `/metrics` sends as its bearer token; where empty, only this machine is answered."""
    installation_key: str = Field("", repr=False)
    """Seals the secrets that the database keeps. Several, apart by commas: the first seals, all open."""
    access_issuer: str = "scriptorium"
    """Of our own access tokens: the issuer, and their audience."""
    access_seconds: float = Field(900.0, gt=0)
    access_algorithm: Literal["RS256", "EdDSA"] = "RS256"
    issuers: tuple[Issuer, ...] = ()
    """Whose access tokens are taken beside our own."""
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _beats_in_time(self) -> "Settings":
        if 2 * self.heartbeat > self.lease:
            raise ValueError("SCRIPTORIUM_LEASE must be at least twice SCRIPTORIUM_HEARTBEAT, or leases end in between")
        return self

    @model_validator(mode="after")
    def _issuers_differ(self) -> "Settings":
        names = [self.access_issuer, *(one.issuer for one in self.issuers)]
        if len(set(names)) < len(names):
            raise ValueError("SCRIPTORIUM_ISSUERS names an issuer twice, or this server itself")
        return self

    @field_validator("outgoing_allow", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(entry for entry in value.split(",") if entry.strip()) if isinstance(value, str) else value

    @field_validator("outgoing_allow")
    @classmethod
    def _allowances(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        allowances(value)
        return value

    @property
    def outgoing(self) -> Rules:
        return allowances(self.outgoing_allow)

    @property
    def blobs(self) -> Path:
        return self.data / "blobs"


@cache
def settings() -> Settings:
    return Settings()
