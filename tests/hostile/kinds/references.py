"""Files that name other files and addresses. Nobody may follow them; what they name is bait."""

from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import atom, b32, chunk, replaced, riff, u16, u32
from tests.hostile.cases import BROKEN, Bait, Case
from tests.hostile.kinds.mp4 import TABLE

_HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n{}#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"
_DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT5S">
<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>
<SegmentList><SegmentURL media="{0}"/></SegmentList></Representation></AdaptationSet></Period></MPD>"""
_ENTITY = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://PATH">]><MPD><BaseURL>&e;</BaseURL></MPD>"""
_XSPF = """<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/">
<trackList><track><location>URL/a.mp3</location></track></trackList></playlist>"""
_IMF = """<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">
<Id>x</Id><Path>URL/a</Path></CompositionPlaylist>"""

_TEXTS: dict[str, tuple[str, str]] = {
    "HLS of an address": ("m3u8", _HLS.format("", "URL/a.ts")),
    "HLS of a file": ("m3u8", _HLS.format("", "file://PATH")),
    "HLS of /etc/passwd": ("m3u8", _HLS.format("", "file:///etc/passwd")),
    "HLS of a bare path": ("m3u8", _HLS.format("", "PATH")),
    "HLS that calls itself WAV": ("wav", _HLS.format("", "URL/a.wav")),
    "HLS of a key": ("m3u8", _HLS.format('#EXT-X-KEY:METHOD=AES-128,URI="URL/key"\n', "PATH")),
    "HLS of HLS": ("m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nURL/b.m3u8\n"),
    "HLS that concatenates": ("m3u8", _HLS.format("", "concat:URL/?|file://PATH")),
    "a concat script of a file": ("ffconcat", "ffconcat version 1.0\nfile 'PATH'\n"),
    "a concat script of an address": ("txt", "ffconcat version 1.0\nfile URL/a.wav\n"),
    "SDP": ("sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"),
    "SMIL": ("smil", '<smil><body><audio src="URL/a.mp3"/></body></smil>'),
    "XSPF": ("xspf", _XSPF),
    "DASH of an address": ("mpd", _DASH.format("URL/a.mp4")),
    "DASH of a file": ("mpd", _DASH.format("file://PATH")),
    "PLS": ("pls", "[playlist]\nNumberOfEntries=1\nFile1=URL/a.mp3\n"),
    "ASX": ("asx", '<asx version="3"><entry><ref href="URL/a.wma"/></entry></asx>'),
    "RAM": ("ram", "URL/a.rm\nrtsp://127.0.0.1/a.rm\n"),
    "a cue sheet": ("cue", 'FILE "PATH" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
    "an ISM manifest": ("ism", '<SmoothStreamingMedia><StreamIndex Url="URL/a"/></SmoothStreamingMedia>'),
    "an IMF playlist": ("xml", _IMF),
    "an entity of a file": ("xml", _ENTITY),
    "SVG": ("svg", '<svg xmlns="http://www.w3.org/2000/svg"><image href="URL/a.png"/></svg>'),
    "SubRip with a picture": ("srt", '1\n00:00:00,000 --> 00:00:05,000\n<img src="URL/a.png">\n'),
    "WebVTT with a style": ("vtt", "WEBVTT\n\nSTYLE\n::cue { background: url(URL/a) }\n\n00:00.000 --> 00:05.000\nx\n"),
    "HTML": ("html", '<html><meta http-equiv="refresh" content="0;url=URL"><audio src="URL/a.mp3"></html>'),
    "ffmetadata": ("txt", ";FFMETADATA1\ntitle=URL\n"),
}


def _told(text: str, bait: Bait) -> bytes:
    return text.replace("URL", bait.url).replace("PATH", bait.path).encode()


def _dref(entry: bytes) -> bytes:
    """QuickTime whose sound is said to lie elsewhere."""
    path = (*TABLE[:4], b"dinf", b"dref")
    return replaced(_mov(), path, bytes(4) + b32(1) + entry)


def _mov() -> bytes:
    return material.encoded("mov", "pcm_s16le", material.speech())


def _alias(path: str) -> bytes:
    """An `alis` record that names a file by its absolute path, as FFmpeg reads one."""
    name = path.rpartition("/")[2].encode()[:27]
    record = bytes(10) + bytes([1]) + b"x" + bytes(26) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    record += bytes(16) + b"\0\1" + b"\0\1" + bytes(16)
    for kind, text in ((2, path), (18, path)):
        data = text.encode()
        record += kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data + bytes(len(data) % 2)
    return atom(b"alis", bytes(4) + bytes(4) + len(record).to_bytes(2, "big") + record + b"\xff\xff\0\0")


def _reference_movie(address: str) -> bytes:
    data = b"url " + b32(len(address) + 1) + address.encode() + b"\0"
    return atom(b"ftyp", b"qt  " + bytes(4)) + atom(
        b"moov", atom(b"rmra", atom(b"rmda", atom(b"rdrf", bytes(4) + data)))
    )


def _gab2(playlist: bytes) -> bytes:
    """An AVI whose subtitle track is a playlist."""
    subtitle = b"GAB2\0\x02\0" + u32(2) + b"x\0" + u16(4) + u32(len(playlist)) + playlist
    strh = chunk(b"strh", b"txts" + bytes(12) + u32(0) + u32(1) + u32(1) + u32(0) + u32(1) + bytes(20))
    listed = chunk(b"LIST", b"strl" + strh + chunk(b"strf", b""))
    header = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(24) + u32(1) + bytes(28)) + listed)
    return riff(header, chunk(b"LIST", b"movi" + chunk(b"00tx", subtitle)), form=b"AVI ")


_BINARY: dict[str, tuple[str, Callable[[Bait], bytes]]] = {
    "HLS in front of sound": (
        "mp3", lambda bait: _told(_HLS.format("", "URL/a"), bait) + material.whole("mp3")[:400],
    ),
    "QuickTime whose sound lies at an address": (
        "mov", lambda bait: _dref(atom(b"url ", bytes(4) + bait.url.encode() + b"/a.mov\0")),
    ),
    "QuickTime whose sound lies in a file": ("mov", lambda bait: _dref(_alias(bait.path))),
    "a reference movie of an address": ("mov", lambda bait: _reference_movie(f"{bait.url}/a.mov")),
    "a reference movie of a file": ("mov", lambda bait: _reference_movie(f"file://{bait.path}")),
    "AVI with a playlist for a subtitle": ("avi", lambda bait: _gab2(_told(_HLS.format("", "URL/a"), bait))),
    "AVI with a playlist of a file": ("avi", lambda bait: _gab2(_told(_HLS.format("", "file://PATH"), bait))),
}  # fmt: skip

KNOWN = (*_TEXTS, *_BINARY)


def named(number: int, _chance: Random, bait: Bait) -> Case:
    name = KNOWN[number % len(KNOWN)]
    suffix = (_TEXTS.get(name) or _BINARY[name])[0]
    data = _told(_TEXTS[name][1], bait) if name in _TEXTS else _BINARY[name][1](bait)
    # A QuickTime file that holds its sound as well may be heard, from what it holds.
    own = {"completed"} if name.startswith("QuickTime whose") else set()
    return Case(name, f"list.{suffix}".encode(), data, BROKEN | own)
