"""Expressions written in KQL mean what the interpreter means, on awkward values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.asim.mapping import grammar
from tidewaiter.asim.mapping.evaluate import column
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.asim.mapping.kql.binding import stream_binding
from tidewaiter.asim.mapping.kql.definitions import definitions
from tidewaiter.asim.mapping.kql.dialect import QUERY, TRANSFORM, Dialect
from tidewaiter.asim.mapping.kql.functions import WANTED, typed
from tidewaiter.asim.mapping.kql.prepare import prepare
from tidewaiter.asim.mapping.kql.stages import Stages
from tidewaiter.asim.mapping.kql.values import Values
from tidewaiter.asim.mapping.record import record_type
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
    lets = definitions(QUERY, values.helpers, values.tables, grammar.LOOKUPS)
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


def _plain(value: Any) -> Any:
    return None if value == "" else value


def _time(value: Any, kind: str) -> Any:
    return datetime.fromisoformat(value) if kind == "datetime" and value else value
