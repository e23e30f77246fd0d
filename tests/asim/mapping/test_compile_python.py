"""Generated Python code must mean what the interpreter means."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.asim.mapping import grammar
from tidewaiter.asim.mapping.compile_python import compile_python
from tidewaiter.asim.mapping.evaluate import column, truth
from tidewaiter.asim.mapping.expression import Const, Expr, Op, members, parse
from tidewaiter.asim.mapping.record import attribute, record_type
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec
from tidewaiter.core.billing import billed_size

RECORD = record_type(grammar.SHAPE)
ADDITIONAL = ("params", "who", "class", "c", "v0", "len")
COLUMN_KINDS = st.sampled_from(["string", "int", "long", "bool", "datetime"])

CONDITIONS = grammar.json_grammar.of["bool"].filter(lambda expr: EVENT_ID not in members(expr))

_JSON_FIELDS = st.sampled_from([*grammar.JSON_FIELDS])
JSON = _JSON_FIELDS | st.lists(_JSON_FIELDS, min_size=1, max_size=3).map(lambda of: Op("first", tuple(of)))
"""What `json()` takes: a member or what is in it, or the first of several that is there."""


class Case:
    def __init__(self, mapping: SourceMapping) -> None:
        self.mapping = mapping

    def __repr__(self) -> str:
        lines = [f"repeats {self.mapping.repeats} ticks {self.mapping.ticks} rare {self.mapping.rare}"]
        for route in self.mapping.routes:
            lines.append(f"when {grammar.written(route.when)}: {route.mapping.table}")
            for name, expr in route.mapping.columns.items():
                kind = self.mapping.types[route.mapping.table][name]
                lines.append(f"    {name} ({kind}) = {grammar.written(expr)}")
        return "\n".join(lines)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    routes, types = [], {}
    for place in range(draw(st.integers(1, 2))):
        columns: dict[str, Expr] = {"Vendor": Const("AWS")}
        kinds = {"Vendor": "string"}
        for n, expr in enumerate(draw(st.lists(grammar.json_grammar.mixed, min_size=1, max_size=6))):
            columns[f"C{n}"] = expr
            kinds[f"C{n}"] = draw(COLUMN_KINDS)
        for name, kind in (("Raw", "dynamic"), ("RawText", "string")):
            if draw(st.booleans()):
                columns[name] = Op("json", (draw(JSON),))
                kinds[name] = kind
        if draw(st.booleans()):
            del columns["Vendor"]
        when = draw(CONDITIONS) if place == 0 else Const(True)
        table = f"T{place}"
        routes.append(Route(when, MappingSpec("S", table, "", columns, {}, ADDITIONAL)))
        types[table] = kinds
    routes.append(Route(Op("eq", (Const(1), Const(1))), routes[-1].mapping))
    mapping = SourceMapping(
        record=RECORD,
        routes=routes,
        repeats=draw(grammar.REPEATS),
        ticks=draw(st.sampled_from([(), ("dash-ed",)])),
        rare=draw(st.sampled_from([(), ("params", "class"), ("class", "who")])),
        require={},
        lookups=grammar.LOOKUPS,
        types=types,
    )
    return Case(mapping)


raws = st.builds(grammar.encoded, grammar.records, spaced=st.booleans(), ascii_only=st.booleans()).filter(
    lambda raw: b"\\ud" not in raw  # msgspec refuses lone surrogates; pairs are tested by name elsewhere
)


def reference(mapping: SourceMapping, raw: bytes, event_id: str) -> tuple[str, dict[str, Any]]:
    decoded = decode_any(raw)
    assert isinstance(decoded, dict)
    record = {attribute(name): decoded.get(name) for name in grammar.SHAPE} | {EVENT_ID: event_id}
    kept = {
        name: attribute(name) for name, kind in mapping.record.kinds.items() if kind in ("json", "object")
    }
    split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode(raw)
    raws = {kept[name]: bytes(value) for name, value in split.items() if name in kept}
    for route in mapping.routes:
        if truth(route.when, record, mapping.lookups):
            spec = route.mapping
            types = mapping.types[spec.table]
            row = {n: column(e, types[n], record, mapping.lookups, raws) for n, e in spec.columns.items()}
            return spec.table, {name: value for name, value in row.items() if value is not None}
    raise AssertionError("the last route takes everything")


@given(cases(), st.lists(raws, min_size=1, max_size=4))
def test_compiled_python_means_what_the_interpreter_means(case: Case, found: list[bytes]):
    mapping = case.mapping
    compiled = compile_python(mapping)
    split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    for raw in (*found, *found):  # the second time from the memo
        place, head, extra, billed = compiled.map(compiled.decode(raw), "id-1")
        assert billed == billed_size(head)
        table, row = reference(mapping, raw, "id-1")
        assert compiled.tables[place] == table
        assert msgspec.json.decode(head) == row
        given_members = split(raw)
        wanted = {name: bytes(given_members[name]) for name in ADDITIONAL if name in given_members}
        got = {name: bytes(value) for name, value in split(extra).items()}
        wanted = {name: value for name, value in wanted.items() if value != b"null"}
        if "c" in wanted:  # a member of a scalar type is written in plain JSON
            wanted["c"] = msgspec.json.encode(msgspec.json.decode(wanted["c"]))
        assert got == wanted


def test_every_operator_on_awkward_values_means_what_the_interpreter_means():
    columns: dict[str, Expr] = {"Vendor": Const("AWS")}
    types = {"Vendor": "string"}
    for n, written in enumerate(grammar.EVERY_OPERATOR):
        columns[f"C{n}"] = columns[f"D{n}"] = parse(written)
        types[f"C{n}"] = grammar.column_kind(written)
        types[f"D{n}"] = {"long": "int"}.get(types[f"C{n}"], "string")
    spec = MappingSpec("S", "T", "", columns, {}, ())
    routes = [Route(Const(True), spec)]
    for repeats in ([], [("type", "c", "v0")]):
        mapping = SourceMapping(RECORD, routes, repeats, (), (), {}, grammar.LOOKUPS, {"T": types})
        compiled = compile_python(mapping)
        for text, other, number in grammar.AWKWARD:
            raw = msgspec.json.encode({"type": text, "c": other, "v0": number})
            _, head, _, _ = compiled.map(compiled.decode(raw), "id-1")
            wanted = reference(mapping, raw, "id-1")[1]
            got = msgspec.json.decode(head)
            differing = {
                grammar.EVERY_OPERATOR[int(n[1:])] for n in wanted | got if wanted.get(n) != got.get(n)
            }
            assert not differing, (text, other, number)
