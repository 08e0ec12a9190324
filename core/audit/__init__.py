"""The audit trail: who did what, when, from where; chained, so that a change to it is found.

An entry is written at once or within a second (`buffer`), and chained by the sweep in batches (`chainer`), so that no
request waits for another. docs/decisions/0017-audit.md says what this proves and what it cannot.
"""

from core.audit.buffer import Trail
from core.audit.chain import Broken, Head
from core.audit.chainer import chain
from core.audit.entries import Entry, command, record
from core.audit.listing import page
from core.audit.retention import expire
from core.audit.verification import Verified, verify

__all__ = [
    "Broken", "Entry", "Head", "Trail", "Verified", "chain", "command", "expire", "page", "record", "verify",
]  # fmt: skip
