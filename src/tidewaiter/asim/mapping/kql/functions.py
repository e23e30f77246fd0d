"""ASIM functions over a native table: `ASim<Schema><Product>` and `vim<Schema><Product>`, which filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidewaiter.asim.mapping.expression import Const, Expr
from tidewaiter.asim.mapping.kql import filters
from tidewaiter.asim.mapping.kql.binding import Binding, Path, native_binding
from tidewaiter.asim.mapping.kql.definitions import definitions
from tidewaiter.asim.mapping.kql.dialect import QUERY
from tidewaiter.asim.mapping.kql.prepare import (
    Routed,
    fill,
    joined_conditions,
    live,
    merged_columns,
    merged_lets,
    prepare,
    routes_of,
)
from tidewaiter.asim.mapping.kql.reading import Wanted
from tidewaiter.asim.mapping.kql.stages import Stages
from tidewaiter.asim.mapping.kql.values import Values
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.schema import schema as asim_schema
from tidewaiter.core.errors import ContentError
from tidewaiter.core.kql_literals import literal

WANTED: Mapping[str, Wanted] = {
    "string": "text",
    "guid": "text",
    "int": "long",
    "long": "long",
    "bool": "bool",
    "datetime": "time",
    "real": "real",
    "dynamic": "json",
}
"""What is wanted of an expression, by the type of its column."""

ADDITIONAL = "AdditionalFields"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a function over one table means: expressions over what that table's binding finds.

    `plain` are the same expressions as the mapping has them, over the record.
    """

    binding: Binding
    condition: Expr
    columns: Mapping[str, Expr]
    plain_condition: Expr
    plain: Mapping[str, Expr]


@dataclass(frozen=True, slots=True)
class KqlFunction:
    """A function. `missing` are the paths that a column would read but that the tables do not hold.

    `routes` are the places of the source's routes whose records it reads. `packed` are the members that
    `pack` puts into AdditionalFields, `unpacked` those that the tables lack. `meanings` says, table by table,
    which expressions were written: what the function is held against.
    """

    name: str
    parameters: str
    body: str
    schema: str
    tables: tuple[str, ...]
    columns: Mapping[str, str]
    missing: Mapping[str, frozenset[Path]] = field(default_factory=dict)
    routes: tuple[int, ...] = ()
    packed: tuple[str, ...] = ()
    unpacked: tuple[str, ...] = ()
    meanings: Mapping[str, Meaning] = field(default_factory=dict)


def functions(
    source: SourceMapping, native: SourceMapping, event_id: Expr | None, keep: Sequence[str] = ()
) -> list[KqlFunction]:
    """Return the functions of a source: two for each of its schemas, over all tables that `native` fills.

    `keep` are columns of the tables that the functions pass on.

    Raises:
        ContentError: an expression has no KQL.
    """
    schemas = dict.fromkeys(route.mapping.schema for route in source.routes)
    found: list[KqlFunction] = []
    for schema in schemas:
        for filtering in (False, True):
            found.append(_function(source, native, event_id, schema, keep, filtering=filtering))
    return found


def product_of(columns: Mapping[str, Expr]) -> str:
    """Return the last part of a function's name: vendor and product, the vendor once."""
    vendor, product = (_constant(columns.get(name)) for name in ("EventVendor", "EventProduct"))
    whole = product if product.startswith(vendor) else vendor + product
    return "".join(char for char in whole if char.isalnum())


def _constant(expr: Expr | None) -> str:
    if not isinstance(expr, Const) or not isinstance(expr.value, str):
        raise ContentError("EventVendor and EventProduct are texts in a mapping with functions")
    return expr.value


def _function(
    source: SourceMapping,
    native: SourceMapping,
    event_id: Expr | None,
    schema: str,
    keep: Sequence[str],
    *,
    filtering: bool,
) -> KqlFunction:
    routes = routes_of([(route.when, route.mapping) for route in source.routes])
    own = [routed for routed in routes if routed.mapping.schema == schema]
    parts = [
        _Part(source, each, native.types[each.mapping.table], event_id, own, keep, filtering=filtering)
        for each in native.routes
    ]
    body = parts[0].text if len(parts) == 1 else _union([part.text for part in parts])
    helpers = {name for part in parts for name in part.values.helpers}
    tables = {name for part in parts for name in part.values.tables}
    lets = list(definitions(QUERY, helpers, tables, source.lookups))
    prefix = "vim" if filtering else "ASim"
    missing: dict[str, frozenset[Path]] = {}
    for part in parts:
        for column, paths in part.missing.items():
            missing[column] = missing.get(column, frozenset()) | paths
    return KqlFunction(
        f"{prefix}{schema}{product_of(own[0].mapping.columns)}",
        filters.parameters(schema, filtering=filtering),
        "\n".join([*lets, body]),
        schema,
        tuple(each.mapping.table for each in native.routes),
        {name: kind for part in parts for name, kind in part.columns.items()},
        missing,
        tuple(sorted({place for part in parts for place in part.routes})),
        tuple(dict.fromkeys(member for part in parts for member in part.packed)),
        tuple(dict.fromkeys(member for part in parts for member in part.unpacked)),
        {each.mapping.table: part.meaning for each, part in zip(native.routes, parts, strict=True)},
    )


def _union(bodies: Sequence[str]) -> str:
    indented = ["    " + body.replace("\n", "\n    ") for body in bodies]
    return "union isfuzzy=true\n(\n" + "\n),\n(\n".join(indented) + "\n)"


class _Part:
    """The query over one table."""

    def __init__(
        self,
        source: SourceMapping,
        native: Route,
        native_types: Mapping[str, str],
        event_id: Expr | None,
        own: Sequence[Routed],
        keep: Sequence[str],
        *,
        filtering: bool,
    ) -> None:
        self.keep = keep
        self.schema = own[0].mapping.schema
        self.types = source.types[own[0].mapping.table]
        self.binding = native_binding(source.record, native.when, native.mapping.columns, native_types)
        fill(self.binding, source.require.values(), source.lookups)
        own = live(own, self.binding, source.lookups, event_id)
        self.routes = tuple(routed.place for routed in own)
        self.values = Values(self.binding, QUERY, source.lookups)
        self.missing: dict[str, frozenset[Path]] = {}
        self.exprs: dict[str, Expr] = {}
        self.columns: dict[str, str] = {}

        def ready(expr: Expr) -> tuple[Expr, frozenset[Path]]:
            made = prepare(expr, self.binding, source.lookups, event_id)
            return made.expr, made.missing

        plain, plain_condition = merged_columns(own), joined_conditions(own)
        for name, expr in plain.items():
            self.exprs[name], lost = ready(expr)
            if lost:
                self.missing[name] = lost
        names = {ready(expr)[0]: name for expr, name in merged_lets(own).items()}
        condition = ready(plain_condition)[0]
        self.meaning = Meaning(self.binding, condition, self.exprs, plain_condition, plain)
        self.packed, self.unpacked, self.bag = self._additional(own)
        self.text = self._query(native.mapping.table, condition, names, filtering=filtering)

    def _query(self, table: str, condition: Expr, names: Mapping[Expr, str], *, filtering: bool) -> str:
        chosen = filters.FILTERS[self.schema] if filtering else ()
        route = self.values.write(condition, "cond") if condition != Const(True) else ""
        before_route = dict(self.values.parsed)
        self.values.parsed.clear()
        stages = Stages(self.values, names, short=False)
        staged = stages.write([(n, e, WANTED[self.types[n]]) for n, e in self.exprs.items()])
        lines = [table, "| where not(disabled)"]
        placed = filters.placed(chosen, self.exprs, self.binding)
        lines += [f"| where {each}" for each in placed.early]
        lines += extended(before_route)
        lines += [f"| where {route}"] if route else []
        for column in self._packed_columns():
            self.values.parsed.setdefault(*column)
        lines += extended({k: v for k, v in self.values.parsed.items() if k not in before_route})
        lines += [f"| {operator}" for operator in staged.operators]
        made = [f"{name} = {typed(self.types[name], kql)}" for name, kql in staged.columns.items()]
        self.columns = {name: self.types[name] for name in staged.columns}
        made.append(f"EventSchema = {literal(self.schema)}") if "EventSchema" not in self.columns else None
        made.append(f"{ADDITIONAL} = iif(pack, {self.bag}, dynamic({{}}))")
        lines.append("| project\n    " + ",\n    ".join([*self.keep, *made]))
        aliases = list(self._aliases())
        lines += ["| extend\n    " + ",\n    ".join(aliases)] if aliases else []
        lines += [f"| where {each}" for each in placed.late]
        lines += [f"| {each}" for each in filters.matching(self.schema, self.exprs)] if filtering else []
        return "\n".join(lines)

    def _aliases(self) -> Sequence[str]:
        """ASIM's aliases, which no table stores: the first of the columns that each stands for."""
        found = []
        for name, each in asim_schema(self.schema).fields.items():
            if each.cls != "Alias" or name in self.columns:
                continue
            listed = [column for column in each.alias_of if self.columns.get(column) == "string"]
            if (
                "NetworkDirection" in listed
            ):  # whose it is depends on where the session was seen: the first will do
                listed = [column for column in listed if column != "NetworkDirection"][:1]
            if name == "Dvc":
                listed.append("EventProduct")
            if len(listed) == 1:
                found.append(f"{name} = {listed[0]}")
            elif listed:
                found.append(f"{name} = coalesce({', '.join(listed)})")
        return found

    def _additional(self, own: Sequence[Routed]) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        wanted = dict.fromkeys(member for routed in own for member in routed.mapping.additional)
        packed, unpacked, pairs, seen = [], [], [], set()
        for member in wanted:
            bound = self.binding.path((attribute(member),))
            if bound is None or bound.kind == "datetime":
                unpacked.append(member)
            elif bound.kql not in seen:
                seen.add(bound.kql)
                packed.append(member)
                pairs.append(f"{literal(member)}, {bound.kql}")
        return (
            tuple(packed),
            tuple(unpacked),
            "bag_pack(\n        " + ",\n        ".join(pairs) + ")" if pairs else "dynamic({})",
        )

    def _packed_columns(self) -> list[tuple[str, str]]:
        found = []
        for member in self.packed:
            bound = self.binding.path((attribute(member),))
            if bound is not None and bound.kql == bound.column:
                found.append((bound.column, bound.parse))
        return found


def extended(parsed: Mapping[str, str]) -> list[str]:
    """Return the operator that parses what is parsed, if anything is."""
    if not parsed:
        return []
    return ["| extend " + ",\n    ".join(f"{name} = {kql}" for name, kql in parsed.items())]


def typed(type: str, kql: str) -> str:
    """Bring whole numbers to a column's width; one of 32 bits holds nothing for those that do not fit."""
    if type == "long" and kql.isidentifier():  # perhaps a column of 32 bits
        return f"tolong({kql})"
    if type != "int":
        return kql
    if kql == "long(null)":
        return "int(null)"
    # Of a number that does not fit toint keeps the low bits; of its text it makes null.
    return f"toint({kql})" if kql.isdecimal() else f"toint(tostring({kql}))"
