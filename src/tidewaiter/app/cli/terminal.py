"""The terminal's encoder: text from a log must not move the cursor, change colours or forge lines."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain(value: object, *, most: int = 0) -> str:
    """Return text with control, format and bidirectional characters written as escapes.

    `most` cuts longer text, with an ellipsis; 0 means no limit.
    """
    text = "".join(
        c.encode("unicode_escape", "surrogatepass").decode() if unicodedata.category(c) in _HIDDEN else c
        for c in str(value)
    )
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def errors() -> Console:
    """Return the console of messages and progress (stderr)."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, no_color="NO_COLOR" in os.environ)


def output() -> Console:
    """Return the console of data for people (stdout)."""
    width = None if sys.stdout.isatty() else 200
    return Console(highlight=False, markup=False, emoji=False, no_color="NO_COLOR" in os.environ, width=width)


def say(message: str) -> None:
    """Print a message for a person on stderr; its own line breaks stay."""
    for line in message.split("\n"):
        errors().print(Text(plain(line)), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Build a table whose cells are encoded; columns named in `right` are numbers."""
    built = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        built.add_column(Text(plain(column)), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        built.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else plain(cell)) for cell in row))
    return built
