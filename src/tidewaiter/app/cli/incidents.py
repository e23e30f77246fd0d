"""`tidewaiter incidents`: what the detections raised."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir
from tidewaiter.app.cli.terminal import output, plain, table
from tidewaiter.core.errors import StateError, UsageError
from tidewaiter.core.findings import Incident


class StoredIncident(
    Incident, frozen=True, rename={"confidence": "_AI_ConfidenceScore", "model": "_AI_ModelVersion"}
):
    """An incident as a line of incidents.jsonl."""

    confidence: float = 0.0
    model: str = ""


def read_incidents(state: Path) -> list[StoredIncident]:
    """Read incidents.jsonl.

    Raises:
        StateError: there is none.
    """
    path = state / "incidents.jsonl"
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        raise StateError(
            f"no incidents at {state}", hint=f"run `tidewaiter run --from DIR --state {state}` first"
        ) from None
    return [msgspec.json.decode(line, type=StoredIncident) for line in lines]


def incident_table(incidents: list[StoredIncident]) -> Table:
    """Build the list that analysts see first."""
    rows = []
    for item in incidents:
        names = [f"{entity.kind} {entity.name}" for entity in item.entities]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        rows.append((item.incident_id, item.severity, item.score, item.start, item.title, shown))
    return table(("incident", "severity", "score", "start", "title", "entities"), rows, right=("score",))


def incidents(
    incident_id: Annotated[str, typer.Argument(help="Show one incident whole.", show_default=False)] = "",
    state: StateDir = DEFAULT_STATE,
    json: Json = False,
) -> None:
    """List incidents, or show one with its stages, narrative and evidence."""
    found = read_incidents(state)
    if incident_id:
        found = [item for item in found if item.incident_id == incident_id]
        if not found:
            raise UsageError(f"no incident {incident_id!r}", hint="list them with `tidewaiter incidents`")
    if json:
        wanted = {item.incident_id for item in found}
        for line in (state / "incidents.jsonl").read_bytes().splitlines():
            if msgspec.json.decode(line, type=StoredIncident).incident_id in wanted:
                sys.stdout.buffer.write(line + b"\n")
    elif incident_id:
        _show(found[0])
    elif found:
        output().print(incident_table(found))
    else:
        output().print("No incidents.")


def _show(item: StoredIncident) -> None:
    console = output()
    console.print(f"{item.incident_id}  {item.severity}  score {item.score}", markup=False)
    console.print(plain(item.title), markup=False)
    console.print(f"{item.start} to {item.end}, detector {plain(item.detector)}", markup=False)
    console.print(f"confidence {item.confidence} by {plain(item.model)}\n", markup=False)
    console.print(plain(item.narrative), markup=False, soft_wrap=True)
    console.print()
    console.print(table(("entity", "name", "id"), [(e.kind, e.name, e.id) for e in item.entities]))
    console.print()
    rows = [(s.technique, s.tactic, len(s.event_ids), ", ".join(s.event_ids[:3])) for s in item.stages]
    console.print(table(("technique", "tactic", "events", "first event ids"), rows, right=("events",)))
