"""Uploads that come in pieces, over hours and broken connections, and become recordings.

The truth of how far one has come is its row: `offset` grows in a commit of its own, after the bytes before it were
flushed to storage. What lies in the file behind it is cut off by whoever goes on. A process that is killed loses at
most what it had not committed, about a second of its line; a connection that breaks loses nothing that arrived.

Nobody holds a database connection, or a lock, while bytes are awaited. Who receives has a lease on the row, renewed as
bytes come and left when they end; a dead one ends by itself. Whoever claims after it raises `attempt`. Each write
happens under the file's lock, with a look at `attempt` first: so one that was overtaken, however late it wakes, writes
nothing into what its successor stored, and its commit is refused.
"""

from core.uploads.open import create, show, terminate
from core.uploads.receive import receive
from core.uploads.rows import State

__all__ = ["State", "create", "receive", "show", "terminate"]
