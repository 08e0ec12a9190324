"""Which channels are heard apart, with both decoders; and that one channel is decoded, not its neighbour."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.blobs import LocalBlobs
from core.errors import InputError
from core.options import Options
from core.settings import Settings
from tests.fakes.parted import Sound, written
from tests.fakes.steps import FakeStepContext
from worker.audio import SAMPLE_RATE, Decoder, decode, decoder, own_decoder
from worker.channels import distinct
from worker.steps import ingest

DECODERS = [own_decoder(), *([decoder()] if shutil.which("ffmpeg") else [])]
SECONDS = 12


@pytest.fixture(params=DECODERS, ids=lambda one: one.name.split("-")[0])
def using(request: pytest.FixtureRequest) -> Decoder:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def context(tmp_path: Path) -> FakeStepContext:
    return FakeStepContext(LocalBlobs(tmp_path / "blobs"), options=Options(vad="webrtc", channels="separate"))


def tone(hertz: float, level: float = 0.3, start: float = 0.0, seconds: float = SECONDS) -> Sound:
    """Silence but for a tone from `start` on."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    sounding = (time >= start) & (time < start + seconds)
    return (32767 * level * np.sin(2 * np.pi * hertz * time) * sounding).astype(np.int16)


A, B = tone(300), tone(700, start=2, seconds=6)
SILENCE = np.zeros_like(A)
NOISE = np.random.default_rng(1).integers(-1, 2, len(A)).astype(np.int16) // 2


@pytest.mark.parametrize(
    ("case", "channels", "kept", "warned"),
    [
        ("two people", [A, B], [0, 1], []),
        ("one person on both", [A, A], [0], ["dual_mono"]),
        ("one person on both, softer and upside down", [A, (A * -0.25).astype(np.int16)], [0], ["dual_mono"]),
        ("the second is silent", [A, SILENCE], [0], []),
        ("the first is silent but for its last bit", [NOISE, B], [1], []),
        ("both are silent", [SILENCE, SILENCE], [0], []),
        ("three, of which two are the same", [A, B, A], [0, 1], ["dual_mono"]),
        ("one channel", [A], [0], ["single_channel"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_which_channels_are_heard_apart(
    case: str, channels: list[Sound], kept: list[int], warned: list[str],
    context: FakeStepContext, tmp_path: Path, using: Decoder,
) -> None:  # fmt: skip
    ingest.run(context.upload(written(tmp_path / "sound.wav", channels)), using)
    assert context.separated == kept
    assert [code for code, _ in context.warnings] == warned


@pytest.mark.parametrize("heard", ["0", "1"])
def test_one_channel_is_decoded_alone(heard: str, tmp_path: Path, using: Decoder) -> None:
    path = written(tmp_path / "sound.wav", [A, B])
    pcm = b"".join(decode(path, Settings(), tolerant=False, check=lambda: None, using=using, heard=heard))
    assert np.abs(np.frombuffer(pcm, "<i2").astype(int) - [A, B][int(heard)]).max() <= 1


def test_all_channels_come_side_by_side(tmp_path: Path, using: Decoder) -> None:
    path = written(tmp_path / "sound.wav", [A, B, SILENCE])
    pcm = b"".join(decode(path, Settings(), tolerant=False, check=lambda: None, using=using, heard="all"))
    found = np.frombuffer(pcm, "<i2").reshape(-1, 3)
    for number, one in enumerate((A, B, SILENCE)):
        assert np.abs(found[:, number].astype(int) - one).max() <= 1


def test_more_channels_than_are_told_apart(context: FakeStepContext, tmp_path: Path, using: Decoder) -> None:
    with pytest.raises(InputError, match="channels=mix") as raised:
        ingest.run(context.upload(written(tmp_path / "sound.wav", [A] * 17)), using)
    assert raised.value.code == "too_many_channels"


def test_a_channel_has_a_generation_of_its_own(context: FakeStepContext, tmp_path: Path, using: Decoder) -> None:
    """Its parts lie beside those of the others, and of the mix."""
    ingest.run(context.upload(written(tmp_path / "sound.wav", [A, B])), using)
    assert "-ch0-" in context.generation


def test_two_microphones_of_one_room_are_not_the_same() -> None:
    """Half of the power in common, as two who hear each other well have."""
    chance = np.random.default_rng(2)
    room, one, other = chance.standard_normal((3, 50_000)) * 1000
    both = np.stack([room + one, room + other])
    assert distinct(both @ both.T / 50_000) == [0, 1]
