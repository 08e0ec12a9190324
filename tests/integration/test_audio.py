"""Decoding and probing in child processes: both decoders, and what becomes of the children."""

import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from core.errors import InputError
from core.probe import limited, own_environment, own_program, probe
from core.settings import Settings
from tests.fakes import media
from tests.hostile.kinds import matroska
from worker.audio import BYTES_PER_SECOND, Decoder, GapTooLong, decode, decoder, own_decoder

DECODERS = [own_decoder(), *([decoder()] if shutil.which("ffmpeg") else [])]


@pytest.fixture(params=DECODERS, ids=lambda one: one.name.split("-")[0])
def using(request: pytest.FixtureRequest) -> Decoder:
    return request.param  # type: ignore[no-any-return]


def test_a_decoder_that_hangs_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/pid\nwait\n")
    script.chmod(0o755)
    began = time.monotonic()
    hanging = Decoder("hanging", str(script))
    with pytest.raises(InputError) as refused:
        list(decode(tmp_path, Settings(decode_stall=1), tolerant=False, check=lambda: None, using=hanging))
    assert refused.value.code == "decode_timeout"
    assert time.monotonic() - began < 10
    _ends(int((tmp_path / "pid").read_text()))


def test_a_probe_that_hangs_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/pid\nwait\n")
    script.chmod(0o755)
    with pytest.raises(InputError) as refused:
        probe(media.write(tmp_path / "a.wav", media.buzz(1.0)), 1.0, ffprobe=str(script))
    assert refused.value.code == "decode_timeout"
    _ends(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("ffprobe", ["", None])
def test_tags_without_end(tmp_path: Path, ffprobe: str | None) -> None:
    """One that nobody asked for does no harm, nor one that makes the answer too long to read: it is no duration."""
    for tag in ({"LYRICS": "la " * 100_000}, {"DURATION": "9" * 200_000}):
        sung = media.tagged(tmp_path / "sung.ogg", **tag)
        assert probe(sung, ffprobe=ffprobe).duration == pytest.approx(1.0, abs=0.05)


def _ends(pid: int, seconds: float = 10) -> None:
    """A killed process ends when it is next scheduled; where nobody reaps orphans it stays as a zombie."""
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        assert time.monotonic() < deadline, "the decoder's child is still running"
        time.sleep(0.02)


def test_a_cancelled_step_ends_its_decoder(tmp_path: Path, using: Decoder) -> None:
    class Cancelled(Exception):
        pass

    media.write(tmp_path / "sound.wav", media.buzz(300))
    calls = iter(range(4))

    def check() -> None:
        if next(calls, None) is None:
            raise Cancelled

    blocks = decode(tmp_path / "sound.wav", Settings(), tolerant=False, check=check, using=using)
    with pytest.raises(Cancelled):
        list(blocks)


def test_both_decoders_agree(tmp_path: Path) -> None:
    source = media.write(tmp_path / "sound.m4a", media.buzz(10, 44_100), rate=44_100, channels=2)
    lengths = {
        sum(map(len, decode(source, Settings(), tolerant=False, check=lambda: None, using=one))) / BYTES_PER_SECOND
        for one in DECODERS
    }
    assert max(lengths) - min(lengths) < 0.1


PROGRAMS = [None, *(["ffprobe"] if shutil.which("ffprobe") else [])]


@pytest.mark.parametrize("program", PROGRAMS)
def test_probe(tmp_path: Path, program: str | None) -> None:
    found = probe(media.write(tmp_path / "sound.mkv", media.buzz(4), channels=2), ffprobe=program)
    assert (found.channels, found.codec, found.sample_rate, found.has_audio) == (2, "flac", 16_000, True)
    assert found.duration == pytest.approx(4, abs=0.1)
    assert "matroska" in found.format


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    "said", [b"inf", b"nan", b"1e308:1e308", b"\xff\xfe", b"\xe2\x80\xae" * 60_000], ids=lambda said: said[:9]
)
def test_a_tag_that_says_nonsense_of_the_duration(tmp_path: Path, program: str | None, said: bytes) -> None:
    """Also one that is longer than any answer may be."""
    source = tmp_path / "sound.mkv"
    parts = matroska.info(), matroska.track(), matroska.track_tag(b"DURATION", said), matroska.blocks()
    source.write_bytes(matroska.file(*parts))
    assert probe(source, ffprobe=program).duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("says", "code"), [("head -c 9999999 /dev/zero", "invalid_media"), ("sleep 60", "decode_timeout")]
)
def test_what_a_probe_says_is_bounded(tmp_path: Path, says: str, code: str) -> None:
    script = tmp_path / "probe"
    script.write_text(f"#!/bin/sh\nhead -c 9999999 /dev/zero >&2\n{says}\n")
    script.chmod(0o755)
    with pytest.raises(InputError) as refused:
        probe(tmp_path, 2, ffprobe=str(script))
    assert refused.value.code == code


def pausing(path: Path, seconds: float) -> Path:
    """A second of sound, a pause that the recorder did not write down, two seconds of sound."""
    late = round(seconds * 1000)
    blocks = matroska.blocks(lambda number: late if number > 9 else 0)
    path.write_bytes(matroska.file(matroska.info(), matroska.track(), blocks))
    return path


def test_a_pause_of_a_year_takes_no_memory(tmp_path: Path) -> None:
    source = pausing(tmp_path / "pause.mkv", 365 * 86400)
    command = own_program("decode", str(source), "100", "strict", "mix")
    small = ["/bin/sh", "-c", 'ulimit -v 1500000; exec "$@"', "small", *command]
    decoded = subprocess.run(small, capture_output=True, check=True, env=own_environment()).stdout
    assert len(decoded) == 100 * BYTES_PER_SECOND
    assert not any(decoded[BYTES_PER_SECOND:])


def test_a_decoder_that_leaves_out_a_pause_is_found_out(tmp_path: Path, using: Decoder) -> None:
    source = pausing(tmp_path / "pause.mkv", 3 * 3600)
    blocks = decode(source, Settings(), tolerant=False, check=lambda: None, using=using)
    if using.path is None:
        assert sum(map(len, blocks)) == (3 * 3600 + 3) * BYTES_PER_SECOND
    else:
        with pytest.raises(GapTooLong):
            list(blocks)


def test_limits_are_set_in_the_child() -> None:
    shown = subprocess.run(limited(["sh", "-c", "ulimit -t"], 7), capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "8"
