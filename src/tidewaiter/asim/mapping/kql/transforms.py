"""transformKql: a source's mappings for a data collection rule, one transformation for each route.

The stream's columns are the record's top-level members, under the names that `attribute` gives them. A
transformation knows no list operators and has room for 15,360 characters, so that some of a mapping is left
out: operators that look into lists, and entries of large lookup tables. What is left out is listed with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tidewaiter.asim.mapping.expression import Const, Expr
from tidewaiter.asim.mapping.kql.binding import Path, quoted_name, stream_binding
from tidewaiter.asim.mapping.kql.definitions import definitions
from tidewaiter.asim.mapping.kql.dialect import TRANSFORM
from tidewaiter.asim.mapping.kql.functions import ADDITIONAL, WANTED, extended, typed
from tidewaiter.asim.mapping.kql.keys import read_tables, rekeyed_tables, with_keys
from tidewaiter.asim.mapping.kql.prepare import (
    Routed,
    fill,
    joined_conditions,
    live,
    prepare,
    routes_of,
)
from tidewaiter.asim.mapping.kql.stages import Stages
from tidewaiter.asim.mapping.kql.tighten import tight
from tidewaiter.asim.mapping.kql.values import Values
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.schema import schema
from tidewaiter.core.errors import ContentError
from tidewaiter.core.kql_literals import literal

LONGEST = 15_360
"""Characters of a transformation ("Azure Monitor service limits", Data collection rules, 2025-05-21)."""
_FEW, _LARGE = 8, 64
"""Entries that a large lookup table keeps as long as there is a column to drop, and when it is large."""
LISTS = {"member": "a look through an object's members", "joined": "a look through a list"}
"""Operators that a transformation cannot have: they look at several elements."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """A lookup table of which only some entries had room."""

    table: str
    kept: int
    entries: int


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformation of one route's records, and what it lacks.

    `stream` are the columns of the stream with their types. `missing` are, by column, the paths or operators
    that are read as null; `empty` are columns that are left null for that, `dropped` those that had
    no room; `shortened` are lookup tables whose other entries find nothing, and `kept` what is left of them.
    """

    place: int
    schema: str
    table: str
    kql: str
    stream: Mapping[str, str]
    columns: Mapping[str, str]
    missing: Mapping[str, frozenset[Path]]
    empty: tuple[str, ...]
    dropped: tuple[str, ...]
    shortened: tuple[Shortened, ...]
    kept: Mapping[str, Mapping[str, str]]
    unpacked: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not (self.missing or self.dropped or self.shortened or self.unpacked)


def transforms(
    source: SourceMapping, event_id: Expr | None, without: Collection[str] = ()
) -> list[Transform]:
    """Return the transformations of a source, in the order of its routes.

    `without` are members of the record that the stream does not have: those of another form.

    Raises:
        ContentError: an expression has no KQL, or a mapping does not fit even without its lookups.
    """
    binding, _ = stream_binding(source.record, without)
    fill(binding, source.require.values(), source.lookups)
    routes = routes_of([(route.when, route.mapping) for route in source.routes])
    taken = live(routes, binding, source.lookups, event_id)
    return [_Writer(source, routed, event_id, without).fitted() for routed in taken]


class _Writer:
    """Writes one route, with lookup tables cut until it fits."""

    def __init__(
        self, source: SourceMapping, routed: Routed, event_id: Expr | None, without: Collection[str]
    ) -> None:
        self.without = without
        self.source = source
        self.routed = routed
        self.event_id = event_id
        self.types = source.types[routed.mapping.table]
        # Of short keys most find room, and those of services that are called often are short (ssm, ec2, ecr).
        self.lookups = {
            name: dict(sorted(table.items(), key=lambda entry: len(entry[0])))
            for name, table in source.lookups.items()
        }

    def fitted(self) -> Transform:
        """Return the transformation: whole if there is room, else with fewer entries and fewer columns.

        Large lookup tables lose entries first, down to a few, the one with the longest entries before others;
        then the columns go that take the most room and that ASIM does not call mandatory, those about the
        actor and those that it recommends last; then the rest of the tables.
        """
        kept: dict[str, int] = {}
        without: set[str] = set()
        made, used = self.written(kept, without)
        for floor in (_FEW, 0):
            while len(made.kql) > LONGEST and self.cut(kept, used, len(made.kql) - LONGEST, floor):
                made, used = self.written(kept, without)
            for column in self.heaviest(kept) if floor and len(made.kql) > LONGEST else ():
                without.add(column)
                made, used = self.written(kept, without)
                if len(made.kql) <= LONGEST:
                    break
        if len(made.kql) > LONGEST:
            raise ContentError(f"{self.routed.mapping.schema}: too long for a transformation")
        return made

    def cut(self, kept: dict[str, int], used: set[str], over: int, floor: int) -> bool:
        """Take entries from the table with the longest, if more than `floor`; say whether there was one."""
        sizes = {name: kept.get(name, len(self.lookups[name])) for name in used}
        large = [
            n for n, size in sizes.items() if size > floor and (not floor or len(self.lookups[n]) > _LARGE)
        ]
        if not large:
            return False
        longest = max(large, key=lambda name: (self.weight(name) / len(self.lookups[name]), name))
        size = sizes[longest]
        fewer = max(1, int(over * len(self.lookups[longest]) / self.weight(longest)))
        kept[longest] = max(floor, size - min(fewer, -(-size // 2)))
        return True

    def heaviest(self, kept: Mapping[str, int]) -> list[str]:
        """Return the columns that ASIM does not call mandatory, those first without which most is saved."""
        fields = schema(self.routed.mapping.schema).fields
        lengths = {
            column: len(self.written(kept, {column})[0].kql)
            for column in self.routed.mapping.columns
            if column != "TimeGenerated" and fields[column].cls != "Mandatory"
        }
        last = [column.startswith("Actor") or fields[column].cls == "Recommended" for column in lengths]
        return [c for _, _, c in sorted(zip(last, lengths.values(), lengths, strict=True))]

    def weight(self, name: str) -> int:
        """Return about how many characters the entries of a table take."""
        return sum(len(key) + len(value) + 6 for key, value in self.lookups[name].items())

    def written(self, kept: Mapping[str, int], without: Collection[str]) -> tuple[Transform, set[str]]:
        """Write it with the first entries of some tables, without some columns; say which tables it uses."""
        lookups = {name: first_entries(table, kept.get(name)) for name, table in self.lookups.items()}
        binding, stream = stream_binding(self.source.record, self.without)
        fill(binding, self.source.require.values(), lookups)
        values = Values(binding, TRANSFORM, self.lookups)
        spared = {attribute(name) for name in self.without}
        exprs: dict[str, Expr] = {}
        missing: dict[str, frozenset[Path]] = {}
        for name, expr in self.routed.mapping.columns.items():
            ready = prepare(expr, binding, lookups, self.event_id, LISTS)
            exprs[name] = ready.expr
            lost = frozenset(path for path in ready.missing if path[0] not in spared)
            if lost:
                missing[name] = lost
        condition = prepare(joined_conditions([self.routed]), binding, lookups, self.event_id, LISTS).expr
        empty = tuple(name for name, expr in exprs.items() if expr == Const(None))
        dropped = tuple(name for name in exprs if name in without and name not in empty)
        stages = Stages(values, {}, short=True)
        rekeyed = rekeyed_tables([*exprs.values(), condition], self.lookups)
        values.lookups = {**self.lookups, **{name: form.table for name, form in rekeyed.items()}}
        lookups |= {name: first_entries(form.table, kept.get(name)) for name, form in rekeyed.items()}
        exprs = {name: with_keys(expr, rekeyed) for name, expr in exprs.items()}
        condition = with_keys(condition, rekeyed)
        read = read_tables(expr for name, expr in exprs.items() if name not in dropped)
        values.whole = frozenset(name for name in read if lookups[name] == values.lookups[name])
        wanted = [(n, e, WANTED[self.types[n]]) for n, e in exprs.items() if n not in (*empty, *dropped)]
        if condition != Const(True):
            wanted.append((" route", condition, "cond"))
        staged = stages.write(wanted)
        bag, unpacked = self.additional(stream)
        columns = {name: self.types[name] for name in staged.columns if name != " route"}
        made_columns = [f"{name} = {typed(self.types[name], staged.columns[name])}" for name in columns]
        made_columns = [self.timed(each) for each in made_columns]
        lets = list(definitions(TRANSFORM, values.helpers, values.tables, lookups))
        lines = ["source", *extended(values.parsed), *(f"| {each}" for each in staged.operators)]
        lines += [f"| where {staged.columns[' route']}"] if " route" in staged.columns else []
        lines.append("| project\n    " + ",\n    ".join([*made_columns, f"{ADDITIONAL} = {bag}"]))
        shortened = tuple(
            Shortened(name, len(lookups[name]), len(self.lookups[name]))
            for name in sorted(values.tables)
            if len(lookups[name]) < len(self.lookups[name])
        )
        mapping = self.routed.mapping
        made = Transform(
            self.routed.place,
            mapping.schema,
            mapping.table,
            tight(lets, lines, stream, LONGEST),
            stream,
            columns,
            missing,
            empty,
            dropped,
            shortened,
            {each.table: first_entries(self.lookups[each.table], each.kept) for each in shortened},
            unpacked,
        )
        return made, set(values.tables)

    def timed(self, column: str) -> str:
        """Let a row without a time have that of its arrival, as Azure requires one."""
        name, _, kql = column.partition(" = ")
        return f"{name} = iif(isnull({kql}), now(), {kql})" if name == "TimeGenerated" else column

    def additional(self, stream: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """Return the bag of additional members, without those that are rare where all of those lack."""
        wanted = self.routed.mapping.additional
        held = [member for member in wanted if attribute(member) in stream]
        unpacked = tuple(
            member for member in wanted if attribute(member) not in stream and member not in self.without
        )
        rare = [member for member in held if member in self.source.rare]
        common = [member for member in held if member not in self.source.rare]
        if not rare:
            return self.bag(common), unpacked
        none = " and ".join(_absent(attribute(member), stream) for member in rare)
        return f"iif({none}, {self.bag(common)}, {self.bag(held)})", unpacked

    def bag(self, members: list[str]) -> str:
        """Return a bag of members."""
        if not members:
            return 'parse_json("{}")'
        return (
            "pack(" + ", ".join(f"{literal(each)}, {quoted_name(attribute(each))}" for each in members) + ")"
        )


def first_entries(table: Mapping[str, str], kept: int | None) -> dict[str, str]:
    """Return the first entries of a table, all for None."""
    return dict(list(table.items())[:kept])


def _absent(column: str, stream: Mapping[str, str]) -> str:
    return f"isempty({column})" if stream[column] == "string" else f"isnull({column})"
