"""The ASIM validator: rows of a table against docs, tester and the table itself.

`validate_rows` looks at whole rows as they are to be sent, or as they stand in the table. The gate is the
authority `common`: what the docs and the tester both want and the table can hold; with `table`, what the
service would refuse, cut, or bill without storing. Zero errors means that the rows conform.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from tidewaiter.asim.checks import ColumnIssue, Issue, TableChecks, table_checks
from tidewaiter.asim.logical import moment
from tidewaiter.asim.report import Finding, Report, assembled, shortened
from tidewaiter.asim.schema import SYSTEM_COLUMNS

Row = Mapping[str, object]

RESERVED = frozenset({"id", "UniqueId", "Title", *SYSTEM_COLUMNS})
_CUSTOM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,41}_CF")


def _name_issue(rule: str, message: str) -> Issue:
    return Issue("error", "table", rule, message)


_SYSTEM = _name_issue("system_column", "the service sets this column; it cannot be sent")
_RESERVED = _name_issue("reserved_name", "a reserved name, and this table has no such column")
_BAD_NAME = _name_issue("column_name", "a custom column has a letter, then letters, digits, _: 45 at most")
_UNKNOWN = _name_issue("unknown_column", "this table has no such column: it is billed and not stored")
_ORDER = Issue("error", "common", "time_order", "EventStartTime is later than EventEndTime")


class _Tally:
    """Counts issues by column, rule and authority, with the first example of each."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}
        self.first: dict[tuple[str, str, str], tuple[Issue, str]] = {}

    def add(self, column: str, issue: Issue, value: object = None, count: int = 1) -> None:
        key = (column, issue.rule, issue.authority)
        if key not in self.counts:
            self.counts[key] = 0
            self.first[key] = (issue, "" if value is None else shortened(value))
        self.counts[key] += count

    def findings(self, table: str) -> Iterable[Finding]:
        for key, count in self.counts.items():
            issue, example = self.first[key]
            column = key[0].encode("utf-8", "backslashreplace").decode()
            yield Finding(
                level=issue.level,
                table=table,
                column=column,
                rule=issue.rule,
                authority=issue.authority,
                message=issue.message,
                count=count,
                example=example,
            )


def validate_rows(table: str, rows: Iterable[Row], *, stored: bool = False) -> Report:
    """Validate rows of one table.

    Values are str, int, float, bool, None, datetime, and for dynamic columns dict, list or JSON text
    (str, bytes, msgspec.Raw); None and '' are empty. Rows are read once, so a generator will do.
    `stored` says that they were read back from the table, where the service (or the lab) has filled its
    own columns. Bad data never raises; an unknown table raises ContentError.
    """
    checks = table_checks(table)
    tally = _Tally()
    empty: dict[ColumnIssue, int] = defaultdict(int)
    total = 0
    for row in rows:
        total += 1
        _check_values(row, checks, tally, stored=stored)
        _count_empty(row, checks, empty)
        _check_order(row, tally)
    empty.update(dict.fromkeys(checks.told, total) if total else {})
    for (column, issue), count in empty.items():
        tally.add(column, issue, count=count)
    return assembled({table: total}, tally.findings(table))


def _check_values(row: Row, checks: TableChecks, tally: _Tally, *, stored: bool) -> None:
    columns = checks.columns
    for column, value in row.items():
        if value is None or (value.__class__ is str and not value):
            continue
        check = columns.get(column)
        if check is not None:
            for issue in check(value):
                tally.add(column, issue, value)
        elif not (stored and column in checks.system):
            name = str(column)
            issue_of_name = _judged(name)
            if issue_of_name:
                tally.add(name, issue_of_name, value)


def _judged(name: str) -> Issue | None:
    """Return what is wrong with a column that the table does not have, or that is not for senders."""
    if name in SYSTEM_COLUMNS:
        return _SYSTEM
    if name in RESERVED or name.startswith("_"):
        return _RESERVED
    if name.endswith("_CF"):
        return None if _CUSTOM_NAME.fullmatch(name) else _BAD_NAME
    return _UNKNOWN


def _count_empty(row: Row, checks: TableChecks, empty: dict[ColumnIssue, int]) -> None:
    get = row.get
    for asked in checks.filled:
        value = get(asked[0])
        if value is None or (value.__class__ is str and not value):
            empty[asked] += 1
    for column, parent, issue in checks.conditional:
        value = get(parent)
        if value is None or (value.__class__ is str and not value):
            continue
        value = get(column)
        if value is None or (value.__class__ is str and not value):
            empty[column, issue] += 1


def _check_order(row: Row, tally: _Tally) -> None:
    start, end = row.get("EventStartTime"), row.get("EventEndTime")
    if start is end or (start.__class__ is str and start == end):
        return
    first, last = moment(start), moment(end)
    if first is not None and last is not None and first > last:
        tally.add("EventStartTime", _ORDER, start)
