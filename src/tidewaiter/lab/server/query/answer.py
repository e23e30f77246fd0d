"""Answers as the query API writes them.

Source: "Azure Monitor Log Analytics API response format" and "Prefer options" (2025): long and real are
numbers, dynamic is JSON as text, datetime ISO 8601 with up to seven digits of a second; what JSON has no
number for is a string. An incomplete answer is a 200 with an `error` of code PartialError, as Azure's SDKs
recorded it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from tidewaiter.kql import QueryResult
from tidewaiter.kql.rendering import rendering
from tidewaiter.lab.server.query.limits import QueryLimits

Cell = str | int | float | bool | None


def encoded(
    result: QueryResult, limits: QueryLimits, *, statistics: Mapping[str, object] | None, render: str | None
) -> bytes:
    """Return the body of an answer; `render` is the query when its rendering is asked for."""
    body: dict[str, object] = {"tables": [_table(result)]}
    if result.cut:
        body["error"] = _partial(result, limits)
    if statistics is not None:
        body["statistics"] = statistics
    if render is not None:
        body["render"] = _rendering(render)
    return msgspec.json.encode(body)


def statistics_of(result: QueryResult, seconds: float) -> dict[str, object]:
    """Return what the lab can truly say of a query: its time and the size of what it gave."""
    size = sum(len(cell) if isinstance(cell, str) else 8 for row in result.rows for cell in row)
    return {
        "query": {
            "executionTime": seconds,
            "datasetStatistics": [{"tableRowCount": len(result.rows), "tableSize": size}],
        }
    }


def _table(result: QueryResult) -> dict[str, object]:
    columns = [{"name": column.name, "type": column.type} for column in result.columns]
    changes = [(i, _WRITTEN[c.type]) for i, c in enumerate(result.columns) if c.type in _WRITTEN]
    rows: list[object] = list(result.rows)
    if changes:
        rows = [_changed(list(row), changes) for row in result.rows]
    return {"name": "PrimaryResult", "columns": columns, "rows": rows}


def _changed(cells: list[object], changes: list[tuple[int, Callable[..., Cell]]]) -> list[object]:
    for index, change in changes:
        if cells[index] is not None:
            cells[index] = change(cells[index])
    return cells


def _datetime(value: datetime) -> str:
    text = value.strftime("%Y-%m-%dT%H:%M:%S")
    return (f"{text}.{value.microsecond:06d}".rstrip("0") if value.microsecond else text) + "Z"


def _timespan(value: timedelta) -> str:
    """Return a timespan as Kusto writes it: `[-][d.]hh:mm:ss[.fffffff]`."""
    sign = "-" if value < timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds * 10:07d}" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def _real(value: float) -> Cell:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_WRITTEN: Mapping[str, Callable[..., Cell]] = {
    "datetime": _datetime,
    "timespan": _timespan,
    "real": _real,
    "decimal": str,
}


def _partial(result: QueryResult, limits: QueryLimits) -> dict[str, object]:
    by_rows = len(result.rows) >= limits.rows
    limit = f"{limits.rows} records" if by_rows else f"{limits.bytes} bytes"
    message = (
        f"The results of this query exceed the set limit of {limit}, so not all records were returned "
        "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003)."
    )
    inner = {"code": "-2133196797", "message": message, "severity": 2, "severityName": "Error"}
    detail = {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": inner,
    }
    said = "There were some errors when processing your query."
    return {"code": "PartialError", "message": said, "details": [detail]}


def _rendering(query: str) -> dict[str, object]:
    said = rendering(query)
    return {
        "visualization": said.pop("visualization", "table"),
        "title": said.pop("title", None),
        "accumulate": said.pop("accumulate", "false") == "true",
        "isQuerySorted": False,
        "kind": said.pop("kind", None),
        "annotation": "",
        "by": said.pop("by", None),
        **said,
    }
