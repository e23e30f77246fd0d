"""Files that a run leaves for people and scripts: report.json, incidents, signals, faults, quarantine."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from tidewaiter.app.engine.drift import DriftCounts, read_alarms
from tidewaiter.app.engine.pull import PullCounts
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.core.faults import Fault
from tidewaiter.pipeline.deliver.batcher import event_id, rows_of
from tidewaiter.pipeline.deliver.send_report import SendReport
from tidewaiter.pipeline.detect import group_incidents, incident_json
from tidewaiter.state import Counts, OutboxTotals, State, Waiting


class RunSummary(msgspec.Struct):
    """One pass, as `last_run` in report.json; `unrecognized` and `unreadable` list (path, reason).

    `pulled` has what was read from the workspace, by source; `from_path` is "" where no folder was read.
    """

    started: str
    from_path: str
    objects_claimed_before: int = 0
    seconds: float = 0.0
    sources: dict[str, Counts] = msgspec.field(default_factory=dict)
    unrecognized: list[tuple[str, str]] = msgspec.field(default_factory=list)
    unreadable: list[tuple[str, str]] = msgspec.field(default_factory=list)
    sent: SendReport = msgspec.field(default_factory=SendReport)
    drift: DriftCounts = msgspec.field(default_factory=DriftCounts)
    pulled: dict[str, PullCounts] = msgspec.field(default_factory=dict)

    @property
    def pull_failures(self) -> dict[str, PullCounts]:
        """The pulls that stopped before their end, by source."""
        return {name: counts for name, counts in self.pulled.items() if counts.failed}

    @property
    def delivered(self) -> int:
        """Rows delivered in this pass."""
        return sum(counts.delivered for counts in self.sources.values())


class SourceTotals(Counts):
    """Counts of one source; what it billed before is null: no second row is made for it alone."""

    billed_bytes_before: int | None = None
    billed_bytes_after: int | None = None


class Report(msgspec.Struct):
    """report.json: `sources`, `rows` and `stages` are totals of the state, `last_run` is of the last pass."""

    sources: dict[str, SourceTotals]
    object_kinds: dict[str, dict[str, int]]
    rows: dict[str, int]
    stages: dict[str, float]
    incidents: int
    outbox: OutboxTotals
    last_run: RunSummary


def write_report(state: State, summary: RunSummary, unreadable: Sequence[tuple[str, Fault]] = ()) -> Report:
    """Write all files of the state directory; each is replaced as a whole.

    `unreadable` are faults of objects that were not claimed, as (source, fault); they are no part of the
    state, so that they are gone from faults.jsonl when a later pass has read the objects.

    Raises:
        DeliveryError: a file cannot be written. StateError: the state is damaged.
    """
    try:
        return _write_all(state, summary, unreadable)
    except OSError as error:
        hint = "free disk space, then run again: rows and claims are safe, the files are written anew"
        raise DeliveryError(f"cannot write the report: {error.strerror or error}", hint=hint) from None


def _write_all(state: State, summary: RunSummary, unreadable: Sequence[tuple[str, Fault]]) -> Report:
    signals = state.signals()
    incidents = group_incidents(signals)
    root = state.root
    _write_lines(root / "signals.jsonl", (msgspec.json.encode(signal) for signal in signals))
    _write_lines(root / "incidents.jsonl", (incident_json(incident) for incident in incidents))
    _write_lines(
        root / "faults.jsonl",
        (
            msgspec.json.encode({"source": source, **msgspec.to_builtins(fault)})
            for source, fault in chain(state.faults(), unreadable)
        ),
    )
    _write_lines(root / "quarantine.jsonl", _quarantine(state))
    _write_lines(root / "possibly_sent.jsonl", map(_batch_line, state.possibly_sent()))
    _write_lines(root / "dead_letters.jsonl", map(_batch_line, state.dead()))
    _write_lines(root / "drift.jsonl", (msgspec.json.encode(alarm) for alarm in read_alarms(state)))
    billed = state.billed()
    totals = {
        name: SourceTotals(**msgspec.structs.asdict(counts), billed_bytes_after=billed.get(name, 0))
        for name, counts in state.totals().items()
    }
    rows = {table: n for table, n in state.rows().items() if n}
    report = Report(totals, state.kinds(), rows, state.seconds(), len(incidents), state.outbox(), summary)
    _write_lines(root / "report.json", [msgspec.json.format(msgspec.json.encode(report), indent=2)])
    return report


def read_report(state_dir: Path) -> Report:
    """Read report.json back.

    Raises:
        StateError: there is none, or it is damaged.
    """
    try:
        return msgspec.json.decode((state_dir / "report.json").read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        hint = f"run `tidewaiter run --from DIR --state {state_dir}`: it writes the report anew"
        raise StateError(f"no usable report at {state_dir}: {error}", hint=hint) from None


def _batch_line(waiting: Waiting) -> bytes:
    """Return a batch as a line: which rows, whose, and how its last attempt ended."""
    batch = waiting.batch
    return msgspec.json.encode(
        {
            "batch_id": batch.batch_id,
            "table": batch.table,
            "rows": batch.rows,
            "attempts": waiting.attempts,
            "error": waiting.error,
            "objects": sorted({span.object_id for span in batch.spans}),
            "event_ids": [event_id(row) for row in rows_of(batch)] if batch.body else [],
        }
    )


def _quarantine(state: State) -> Iterable[bytes]:
    for source, record in state.quarantined():
        line: dict[str, object] = {
            "source": source,
            "object": record.object_id,
            "position": record.position,
            "kind": record.kind,
            "reason": record.reason,
        }
        try:
            line["raw"] = record.raw.decode()
        except UnicodeDecodeError:
            line["raw_base64"] = base64.b64encode(record.raw).decode()
        yield msgspec.json.encode(line)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
