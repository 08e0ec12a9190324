"""Uploads in pieces, where two meet or one dies: nothing is mixed, nothing that was acknowledged is lost, nothing is
done twice."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from core import jobs, recordings, uploads
from core.blobs import LocalBlobs
from core.context import Context
from core.errors import NotFound, OffsetMismatch, ScriptoriumError, TooManyUploads, UploadBusy
from core.growing import GrowingFiles, Whole
from core.keys import Tenant
from core.tables import Recording, Upload
from core.uploads import rows
from core.uploads.receive import PIECE
from tests.fakes import media
from tests.integration.conftest import until
from tests.integration.test_races import at_once
from tests.integration.web_api import with_settings

PATIENCE = 30.0


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """More than one write."""
    found = media.write(tmp_path_factory.mktemp("sound") / "a.wav", media.buzz(80.0)).read_bytes()
    assert len(found) > 2 * PIECE
    return found


@pytest.fixture
def begin(context: Context, tenant: Tenant) -> Callable[[int], UUID]:
    context.blobs.delete_prefix("uploads")
    return lambda length: uploads.create(context, tenant, length, "meeting.wav", "").id


def sha256(context: Context, tenant: Tenant, found: uploads.State) -> str:
    """Of the recording's bytes, which must be what its row says."""
    assert found.recording_id is not None, found
    shown = recordings.show(context, tenant, found.recording_id)
    stored = context.blobs.read_range(f"recordings/{found.recording_id}/source", 0, shown["bytes"] + 1)
    assert hashlib.sha256(stored).hexdigest() == shown["sha256"]
    return str(shown["sha256"])


def same(sound: bytes) -> str:
    return hashlib.sha256(sound).hexdigest()


def count(context: Context) -> int:
    with context.sessions() as session:
        return session.scalar(select(func.count()).select_from(Recording)) or 0


def change(context: Context, upload_id: UUID, what: str) -> None:
    with context.sessions() as session, session.begin():
        session.execute(text(f"UPDATE uploads SET {what} WHERE id = :id"), {"id": upload_id})  # noqa: S608


def end_lease(context: Context, upload_id: UUID) -> None:
    change(context, upload_id, "lease_until = now() - interval '1 second'")


def file_of(context: Context, upload_id: UUID) -> Path:
    return context.settings.blobs / "uploads" / str(upload_id)


def another_process(context: Context) -> Context:
    """One that has no hash of what came before."""
    return replace(context, blobs=LocalBlobs(context.settings.blobs))


class Line:
    """A body of which the test says when it goes on."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.waits, self.go_on = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if number:
                self.waits.set()
                assert self.go_on.wait(PATIENCE)
            yield piece


def test_a_second_request_at_one_upload_is_refused(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    upload_id, line = begin(len(sound)), Line(sound[:100], sound[100:])
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.receive, context, tenant, upload_id, 0, line)
        assert line.waits.wait(PATIENCE)
        with pytest.raises(UploadBusy):
            uploads.receive(context, tenant, upload_id, 0, [bytes(len(sound))])
        line.go_on.set()
        assert sha256(context, tenant, first.result(PATIENCE)) == same(sound)


def test_of_many_at_once_none_is_mixed_with_another(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    """Each brings other bytes, which are no sound: only one can have brought all of them."""
    for _ in range(5):
        upload_id = begin(PIECE + 10)
        bodies = [bytes([number]) * (PIECE + 10) for number in range(4)]

        def send(body: bytes, upload_id: UUID = upload_id) -> bool:
            try:
                uploads.receive(context, tenant, upload_id, 0, [body])
            except (UploadBusy, OffsetMismatch):
                return False
            return True

        sent = at_once(*(lambda body=body: send(body) for body in bodies))
        assert sum(sent) == 1
        found = uploads.show(context, tenant, upload_id)
        assert found.error is not None
        assert found.error["code"] == "invalid_media"
        upload_id = begin(len(sound))
        at_once(*(lambda: send_all(context, tenant, upload_id, sound),) * 3)  # noqa: B023
        assert sha256(context, tenant, uploads.show(context, tenant, upload_id)) == same(sound)


def send_all(context: Context, tenant: Tenant, upload_id: UUID, sound: bytes) -> None:
    """As a client: goes on from where the server says, until all is there."""
    for start in range(0, len(sound), PIECE // 2):
        try:
            uploads.receive(context, tenant, upload_id, start, [sound[start : start + PIECE // 2]])
        except (UploadBusy, OffsetMismatch):
            continue


def test_one_that_was_overtaken_writes_nothing_more(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    """Its line was silent for longer than a lease, and its last bytes differ."""
    upload_id = begin(len(sound))
    line = Line(sound[:100] + bytes(PIECE), bytes(len(sound) - PIECE - 100))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.receive, context, tenant, upload_id, 0, line)
        assert line.waits.wait(PATIENCE)
        assert file_of(context, upload_id).stat().st_size > PIECE, "it wrote, and did not commit"
        end_lease(context, upload_id)
        assert uploads.show(context, tenant, upload_id).offset == 0
        half = uploads.receive(another_process(context), tenant, upload_id, 0, [sound[:1000]])
        assert (half.offset, file_of(context, upload_id).stat().st_size) == (1000, 1000)
        line.go_on.set()
        with pytest.raises(UploadBusy):
            first.result(PATIENCE)
    assert file_of(context, upload_id).stat().st_size == 1000
    last = uploads.receive(context, tenant, upload_id, 1000, [sound[1000:]])
    assert sha256(context, tenant, last) == same(sound)


def test_one_that_is_overtaken_while_it_waits_to_write_does_not_write(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    """Whose turn it is, is looked up under the file's lock, not before."""
    upload_id, line = begin(len(sound)), Line(b"", bytes(PIECE))
    with ThreadPoolExecutor(1) as pool:
        with context.blobs.growing.held(f"uploads/{upload_id}"):
            first = pool.submit(uploads.receive, context, tenant, upload_id, 0, line)
            assert line.waits.wait(PATIENCE)
            line.go_on.set()
            end_lease(context, upload_id)
            assert rows.claim(context, tenant, upload_id, 0) is not None
        with pytest.raises(UploadBusy):
            first.result(PATIENCE)
    assert file_of(context, upload_id).stat().st_size == 0


def test_a_process_that_died_leaves_a_tail_that_nobody_reads(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    upload_id = begin(len(sound))
    uploads.receive(context, tenant, upload_id, 0, [sound[:5000]])
    assert rows.claim(context, tenant, upload_id, 5000) is not None
    with file_of(context, upload_id).open("ab") as file:
        file.write(b"torn" * 1000)
    with pytest.raises(UploadBusy):
        uploads.receive(context, tenant, upload_id, 5000, [sound[5000:]])
    end_lease(context, upload_id)
    assert uploads.show(context, tenant, upload_id).offset == 5000
    last = uploads.receive(another_process(context), tenant, upload_id, 5000, [sound[5000:]])
    assert sha256(context, tenant, last) == same(sound)


def whole(context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes) -> UUID:
    """As after the death of the process that had just stored the last byte."""
    upload_id = begin(len(sound))
    file_of(context, upload_id).write_bytes(sound)
    change(context, upload_id, 'attempt = 1, "offset" = bytes')
    end_lease(context, upload_id)
    return upload_id


@pytest.mark.parametrize("who", ["HEAD", "PATCH", "scavenger"])
def test_whoever_comes_next_finishes_what_is_whole(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes, who: str
) -> None:
    upload_id = whole(context, tenant, begin, sound)
    change(context, upload_id, "expires_at = now() - interval '1 day'")
    if who == "PATCH":
        uploads.receive(context, tenant, upload_id, len(sound), [])
    if who == "scavenger":
        jobs.scavenge(context)
    assert sha256(context, tenant, uploads.show(context, tenant, upload_id)) == same(sound)
    assert not file_of(context, upload_id).exists()


def test_many_who_finish_one_upload_make_one_recording(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    for number in range(3):
        upload_id = whole(context, tenant, begin, sound)
        at_once(*(lambda: uploads.show(context, tenant, upload_id),) * 4)  # noqa: B023
        assert uploads.show(context, tenant, upload_id).recording_id is not None
        assert count(context) == number + 1


def test_a_recording_that_was_made_before_the_death_is_found_again(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    upload_id = whole(context, tenant, begin, sound)
    arrived = Whole(context.blobs.growing, f"uploads/{upload_id}", len(sound), same(sound))
    made = recordings.keep_once(context, tenant, arrived, "meeting.wav", f"upload {upload_id}").recording
    assert str(uploads.show(context, tenant, upload_id).recording_id) == made["id"]
    assert count(context) == 1


def test_an_upload_cannot_be_given_up_while_it_becomes_a_recording(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    upload_id = whole(context, tenant, begin, sound)
    assert rows.claim(context, tenant, upload_id, len(sound)) is not None
    with pytest.raises(UploadBusy):
        uploads.terminate(context, tenant, upload_id)
    assert uploads.show(context, tenant, upload_id).recording_id is None, "whoever is at it is left alone"
    end_lease(context, upload_id)
    uploads.terminate(context, tenant, upload_id)
    assert count(context) == 0


def test_giving_an_upload_up_ends_whoever_sends(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    upload_id, line = begin(len(sound)), Line(sound[:100], sound[100:])
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.receive, context, tenant, upload_id, 0, line)
        assert line.waits.wait(PATIENCE)
        uploads.terminate(context, tenant, upload_id)
        line.go_on.set()
        with pytest.raises(ScriptoriumError):
            first.result(PATIENCE)
    assert not file_of(context, upload_id).exists()
    with pytest.raises(NotFound):
        uploads.show(context, tenant, upload_id)


def test_the_scavenger_leaves_alone_who_is_slow(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    """Its time is up, and nothing was written for hours: but somebody holds it."""
    upload_id, line = begin(len(sound)), Line(sound[:100], sound[100:])
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.receive, context, tenant, upload_id, 0, line)
        assert line.waits.wait(PATIENCE)
        change(context, upload_id, "expires_at = now() - interval '1 day', lease_until = now() + interval '1 minute'")
        os.utime(file_of(context, upload_id), (0, 0))
        assert jobs.scavenge(context) == 0
        line.go_on.set()
        assert sha256(context, tenant, first.result(PATIENCE)) == same(sound)


def test_files_that_no_upload_names_are_removed(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    mine, orphan, young = begin(10), uuid4(), uuid4()
    done = whole(context, tenant, begin, sound)
    uploads.show(context, tenant, done)
    for one in (orphan, young, done):
        context.blobs.growing.begin(f"uploads/{one}")
    for one in (mine, orphan, done):
        os.utime(file_of(context, one), (0, 0))
    assert jobs.scavenge(context) == 2
    assert {path.name for path in (context.settings.blobs / "uploads").iterdir()} == {str(mine), str(young)}


def test_two_that_begin_at_once_keep_to_the_bound(context: Context, tenant: Tenant) -> None:
    few = with_settings(context, max_open_uploads=3)

    def one() -> bool:
        try:
            uploads.create(few, tenant, 10, "a", "")
        except TooManyUploads:
            return False
        return True

    assert sum(at_once(*(one,) * 6)) == 3
    with context.sessions() as session:
        named = {str(one) for one in session.scalars(select(Upload.id))}
    assert {path.name for path in (context.settings.blobs / "uploads").iterdir()} >= named


def test_a_file_system_without_links_gets_a_copy(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    def no_links(_source: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    upload_id = whole(context, tenant, begin, sound)
    blobs = LocalBlobs(context.settings.blobs)
    blobs.growing = GrowingFiles(blobs, no_links)
    found = uploads.show(replace(context, blobs=blobs), tenant, upload_id)
    assert sha256(context, tenant, found) == same(sound)


def test_a_line_that_brings_a_byte_now_and_then_keeps_its_turn(
    context: Context, tenant: Tenant, begin: Callable[[int], UUID], sound: bytes
) -> None:
    """Bytes count as arrived about a second after they came, without waiting for more."""
    upload_id, ended = begin(1000), threading.Event()

    def drip() -> Iterator[bytes]:
        while not ended.wait(0.05):
            yield b"x"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.receive, context, tenant, upload_id, 0, drip())
        until(lambda: uploads.show(context, tenant, upload_id).offset > 0)
        ended.set()
        last = first.result(PATIENCE)
    assert 0 < last.offset < 1000
    assert file_of(context, upload_id).stat().st_size == last.offset
