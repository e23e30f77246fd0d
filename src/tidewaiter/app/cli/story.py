"""What a run did, for a person: sources, tables, incidents, and where the files are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.app.cli.incidents import Known, print_news, read_incidents
from tidewaiter.app.cli.strangers import say_unrecognized
from tidewaiter.app.cli.terminal import emit, output, plain, say, some, table, typed

_SHOWN = 8

if TYPE_CHECKING:
    from tidewaiter.app.engine.report import Report
    from tidewaiter.app.engine.run import RunResult
    from tidewaiter.core.settings import Settings
    from tidewaiter.state import Counts


def print_run(
    result: RunResult, state: Path, *, json: bool, before: Known, settings: Settings | None = None
) -> None:
    """Print a pass: as `report.json` with `--json`, else as tables.

    Args:
        result: what it did.
        state: the state directory.
        json: whether scripts read it.
        before: the incidents that were known before the pass.
        settings: say where the rows went; none for the embedded lab.
    """
    from tidewaiter.app.engine.report import read_report

    report = read_report(state)
    if json:
        emit([msgspec.json.encode(report) + b"\n"])
    else:
        output().print(_outcome(result, report), soft_wrap=True)
        _print_counts(result, report)
    _say_claimed(result)
    _say_pulled(result)
    _say_faults(result, state)
    _say_set_aside(result, state)
    _say_kept_back(result)
    _say_outbox(result, state)
    _say_possibly_sent(report, state)
    _say_drift(result, state)
    say_unrecognized(result.summary.unrecognized, known=result.known)
    if json:
        return
    if _says_something(result, report) or not result.summary.sources:
        output().print()
    print_news(read_incidents(state), before, state)
    _print_places(report, state, settings)


def _print_counts(result: RunResult, report: Report) -> None:
    """Print the counts of the state; they say nothing new after a pass that met nothing new."""
    if not result.summary.sources:
        return
    earlier = any(counts != result.summary.sources.get(name) for name, counts in _plain_counts(report))
    output().print("\nof all runs so far:\n" if earlier else "")
    _print_sources(report)
    if report.rows:
        _print_rows(report)
    output().print()


def _plain_counts(report: Report) -> Iterator[tuple[str, Counts]]:
    """Yield the totals of each source in the form of a pass's counts."""
    from tidewaiter.state import Counts

    for name, totals in report.sources.items():
        yield name, Counts(**{field: getattr(totals, field) for field in Counts.__struct_fields__})


def _says_something(result: RunResult, report: Report) -> bool:
    """Whether messages stand between the counts and the incidents."""
    summary = result.summary
    set_aside = any(counts.quarantined or counts.tiered for counts in summary.sources.values())
    sending = summary.sent.rejected or result.waiting or result.dead or report.outbox.possibly_sent.batches
    left_out = summary.objects_claimed_before or result.faults or summary.unrecognized
    drift = summary.drift.alarms or summary.drift.failures
    pulled = any(counts.rows or counts.failed for counts in summary.pulled.values())
    return bool(set_aside or sending or left_out or drift or pulled)


def _outcome(result: RunResult, report: Report) -> str:
    summary = result.summary
    place = plain(_place(result))
    waiting = report.outbox.pending.rows + report.outbox.sending.rows + report.outbox.dead.rows
    if summary.delivered and waiting:
        took = f"Took {some(summary.delivered, 'row')} in {summary.seconds:,.1f} s from {place}"
        return f"{took}; {waiting:,} {'is' if waiting == 1 else 'are'} not delivered yet"
    if summary.delivered:
        return f"Delivered {some(summary.delivered, 'row')} in {summary.seconds:,.1f} s from {place}"
    if any(counts.tiered for counts in summary.sources.values()):
        return f"Delivered nothing from {place} in {summary.seconds:,.1f} s: the phase lets no rows leave"
    if not result.known:
        return f"Nothing to deliver from {place}: nothing there is of a known source."
    if summary.sources:
        return f"Nothing new to deliver from {place}: its new objects hold no event that is new."
    if summary.pull_failures:
        return f"Nothing new to deliver from {place}."
    if summary.unreadable:
        return f"Nothing new to deliver from {place}: every object that can be read was delivered before."
    if not summary.from_path:
        return f"Nothing new to deliver from {place}: no new row; those of the last five minutes wait."
    return f"Nothing new to deliver from {place}: every object was delivered before."


def _place(result: RunResult) -> str:
    """Return where the pass read: the folder, the tables, or both."""
    summary = result.summary
    tables = [counts.table for counts in summary.pulled.values()]
    return " and ".join(part for part in (summary.from_path, ", ".join(tables)) if part)


def _print_sources(report: Report) -> None:
    columns = ("source", "objects", "records", "valid", "delivered", "duplicate", "quarantined", "faults")
    rows = [(name, *(getattr(counts, c) for c in columns[1:])) for name, counts in report.sources.items()]
    output().print(table(columns, rows, right=columns[1:]))
    other = [
        some(n, f"{kind} file")
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
    if n := result.summary.objects_claimed_before:
        say(f"{some(n, 'object was', 'objects were')} delivered by an earlier run")


def _say_pulled(result: RunResult) -> None:
    for source, counts in result.summary.pulled.items():
        if counts.rows:
            until = f", received before {counts.until}" if counts.until else ""
            say(f"{some(counts.rows, 'row')} of {counts.table} pulled{until}")
        for column, n in counts.cut.items():
            what = f"{some(n, 'row has', 'rows have')} a {column} that Azure had cut short"
            say(f"  {what}: mapped as far as the rest tells")
        if counts.failed:
            say(f"{source} could not be pulled to its end: {counts.failed}")
            say(f"    next: {counts.next}")


def _say_faults(result: RunResult, state: Path) -> None:
    faults = result.faults
    if not faults:
        return
    say(f"{some(len(faults), 'fault')} in this pass")
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
    say(f"{some(n, 'record was', 'records were')} set aside in this pass")
    for record in result.quarantined:
        say(f"  {record.object_id} record {record.position} [{record.kind}] {record.reason}")
    say(
        f"    next: see {state / 'quarantine.jsonl'}, which holds them as they were; the others are delivered"
    )


def _say_kept_back(result: RunResult) -> None:
    for source, counts in result.summary.sources.items():
        if counts.tiered:
            kept = some(counts.tiered, "row stays", "rows stay")
            say(f"{kept} in the archive: the phase of {source} lets none leave")


def _say_outbox(result: RunResult, state: Path) -> None:
    if n := result.summary.sent.rejected:
        say(f"{some(n, 'row was', 'rows were')} refused by the service")
        say(f"    next: see {state / 'quarantine.jsonl'}, which holds them with its words")
    if n := result.waiting:
        say(f"{some(n, 'batch waits', 'batches wait')} in the outbox for the next run to send")
    if n := result.dead:
        say(f"{some(n, 'batch was', 'batches were')} given up as dead letters; the next run tries again")
        say(f"    next: see {state / 'dead_letters.jsonl'}, which names the rows and the last error")


def _say_possibly_sent(report: Report, state: Path) -> None:
    if not (twice := report.outbox.possibly_sent).batches:
        return
    batches = some(twice.batches, "batch", "batches")
    say(f"{batches} with {some(twice.rows, 'row')} may have arrived twice: the service's answer never came")
    say(f"    next: see {state / 'possibly_sent.jsonl'}, which names the rows by EventOriginalUid")


def _say_drift(result: RunResult, state: Path) -> None:
    drift = result.summary.drift
    if n := drift.alarms:
        say(f"records no longer look as they did in {some(n, 'place')}")
        say(f"    next: {typed('drift', '--state', state)}")
    for what, n in drift.failures.items():
        say(f"a look for drift failed {some(n, 'time')} ({what}); no record is lost by it, please report it")


def _print_places(report: Report, state: Path, settings: Settings | None) -> None:
    console = output()
    embedded = settings is None or settings.embedded
    places = {"report": "report.json", "incidents": "incidents.jsonl"}
    if embedded:
        places["workspace"] = "lab/workspace.duckdb"
    places["set aside"] = "quarantine.jsonl, faults.jsonl"
    if report.outbox.possibly_sent.batches:
        places["maybe double"] = "possibly_sent.jsonl"
    if report.outbox.dead.batches:
        places["given up"] = "dead_letters.jsonl"
    rows = [(what, f"{state}/{where}") for what, where in places.items()]
    query = "ASimAuditEventLogs | summarize count() by Operation"
    ask = typed("kql", "run", "--state", state, query)
    if settings is not None and not embedded:
        name = settings.workspace.name or "the workspace"
        rows.insert(2, ("workspace", f"{name}, id {settings.workspace.id or 'not set'}"))
        rows.insert(3, ("rows go to", settings.ingestion.endpoint))
        ask = f"{query}   (in that workspace, on its Logs page or by its query API)"
    console.print()
    console.print(table(("what", "where"), rows))
    console.print(f"\nAsk it: {ask}", soft_wrap=True)
