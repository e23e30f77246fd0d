"""Polars plans must mean what the interpreter means, whatever fields the header has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.asim.mapping import grammar
from tidewaiter.asim.mapping.compile_polars import compile_polars
from tidewaiter.asim.mapping.evaluate import column, evaluate, truth
from tidewaiter.asim.mapping.expression import Const, Expr, parse
from tidewaiter.asim.mapping.fold import fold
from tidewaiter.asim.mapping.polars_stages import stages_of
from tidewaiter.asim.mapping.record import attribute, record_type
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec
from tidewaiter.core.errors import ContentError

GRAMMAR = grammar.text_grammar.of
KINDS = {"string": "text", "int": "int", "long": "int", "bool": "bool", "datetime": "time"}
ALWAYS = Const(True)
UNKNOWN = ["tomorrow", 'quo"ted', "dash_ed"]


def mapping_of(columns: Mapping[str, tuple[str, Expr]], when: Expr = ALWAYS) -> SourceMapping:
    spec = MappingSpec("S", "T", "", {name: expr for name, (_, expr) in columns.items()}, {}, ("c", "n"))
    types = {"T": {name: kind for name, (kind, _) in columns.items()} | {"AdditionalFields": "dynamic"}}
    routes = [Route(when, spec), Route(Const(True), spec)]
    record = record_type(grammar.TEXT_SHAPE)
    return SourceMapping(record, routes, [], [], [], {}, grammar.LOOKUPS, types)


@st.composite
def columns(draw: st.DrawFn) -> dict[str, tuple[str, Expr]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    return {f"C{n}": (kind, draw(GRAMMAR[KINDS[kind]])) for n, kind in enumerate(kinds)}


headers = st.lists(st.sampled_from([*grammar.TEXT_SHAPE, *UNKNOWN]), min_size=1, max_size=8, unique=True)
lines = st.lists(
    st.tuples(
        grammar.rows_of_text, st.fixed_dictionaries({name: st.none() | grammar.texts for name in UNKNOWN})
    ),
    min_size=1,
    max_size=5,
)


def frame_of(header: Sequence[str], fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    data = {
        field: pl.Series(
            field,
            [row[name] for row in rows],
            dtype=pl.Int64 if grammar.TEXT_SHAPE.get(name) == "int" else pl.String,
        )
        for name, field in zip(header, fields, strict=True)
    }
    return pl.DataFrame(data).with_columns(pl.Series(EVENT_ID, [f"e-{n}" for n in range(len(rows))]))


def moment(value: Any, kind: str) -> Any:
    """A time in either spelling: the interpreter has a text, a plan a time without a zone."""
    found = datetime.fromisoformat(value) if kind == "datetime" and isinstance(value, str) else value
    return found.replace(tzinfo=None) if isinstance(found, datetime) else found


@given(columns(), GRAMMAR["bool"], headers, lines)
@example({"C0": ("string", Const("x"))}, Const(True), ["type"], [({"type": "a"}, {})])
def test_a_plan_means_what_the_interpreter_means(
    wanted: dict[str, tuple[str, Expr]], when: Expr, header: list[str], found: list[Any]
):
    mapping = mapping_of(wanted, when)
    plan = compile_polars(mapping, header)
    rows = [known | unknown for known, unknown in found]
    frame = plan.staged(frame_of(header, plan.fields, rows))
    route = pl.lit(True) if plan.whens[0] is None else plan.whens[0]
    taken = frame.select(route.alias("w"))["w"].to_list()
    taken = taken * len(rows) if len(taken) == 1 else taken
    got = frame.select(pl.col(EVENT_ID), *plan.columns[0]).to_dicts()
    for place, row in enumerate(rows):
        record = {attribute(n): row[n] for n in header if n in grammar.TEXT_SHAPE} | {EVENT_ID: f"e-{place}"}
        assert taken[place] == truth(when, record, grammar.LOOKUPS)
        for name, (kind, expr) in wanted.items():
            value = moment(column(expr, kind, record, grammar.LOOKUPS), kind)
            cell = moment(got[place].get(name), kind)
            assert (cell or None if kind == "string" else cell) == value, (
                name,
                grammar.written(expr),
                record,
            )
        extra = {n: row[n] for n in header if n not in grammar.TEXT_SHAPE or n in ("c", "n")}
        if extra:
            given_extra = {n: value for n, value in extra.items() if value is not None}
            assert msgspec.json.decode(got[place]["AdditionalFields"]) == given_extra


@given(
    st.one_of(*GRAMMAR.values()), grammar.rows_of_text, st.sets(st.sampled_from(sorted(grammar.TEXT_SHAPE)))
)
def test_folding_away_absent_fields_changes_no_value(expr: Expr, row: dict[str, Any], present: set[str]):
    record = {attribute(name): row[name] for name in present} | {EVENT_ID: "e"}
    folded = fold(expr, frozenset(record), grammar.LOOKUPS)
    before = evaluate(expr, record, grammar.LOOKUPS)
    after = evaluate(folded, record, grammar.LOOKUPS)
    assert (type(before), before) == (type(after), after), grammar.written(folded)


@pytest.mark.parametrize(
    "text",
    [
        "time(type)",
        "typo",
        "type.x",
        "member(type, 'M')",
        "json(type)",
        "first(type, v0)",
        "case(type == 'a', 'b', 5)",
    ],
)
def test_what_text_cannot_carry_is_refused_when_the_plan_is_made(text: str):
    with pytest.raises(ContentError):
        compile_polars(mapping_of({"C": ("string", parse(text))}), ["type", "v0"])


@pytest.mark.parametrize(
    ("kind", "text"), [("int", "type"), ("datetime", "type"), ("bool", "v0"), ("dynamic", "type")]
)
def test_a_column_of_another_type_than_its_expression_is_refused(kind: str, text: str):
    with pytest.raises(ContentError):
        compile_polars(mapping_of({"C": (kind, parse(text))}), ["type", "v0"])


def test_two_header_fields_of_one_attribute_name_keep_their_own_values():
    plan = compile_polars(mapping_of({"C": ("string", parse("dash_ed"))}), ["dash_ed", "dash-ed", "dash.ed"])
    row = {"dash_ed": "unknown", "dash-ed": "known", "dash.ed": "unknown too"}
    frame = frame_of(["dash_ed", "dash-ed", "dash.ed"], plan.fields, [row])
    got = plan.staged(frame).select(plan.columns[0]).to_dicts()[0]
    assert got["C"] == "known"
    assert got["AdditionalFields"] == '{"dash_ed":"unknown","dash.ed":"unknown too"}'


def test_what_is_needed_more_than_once_is_computed_once_in_the_order_of_need():
    shared = "first(regex(type, '^(a+)'), regex(c, '^(b+)'))"
    twice = mapping_of({n: ("string", parse(f"template('{n}{{}}', {shared})")) for n in ("C", "D")})
    row = {"type": "aab", "c": "bb"}

    plan = compile_polars(twice, ["type", "c"])
    got = plan.staged(frame_of(["type", "c"], plan.fields, [row])).select(plan.columns[0]).to_dicts()[0]

    assert stages_of([parse("regex(type, '^(x)')"), parse("regex(type, '^(y)')")]) == []
    assert [len(stage) for stage in plan.stages] == [2, 1, 2], (
        "patterns, the first of both, two routes' columns"
    )
    assert not any("extract" in str(column) for column in plan.columns[0])
    assert (got["C"], got["D"]) == ("Caa", "Daa")


def test_a_table_without_additional_fields_gets_none():
    mapping = mapping_of({"C": ("string", parse("c"))})
    narrow = replace(mapping, types={"T": {"C": "string"}})
    plan = compile_polars(narrow, ["c", "tomorrow"])
    frame = frame_of(["c", "tomorrow"], plan.fields, [{"c": "x", "tomorrow": "y"}])
    assert plan.staged(frame).select(plan.columns[0]).to_dicts() == [{"C": "x"}]


@pytest.mark.parametrize("text", grammar.EVERY_OPERATOR)
@pytest.mark.parametrize("header", [["type", "c", "v0"], ["type", "v0"], ["c"], ["n"]])
def test_every_operator_on_awkward_values_means_what_the_interpreter_means(text: str, header: list[str]):
    expr, kind = parse(text), grammar.column_kind(text)
    plan = compile_polars(mapping_of({"C": (kind, expr)}), header)
    rows = [{"type": a, "c": b, "v0": n, "n": n} for a, b, n in grammar.AWKWARD]
    frame = plan.staged(frame_of(header, plan.fields, rows))
    got = frame.select(pl.col(EVENT_ID), *plan.columns[0]).to_dicts()
    for place, row in enumerate(rows):
        record = {name: row[name] for name in header} | {EVENT_ID: f"e-{place}"}
        cell = moment(got[place].get("C"), kind)
        wanted = moment(column(expr, kind, record, grammar.LOOKUPS), kind)
        assert (cell or None if kind == "string" else cell) == wanted, record
