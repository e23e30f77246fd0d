"""`tidewaiter incidents`: what the detections raised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir
from tidewaiter.app.cli.terminal import emit, output, plain, some, table, typed
from tidewaiter.core.errors import StateError, UsageError
from tidewaiter.core.findings import SEVERITIES, Incident

_INDENT = " " * 19
_MOST = 10
"""Incidents that a run prints."""

Known = Mapping[str, tuple[int, int, str]]
"""Incident -> how many events and stages it has, and its severity: what makes it news when it changes."""


class StoredIncident(
    Incident, frozen=True, rename={"confidence": "_AI_ConfidenceScore", "model": "_AI_ModelVersion"}
):
    """An incident as a line of incidents.jsonl."""

    confidence: float = 0.0
    model: str = ""


def read_incidents(state: Path) -> list[StoredIncident]:
    """Read incidents.jsonl.

    Raises:
        StateError: there is none, or it is damaged.
    """
    path = state / "incidents.jsonl"
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        raise StateError(
            f"no incidents at {state}", hint=f"run `tidewaiter run --from DIR --state {state}` first"
        ) from None
    try:
        return [msgspec.json.decode(line, type=StoredIncident) for line in lines]
    except msgspec.MsgspecError as error:
        hint = f"run `tidewaiter run --from DIR --state {state}`: it writes the file anew"
        raise StateError(f"{path} is damaged: {error}", hint=hint) from None


def known_incidents(state: Path) -> Known:
    """Return what is known before a pass, incident by incident; nothing where there is no usable file."""
    try:
        return {item.incident_id: _size(item) for item in read_incidents(state)}
    except StateError:
        return {}


def _size(item: StoredIncident) -> tuple[int, int, str]:
    return len(item.event_ids), len(item.stages), item.severity


def print_news(incidents: list[StoredIncident], before: Known, state: Path) -> None:
    """Print the gravest of the incidents that a pass raised or that grew in it, and how to see the rest."""
    new = [item for item in incidents if item.incident_id not in before]
    grown = [item for item in incidents if before.get(item.incident_id, _size(item)) != _size(item)]
    console, rest = output(), typed("incidents", "--state", state)
    if not before:
        console.print(some(len(new), "incident"))
    elif new or grown:
        more = f", {len(grown):,} with new evidence" if grown else ""
        console.print(f"{some(len(new), 'new incident')}{more}, {len(incidents):,} in all")
    else:
        console.print(f"no new incidents; {len(incidents):,} from earlier runs: {rest}", soft_wrap=True)
    shown = _gravest_first([*new, *grown])
    print_incidents(shown[:_MOST])
    if len(shown) > _MOST:
        console.print(f"and {len(shown) - _MOST:,} more, less grave: {rest}", soft_wrap=True)


def _gravest_first(incidents: list[StoredIncident]) -> list[StoredIncident]:
    return sorted(incidents, key=lambda i: (-SEVERITIES.index(i.severity), -i.score, i.start))


def print_incidents(incidents: list[StoredIncident]) -> None:
    """Print the list that analysts see first: gravest first, a title line and who and what it is about."""
    console = output()
    for item in _gravest_first(incidents):
        grave = Text(f"{item.severity:<13} {item.score:>3}  ")
        console.print(grave + Text(plain(item.title), style="bold"), soft_wrap=True)
        evidence = f"{item.start} to {item.end}, {some(len(item.event_ids), 'event')}, {item.incident_id}"
        console.print(f"{_INDENT}{plain(evidence)}", soft_wrap=True)
        by_kind: dict[str, list[str]] = {}
        for entity in item.entities:
            by_kind.setdefault(entity.kind, []).append(plain(entity.name, most=80))
        for kind, names in by_kind.items():
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            console.print(f"{_INDENT}{kind}: {', '.join(names[:6])}{more}", soft_wrap=True)


def incidents(
    incident_id: Annotated[str, typer.Argument(help="Show one incident whole.", show_default=False)] = "",
    state: StateDir = DEFAULT_STATE,
    json: Json = False,
) -> None:
    """List incidents, or show one with its story and evidence."""
    found = read_incidents(state)
    if incident_id:
        found = [item for item in found if item.incident_id == incident_id]
        if not found:
            raise UsageError(f"no incident {incident_id!r}", hint="list them with `tidewaiter incidents`")
    if json:
        wanted = {item.incident_id for item in found}
        lines = (state / "incidents.jsonl").read_bytes().splitlines(keepends=True)
        emit(line for line in lines if msgspec.json.decode(line, type=StoredIncident).incident_id in wanted)
    elif incident_id:
        _show(found[0])
    elif found:
        print_incidents(found)
    else:
        output().print("No incidents.")


def _show(item: StoredIncident) -> None:
    console = output()
    for line in (
        f"{item.incident_id}  {item.severity}  score {item.score}",
        item.title,
        f"{item.start} to {item.end}, detector {item.detector}",
        f"confidence {item.confidence} by {item.model}",
        "",
        item.narrative,
        "",
    ):
        console.print(plain(line), soft_wrap=True)
    console.print(table(("entity", "name", "id"), [(e.kind, e.name, e.id) for e in item.entities]))
    console.print()
    rows = [(s.technique, s.tactic, len(s.event_ids), ", ".join(s.event_ids[:3])) for s in item.stages]
    console.print(table(("technique", "tactic", "events", "first event ids"), rows, right=("events",)))
