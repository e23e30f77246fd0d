"""`tidewaiter drift`: where the records of a source no longer look as they did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir
from tidewaiter.app.cli.terminal import emit, output, plain, say, table
from tidewaiter.core.errors import StateError

if TYPE_CHECKING:
    from tidewaiter.app.engine.drift import DriftAlarm
    from tidewaiter.pipeline.normalize.drift import Alarm

_WORDS = {
    "new_field": "new field",
    "vanished_field": "field gone",
    "renamed_field": "field renamed",
    "type_change": "other type",
    "emptied_field": "field empty",
    "version": "new version",
    "empty_column": "column empty",
}


def drift(
    state: StateDir = DEFAULT_STATE,
    source: Annotated[str, typer.Option("--source", help="Only this source.")] = "",
    json: Json = False,
) -> None:
    """List where records no longer look as they did. The newest is last.

    A run learns what records look like, by account and region and by kind of record, and tells of fields
    that are new, gone, renamed, empty or of another type, of new versions, and of columns that rows no longer
    fill. Nothing stops for it: unknown fields go into AdditionalFields as they stand.
    """
    alarms = [each for each in _read(state) if source in ("", each.source)]
    if json:
        import msgspec

        emit(msgspec.json.encode(alarm) + b"\n" for alarm in alarms)
        return
    if not alarms:
        output().print("no drift was told: records look as they did, or there were too few to know")
        return
    columns = ("seen", "source", "what", "field", "account", "region", "before -> now", "records")
    rows = [
        (
            alarm.at, alarm.source, drift_words(alarm), plain(drift_field(alarm)), alarm.account,
            alarm.region, plain(drift_change(alarm)), alarm.sampled,
        )
        for alarm in alarms
    ]  # fmt: skip
    output().print(table(columns, rows, right=("records",)))
    from tidewaiter.pipeline.normalize.drift.observe import EVERY

    say(f"records: how many of those that were looked at, one in {EVERY}, had shown it when it was told")


def drift_words(alarm: Alarm) -> str:
    """Say what an alarm is of."""
    return _WORDS[alarm.kind]


def drift_field(alarm: Alarm) -> str:
    """Say where it was seen: a record's member, or a column of a table."""
    return f"{alarm.table}.{alarm.field}" if alarm.table else alarm.field


def drift_change(alarm: Alarm) -> str:
    """Say what there was and what there is."""
    if alarm.kind == "empty_column":
        return "filled -> empty"
    now = {"vanished_field": "gone", "emptied_field": "empty"}.get(alarm.kind, alarm.now)
    return f"{alarm.was} -> {now}".strip()


def _read(state: Path) -> list[DriftAlarm]:
    import msgspec

    from tidewaiter.app.engine.drift import DriftAlarm

    path = state / "drift.jsonl"
    try:
        return [msgspec.json.decode(line, type=DriftAlarm) for line in path.read_bytes().splitlines()]
    except OSError:
        hint = f"run `tidewaiter run --from DIR --state {state}` first"
        raise StateError(f"nothing is known of drift at {state}", hint=hint) from None
    except msgspec.MsgspecError as error:
        hint = f"run `tidewaiter run --from DIR --state {state}`: it writes the file anew"
        raise StateError(f"{path} is damaged: {error}", hint=hint) from None
