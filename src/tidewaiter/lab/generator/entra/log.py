"""The tenant's logs: a file per table and hour, in one of three forms.

`columns` is what the design calls Log Analytics column names: `AzureLogs/<table>/<day>T<hour>.json`, a row
per line. `blob` and `records` are what a diagnostic setting writes, at
`insights-logs-<category>/tenantId=<tenant>/y=…/m=…/d=…/h=…/m=00/PT1H.json` (the activity log at
`insights-activity-logs/resourceId=/SUBSCRIPTIONS/<id>/…`): one enveloped record per line as storage has it
since November 2018 ("Azure Monitor resource logs", Microsoft Learn, read 2026-11), or `{"records":[…]}` as
event hubs and older blobs have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.activity import ACTIVITY, Operations
from tidewaiter.lab.generator.entra.directory import AUDIT, Changes
from tidewaiter.lab.generator.entra.envelope import enveloped
from tidewaiter.lab.generator.entra.everyday import Everyday
from tidewaiter.lab.generator.entra.rows import Row, encode
from tidewaiter.lab.generator.entra.signin import CATEGORIES, INTERACTIVE, MANAGED, PRINCIPAL, SILENT, SignIns
from tidewaiter.lab.generator.entra.tenant import SUBSCRIPTIONS, subscription_id, tenant_id
from tidewaiter.lab.generator.others import AzureOperation, DirectoryChange, SignIn
from tidewaiter.lab.generator.rhythm import HOUR, LAST, OFFICE, Rhythm
from tidewaiter.lab.generator.slots import Pages, Placed, by_slot, spread, times

Form = Literal["columns", "blob", "records"]

PER_EVENT = {
    INTERACTIVE: 1 / 150,
    SILENT: 1 / 30,
    PRINCIPAL: 1 / 100,
    MANAGED: 1 / 150,
    AUDIT: 1 / 400,
    ACTIVITY: 1 / 120,
}
"""Happenings per CloudTrail event; an Azure operation is two rows."""

_WAKING = Rhythm(((0, 0.3), (4, 0.3), (6.5, 0.8), (8, 1), (12, 0.9), (16, 0.8), (19, 0.5), (23, 0.35)))
_WEEKEND = {INTERACTIVE: 0.2, SILENT: 0.4, AUDIT: 0.3, ACTIVITY: 0.4}
"""What is left of a working day on Saturdays and Sundays, for what people do."""

_RHYTHMS: Mapping[str, Rhythm | None] = {
    INTERACTIVE: _WAKING,
    SILENT: _WAKING,
    AUDIT: OFFICE,
    ACTIVITY: OFFICE,
}


_KINDS = ("sign_ins", "directory", "azure")
_Happening = tuple[Row, int]
_Asked = tuple[
    dict[int, list[tuple[int, SignIn]]],
    dict[int, list[tuple[int, DirectoryChange]]],
    dict[int, list[tuple[int, AzureOperation]]],
]


@dataclass(frozen=True, slots=True)
class EntraCounts:
    """Rows by table and objects written; `placed` by kind says where the asked-for rows lie, with their ids.

    Keys of `placed`: `sign_ins`, `directory`, `azure` (two rows per operation, its start and its end).
    """

    rows: Mapping[str, int]
    objects: int
    placed: Mapping[str, tuple[Placed, ...]]


def write_entra(
    out: Path,
    company: Company,
    events: int,
    sign_ins: Sequence[SignIn] = (),
    directory: Sequence[DirectoryChange] = (),
    azure: Sequence[AzureOperation] = (),
    *,
    form: Form = "columns",
) -> EntraCounts:
    """Write the day of the tenant: sign-ins of four kinds, directory changes, Azure operations.

    Args:
        out: folder above `AzureLogs/`, or above the containers of the other forms.
        company: whose people work.
        events: number of CloudTrail events of the day; `PER_EVENT` says how many rows come with each.
        sign_ins: sign-ins that must occur; those to AWS come from `entra.federation.federated`.
        directory: directory changes that must occur.
        azure: Azure operations that must occur.
        form: how the rows are written.

    Raises:
        UsageError: an asked-for value names a person, application or place that the tenant does not know.
        OSError: `out` cannot be written.
    """
    return _Log(out, company, form).write(events, sign_ins, directory, azure)


class _Log:
    def __init__(self, out: Path, company: Company, form: Form) -> None:
        self._out = out
        self._company = company
        self._form = form
        self._tenant = tenant_id(company)
        self._draw = company.stream("entra-times")
        self._everyday = Everyday(company)
        self._sign_ins = SignIns(company)
        self._changes = Changes(company)
        self._operations = Operations(company)
        self._rows: Counter[str] = Counter()
        self._objects = 0

    def write(
        self,
        events: int,
        sign_ins: Sequence[SignIn],
        directory: Sequence[DirectoryChange],
        azure: Sequence[AzureOperation],
    ) -> EntraCounts:
        busy = _WEEKEND if self._company.weekend else {}
        due = {
            table: spread(round(events * share * busy.get(table, 1.0)), _RHYTHMS.get(table), 1.0, HOUR)
            for table, share in PER_EVENT.items()
        }
        asked = (by_slot(sign_ins, HOUR), by_slot(directory, HOUR), by_slot(azure, HOUR))
        placed: list[list[Placed]] = [[] for _ in _KINDS]
        held: list[_Happening] = []
        for hour in range(24):
            pages = Pages({})
            happenings = [*held, *self._background(due, hour), *self._asked(asked, hour)]
            held = [each for each in happenings if each[0].at // HOUR > hour and hour < 23]
            for row, code in happenings:
                if row.at // HOUR <= hour or hour == 23:
                    self._rows[row.table] += 1
                    pages.add(row.table, row.at, self._encoded(row), code, row.id)
            for each in pages.turn(partial(self._object, hour)):
                number, kind = divmod(each.number, len(_KINDS))
                placed[kind].append(Placed(number, each.id, each.object, each.line))
        sorted_by = {kind: tuple(sorted(placed[index], key=_order)) for index, kind in enumerate(_KINDS)}
        return EntraCounts(dict(self._rows), self._objects, sorted_by)

    def _background(self, due: Mapping[str, list[int]], hour: int) -> Iterator[_Happening]:
        everyday = self._everyday
        makers: dict[str, Callable[[int], SignIn]] = {
            INTERACTIVE: everyday.sign_in,
            SILENT: everyday.renewal,
            PRINCIPAL: everyday.principal,
            MANAGED: everyday.managed,
        }
        for table, make in makers.items():
            for at in times(self._draw, due[table][hour], hour, HOUR):
                yield self._sign_ins.row(make(at)), -1
        for at in times(self._draw, due[AUDIT][hour], hour, HOUR):
            yield self._changes.row(everyday.change(at)), -1
        for at in times(self._draw, due[ACTIVITY][hour], hour, HOUR):
            for row in self._operations.rows(everyday.operation(at)):
                yield row, -1

    def _asked(self, asked: _Asked, hour: int) -> Iterator[_Happening]:
        """The hour's asked-for rows, each with the code of its number and kind."""
        sign_ins, directory, azure = asked
        for number, sign_in in sign_ins.get(hour, ()):
            yield self._sign_ins.row(replace(sign_in, at=_within(sign_in.at))), number * len(_KINDS)
        for number, change in directory.get(hour, ()):
            yield self._changes.row(replace(change, at=_within(change.at))), number * len(_KINDS) + 1
        for number, operation in azure.get(hour, ()):
            for row in self._operations.rows(replace(operation, at=_within(operation.at))):
                yield row, number * len(_KINDS) + 2

    def _encoded(self, row: Row) -> bytes:
        return encode(row.columns if self._form == "columns" else enveloped(row, self._tenant))

    def _object(self, hour: int, table: str, records: list[bytes]) -> str:
        day = self._company.day
        if self._form == "columns":
            key = f"AzureLogs/{table}/{day}T{hour:02d}.json"
        else:
            subscription = subscription_id(self._company, SUBSCRIPTIONS[0])
            scope = f"tenantId={self._tenant}"
            if table == ACTIVITY:
                scope = f"resourceId=/SUBSCRIPTIONS/{subscription.upper()}"
            container = f"insights-logs-{(CATEGORIES.get(table) or table).lower()}"
            container = "insights-activity-logs" if table == ACTIVITY else container
            key = f"{container}/{scope}/y={day:%Y}/m={day:%m}/d={day:%d}/h={hour:02d}/m=00/PT1H.json"
        body = b"\n".join(records) + b"\n"
        if self._form == "records":
            body = b'{"records":[' + b",".join(records) + b"]}"
        path = self._out / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        self._objects += 1
        return key


def _within(at: int) -> int:
    return min(max(at, 0), LAST)


def _order(placed: Placed) -> tuple[int, str, int]:
    return placed.number, placed.object, placed.line
