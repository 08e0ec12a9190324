"""Real files through the real decoders, both of them where ffmpeg is installed; the detector is real, too."""

import shutil
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import jobs
from core.blobs import LocalBlobs
from core.errors import InputError
from core.models import ModelSource
from core.options import Options
from core.settings import Settings
from core.transcript import Word
from tests.fakes import media, recognizers, tones
from tests.fakes.steps import FakeStepContext
from tests.hostile import binary, material
from worker.audio import Decoder, decoder, own_decoder
from worker.engines.protocols import Hypothesis
from worker.steps import assemble, ingest, transcribe

DECODERS = [own_decoder(), *([decoder()] if shutil.which("ffmpeg") else [])]


@pytest.fixture(params=DECODERS, ids=lambda one: one.name.split("-")[0])
def using(request: pytest.FixtureRequest) -> Decoder:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def context(tmp_path: Path) -> FakeStepContext:
    return FakeStepContext(LocalBlobs(tmp_path / "blobs"))


def words_heard(context: FakeStepContext, words: Path) -> list[Word]:
    engine = recognizers.load(ModelSource("reference", "reference", str(words)), context.settings)
    chunks: list[jobs.HeardChunk] = []
    for chunk in context.chunks:
        params = transcribe.params(context.generation, chunk)
        [answer] = engine.transcribe([transcribe.clip(params, context.options, context.read)])
        assert isinstance(answer, Hypothesis)
        segments = transcribe.segments(answer, params)
        place = (chunk.index, chunk.start, chunk.end, chunk.trail, chunk.speech_seconds)
        chunks.append(jobs.HeardChunk(*place, "en", 1.0, False, segments, ()))
    return [word for chunk in assemble.joined(chunks) for segment in chunk.segments for word in segment.words]


@pytest.mark.parametrize(
    ("sentence", "pause", "forced"),
    [
        pytest.param((3, 14), (0.3, 1.8), False, id="talk with pauses"),
        pytest.param((400, 400), (0.3, 0.4), True, id="no pause for minutes: cuts are forced"),
        pytest.param((1, 2), (1.0, 9.0), False, id="few words between long silences"),
    ],
)
def test_every_word_is_heard_once_at_its_time(
    tmp_path: Path, context: FakeStepContext, using: Decoder,
    sentence: tuple[int, int], pause: tuple[float, float], forced: bool,
) -> None:  # fmt: skip
    spoken = tones.make(tmp_path / "talk.wav", 150, sentence=sentence, pause=pause)
    ingest.run(context.upload(tmp_path / "talk.wav"), using)
    heard = words_heard(context, tmp_path / "talk.json")
    assert [word.word for word in heard] == [word.word for word in spoken]
    assert [word.start for word in heard] == pytest.approx([word.start for word in spoken], abs=0.02)
    assert any(chunk.forced_cut for chunk in context.chunks) is forced
    assert all(stop - start <= 30 for start, stop in (chunk.heard for chunk in context.chunks))


def test_chunks_leave_while_decoding_goes_on(tmp_path: Path, context: FakeStepContext) -> None:
    tones.make(tmp_path / "talk.wav", 180)
    ingest.run(context.upload(tmp_path / "talk.wav"))
    handed_over = [bool(chunks) for _, chunks in context.emitted]
    last_report = max(number for number, some in enumerate(handed_over) if not some)  # empty, while it decodes
    assert handed_over.index(True) < last_report
    assert [chunk.index for chunk in context.chunks] == list(range(len(context.chunks)))


def test_the_same_again_gives_the_same(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    tones.make(tmp_path / "talk.wav", 70)
    first = ingest.run(context.upload(tmp_path / "talk.wav"), using)
    again = replace(context, emitted=[], warnings=[])
    assert ingest.run(again, using) == first
    assert again.chunks == context.chunks


@pytest.mark.parametrize("suffix", media.SUFFIXES)
def test_formats(tmp_path: Path, context: FakeStepContext, using: Decoder, suffix: str) -> None:
    """In stereo, at a rate that every one of them can carry."""
    source = media.write(tmp_path / f"sound.{suffix}", media.buzz(6, 48_000), rate=48_000, channels=2)
    result = ingest.run(context.upload(source), using)
    assert result["duration"] == pytest.approx(6, abs=0.2)
    assert (result["channels"], result["sample_rate"]) == (2, 48_000)
    assert context.warnings == []
    [chunk] = context.chunks
    assert (chunk.start, chunk.end) == (0, pytest.approx(6, abs=0.6))


def test_time_counts_from_the_start_of_the_file(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    """Sound that begins 5 s after its container does, as when a microphone is switched on later."""
    source = media.write(tmp_path / "late.mkv", media.buzz(6), late=5)
    result = ingest.run(context.upload(source), using)
    assert result["duration"] == pytest.approx(11, abs=0.2)
    assert context.chunks[0].start == pytest.approx(4.6, abs=0.2)
    assert context.warnings == []


def test_time_goes_on_where_the_recorder_paused(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    """A quarter of an hour, in stereo: more than ffmpeg may hold at once of the sound as it comes."""
    sound, pause = (media.buzz(4, 48_000) * 32767).astype(np.int16), 900
    data = material.encoded("webm", "libopus", sound, rate=48_000, channels=2, jump=(100, pause * 48_000))
    context.blobs.put(context.source_key, [data])
    result = ingest.run(context, using)
    assert result["duration"] == pytest.approx(904, abs=0.2)
    first, last = context.chunks[0], context.chunks[-1]
    assert (first.start, last.start) == (pytest.approx(0, abs=0.2), pytest.approx(902, abs=0.5))


def test_a_pause_that_a_decoder_left_out_is_decoded_by_our_own(tmp_path: Path, context: FakeStepContext) -> None:
    script = tmp_path / "early"
    script.write_text(
        "#!/bin/sh\nhead -c 90000 /dev/zero\necho 'Failed to compensate for timestamp delta of 9000.0' >&2\n"
    )
    script.chmod(0o755)
    media.write(tmp_path / "sound.wav", media.buzz(3))
    result = ingest.run(context.upload(tmp_path / "sound.wav"), Decoder("early", str(script)))
    assert (result["decoder"], result["duration"]) == (own_decoder().name, pytest.approx(3, abs=0.1))
    assert context.generation.startswith(own_decoder().name)
    assert context.warnings == []


def test_silence_has_no_chunks(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    media.write(tmp_path / "silence.flac", np.zeros(16_000 * 5, np.float32))
    result = ingest.run(context.upload(tmp_path / "silence.flac"), using)
    assert (result["speech_seconds"], context.chunks) == (0, [])
    assert result["duration"] == pytest.approx(5)


def test_only_the_part_asked_for_is_cut(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    spoken = tones.make(tmp_path / "talk.wav", 100)
    chosen = replace(context, options=Options(vad="webrtc", clip_start=30, clip_end=60)).upload(tmp_path / "talk.wav")
    ingest.run(chosen, using)
    heard = {word.word for word in words_heard(chosen, tmp_path / "talk.json")}
    assert heard >= {word.word for word in spoken if word.start >= 30 and word.end <= 60}
    assert not heard & {word.word for word in spoken if word.end <= 30 or word.start >= 60}


def _broken(folder: Path) -> dict[str, bytes]:
    mp4 = media.write(folder / "whole.m4a", media.buzz(5)).read_bytes()
    (folder / "secret.wav").write_bytes(media.write(folder / "other.wav", media.buzz(2)).read_bytes())
    secret = str(folder / "secret.wav")
    return {
        "empty": b"",
        "text": b"Dear all, please find the minutes attached.\n" * 100,
        "random": np.random.default_rng(5).bytes(200_000),
        "m4a without its index": mp4[: len(mp4) // 2],
        "silent film": media.silent_film(folder / "film.mp4").read_bytes(),
        "hls playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
        "concat script": f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
        "dash manifest": f"<MPD><Period><AdaptationSet><BaseURL>{secret}</BaseURL></AdaptationSet></MPD>".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "wav without sound": (folder / "other.wav").read_bytes()[:44],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("empty", {"empty_file"}),
        ("text", {"invalid_media"}),
        ("random", {"invalid_media", "truncated_media"}),
        ("m4a without its index", {"truncated_media"}),
        ("silent film", {"no_audio_stream"}),
        ("hls playlist", {"invalid_media"}),
        ("concat script", {"invalid_media"}),
        ("dash manifest", {"invalid_media"}),
        ("sdp", {"invalid_media"}),
        ("wav without sound", {"truncated_media", "invalid_media"}),
    ],
)
def test_what_is_no_recording_is_refused_by_its_own_code(
    tmp_path: Path, context: FakeStepContext, using: Decoder, name: str, codes: set[str]
) -> None:
    context.blobs.put(context.source_key, [_broken(tmp_path)[name]])
    with pytest.raises(InputError) as refused:
        ingest.run(context, using)
    assert refused.value.code in codes
    assert str(tmp_path) not in refused.value.message


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_a_recording_that_ends_early_is_transcribed_with_a_warning(
    tmp_path: Path, context: FakeStepContext, using: Decoder, suffix: str
) -> None:
    whole = media.write(tmp_path / f"sound.{suffix}", media.buzz(20)).read_bytes()
    context.blobs.put(context.source_key, [whole[: len(whole) // 2]])
    result = ingest.run(context, using)
    assert 5 < result["duration"] < 15
    assert "media_truncated" in [code for code, _ in context.warnings]


def test_a_damaged_recording_starts_a_new_generation(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    damaged = bytearray(media.write(tmp_path / "sound.mp3", media.buzz(60)).read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 3000] = bytes(3000)
    context.blobs.put(context.source_key, [bytes(damaged)])
    result = ingest.run(context, using)
    if "media_damaged" in [code for code, _ in context.warnings]:
        assert "-tolerant-" in result["generation"]
    assert result["duration"] == pytest.approx(60, abs=3)
    assert context.chunks


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_is_whole(
    tmp_path: Path, context: FakeStepContext, using: Decoder, size: int
) -> None:
    context.blobs.put(context.source_key, [binary.wav(data_size=size, riff_size=size)])
    assert ingest.run(context, using)["duration"] == pytest.approx(3, abs=0.001)
    assert context.warnings == []


@pytest.mark.parametrize(("container", "codec"), [("flac", "flac"), ("wv", "wavpack"), ("matroska", "flac")])
def test_a_bit_that_turned_over_is_told(
    tmp_path: Path, context: FakeStepContext, using: Decoder, container: str, codec: str
) -> None:
    """It decodes all the same, to other sound: only the frame's checksum knows."""
    data = bytearray(material.encoded(container, codec, material.speech()))
    for sound, told in ((bytes(data), []), (_turned(data), ["media_damaged"])):
        again = replace(context, emitted=[], warnings=[])
        again.blobs.put(again.source_key, [sound])
        assert ingest.run(again, using)["duration"] == pytest.approx(3, abs=0.3)
        assert [code for code, _ in again.warnings] == told


def _turned(data: bytearray) -> bytes:
    data[len(data) // 2] ^= 1
    return bytes(data)


def test_longer_than_the_limit(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    media.write(tmp_path / "sound.wav", media.buzz(12))
    short = replace(context, settings=Settings(max_duration=10)).upload(tmp_path / "sound.wav")
    with pytest.raises(InputError) as refused:
        ingest.run(short, using)
    assert refused.value.code == "media_too_long"


def test_a_header_that_lies_is_no_memory_bomb(tmp_path: Path, context: FakeStepContext, using: Decoder) -> None:
    """A WAV that claims 4 GB of sound and holds 2 s."""
    with wave.open(str(tmp_path / "lies.wav"), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes((media.buzz(2) * 32767).astype("<i2").tobytes())
    lies = bytearray((tmp_path / "lies.wav").read_bytes())
    lies[40:44] = b"\xf0\xff\xff\x7f"
    context.blobs.put(context.source_key, [bytes(lies)])
    assert ingest.run(context, using)["duration"] == pytest.approx(2, abs=0.1)
