"""Expressions written in KQL mean what the interpreter means, on awkward values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.asim.mapping import grammar
from tidewaiter.asim.mapping.evaluate import column, evaluate
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.asim.mapping.kql.binding import native_binding, stream_binding
from tidewaiter.asim.mapping.kql.definitions import definitions
from tidewaiter.asim.mapping.kql.dialect import QUERY, TRANSFORM, Dialect
from tidewaiter.asim.mapping.kql.functions import WANTED, extended, typed
from tidewaiter.asim.mapping.kql.prepare import prepare
from tidewaiter.asim.mapping.kql.stages import Stages
from tidewaiter.asim.mapping.kql.values import Values
from tidewaiter.asim.mapping.record import record_type
from tidewaiter.asim.mapping.runtime import json_text
from tidewaiter.kql import Executor, Limits
from tidewaiter.kql.tables import write_tables

RECORD = record_type({"type": "text", "c": "text", "v0": "int"})
EMPTY = ("type == ''", "v0 == type")
"""What an empty text, which KQL cannot tell from null, means otherwise: the language tells them apart."""
ROWS = [(text, other, n) for text, other, n in grammar.AWKWARD if text != "" and other != ""]


@pytest.mark.parametrize("dialect", [QUERY, TRANSFORM], ids=["query", "transform"])
def test_every_operator_on_awkward_values_means_what_the_interpreter_means(dialect: Dialect, tmp_path: Path):
    written = [text for text in grammar.EVERY_OPERATOR if text not in EMPTY and "v0 * v0" not in text]
    kinds = [grammar.column_kind(text) for text in written]
    binding, stream = stream_binding(RECORD)
    values = Values(binding, dialect, grammar.LOOKUPS)
    exprs = [prepare(parse(text), binding, grammar.LOOKUPS, None).expr for text in written]
    staged = Stages(values, {}, short=True).write(
        [(f"C{n}", expr, WANTED[kind]) for n, (expr, kind) in enumerate(zip(exprs, kinds, strict=True))]
    )
    made = [f"C{n} = {typed(kind, staged.columns[f'C{n}'])}" for n, kind in enumerate(kinds)]
    lets = definitions(dialect, values.helpers, values.tables, grammar.LOOKUPS)
    query = "\n".join(
        [*lets, "source", *(f"| {each}" for each in staged.operators), "| project Row, " + ", ".join(made)]
    )
    rows = [{"type": t, "c": o, "v0": n, "Row": place} for place, (t, o, n) in enumerate(ROWS)]
    schemas = {"source": {**stream, "Row": "long"}}
    write_tables(tmp_path / "rows.duckdb", schemas, {"source": rows})
    with Executor(tmp_path / "rows.duckdb", schemas, limits=Limits(seconds=300)) as executor:
        found = executor.run(query, now=datetime(2026, 1, 1, tzinfo=UTC)).rows
    assert len(found) == len(ROWS)
    for place, *cells in found:
        text, other, number = ROWS[int(str(place))]
        record = {"type": text, "c": other, "v0": number}
        for source, kind, got in zip(written, kinds, cells, strict=True):
            wanted = column(parse(source), kind, record, grammar.LOOKUPS)
            assert _plain(got) == _time(wanted, kind), (source, record)


BAGS: tuple[object, ...] = (
    {"b": "2", "a": "1"}, {"b": "2", "a": ["1"]}, {"a": ""}, {}, [], ["a"], 7, "a", "{",
    '{"b": "2", "a": "1"}', '{"b": "2", "a": ["1"]}', '[{"a": "1"}]',
)  # fmt: skip


@pytest.mark.parametrize("column", ["a member of a stream", "JSON in a native column"])
def test_a_member_is_found_in_an_object_and_in_a_text_that_holds_one(column: str, tmp_path: Path):
    record, lookups = record_type({"o": "json"}), {"M": {"a": "x", "b": "y"}}
    expr, schemas = parse("member(o, 'M')"), {"source": {"Row": "long", "o": "dynamic"}}
    rows: list[dict[str, object]] = [{"Row": place, "o": bag} for place, bag in enumerate(BAGS)]
    binding = stream_binding(record)[0]
    if column == "JSON in a native column":
        schemas = {"source": {"Row": "long", "o": "string"}}
        rows = [{**row, "o": json_text(bag)} for row, bag in zip(rows, BAGS, strict=True)]
        binding = native_binding(record, parse("True == True"), {"o": parse("json(o)")}, {"o": "string"})
    values = Values(binding, QUERY, lookups)
    staged = Stages(values, {}, short=True).write(
        [("C", prepare(expr, binding, lookups, None).expr, WANTED["string"])]
    )
    lets = definitions(QUERY, values.helpers, values.tables, lookups)
    operators = [*extended(values.parsed), *(f"| {each}" for each in staged.operators)]
    query = "\n".join([*lets, "source", *operators, f"| project Row, C = {staged.columns['C']}"])
    write_tables(tmp_path / "rows.duckdb", schemas, {"source": rows})
    with Executor(tmp_path / "rows.duckdb", schemas, limits=Limits(seconds=300)) as executor:
        found = executor.run(query, now=datetime(2026, 1, 1, tzinfo=UTC)).rows

    got = {repr(BAGS[int(str(place))]): value or None for place, value in found}
    assert got == {repr(bag): evaluate(expr, {"o": bag}, lookups) for bag in BAGS}


def _plain(value: Any) -> Any:
    return None if value == "" else value


def _time(value: Any, kind: str) -> Any:
    return datetime.fromisoformat(value) if kind == "datetime" and value else value
