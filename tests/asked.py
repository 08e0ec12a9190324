"""What the environment asks of a suite that is run by hand."""

import os
import sys
from collections.abc import Collection


def chosen(every: Collection[str], called: str) -> list[str]:
    """The names in `ONLY`, with commas between them; all where it is empty. `called`: what one of them is. Ends the
    program at a name that is none."""
    names = [name.strip() for name in os.environ.get("ONLY", "").split(",") if name.strip()]
    unknown = [name for name in names if name not in every]
    if unknown:
        sys.exit(f"there is no {called} {', '.join(unknown)}; there are: {', '.join(every)}")
    return names or list(every)
