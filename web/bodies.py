"""A request's body -> the recordings on their way into storage, and the options. Bytes go from the socket to the disk,
and are hashed on their way as the caller's digests want it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from core.blobs import Incoming
from core.context import Context
from core.errors import fault
from web.digests import CONTENT_DIGEST, RECORDING_SHA256, Check, content_digest, recording_sha256
from web.encoded import Encoded
from web.fields import options_of
from web.multipart import Multipart
from web.raw import MEDIA, Raw, is_raw
from web.upload import Body, Checks, OptionsFrom, Upload

Read = TypeVar("Read", covariant=True)


class Reader(Protocol[Read]):
    def read(self) -> Read: ...


@contextmanager
def received(
    request: Request, context: Context, options_from: OptionsFrom = options_of, *, raw: bool = False
) -> Iterator[Body]:
    """Reads the whole body. What the caller does not commit is discarded, also when the body breaks off.
    `options_from`: makes options of a form's fields. `raw`: the body may be the recording itself.

    Raises InvalidRequest for bytes that are not those of a given digest, before the first byte for a bad digest.
    """
    readers: dict[str, Callable[..., Reader[Body]]] = {
        "multipart/form-data": partial(Multipart, options_from=options_from),
        "application/json": Encoded,
    }
    if raw:
        readers[MEDIA] = partial(Raw, options_from=options_from)
    reader = readers.get(MEDIA if is_raw(request.mimetype) else request.mimetype)
    if reader is None:
        raise UnsupportedMediaType(f"send the recording as {' or '.join(readers)}")
    with _read(request, context, reader) as body:
        yield body


@contextmanager
def received_bare(request: Request, context: Context) -> Iterator[Upload]:
    """The same of a body that is the recording, whatever its type says, and of nothing else."""
    with _read(request, context, partial(Raw, options_from=_no_options)) as body:
        yield body


@contextmanager
def _read(request: Request, context: Context, reader: Callable[..., Reader[Read]]) -> Iterator[Read]:
    checks = Checks(
        Check(content_digest(request.headers.get(CONTENT_DIGEST))),
        Check(recording_sha256(request.headers.get(RECORDING_SHA256))),
    )
    opened: list[Incoming] = []

    def receive(limit: int) -> Incoming:
        opened.append(context.blobs.receive(limit))
        return opened[-1]

    try:
        yield reader(request, context, receive, checks).read()
    finally:
        for incoming in opened:
            incoming.discard()


def _no_options(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    for name, _ in fields:
        raise fault(name, "is not a parameter of this request")
    return {}
