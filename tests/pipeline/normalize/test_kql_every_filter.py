"""Every filter of every `vim…` function lets through what filtering the finished rows of `ASim…` does.

The values come from the rows: some that hit several, in another case, a part of a text or an address, and one
that none has. The finished rows are a table of their own, filtered by conditions in
other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.normalize.kql_targets import Runner, cases_of_samples, rows_of
from tidewaiter.asim.mapping.kql.filters import FILTERS, Filter
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.content import sources
from tidewaiter.core.kql_literals import literal
from tidewaiter.kql import Executor
from tidewaiter.kql.tables import write_tables
from tidewaiter.pipeline.normalize.differential import KEPT

SOURCES = sources()
NATIVE = sorted(name for name, spec in SOURCES.items() if spec.native)
Rows = Sequence[Mapping[str, Any]]
PARTS = {"aws_securityhub": 5}
"""Into how many tests a function's filters are split: a call of Security Hub's takes long to plan and run."""


def schemas() -> Iterator[Any]:
    for name in NATIVE:
        for schema in dict.fromkeys(route.mapping.schema for route in SOURCES[name].mapping.routes):
            parts = PARTS.get(name, 1)
            for part in range(parts):
                number = f"-{part + 1}" if parts > 1 else ""
                yield pytest.param(name, schema, part, id=f"{name}-{schema}{number}")


@pytest.mark.long
@pytest.mark.parametrize(("source", "schema", "part"), list(schemas()))
def test_every_filter_lets_through_what_filtering_the_finished_rows_does(
    source: str, schema: str, part: int, tmp_path: Path
):
    spec = SOURCES[source]
    assert spec.native is not None
    tables: dict[str, list[dict[str, Any]]] = {route.mapping.table: [] for route in spec.native.routes}
    for number, case in enumerate(cases_of_samples(spec)):
        if case.native is not None:
            row = {
                **case.native.columns,
                "TimeGenerated": f"2026-03-04T{number // 60:02}:{number % 60:02}:00Z",
            }
            tables[case.native.table].append({**row, KEPT: f"{number:04}"})
    plain, function = (each for each in spec.functions([KEPT]) if each.schema == schema)
    with Runner(tmp_path).executor([plain, function], tables) as executor:
        everything = rows_of(executor, f"{plain.name}()")
        finished = table_of(tmp_path / "finished.duckdb", everything, plain)
        unset = ", ".join(f"{each.name}={UNSET[each.test]}" for each in FILTERS[schema])
        assert kept(rows_of(executor, f"{function.name}({unset})")) == kept(everything)
        with finished as other:
            for each in FILTERS[schema][part :: PARTS.get(source, 1)]:
                for argument, condition in calls(each, everything, plain.columns):
                    wanted = rows_of(other, f"Finished | where {condition}")
                    found = rows_of(executor, f"{function.name}({each.name}={argument}) | project {KEPT}")
                    assert kept(found) == kept(wanted), (each.name, argument)


UNSET = {
    "has_any": "dynamic([])", "in": "dynamic([])", "prefix": "dynamic([])", "equals": "'*'",
    "held_prefix": "dynamic([])", "held_address": "'*'",
    "number": "int(null)", "from": "datetime(null)", "to": "datetime(null)",
}  # fmt: skip


def kept(rows: Rows) -> list[str]:
    return sorted(str(row[KEPT]) for row in rows)


def table_of(path: Path, rows: Rows, function: KqlFunction) -> Executor:
    """The finished rows as a table."""
    columns = {KEPT: "string", **{name: kind for name, kind in function.columns.items() if kind != "dynamic"}}
    held = [
        {
            name: None if row.get(name) is None else str(row[name]) if kind == "datetime" else row[name]
            for name, kind in columns.items()
        }
        for row in rows
    ]
    write_tables(path, {"Finished": columns}, {"Finished": held})
    return Executor(path, {"Finished": columns})


def calls(each: Filter, rows: Rows, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Arguments of a filter, each with the condition that it stands for."""
    known = [column for column in each.columns if column in columns]
    if each.test in ("from", "to"):
        sign = ">=" if each.test == "from" else "<="
        middle = sorted(row["TimeGenerated"] for row in rows)[len(rows) // 2]
        time = f"datetime({middle:%Y-%m-%dT%H:%M:%S}Z)"
        yield time, f"TimeGenerated {sign} {time}"
        return
    values = list(
        dict.fromkeys(row[column] for row in rows for column in known if row[column] not in ("", None))
    )
    if each.test == "number":
        for value in [*values[:1], 65_535]:
            yield str(value), " or ".join(f"{column} == {value}" for column in known) or "false"
        return
    texts = [*chosen(each, [str(value) for value in values]), "none-of-these"]
    if each.test in ("equals", "held_address"):
        for text in texts[-2:]:
            yield literal(text), matched(each, known, [text])
        return
    listed = ", ".join(literal(text) for text in texts)
    yield f"dynamic([{listed}])", matched(each, known, texts)


def chosen(each: Filter, values: Sequence[str]) -> list[str]:
    """Some of the values, or what a filter finds in them."""
    some = [*values[:1], *values[len(values) // 2 : len(values) // 2 + 1]]
    if each.test in ("in", "equals"):
        return [text.swapcase() for text in some]
    if each.test in ("held_prefix", "held_address"):
        held = re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", " ".join(values))
        return held[:1] if each.test == "held_address" else [*held[-1:], f"{held[0].split('.')[0]}."]
    if each.test == "prefix":
        four = [value for value in values if value.count(".") == 3 and ":" not in value]
        six = [value for value in values if ":" in value]
        return [".".join(four[0].split(".")[:2]) + "." if four else "10.", *four[-1:], *six[:1]]
    return [word.swapcase() for text in some for word in re.findall("[A-Za-z0-9]{3,}", text)[:2]]


def matched(each: Filter, columns: Sequence[str], texts: Sequence[str]) -> str:
    """The condition in other words: a term, a value in any case, an address or how it begins."""

    def one(column: str, text: str) -> str:
        if each.test == "has_any":
            return f"{column} has {literal(text)}"
        if each.test in ("held_prefix", "held_address"):
            held = rf"(^|[^0-9A-Za-z.]){re.escape(text)}" + (
                "" if text.endswith(".") else "([^0-9A-Za-z.]|$)"
            )
            return f"{column} matches regex {literal(held)}"
        if each.test == "prefix":
            inside = literal(f":{text}")  # as in ::ffff:203.0.113.44, which has_any_ipv4_prefix finds
            if text.endswith("."):
                return f"{column} startswith_cs {literal(text)} or {column} contains_cs {inside}"
            return f"{column} == {literal(text)} or {column} endswith_cs {inside}"
        return f"{column} =~ {literal(text)}"

    return " or ".join(one(column, text) for column in columns for text in texts) or "false"
