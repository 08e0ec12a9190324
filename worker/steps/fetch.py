"""A recording by its URL: from the source to the disk, hashed on its way. Memory is flat in its length."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core import jobs
from core.blobs import Incoming
from core.context import Context
from core.errors import InputError, SourceRefused, SourceUnreachable, StorageError, Unavailable
from worker.outgoing import Answer, Limits, Outgoing

MOST_REDIRECTS = 5
_PASSING = (408, 425, 429)
"""Statuses below 500 that may be others in a moment."""
_LOOK = 2**26
"""Bytes after which the disk is looked at again: others write to it too, and a source may not say how much comes."""


@contextmanager
def fetched(context: Context, url: str, outgoing: Outgoing, check: Callable[[], None]) -> Iterator[Incoming]:
    """The whole recording, on the disk but not yet in its place; discarded where the block does not commit it. `check`
    raises when the step is to end.

    Raises SourceForbidden, SourceUnreachable, SourceRefused; InputError: upload_too_large, empty_file; StorageError,
    which is tried again for long.
    """
    settings = context.settings
    limits = Limits(settings.fetch_timeout, settings.upload_stall, MOST_REDIRECTS)
    with _room():
        jobs.check_storage(context)
    with outgoing.open(url, limits, check=check) as answer:
        coming = _accepted(answer, settings.max_upload_bytes)
        with _room():
            jobs.check_storage(context, coming)
            incoming = context.blobs.receive(settings.max_upload_bytes)
        try:
            _received(context, answer, incoming)
            yield incoming
        finally:
            incoming.discard()


def _received(context: Context, answer: Answer, incoming: Incoming) -> None:
    looked = 0
    for piece in answer.body:
        if incoming.size + len(piece) > context.settings.max_upload_bytes:
            raise _too_large(context.settings.max_upload_bytes)
        with _room():
            incoming.write(piece)
            if incoming.size - looked > _LOOK:
                looked = incoming.size
                jobs.check_storage(context)
    if not incoming.size:
        raise InputError("the source answered with no bytes; is it the recording itself?", code="empty_file")
    with _room():
        incoming.seal()


def _accepted(answer: Answer, limit: int) -> int:
    """How many bytes come, as far as the source says; 0 where it does not."""
    if answer.status >= 500 or answer.status in _PASSING:
        raise SourceUnreachable(f"the source's server answered with status {answer.status}")
    if answer.status != 200:
        raise SourceRefused(f"the source's server answered with status {answer.status}; is the URL still good?")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceRefused("the source's server compresses what it was asked for as it is")
    length = answer.headers.get("content-length", "")
    coming = int(length) if length.isdecimal() else 0
    if coming > limit:
        raise _too_large(limit)
    return coming


def _too_large(limit: int) -> InputError:
    return InputError(f"the source is larger than this server's limit of {limit} bytes", code="upload_too_large")


@contextmanager
def _room() -> Iterator[None]:
    """A full disk is waited for, but each look at it costs the source a request: so not for ever."""
    try:
        yield
    except Unavailable as error:
        raise StorageError(error.message, code=error.code) from error
