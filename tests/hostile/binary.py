"""Containers by hand, so that every field can lie. All pure: values in, bytes out."""

import struct
from collections.abc import Iterator, Sequence

from tests.hostile import material


def u16(value: int) -> bytes:
    return struct.pack("<H", value & 0xFFFF)


def u32(value: int) -> bytes:
    return struct.pack("<I", value & 0xFFFFFFFF)


def b32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """Of RIFF."""
    return name + u32(len(body) if size is None else size) + body + bytes(len(body) % 2)


def fmt(
    *, tag: int = 1, channels: int = 1, rate: int = material.RATE, byte_rate: int | None = None, align: int = 2,
    bits: int = 16, size: int | None = None,
) -> bytes:  # fmt: skip
    speed = rate * align if byte_rate is None else byte_rate
    return chunk(b"fmt ", u16(tag) + u16(channels) + u32(rate) + u32(speed) + u16(align) + u16(bits), size)


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF", form: bytes = b"WAVE") -> bytes:
    body = form + b"".join(chunks)
    return magic + u32(len(body) if size is None else size) + body


def wav(data_size: int | None = None, riff_size: int | None = None, before: bytes = b"", **lies: int) -> bytes:
    """The speech as WAV, with a header that may lie."""
    return riff(fmt(**lies), before, chunk(b"data", material.pcm(), data_size), size=riff_size)


_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"udta", b"edts", b"meta")


def atom(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return b32(len(body) + 8 if size is None else size) + name + body


def atoms(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body), one after another."""
    while len(data) >= 8:
        size = struct.unpack(">I", data[:4])[0]
        yield data[4:8], data[8:size]
        data = data[size:]


def replaced(data: bytes, path: Sequence[bytes], body: bytes, size: int | None = None) -> bytes:
    """With another body in every atom at the path, and all parents grown to fit. `size`: what it claims."""
    made = []
    for name, old in atoms(data):
        if name != path[0]:
            made.append(atom(name, old))
        elif len(path) == 1:
            made.append(atom(name, body, size))
        else:
            made.append(atom(name, replaced(old, path[1:], body, size)))
    return b"".join(made)


def found(data: bytes, path: Sequence[bytes]) -> bytes:
    """The body at the path. Raises StopIteration."""
    body = next(body for name, body in atoms(data) if name == path[0])
    return body if len(path) == 1 else found(body, path[1:])


def element(id_: int, body: bytes | int | str, size: bytes | None = None) -> bytes:
    """Of EBML. `size`: the bytes that say it, where they lie."""
    if isinstance(body, int):
        body = body.to_bytes(8, "big")
    if isinstance(body, str):
        body = body.encode()
    name = id_.to_bytes((id_.bit_length() + 7) // 8, "big")
    return name + (bytes([0x01]) + len(body).to_bytes(7, "big") if size is None else size) + body


UNKNOWN = b"\x01" + b"\xff" * 7
"""A size that EBML leaves open."""


def ogg_pages(data: bytes) -> list[bytes]:
    pages = []
    while data[:4] == b"OggS":
        count = data[26]
        size = 27 + count + sum(data[27 : 27 + count])
        pages.append(data[:size])
        data = data[size:]
    return pages


def sealed(page: bytes) -> bytes:
    """With the right checksum: only what was changed on purpose is wrong."""
    blank = patched(page, 22, bytes(4))
    value = 0
    for byte in blank:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return patched(page, 22, u32(value))


def synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames: bytes, size: int | None = None) -> bytes:
    body = b"".join(frames)
    return b"ID3\x04\x00\x00" + synchsafe(len(body) if size is None else size) + body


def id3_frame(name: bytes, body: bytes) -> bytes:
    return name + synchsafe(len(body)) + b"\0\0" + body


def vorbis_comment(*pairs: bytes, vendor: bytes = b"x") -> bytes:
    listed = b"".join(u32(len(one)) + one for one in pairs)
    return u32(len(vendor)) + vendor + u32(len(pairs)) + listed


def flac_block(kind: int, body: bytes, size: int | None = None, last: bool = False) -> bytes:
    return bytes([kind | (0x80 if last else 0)]) + (len(body) if size is None else size).to_bytes(3, "big") + body


def with_blocks(*blocks: bytes) -> bytes:
    """The speech as FLAC, with more metadata after its first block."""
    data = material.whole("flac")
    end = 8 + int.from_bytes(data[5:8], "big")
    return data[:4] + bytes([data[4] & 0x7F]) + data[5:end] + b"".join(blocks) + data[end:]
