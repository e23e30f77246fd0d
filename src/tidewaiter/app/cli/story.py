"""What a run did, for a person: sources, tables, incidents, and where the files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.app.cli.incidents import print_incidents, read_incidents
from tidewaiter.app.cli.strangers import say_unrecognized
from tidewaiter.app.cli.terminal import emit, output, plain, say, table

_SHOWN = 8

if TYPE_CHECKING:
    from tidewaiter.app.engine.report import Report
    from tidewaiter.app.engine.run import RunResult


def print_run(result: RunResult, state: Path, *, json: bool) -> None:
    """Print a pass: as `report.json` with `--json`, else as tables."""
    from tidewaiter.app.engine.report import read_report

    report = read_report(state)
    if json:
        emit([msgspec.json.encode(report) + b"\n"])
    else:
        output().print(f"{_outcome(result)}\n", soft_wrap=True)
        if report.sources:
            _print_sources(report)
            _print_rows(report)
    _say_claimed(result)
    _say_faults(result, state)
    _say_set_aside(result, state)
    _say_outbox(result, state)
    say_unrecognized(result.summary.unrecognized, known=result.known)
    if json:
        return
    console = output()
    incidents = read_incidents(state)
    console.print(f"\n{len(incidents)} incident{'s' if len(incidents) != 1 else ''}")
    print_incidents(incidents)
    _print_places(state)


def _outcome(result: RunResult) -> str:
    summary = result.summary
    place = plain(summary.from_path)
    if summary.delivered:
        return f"Delivered {summary.delivered:,} rows in {summary.seconds:,.1f} s from {place}"
    if not result.known:
        return f"Nothing to deliver from {place}: nothing there is of a known source."
    if summary.sources:
        return f"Nothing new to deliver from {place}: its new objects hold no event that is new."
    if summary.unreadable:
        return f"Nothing new to deliver from {place}: every object that can be read was delivered before."
    return f"Nothing new to deliver from {place}: every object was delivered before."


def _print_sources(report: Report) -> None:
    columns = ("source", "objects", "records", "valid", "delivered", "duplicate", "quarantined", "faults")
    rows = [(name, *(getattr(counts, c) for c in columns[1:])) for name, counts in report.sources.items()]
    output().print(table(columns, rows, right=columns[1:]))
    other = [
        f"{n:,} {kind} file{'s' if n != 1 else ''}"
        for kinds in report.object_kinds.values()
        for kind, n in kinds.items()
        if kind not in ("events", "insight")
    ]
    if other:
        output().print(f"objects that carry no events: {', '.join(other)}")


def _print_rows(report: Report) -> None:
    console = output()
    console.print()
    console.print(table(("table", "rows"), list(report.rows.items()), right=("rows",)))


def _say_claimed(result: RunResult) -> None:
    n = result.summary.objects_claimed_before
    if n:
        say(f"{n:,} object{'s were' if n > 1 else ' was'} delivered by an earlier run")


def _say_faults(result: RunResult, state: Path) -> None:
    faults = result.faults
    if not faults:
        return
    say(f"{len(faults):,} fault{'s' if len(faults) > 1 else ''} in this pass")
    for fault in faults[:_SHOWN]:
        say(f"  {fault.object_id} [{fault.kind}] {fault.message}")
        if fault.hint:
            say(f"    next: {fault.hint}")
    if len(faults) > _SHOWN:
        say(f"  and {len(faults) - _SHOWN:,} more in {state / 'faults.jsonl'}")


def _say_set_aside(result: RunResult, state: Path) -> None:
    n = sum(counts.quarantined for counts in result.summary.sources.values())
    if not n:
        return
    say(f"{n:,} record{'s were' if n > 1 else ' was'} set aside in this pass")
    for record in result.quarantined:
        say(f"  {record.object_id} record {record.position} [{record.kind}] {record.reason}")
    say(
        f"    next: see {state / 'quarantine.jsonl'}, which holds them as they were; the others are delivered"
    )


def _say_outbox(result: RunResult, state: Path) -> None:
    if n := result.summary.sent.rejected:
        say(f"{n:,} row{'s were' if n > 1 else ' was'} refused by the service")
        say(f"    next: see {state / 'quarantine.jsonl'}, which holds them with its words")
    if n := result.waiting:
        say(f"{n:,} batch{'es wait' if n > 1 else ' waits'} in the outbox; the next run sends them")
    if n := result.dead:
        say(f"{n:,} batch{'es were' if n > 1 else ' was'} given up and kept as dead letters")
        say(f"    next: see {state / 'dead_letters.jsonl'}, which names their rows and the last error")


def _print_places(state: Path) -> None:
    console = output()
    console.print()
    places = (
        ("report", "report.json"),
        ("incidents", "incidents.jsonl"),
        ("workspace", "lab/workspace.duckdb"),
        ("set aside", "quarantine.jsonl, faults.jsonl"),
    )
    console.print(table(("what", "where"), [(what, f"{state}/{where}") for what, where in places]))
    query = "ASimAuditEventLogs | summarize count() by Operation"
    console.print(f"\nAsk it: tidewaiter kql run --state {plain(state)} '{query}'", soft_wrap=True)
