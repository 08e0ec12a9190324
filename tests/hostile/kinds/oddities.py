"""Files that are two things at once, or nothing; several streams; and the less common containers."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import atom, b32, chunk, fmt, patched, riff, u16, u32, wav
from tests.hostile.cases import ANY, BROKEN, HEARD, LONG, Bait, Case

_MANY = ANY | LONG
_PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde" + b"\0\0\0\0IEND\xaeB`\x82"
_PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def _zipped(data: bytes, stored: bool = False) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../../talk.wav"), data)
    return written.getvalue()


def _tarred(data: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo("../../talk.wav")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


TWO: dict[str, tuple[str, Callable[[], bytes], frozenset[str]]] = {
    "MP3 after a zip": ("mp3", lambda: _zipped(b"x" * 500, stored=True) + material.whole("mp3"), ANY),
    "a zip after MP3": ("mp3", lambda: material.whole("mp3") + _zipped(b"x" * 500), ANY),
    "a zip of a WAV": ("zip", lambda: _zipped(wav()), BROKEN),
    "a zip of a WAV, not packed": ("wav", lambda: _zipped(wav(), stored=True), ANY),
    "HTML in a WAV": ("html", lambda: wav(before=chunk(b"LIST", b"INFO<script>alert(1)</script>")), ANY),
    "FLAC after a PDF": ("pdf", lambda: _PDF + material.whole("flac"), ANY),
    "a PDF after FLAC": ("flac", lambda: material.whole("flac") + _PDF, ANY),
    "MP3 after a PNG": ("png", lambda: _PNG + material.whole("mp3"), ANY),
    "gzip of a WAV": ("wav.gz", lambda: gzip.compress(wav(), mtime=0), BROKEN),
    "tar of a WAV": ("tar", lambda: _tarred(wav()), ANY),
    "MP3 after an ELF header": ("bin", lambda: b"\x7fELF\2\1\1" + bytes(57) + material.whole("mp3"), ANY),
    "MP3 after a shell script": ("sh", lambda: b"#!/bin/sh\nrm -rf /\nexit\n" + material.whole("mp3"), ANY),
    "MP3 after a GIF": ("gif", lambda: b"GIF89a\1\0\1\0\0\0\0;" + material.whole("mp3"), ANY),
    "two WAVs in one": ("wav", lambda: wav() + wav(), ANY),
    "FLAC after Opus": ("ogg", lambda: material.whole("opus") + material.whole("flac"), ANY),
    "MP4 that begins with PHP": ("m4a", lambda: atom(b"free", b"<?php exit; ?>") + material.whole("m4a"), ANY),
}  # fmt: skip

NOTHING: dict[str, tuple[str, Callable[[Random], bytes], frozenset[str]]] = {
    "empty": ("wav", lambda _: b"", frozenset({"empty_file"})),
    "one byte": ("wav", lambda _: b"R", BROKEN),
    "a megabyte of NUL": ("wav", lambda _: bytes(2**20), BROKEN),
    "a megabyte of chance": ("mp3", lambda chance: chance.randbytes(2**20), ANY),
    "a megabyte of 0xFF": ("mp3", lambda _: b"\xff" * 2**20, BROKEN),
    "frame marks, and nothing else": ("mp3", lambda _: b"\xff\xfb" * 2**19, BROKEN),
    "text": ("txt", lambda _: b"Dear all, please find the minutes attached.\n" * 1000, BROKEN),
    "JSON": ("json", lambda _: b'{"audio": "' + b"A" * 4000 + b'"}', BROKEN),
    "nothing but blanks": ("wav", lambda _: b" " * 5000, BROKEN),
    "RIFF, and no more": ("wav", lambda _: b"RIFF", BROKEN),
    "fLaC, and no more": ("flac", lambda _: b"fLaC", BROKEN),
    "OggS, and no more": ("ogg", lambda _: b"OggS", BROKEN),
    "EBML, and no more": ("mkv", lambda _: b"\x1a\x45\xdf\xa3", BROKEN),
    "ftyp, and no more": ("mp4", lambda _: atom(b"ftyp", b"isom\0\0\0\0"), BROKEN),
    "a picture": ("png", lambda _: _PNG, BROKEN),
    "a film without sound": ("mp4", lambda _: material.film(False), frozenset({"no_audio_stream"})),
    "a WAV of no samples": ("wav", lambda _: riff(fmt(), chunk(b"data", b"")), BROKEN),
    "a WAV of one sample": ("wav", lambda _: riff(fmt(), chunk(b"data", b"\1\0")), ANY),
}


def _tracks(count: int) -> bytes:
    return material.encoded("matroska", "pcm_s16le", material.speech(), copies=count)


def _first_undecodable() -> bytes:
    """Two tracks; the first is of a codec that nobody knows."""
    data = material.encoded("mov", "pcm_s16le", material.speech(), copies=2)
    at = data.rindex(b"moov") - 4
    first, rest = data[at:].split(b"sowt", 1)
    return data[:at] + first + b"zzzz" + rest


def _wide(channels: int) -> bytes:
    sound = b"".join(material.pcm()[n : n + 2] * channels for n in range(0, 16_000, 2))
    return riff(fmt(channels=channels, align=2 * channels), chunk(b"data", sound))


STREAMS: dict[str, tuple[str, Callable[[], bytes], frozenset[str], dict[str, str]]] = {
    "three tracks of sound": ("mkv", lambda: _tracks(3), HEARD, {}),
    "100 tracks of sound": ("mkv", lambda: _tracks(100)[: 2**21], ANY, {}),
    "the first track cannot be decoded": ("mov", _first_undecodable, ANY, {}),
    "a film with sound": ("mp4", lambda: material.film(True), HEARD, {}),
    "another rate in the middle": (
        "aac",
        lambda: material.whole("aac") + material.encoded("adts", "aac", material.speech(), rate=48_000, channels=2),
        ANY,
        {},
    ),
    "40 channels to separate": ("wav", lambda: _wide(40), frozenset({"too_many_channels"}), {"channels": "separate"}),
    "8 channels to separate, cut off": ("wav", lambda: _wide(8)[:100_000], ANY, {"channels": "separate"}),
    "2 channels to separate, of nothing": (
        "wav", lambda: riff(fmt(channels=2, align=4), chunk(b"data", b"")), BROKEN, {"channels": "separate"},
    ),
}  # fmt: skip


def _extended(value: float) -> bytes:
    """The 80-bit float of AIFF, of 0 and powers of two; inf and NaN."""
    if value != value or value in (float("inf"), float("-inf")):
        return b"\x7f\xff" + (b"\xc0" if value != value else b"\x80") + bytes(7)
    if value == 0:
        return bytes(10)
    return (16383 + int(value).bit_length() - 1).to_bytes(2, "big") + b"\x80" + bytes(7)


def _aiff(channels: int = 1, rate: float = 16_384, bits: int = 16, frames: int = 48_000, size: int = 0) -> bytes:
    comm = channels.to_bytes(2, "big") + b32(frames) + bits.to_bytes(2, "big") + _extended(rate)
    sound = bytes(8) + material.speech().astype(">i2").tobytes()
    body = b"AIFF" + b"COMM" + b32(18) + comm + b"SSND" + b32(size or len(sound)) + sound
    return b"FORM" + b32(len(body)) + body


def _caf(rate: float = 16_000, per_packet: int = 2, frames: int = 1, channels: int = 1) -> bytes:
    desc = struct.pack(">d4sIIIII", rate, b"lpcm", 2, per_packet, frames, channels, 16)
    chunks = ((b"desc", desc), (b"data", bytes(4) + material.pcm()))
    return b"caff\0\1\0\0" + b"".join(name + len(body).to_bytes(8, "big") + body for name, body in chunks)


def _au(encoding: int = 3, rate: int = 16_000, channels: int = 1, offset: int = 24) -> bytes:
    return b".snd" + b32(offset) + b"\xff" * 4 + b32(encoding) + b32(rate) + b32(channels) + material.pcm()


def _wave64() -> bytes:
    ids = b"riff.\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\0\0", b"wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0O\x8e\xdb\x8a"
    return ids[0] + bytes(8) + ids[1]


def _voc() -> bytes:
    sound = b"\xff\0" + material.pcm()[:50_000]
    head = b"Creative Voice File\x1a" + u16(26) + u16(0x10A) + u16(0x1129)
    return head + b"\1" + len(sound).to_bytes(3, "little") + sound + b"\0"


def _asf(at: int, new: bytes) -> bytes:
    return patched(material.whole("wma"), at, new)


RARE: dict[str, tuple[str, Callable[[], bytes], frozenset[str]]] = {
    "AIFF of rate 0": ("aiff", lambda: _aiff(rate=0), ANY),
    "AIFF of rate NaN": ("aiff", lambda: _aiff(rate=float("nan")), ANY),
    "AIFF of rate infinite": ("aiff", lambda: _aiff(rate=float("inf")), ANY),
    "AIFF of 0 channels": ("aiff", lambda: _aiff(channels=0), ANY),
    "AIFF of 65535 channels": ("aiff", lambda: _aiff(channels=65535), ANY),
    "AIFF of 2^32-1 frames": ("aiff", lambda: _aiff(frames=2**32 - 1), ANY),
    "AIFF whose sound claims 4 GB": ("aiff", lambda: _aiff(size=2**32 - 1), ANY),
    "CAF of rate NaN": ("caf", lambda: _caf(rate=float("nan")), ANY),
    "CAF of rate 1e300": ("caf", lambda: _caf(rate=1e300), ANY),
    "CAF of packets of 0 bytes": ("caf", lambda: _caf(per_packet=0, frames=0), ANY),
    "CAF of packets of 4 GB": ("caf", lambda: _caf(per_packet=2**31, frames=2**31), _MANY),
    "AU of rate 0": ("au", lambda: _au(rate=0), ANY),
    "AU of rate 1": ("au", lambda: _au(rate=1), _MANY),
    "AU of an unknown encoding": ("au", lambda: _au(encoding=999), BROKEN),
    "AU whose sound begins at 4 GB": ("au", lambda: _au(offset=2**32 - 1), ANY),
    "ADTS of a rate that there is not": (
        "aac", lambda: material.whole("aac").replace(b"\xff\xf1\x60", b"\xff\xf1\x7c"), ANY,
    ),
    "AMR of rubbish": ("amr", lambda: b"#!AMR\n" + b"\x7c" * 5000, ANY),
    "ASF of 2^32-1 objects": ("wma", lambda: _asf(24, b"\xff" * 4), ANY),
    "ASF whose header claims 2^63 bytes": ("wma", lambda: _asf(16, b"\xff" * 7 + b"\x7f"), ANY),
    "WavPack of 2^32-2 samples": ("wv", lambda: patched(material.whole("wv"), 12, u32(2**32 - 2)), ANY),
    "WavPack whose block claims 1 MB": ("wv", lambda: patched(material.whole("wv"), 4, u32(2**20)), ANY),
    "a Wave64 of size 0": ("w64", _wave64, BROKEN),
    "VOC of rate 0": ("voc", _voc, ANY),
    "FLV of rubbish": ("flv", lambda: b"FLV\1\4\0\0\0\x09\0\0\0\0" + b"\x08\0\x10\0\0\0\0\0\0\0\0\x2f" * 500, ANY),
    "MPEG-TS of sync bytes": ("ts", lambda: (b"\x47\x40\0\x10" + bytes(184)) * 2000, BROKEN),
    "AVI that holds itself": ("avi", lambda: riff(riff(riff(form=b"AVI "), form=b"AVI "), form=b"AVI "), BROKEN),
}  # fmt: skip


def polyglot(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(TWO)[number % len(TWO)]
    suffix, make, ends = TWO[name]
    return Case(name, f"two.{suffix}".encode(), make(), ends)


def nothing(number: int, chance: Random, _bait: Bait) -> Case:
    name = list(NOTHING)[number % len(NOTHING)]
    suffix, make, ends = NOTHING[name]
    return Case(name, f"nothing.{suffix}".encode(), make(chance), ends)


def streams(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(STREAMS)[number % len(STREAMS)]
    suffix, make, ends, options = STREAMS[name]
    return Case(name, f"several.{suffix}".encode(), make(), ends, options=options)


def rare(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(RARE)[number % len(RARE)]
    suffix, make, ends = RARE[name]
    return Case(name, f"rare.{suffix}".encode(), make(), ends)
