"""Rows for people, on a terminal or in a pipe."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Wide enough for its longest line: an id that is cut cannot be copied."""
    drawn = Table(box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column, no_wrap=True, overflow="ignore")
    for row in rows:
        drawn.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 1000).print(drawn, crop=False, soft_wrap=True)
