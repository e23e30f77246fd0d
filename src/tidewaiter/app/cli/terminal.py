"""What reaches a screen. Text from a log must not move the cursor, change colours or forge lines."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewaiter.core.errors import ContentErrors, QueryError, TidewaiterError

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain(value: object, *, most: int = 0) -> str:
    """Return text with control, format and bidirectional characters written as escapes.

    `most` cuts longer text, with an ellipsis; 0 means no limit.
    """
    text = "".join(
        c.encode("unicode_escape", "surrogatepass").decode() if _hidden(c) else c for c in str(value)
    )
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN


def some(number: int, what: str, many: str = "") -> str:
    """Return a number with its noun; `many` is the plural that does not just add an s."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def typed(*words: object) -> str:
    """Return a command line of ours as it can be typed here, where the program may not be on the PATH."""
    return shlex.join([_program(), *(plain(word) for word in words)])


def _program() -> str:
    beside = Path(sys.executable).with_name("tidewaiter")
    if shutil.which("tidewaiter") or not beside.is_file():
        return "tidewaiter"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


def emit(lines: Iterable[bytes]) -> None:
    """Write lines of JSON on stdout; for a terminal, hidden characters as JSON's own escapes."""
    sys.stdout.buffer.writelines(map(_escaped, lines) if sys.stdout.isatty() else lines)


def _escaped(line: bytes) -> bytes:
    text = line.decode()
    if text.isprintable():
        return line
    return "".join(_unit(c) if _hidden(c) and c != "\n" else c for c in text).encode()


def _unit(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def errors() -> Console:
    """Return the console of messages and progress (stderr)."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, no_color="NO_COLOR" in os.environ)


def output() -> Console:
    """Return the console of data for people (stdout)."""
    width = None if sys.stdout.isatty() else 200
    return Console(highlight=False, markup=False, emoji=False, no_color="NO_COLOR" in os.environ, width=width)


def say(message: str = "") -> None:
    """Print one line for a person on stderr."""
    errors().print(Text(plain(message)), soft_wrap=True)


def explain(error: TidewaiterError) -> None:
    """Say what went wrong, where, what to do, and whether a retry helps."""
    for item in error.errors if isinstance(error, ContentErrors) else (error,):
        where = f"{item.at}: " if item.at else ""
        # A query's own lines are shown with a mark under the place; every other message is one line.
        first, *more = item.message.split("\n") if isinstance(item, QueryError) else [item.message]
        for line in (f"tidewaiter: {where}{first}", *more):
            say(line)
        if item.hint:
            say(f"  next: {item.hint}")
    if error.retry:
        say("  a retry is safe and may help")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Build a table whose cells are encoded; columns named in `right` are numbers."""
    built = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        built.add_column(Text(plain(column)), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        built.add_row(*(Text(f"{cell:,}" if type(cell) is int else plain(cell)) for cell in row))
    return built
