"""What a run did, for a person: sources, tables, incidents, and where the files are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.app.cli.incidents import print_incidents, read_incidents
from tidewaiter.app.cli.terminal import output, plain, say, table

if TYPE_CHECKING:
    from tidewaiter.app.engine.report import Report
    from tidewaiter.app.engine.run import RunResult


def print_run(result: RunResult, state: Path, *, json: bool) -> None:
    """Print a pass: as `report.json` with `--json`, else as tables."""
    from tidewaiter.app.engine.report import read_report

    report = read_report(state)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        return
    summary = result.summary
    console = output()
    if summary.delivered:
        rows, seconds = f"{summary.delivered:,}", f"{summary.seconds:,.1f}"
        console.print(f"Delivered {rows} rows in {seconds} s from {plain(summary.from_path)}")
    else:
        console.print(
            f"Nothing new to deliver from {plain(summary.from_path)}: every object was delivered before."
        )
    console.print()
    _print_sources(report)
    _print_rows(report)
    _print_faults(result)
    incidents = read_incidents(state)
    console.print(f"\n{len(incidents)} incident{'s' if len(incidents) != 1 else ''}")
    print_incidents(incidents)
    _print_places(state, summary.unrecognized)


def _print_sources(report: Report) -> None:
    columns = ("source", "objects", "records", "valid", "delivered", "duplicate", "quarantined", "faults")
    rows = [(name, *(getattr(counts, c) for c in columns[1:])) for name, counts in report.sources.items()]
    output().print(table(columns, rows, right=columns[1:]))
    other = [
        f"{n:,} {kind} file{'s' if n != 1 else ''}"
        for kinds in report.object_kinds.values()
        for kind, n in kinds.items()
        if kind != "events"
    ]
    if other:
        output().print(f"objects that carry no events: {', '.join(other)}")


def _print_rows(report: Report) -> None:
    console = output()
    console.print()
    console.print(table(("table", "rows"), list(report.rows.items()), right=("rows",)))


def _print_faults(result: RunResult) -> None:
    if not result.faults:
        return
    say(f"\n{len(result.faults):,} faults in this pass")
    for fault in result.faults[:8]:
        say(f"  {fault.object_id} [{fault.kind}] {fault.message}")
        if fault.hint:
            say(f"    next: {fault.hint}")


def _print_places(state: Path, unrecognized: list[tuple[str, str]]) -> None:
    console = output()
    console.print()
    if unrecognized:
        path, reason = unrecognized[0]
        many = f"{len(unrecognized):,} files are" if len(unrecognized) > 1 else "1 file is"
        console.print(
            f"{many} of no known source and left alone, such as {plain(path)}: {plain(reason, most=120)}"
        )
    places = (
        ("report", "report.json"),
        ("incidents", "incidents.jsonl"),
        ("workspace", "lab/workspace.duckdb"),
        ("set aside", "quarantine.jsonl, faults.jsonl"),
    )
    console.print(table(("what", "where"), [(what, f"{state}/{where}") for what, where in places]))
    query = "ASimAuditEventLogs | summarize count() by Operation"
    console.print(f"\nAsk it: tidewaiter kql run --state {plain(state)} '{query}'", soft_wrap=True)
