"""The files themselves: what is hard on each format, and whether others read it as it was meant."""

import csv
import html
import io
import sys
import zipfile
from typing import Any
from xml.etree import ElementTree

import docx
import pysubs2
import pytest
import webvtt
from hypothesis import example, given
from hypothesis import strategies as st

from core.formats import FORMATS, Layout, Look
from core.formats.office import NotInstalled
from core.transcript import Segment, Utterance, Word
from scriptorium.scoring.files import speech
from tests.unit.test_formats import EMPTY, chinese, document, said

HOSTILE = [
    "press <b>bold</b> & <i>now",
    "<v Bob>I am not Ann",
    "a --> b -- > c",
    "C:\\new\\Name \\host {\\an8}{note}",
    "&amp; &lt;i&gt; &nbsp;",
    "WEBVTT NOTE STYLE REGION",
    "2024",
    "<00:00:01.000> x <c.yellow>y",
    "今天<b>开会</b>，--> 100%",
]
NAMED = [{"label": "S1", "name": "Ann <Lee> & Co", "seconds": 2.0}, {"label": "S2", "name": None, "seconds": 1.0}]


def read(name: str, made: dict[str, Any], look: Look) -> list[pysubs2.SSAEvent]:
    """By a library that did not write it, with everything that looks like a tag kept."""
    text = str(FORMATS[name].render(made, look))
    return list(pysubs2.SSAFile.from_string(text, format_=name, keep_html_tags=True))


@pytest.mark.parametrize("text", HOSTILE)
def test_captions_keep_hostile_text(text: str) -> None:
    made, wide = document(said(text)), Look(Layout(200, 1))
    shown = " ".join(text.split())
    (vtt,), (srt,) = read("vtt", made, wide), read("srt", made, wide)
    assert html.unescape(vtt.text) == shown
    assert "<" not in vtt.text.replace("&lt;", "")
    assert srt.text == shown.replace("-->", "->")


@pytest.mark.parametrize(
    ("name", "expected"), [("srt", "00:01.000 -> 00:02.000"), ("vtt", "00:01.000 --&gt; 00:02.000")]
)
def test_times_that_were_said_are_no_caption(name: str, expected: str) -> None:
    """pysubs2 would take any two times on one line for a caption's."""
    text = str(FORMATS[name].render(document(said("00:01.000 --> 00:02.000"))))
    assert [one.raw_text for one in webvtt.from_buffer(io.StringIO(text), format=name)] == [expected]


def test_a_voice_span_holds_any_name() -> None:
    made = document(said("Hi.", speaker="S1"), said("Hello.", 3.0, speaker="S2"), speakers=NAMED)
    assert [one.text for one in read("vtt", made, Look())] == ["<v Ann &lt;Lee&gt; &amp; Co>Hi.", "<v S2>Hello."]
    assert [one.text for one in read("srt", made, Look())] == ["Ann <Lee> & Co: Hi.", "S2: Hello."]


@given(st.text(max_size=30), st.text(min_size=1, max_size=10))
@example("\0\x01\x0b\x1c\x85\u2028\ufffe\r\n\n-->", "\r\n>\0")
def test_no_text_and_no_name_breaks_a_file(text: str, name: str) -> None:
    segment = Segment(1.0, 2.0, f"so {text}", "en", -0.1, 0.0, (), "S1")
    made = document(segment, speakers=[{"label": "S1", "name": name, "seconds": 1.0}])
    for wanted in (True, False):
        look = Look(Layout(200, 4), wanted)
        txt, tsv, ctm, srt, vtt = (str(FORMATS[key].render(made, look)) for key in ("txt", "tsv", "ctm", "srt", "vtt"))
        assert len(txt.split("\n")) == 2
        assert [len(line.split("\t")) for line in tsv.split("\n")] == [3, 3, 1]
        assert all(len(line.split()) == 6 for line in ctm.splitlines())
        for key, text in (("srt", srt), ("vtt", vtt)):
            (cue,) = webvtt.from_buffer(io.StringIO(text), format=key)
            assert (cue.start, cue.end) == ("00:00:01.000", "00:00:02.000")


@pytest.mark.parametrize("name", ["txt", "srt", "vtt", "tsv", "docx"])
def test_names_are_left_out_where_nobody_wants_them(name: str) -> None:
    made = document(said("One two.", speaker="S1"), said("Three four.", 0.6, speaker="S2"), speakers=NAMED)
    with_names, without = (shown(name, FORMATS[name].render(made, Look(speakers=wanted))) for wanted in (True, False))
    assert "Ann" in with_names
    assert "S2" in with_names
    assert "Ann" not in without
    assert "S2" not in without
    assert without.index("One two.") < without.index("Three four.")
    assert "One two. Three four." not in without, "another speaker is another caption all the same"


def shown(name: str, made: str | bytes) -> str:
    return "\n".join(paragraphs(made)) if isinstance(made, bytes) else made


def on(channel: int, one: Segment) -> Segment:
    return Segment(one.start, one.end, one.text, one.language, -0.1, 0.0, one.words, one.speaker, channel)


def test_channels_overlap_in_captions_and_not_in_a_ctm() -> None:
    made = document(on(0, said("one two three four", 0.0)), on(1, said("five six", 0.4)))
    for name in ("srt", "vtt"):
        cues = read(name, made, Look())
        assert [(cue.start, cue.end, cue.text) for cue in cues] == [
            (0, 1200, "one two three four"),
            (400, 1400, "five six"),
        ]
    fields = [line.split() for line in str(FORMATS["ctm"].render(made)).splitlines()]
    assert [(one[1], one[2], one[4]) for one in fields] == [
        ("1", "0.000", "one"), ("1", "0.300", "two"), ("1", "0.600", "three"), ("1", "0.900", "four"),
        ("2", "0.400", "five"), ("2", "0.700", "six"),
    ]  # fmt: skip


def test_a_ctm_has_a_word_a_line() -> None:
    timed = said("hello there", 1.0)
    untimed = Segment(5.0, 20.0, " a bcd\t今天开会", "en", -0.2, 0.0)
    words = (Word(30.0, 30.9, " New York", 0.5), Word(30.9, 31.0, " ", 0.1))
    odd = Segment(30.0, 31.0, " New York", "en", -0.1, 0.0, words)
    made = document(timed, untimed, odd)
    text = str(FORMATS["ctm"].render(made))
    assert text == (
        "job 1 1.000 0.300 hello 0.9000\n"
        "job 1 1.300 0.300 there 0.9000\n"
        "job 1 5.000 2.000 a 0.8187\n"
        "job 1 7.000 4.000 bcd 0.8187\n"
        "job 1 11.000 9.000 今天开会 0.8187\n"
        "job 1 30.000 0.400 New 0.5000\n"
        "job 1 30.400 0.500 York 0.5000\n"
    )
    assert speech(text, ".ctm", "").text() == "hello there a bcd 今天开会 New York"


def test_a_tsv_is_as_whisper_writes_it() -> None:
    odd = Segment(1.0004, 2.0006, ' say\t"hi"\n there', "en", -0.1, 0.0)
    made = document(said("One.", speaker="S1"), odd, chinese("今天。", 3.0), Segment(8, 9, "  ", "en", -0.1, 0))
    text = str(FORMATS["tsv"].render(made))
    rows = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows == [
        ["start", "end", "text"],
        ["0", "300", "S1: One."],
        ["1000", "2001", 'say "hi" there'],
        ["3000", "3600", "今天。"],
    ]


def paragraphs(made: str | bytes) -> list[str]:
    """Read without the library that wrote it."""
    assert isinstance(made, bytes)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        body = ElementTree.fromstring(archive.read("word/document.xml"))  # noqa: S314, it was written here
    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    return ["".join(part.text or "" for part in one.iter(f"{word}t")) for one in body.iter(f"{word}p")]


def test_a_docx_has_a_paragraph_an_utterance() -> None:
    spoken = (
        Utterance(0.5, 2.0, "S1", " Good morning."),
        Utterance(3725.9, 3727.0, None, " <w:p/>\0\x01\uffff & 今天。"),
    )
    made = document(said("One."), speakers=NAMED, utterances=[vars(one) for one in spoken])
    written = FORMATS["docx"].render(made)
    assert paragraphs(written) == ["Transcript", "[00:00] Ann <Lee> & Co: Good morning.", "[1:02:05] <w:p/> & 今天。"]
    assert isinstance(written, bytes)
    assert [one.text for one in docx.Document(io.BytesIO(written)).paragraphs] == paragraphs(written)
    assert written == FORMATS["docx"].render(made), "no time of its making"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (document(said("One two.", 61.0), Segment(8, 9, " ", "en", 0, 0)), ["Transcript", "[01:01] One two."]),
        (EMPTY, ["Transcript"]),
    ],
)
def test_a_docx_without_speakers_has_a_paragraph_a_segment(made: dict[str, Any], expected: list[str]) -> None:
    assert paragraphs(FORMATS["docx"].render(made)) == expected


def test_without_python_docx_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(NotInstalled, match=r"pip install 'scriptorium\[web\]'"):
        FORMATS["docx"].render(EMPTY)
