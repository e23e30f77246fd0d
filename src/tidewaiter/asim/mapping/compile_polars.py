"""A source's mappings compiled to Polars: whole lines of delimited text in, frames of ASIM columns out.

One plan is compiled per header (the fields that an object has, in their order) and kept. Fields that the
record does not know go into AdditionalFields as text, so a new flow log version loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

import msgspec
import polars as pl

from tidewaiter.asim.mapping import operators as meaning
from tidewaiter.asim.mapping import patterns
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, walk
from tidewaiter.asim.mapping.fold import fold
from tidewaiter.asim.mapping.polars_stages import stages_of
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec
from tidewaiter.core.errors import ContentError

NO_VALUE = "-"
"""How AWS's text logs write a missing value."""

_ALWAYS = Op("eq", (Const(True), Const(True)))
_COLUMN_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "string": pl.String,
    "int": pl.Int32,
    "long": pl.Int64,
    "bool": pl.Boolean,
    "datetime": pl.Datetime("us"),
}
_WRITTEN_FROM = {"int": "int", "long": "int", "bool": "bool", "datetime": "time"}
_LOWER = {chr(c): chr(c + 32) for c in range(65, 91)}
_ESCAPED = {c: json.dumps(c)[1:-1] for c in (*map(chr, range(32)), '"', "\\")}


@dataclass(frozen=True, slots=True)
class TextPlan:
    """Plan for one header.

    `fields` are Python attribute names in file order, `types` the Polars types to read them as. `stages` are
    columns to add first, one stage after the other: what the other expressions need more than once. `valid`
    is true for lines that have what the source must have; `tables[i]` and `columns[i]` are the target
    and its expressions, `whens[i]` the condition of the route.
    """

    fields: tuple[str, ...]
    types: Mapping[str, pl.DataType | type[pl.DataType]]
    stages: tuple[tuple[pl.Expr, ...], ...]
    valid: pl.Expr
    tables: tuple[str, ...]
    whens: tuple[pl.Expr | None, ...]
    columns: tuple[tuple[pl.Expr, ...], ...]

    def staged(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the lines with the columns of all stages, which the other expressions read."""
        for stage in self.stages:
            frame = frame.with_columns(stage)
        return frame


def compile_polars(source: SourceMapping, header: Sequence[str], *, prefix: str = "__stage") -> TextPlan:
    """Compile for one header; raises ContentError for an expression that text cannot carry.

    The columns of the stages begin with `prefix`.
    """
    source.check_lookups()
    kinds = {attribute(name): kind for name, kind in source.record.kinds.items()}
    fields = _unique(header, source.record.kinds)
    writer = _Writer(kinds, frozenset(fields) | {EVENT_ID}, source.lookups)
    types = {name: pl.Int64 if kinds.get(name) == "int" else pl.String for name in fields}
    wanted = [*source.require.values(), *(route.when for route in source.routes)]
    wanted += [expr for route in source.routes for expr in route.mapping.columns.values()]
    stages = writer.stage([writer.fold(expr) for expr in wanted], prefix)
    require = [writer.present(writer.fold(expr)) for expr in source.require.values()]
    valid = reduce(lambda a, b: a & b, require) if require else pl.lit(True)
    named = tuple(zip(header, fields, strict=True))
    columns = tuple(
        tuple(_columns(writer, route.mapping, source.types[route.mapping.table], named))
        for route in source.routes
    )
    whens = tuple(writer.when(writer.fold(route.when)) for route in source.routes)
    tables = tuple(route.mapping.table for route in source.routes)
    return TextPlan(fields, types, stages, valid, tables, whens, columns)


def _unique(header: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Return a column name per header field; only a known field gets the name that expressions use."""
    fields: list[str] = []
    for place, name in enumerate(header):
        field = attribute(name)
        fields.append(field if name in known and field not in fields else f"x{place}__{field}")
    return tuple(fields)


def _columns(
    writer: _Writer, mapping: MappingSpec, types: Mapping[str, str], named: Sequence[tuple[str, str]]
) -> list[pl.Expr]:
    found = []
    for column, expr in mapping.columns.items():
        if column not in types:
            raise ContentError(f"{mapping.table} has no column {column!r}")
        folded = writer.fold(expr)
        if folded != Const(None):
            found.append(writer.column(folded, types[column]).alias(column))
    rest = named if "AdditionalFields" in types else ()
    extra = {n: field for n, field in rest if field not in writer.kinds or n in mapping.additional}
    if extra:
        found.append(writer.json_object(extra).alias("AdditionalFields"))
    return found


class _Writer:
    def __init__(
        self, kinds: Mapping[str, str], fields: frozenset[str], lookups: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.kinds = kinds
        self.fields = fields
        self.lookups = lookups
        self.staged: dict[Expr, str] = {}

    def stage(self, exprs: Sequence[Expr], prefix: str) -> tuple[tuple[pl.Expr, ...], ...]:
        """Return what is computed first, and read it by its name from now on."""
        made: list[tuple[pl.Expr, ...]] = []
        for stage in stages_of(exprs):
            names = {expr: f"{prefix}{len(self.staged) + n}" for n, expr in enumerate(stage)}
            made.append(tuple(self.value(expr).alias(name) for expr, name in names.items()))
            self.staged |= names
        return tuple(made)

    def fold(self, expr: Expr) -> Expr:
        """Simplify for the header; raise ContentError for a field that no header could have."""
        for node in walk(expr):
            if isinstance(node, Field) and (len(node.path) > 1 or node.member not in {*self.kinds, EVENT_ID}):
                raise ContentError(f"unknown field {'.'.join(map(str, node.path))!r}")
        return fold(expr, self.fields, self.lookups)

    def column(self, expr: Expr, kind: str) -> pl.Expr:
        """An output column: text is never null, other types may be."""
        target = _COLUMN_TYPES.get(kind)
        if target is None:
            raise ContentError(f"text mappings do not write columns of type {kind!r}")
        if kind == "string":
            text = self.text(expr)
            return text if isinstance(expr, Const) else text.fill_null("")
        if self.kind(expr) != _WRITTEN_FROM[kind]:
            raise ContentError(f"a column of type {kind} cannot be written from {self.kind(expr)}")
        value = self.value(expr)
        return value.cast(target, strict=False) if kind == "int" or isinstance(expr, Const) else value

    def json_object(self, members: Mapping[str, str]) -> pl.Expr:
        """JSON of the named fields that have a value, with the text of each as it stands in the source."""
        parts = []
        for name, field in members.items():
            key = "," + msgspec.json.encode(name).decode() + ":"
            value = pl.col(field)
            if self.kinds.get(field) == "int":
                parts.append(pl.concat_str([pl.lit(key), value.cast(pl.String)]))
            else:
                escaped = value.str.replace_many(_ESCAPED)
                parts.append(pl.concat_str([pl.lit(key + '"'), escaped, pl.lit('"')]))
        joined = pl.concat_str(parts, ignore_nulls=True).str.slice(1)
        return pl.concat_str([pl.lit("{"), joined, pl.lit("}")])

    def present(self, expr: Expr) -> pl.Expr:
        """True where the value is neither null nor empty."""
        value = self.value(expr)
        if self.kind(expr) == "text":
            return value.is_not_null() & (value != "")
        return value.is_not_null()

    def when(self, expr: Expr) -> pl.Expr | None:
        """The condition of a route; None when it always holds."""
        return None if expr in (Const(True), _ALWAYS) else self.truth(expr)

    def truth(self, expr: Expr) -> pl.Expr:
        """A condition; null counts as false, and so does what is not a boolean."""
        return self.value(expr).fill_null(False) if self.kind(expr) == "bool" else pl.lit(False)

    def kind(self, expr: Expr) -> str:
        """Static type: text, int, bool or time."""
        if isinstance(expr, Const):
            return {int: "int", bool: "bool"}.get(type(expr.value), "text")
        if isinstance(expr, Field):
            return self.kinds.get(expr.member, "text")
        if expr.name in ("first", "case"):
            branches = expr.args if expr.name == "first" else (*expr.args[1::2], expr.args[-1])
            kinds = {self.kind(b) for b in branches if b != Const(None)}
            if len(kinds) > 1:
                raise ContentError(f"{expr.name} mixes {' and '.join(sorted(kinds))} in a text mapping")
            return kinds.pop() if kinds else "text"
        return meaning.OPERATORS[expr.name].result

    def text(self, expr: Expr) -> pl.Expr:
        """The value read as text."""
        value = self.value(expr)
        match self.kind(expr):
            case "text":
                return value.cast(pl.String) if expr == Const(None) else value
            case "time":
                if any(self._is_fine_time(node) for node in walk(expr)):
                    raise ContentError(
                        "a time() of a text or of milliseconds cannot be read as text in a text mapping"
                    )
                return value.dt.to_string("%Y-%m-%dT%H:%M:%SZ")
        return value.cast(pl.String)

    def _is_fine_time(self, expr: Expr) -> bool:
        """Say whether a time may have parts of a second."""
        return isinstance(expr, Op) and (
            expr.name == "millis" or (expr.name == "time" and self.kind(expr.args[0]) != "int")
        )

    def whole(self, expr: Expr) -> pl.Expr:
        """The value as a 64-bit number; null when it is none."""
        return self.value(expr) if self.kind(expr) == "int" else pl.lit(None, dtype=pl.Int64)

    def value(self, expr: Expr) -> pl.Expr:
        """The value in its own type."""
        if isinstance(expr, Const):
            types = {int: pl.Int64, bool: pl.Boolean, str: pl.String}
            return pl.lit(expr.value, dtype=types.get(type(expr.value)))
        if isinstance(expr, Field):
            return pl.col(expr.member)
        return pl.col(self.staged[expr]) if expr in self.staged else self._op(expr)

    def _op(self, expr: Op) -> pl.Expr:
        name, args = expr.name, expr.args
        match name:
            case "first":
                return self._first(args)
            case "case":
                return self._case(args)
            case "all" | "any":
                parts = [self.truth(arg) for arg in args]
                return pl.all_horizontal(parts) if name == "all" else pl.any_horizontal(parts)
            case "not":
                return ~self.truth(args[0])
            case "eq" | "ne":
                same = self._equal(args[0], args[1]).fill_null(False)
                return same if name == "eq" else ~same
            case "exists":
                return self.present(args[0])
            case "time":
                return self._time(args[0])
            case "earlier":
                return pl.min_horizontal(self.value(args[0]), self.value(args[1]))
            case "millis":
                number = self.whole(args[0])
                inside = number.is_between(meaning.EARLIEST * 1000, meaning.LATEST * 1000 + 999)
                return pl.when(inside).then(number).cast(pl.Datetime("ms")).cast(pl.Datetime("us"))
            case "sub" | "mul":
                left, right = (self.whole(arg).cast(pl.Int128) for arg in args)
                exact = left - right if name == "sub" else left * right
                return exact.cast(pl.Int64, strict=False)
            case "within":
                limit = self.value(args[1])
                return self.whole(args[0]).is_between(-limit, limit).fill_null(False)
            case "bit":
                return (self.whole(args[0]) & self.whole(args[1])) != 0
        return self._text_op(expr)

    def _first(self, args: Sequence[Expr]) -> pl.Expr:
        """Only texts can be empty."""
        values = [self.value(arg) for arg in args]
        if self.kind(Op("first", tuple(args))) == "text":
            there = zip(args, values, strict=True)
            values = [pl.when(self.present(arg)).then(value) for arg, value in there]
        return values[0] if len(values) == 1 else pl.coalesce(values)

    def _case(self, args: Sequence[Expr]) -> pl.Expr:
        chain: pl.Expr = self.value(args[-1])
        for cond, value in reversed(list(zip(args[:-1:2], args[1::2], strict=True))):
            chain = pl.when(self.truth(cond)).then(self.value(value)).otherwise(chain)
        return chain

    def _equal(self, left: Expr, right: Expr) -> pl.Expr:
        kinds = {self.kind(left), self.kind(right)}
        if len(kinds) == 1 and kinds != {"text"}:
            return self.value(left) == self.value(right)
        if any(isinstance(side, Const) and isinstance(side.value, int) for side in (left, right)):
            return pl.lit(False)
        return self.text(left) == self.text(right)

    def _time(self, arg: Expr) -> pl.Expr:
        if self.kind(arg) != "int":
            return self.text(arg).map_batches(_times, return_dtype=pl.Datetime("us"))
        seconds = self.value(arg)
        inside = seconds.is_between(meaning.EARLIEST, meaning.LATEST)
        return (pl.when(inside).then(seconds) * 1_000_000).cast(pl.Datetime("us"))

    def _text_op(self, expr: Op) -> pl.Expr:
        first, rest = self.text(expr.args[0]), expr.args[1:]
        literals = [arg.value for arg in rest if isinstance(arg, Const)]
        run: dict[str, Callable[[], pl.Expr]] = {
            "lookup": lambda: self._lookup(expr.args[0], str(literals[0])),
            "lower": lambda: first.str.replace_many(_LOWER),
            "split": lambda: first.str.split(str(literals[0])).list.get(
                int(str(literals[1])), null_on_oob=True
            ),
            "regex": lambda: first.str.extract(
                patterns.rust(str(literals[0])), int(str(literals[1])) if literals[1:] else 1
            ),
            "ip": lambda: _ip(first),
            "unquote": lambda: first.str.replace_many(meaning.QUOTED),
            "int": lambda: self._int(expr.args[0]),
            "in": lambda: first.is_in(list(literals[0]) if isinstance(literals[0], tuple) else []),
            "startswith": lambda: first.str.starts_with(str(literals[0])),
            "endswith": lambda: first.str.ends_with(str(literals[0])),
            "contains": lambda: first.str.contains(str(literals[0]), literal=True),
            "concat": lambda: self._concat(expr.args),
            "template": lambda: self._template(expr.args),
        }
        if expr.name not in run:
            raise ContentError(f"{expr.name} is not part of text mappings")
        found = run[expr.name]()
        return found.fill_null(False) if meaning.OPERATORS[expr.name].result == "bool" else found

    def _lookup(self, arg: Expr, name: str) -> pl.Expr:
        table = self.lookups[name]
        if self.kind(arg) == "int":
            numbers = {n: value for key, value in table.items() if (n := meaning.spelled(key)) is not None}
            return self.value(arg).replace_strict(numbers, default=None, return_dtype=pl.String)
        return self.text(arg).replace_strict(dict(table), default=None, return_dtype=pl.String)

    def _int(self, arg: Expr) -> pl.Expr:
        if self.kind(arg) != "text":
            return self.whole(arg)
        text = self.text(arg)
        return pl.when(text.str.contains(r"^-?[0-9]{1,19}$")).then(text).cast(pl.Int64, strict=False)

    def _concat(self, args: Sequence[Expr]) -> pl.Expr:
        parts = [self.text(arg) for arg in args]
        joined = pl.concat_str([part.fill_null("") for part in parts])
        return pl.when(pl.all_horizontal([part.is_null() for part in parts])).then(None).otherwise(joined)

    def _template(self, args: Sequence[Expr]) -> pl.Expr:
        form = args[0]
        if not isinstance(form, Const) or not isinstance(form.value, str):
            raise ContentError("template's form is a text")
        pieces = form.value.split("{}")
        parts = [pl.lit(pieces[0])]
        for arg, piece in zip(args[1:], pieces[1:], strict=True):
            parts += [self.text(arg), pl.lit(piece)]
        whole = pl.all_horizontal([self.present(arg) for arg in args[1:]])
        return pl.when(whole).then(pl.concat_str(parts))


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"


_UTC = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"


def _times(values: pl.Series) -> pl.Series:
    """Read texts as times: UTC as AWS writes it at once, other forms one by one; a part of a µs is cut."""
    plain = values.is_null() | values.str.contains(_UTC)
    read = values.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    others = values.set(plain, None)
    if others.null_count() == others.len():
        return read
    texts = [None if value is None else meaning.time(value) for value in others.to_list()]
    moments = [None if text is None else datetime.fromisoformat(text).replace(tzinfo=None) for text in texts]
    return pl.select(
        pl.coalesce(pl.lit(pl.Series(moments, dtype=pl.Datetime("us"))), pl.lit(read))
    ).to_series()


def _ip(text: pl.Expr) -> pl.Expr:
    """Keep addresses, looking at each distinct text once: IPv4 is told by a pattern, the rest by Python."""
    return text.map_batches(_keep_addresses, return_dtype=pl.String)


def _keep_addresses(values: pl.Series) -> pl.Series:
    distinct = values.unique().drop_nulls()
    others = distinct.filter(~distinct.str.contains(_IPV4))
    bad = [value for value in others.to_list() if meaning.ip(value) is None]
    return values if not bad else values.set(values.is_in(bad), None)
