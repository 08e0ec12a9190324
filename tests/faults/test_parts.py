"""What the suite leans on: a ring that is diverted stays a whole request, a clock that is off is off everywhere; who
says a word is known."""

import subprocess
import sys
import wave
from pathlib import Path

import pytest

from core.errors import EngineError
from core.models import ModelSource
from core.settings import Settings
from core.transcript import Word
from tests.fakes import voices
from tests.faults import recordings
from tests.faults.control import DIARIZER, RAISE, Control, Rule
from tests.faults.postbox import divert
from worker import attribution
from worker.engines.blocks import BlockResult
from worker.engines.protocols import samples

_PRESENT = """
import datetime, time
true, monotonic = (time.time(), datetime.datetime.now()), time.monotonic()
from tests.faults.skewed import shift
shift(3600)
import datetime
now = datetime.datetime.now(datetime.UTC)
assert 3590 < time.time() - true[0] < 3660, "time.time"
assert 3590 < (datetime.datetime.now() - true[1]).total_seconds() < 3660, "datetime.now"
assert time.monotonic() - monotonic < 60, "a clock that is set does not move the monotonic one"
assert isinstance(true[1], datetime.datetime), "datetimes of before are datetimes"
"""


def test_a_diverted_ring_has_as_many_bytes() -> None:
    ring = b"*3\r\n$5\r\nLPUSH\r\n$18\r\nscriptorium:ingest\r\n$2\r\n{}\r\n"
    assert divert(ring) == ring.replace(b"scriptorium:", b"diverted---:")
    assert len(divert(ring)) == len(ring)


def test_what_is_no_ring_goes_its_way() -> None:
    waiting = b"*3\r\n$5\r\nBRPOP\r\n$18\r\nscriptorium:ingest\r\n$1\r\n1\r\n"
    assert divert(waiting) == waiting


def test_a_skewed_process_believes_in_another_hour() -> None:
    subprocess.run([sys.executable, "-c", _PRESENT], check=True, timeout=60)


def test_a_rule_is_followed_so_many_times_and_no_more(tmp_path: Path) -> None:
    control, rule = Control(tmp_path), Rule("once", RAISE, 3, 5, times=2)
    control.set(rule, seconds=0.5)
    assert control.read() == (0.5, [rule])
    assert [control.take(rule) for _ in range(3)] == [True, True, False]
    assert control.taken("once") == 2


def test_each_engine_reads_its_own_rules(tmp_path: Path) -> None:
    control, rules = Control(tmp_path), [Rule("first", RAISE, 3, 5), Rule("second", RAISE, 3, 5, by=DIARIZER)]
    control.set(*rules)
    assert (control.read()[1], control.read(DIARIZER)[1]) == (rules[:1], rules[1:])


def test_every_word_has_the_speaker_that_it_should_have_and_no_block_may_be_missing(tmp_path: Path) -> None:
    talk = recordings.make(tmp_path, 1, talk=True)[-1]
    reader = voices.load(ModelSource("voices", "voices", str(tmp_path / "words.json")), Settings())
    with wave.open(str(talk.path)) as stored:
        sound = samples(stored.readframes(stored.getnframes()))
    blocks = [reader.windows(sound[start:stop], start).to_bytes() for start, stop in reader.spans(len(sound))]
    heard = [BlockResult.from_bytes(block) for block in blocks]
    found = reader.join(heard)
    words = [Word(one.start, one.end, one.word, 1.0) for one in talk.words]
    said = [one.word.speaker for one in attribution.attribute(words, found.turns, found.exclusive)]
    assert len(blocks) == 2
    assert said == voices.labels(talk.words)
    assert set(said) == {"S1", "S2", "S3"}
    with pytest.raises(EngineError):
        reader.join(heard[1:])
