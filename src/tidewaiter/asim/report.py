"""What the validator found: findings with counts, gathered in a report that can be merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Level = Literal["error", "warning", "info"]
Authority = Literal["common", "docs", "tester", "table"]

LEVELS: tuple[Level, ...] = ("error", "warning", "info")
EXAMPLE_LENGTH = 80


class Finding(msgspec.Struct, frozen=True):
    """One rule that rows of one table break in one column.

    `authority` says who wants it: `docs` or `tester` alone, `common` for what both want and the table
    can hold, `table` for what the service does with the column. `rule` is a short name for programs,
    `message` is for people. `count` is the number of rows; `example` is the first offending value,
    shortened, as a Python literal, and empty where the fault is that there is none.
    """

    level: Level
    table: str
    column: str
    rule: str
    authority: Authority
    message: str
    count: int
    example: str


class Report(msgspec.Struct, frozen=True):
    """Findings about rows, worst first. `rows` counts the rows that were looked at, per table."""

    rows: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the rows from conforming."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What one of the authorities would object to, or what would make the rows better."""
        return self._of("warning")

    @property
    def infos(self) -> tuple[Finding, ...]:
        """What is as it has to be, or worth knowing."""
        return self._of("info")

    def merge(self, other: Report) -> Report:
        """Return the report on the rows of both, as if they had been validated at once, self's first."""
        rows = dict(self.rows)
        for table, count in other.rows.items():
            rows[table] = rows.get(table, 0) + count
        merged: dict[tuple[str, str, str, str], Finding] = {}
        for finding in self.findings + other.findings:
            key = (finding.table, finding.column, finding.rule, finding.authority)
            first = merged.get(key)
            total = finding.count + (first.count if first else 0)
            merged[key] = msgspec.structs.replace(first or finding, count=total)
        return assembled(rows, merged.values())

    def _of(self, level: Level) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == level)


def assembled(rows: Mapping[str, int], findings: Iterable[Finding]) -> Report:
    """Return a report with its findings in order and the levels that depend on the number of rows."""
    levelled = (_levelled(finding, rows[finding.table]) for finding in findings)
    return Report(dict(rows), tuple(sorted(levelled, key=_worst_first)))


def shortened(value: object) -> str:
    """Return a value as a Python literal of at most `EXAMPLE_LENGTH` characters, printable as UTF-8."""
    if isinstance(value, msgspec.Raw):
        value = bytes(value)
    if isinstance(value, (str, bytes)):
        value = value[: EXAMPLE_LENGTH + 1]
    try:
        text = repr(value).encode("utf-8", "backslashreplace").decode()
    except (ValueError, RecursionError):
        text = f"<{type(value).__name__}>"
    return text if len(text) <= EXAMPLE_LENGTH else text[: EXAMPLE_LENGTH - 1] + "…"


def _levelled(finding: Finding, rows: int) -> Finding:
    """A recommended column that no row fills is a warning; that some rows lack it is only worth knowing."""
    if finding.rule != "recommended":
        return finding
    return msgspec.structs.replace(finding, level="warning" if finding.count == rows else "info")


def _worst_first(finding: Finding) -> tuple[int, str, str, str, str]:
    order = LEVELS.index(finding.level)
    return order, finding.table, finding.column, finding.rule, finding.authority
