"""A recording comes in over HTTP, by whichever route: what is asked before its bytes, and the job made of them."""

import re
from typing import Any
from uuid import UUID

from flask import request, url_for

from core import jobs, models, options
from core.errors import TooLarge, fault
from core.options import Options
from web import trail
from web.bodies import received
from web.fields import options_of
from web.scope import context, tenant
from web.upload import FORM_BYTES, Linked, Named, OptionsFrom

IDEMPOTENCY_KEY = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def submitted(options_from: OptionsFrom = options_of, *, repeated: bool = False, raw: bool = False) -> jobs.Submitted:
    """The job of this request's body: new, or the one that the request's idempotency key made before; `repeated`: or
    the one that the same body made a moment ago. `raw`: the body may be the recording itself, with its options in the
    address."""
    here, key = context(), idempotency_key()
    coming, limit = request.content_length or 0, here.settings.max_upload_bytes
    if coming > limit + FORM_BYTES:
        raise TooLarge(f"the upload is larger than this server's limit of {limit} bytes; send a smaller file")
    jobs.check_room(here, coming)
    if key is None and not repeated:
        jobs.check_quota(here, tenant())
    with received(request, here, options_from, raw=raw) as body:
        trail.note(parameters=body.options)
        asked = wanted(body.options)
        if isinstance(body, Named):
            made = jobs.submit_kept(here, tenant(), body.recording_id, asked, key, repeated=repeated)
        elif isinstance(body, Linked):
            made = jobs.submit_url(here, tenant(), body.url, asked, key)
        else:
            made = jobs.submit(here, tenant(), body.incoming, body.filename, asked, key, body.others, repeated=repeated)
        trail.note(ids={"job_id": made.job["id"]})
        return made


def wanted(given: dict[str, Any]) -> Options:
    """Raises InvalidRequest, UnknownModel."""
    asked = options.parse(given)
    if asked.model:
        _refuse_unserved_folder(asked.model)
    return asked


def location_of(job: dict[str, Any]) -> str:
    return url_for("jobs.show", job_id=UUID(job["id"]))


def idempotency_key() -> str | None:
    """Raises InvalidRequest. A key that is cut or altered on its way would stand for another job."""
    given = request.headers.get(IDEMPOTENCY_KEY)
    if given is not None and not _KEY.fullmatch(given):
        raise fault(IDEMPOTENCY_KEY, "must be 1 to 255 visible ASCII characters, such as a UUID")
    return given


def _refuse_unserved_folder(name: str) -> None:
    """Raises UnknownModel. A folder is a model's name only where this server or a worker serves it."""
    here = context()
    if name != here.settings.model and all(name != one["name"] for one in jobs.served_models(here)):
        models.resolve(name, here.settings, folders=False)
