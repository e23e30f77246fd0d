"""`tidewaiter audit`: what was done and decided, and whether the record of it is whole."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir
from tidewaiter.app.cli.terminal import emit, output, plain, say, some, table
from tidewaiter.core.errors import StateError, UsageError

if TYPE_CHECKING:
    from tidewaiter.govern.audit import Record

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """The audit trail."""


@app.command("show")
def show(
    state: StateDir = DEFAULT_STATE,
    kind: Annotated[str, typer.Option("--kind", help="Only records of this kind, such as decisions.")] = "",
    since: Annotated[str, typer.Option("--since", help="Only records from this time on (ISO 8601).")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many records.")] = 50,
    json: Json = False,
) -> None:
    """Print records of the audit trail, oldest first."""
    from tidewaiter.govern.audit import Line, lines

    start = _moment(since)
    found = [
        each.record
        for each in lines(_folder(state))
        if isinstance(each, Line)
        and (not kind or each.record.kind == kind)
        and (not start or datetime.fromisoformat(each.record.at) >= start)
    ][-limit:]
    if json:
        emit(msgspec.json.encode(record) + b"\n" for record in found)
        return
    _print_records(found)
    say(some(len(found), "record"))


@app.command("verify")
def verify(state: StateDir = DEFAULT_STATE, json: Json = False) -> None:
    """Check that nothing in the audit trail was changed. Nor in the decisions that it vouches for.

    Exit code 3 when something was found. The page about the audit trail says what cannot be found.
    """
    from tidewaiter.app.engine.audited import missing_trail, verify_state

    gone = missing_trail(state, state / "audit")
    folder = state / "audit" if gone else _folder(state)
    try:
        result = verify_state(folder, state / "decisions")
    except PermissionError as error:
        hint = "run this as the user who runs tidewaiter: the key and the checkpoint are that user's alone"
        raise StateError(f"cannot read {error.filename}: {error.strerror}", hint=hint) from None
    result.findings[:0] = gone
    if json:
        emit(msgspec.json.encode(finding) + b"\n" for finding in result.findings)
    elif result.findings:
        rows = [(f.file, f.line, f.offset, f.what) for f in result.findings]
        output().print(table(("file", "line", "byte", "what"), rows, right=("line", "byte")))
    n = len(result.findings)
    seen = f"{some(result.records, 'record')}, {some(result.objects, 'object')} with decisions"
    say(f"{some(n, 'finding')} in {seen}" if n else f"whole: {seen}")
    raise typer.Exit(3 if result.findings else 0)


def _print_records(records: Sequence[Record]) -> None:
    """Print a line for each record; what a terminal has no room for goes on below its own column."""
    if not records:
        return
    console = output()
    heads = [(f"{r.seq:,}", plain(r.at), plain(r.kind), plain(r.actor)) for r in records]
    names = ("seq", "at", "kind", "actor")
    widths = [max(map(len, column)) for column in zip(names, *heads, strict=True)]
    title = "  ".join(f"{name:<{width}}" for name, width in zip(names, widths, strict=True))
    console.print(Text(f"{title}  what", style="bold"), soft_wrap=True)
    for head, record in zip(heads, records, strict=True):
        cells = [f"{head[0]:>{widths[0]}}", *map(str.ljust, head[1:], widths[1:])]
        line = "  ".join([*cells, _shown(record.body)])
        if console.is_terminal:
            indent = " " * min(sum(widths) + 2 * len(widths), console.width // 2)
            line = textwrap.fill(line, console.width, subsequent_indent=indent, break_on_hyphens=False)
        console.print(Text(line), soft_wrap=True)


def _folder(state: Path) -> Path:
    folder = state / "audit"
    if not folder.is_dir():
        hint = f"run `tidewaiter run --from DIR --state {state}` first"
        raise StateError(f"no audit trail at {state}", hint=hint)
    return folder


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text!r} is not a time", hint="write 2026-03-17T12:00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _shown(body: dict[str, object]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in body.items())
