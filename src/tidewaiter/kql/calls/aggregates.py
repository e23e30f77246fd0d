"""Aggregates that the library lacks or gets wrong (their pages in the Kusto documentation, 2026-11)."""

from __future__ import annotations

import dataclasses

from duckdb_kql.translate.functions import AggregateSpec

from tidewaiter.kql.calls.dynamics import element, pointer

_LIST = "list({element}) FILTER (WHERE {kept})"
_SET = (
    "list_sort(list_distinct(flatten(list("
    "CASE WHEN json_type(to_json({value})) = 'ARRAY' "
    "THEN CAST(CAST(to_json({value}) AS JSON[]) AS VARCHAR[]) ELSE [{element}] END"
    ") FILTER (WHERE {kept}))))"
)


@dataclasses.dataclass(frozen=True)
class Collection(AggregateSpec):
    """make_list() and make_set(): dynamic from the start, and with their maximum size.

    `conditional` ones have a predicate as second argument; `nulls` keeps nulls.
    """

    conditional: bool = False
    nulls: bool = False

    def render(self, args: list[str]) -> str:
        """Return the SQL of a call.

        Raises:
            ValueError: a wrong number of arguments.
        """
        least = 2 if self.conditional else 1
        if len(args) not in (least, least + 1):
            raise ValueError(f"{self.name}() takes {least} or {least + 1} arguments, got {len(args)}")
        value = args[0]
        kept = ["true" if self.nulls else f"{value} IS NOT NULL", *args[1:least]]
        values = self.template.format(value=value, element=element(value), kept=" AND ".join(kept))
        if len(args) > least:
            values = f"list_slice({values}, 1, {args[least]})"
        return f"CAST('[' || coalesce(array_to_string({values}, ','), '') || ']' AS JSON)"


@dataclasses.dataclass(frozen=True)
class Bag(AggregateSpec):
    """make_bag(): one bag of many; where several have a key, the first one's value counts."""

    conditional: bool = False

    def render(self, args: list[str]) -> str:
        """Return the SQL of a call.

        Raises:
            ValueError: a wrong number of arguments.
        """
        if len(args) != (2 if self.conditional else 1):
            raise ValueError(f"{self.name}() with a maximum size is not run locally")
        value = args[0]
        kept = " AND ".join([f"json_type(to_json({value})) = 'OBJECT'", *args[1:]])
        bags = f"list(to_json({value})) FILTER (WHERE {kept})"
        keys = (
            "list_transform([flatten(list_transform(_b, lambda _j: json_keys(_j)))], "
            "lambda _l: list_filter(_l, lambda _x, _i: list_position(_l, _x) = _i))[1]"
        )
        first = f"list_filter(_b, lambda _j: json_exists(_j, {pointer('_k')}))[1]"
        pair = (
            f"CAST(to_json(_k) AS VARCHAR) || ':' || CAST(json_extract({first}, {pointer('_k')}) AS VARCHAR)"
        )
        merged = f"'{{' || array_to_string(list_transform({keys}, lambda _k: {pair}), ',') || '}}'"
        return f"list_transform([coalesce({bags}, [])], lambda _b: CAST({merged} AS JSON))[1]"


def _plain(name: str, template: str, arity: int, prefix: str | None = None) -> AggregateSpec:
    return AggregateSpec(name, template, (arity,), name_prefix=prefix)


AGGREGATES: dict[str, AggregateSpec] = {
    each.name: each
    for each in (
        Collection("make_list", _LIST, name_prefix="list"),
        Collection("makelist", _LIST, name_prefix="list"),
        Collection("make_list_if", _LIST, name_prefix="list", conditional=True),
        Collection("make_list_with_nulls", _LIST, name_prefix="list", nulls=True),
        Collection("make_set", _SET, name_prefix="set"),
        Collection("makeset", _SET, name_prefix="set"),
        Collection("make_set_if", _SET, name_prefix="set", conditional=True),
        Bag("make_bag", "", name_prefix="bag"),
        Bag("make_bag_if", "", name_prefix="bag", conditional=True),
        _plain("count_distinct", "count(DISTINCT {0})", 1),
        _plain("count_distinctif", "count(DISTINCT {0}) FILTER (WHERE {1})", 2),
        _plain("minif", "min({0}) FILTER (WHERE {1})", 2),
        _plain("maxif", "max({0}) FILTER (WHERE {1})", 2),
        _plain("stdevp", "coalesce(stddev_pop({0}), 0.0)", 1),
        _plain("variancep", "coalesce(var_pop({0}), 0.0)", 1),
        AggregateSpec("take_anyif", "any_value({0}) FILTER (WHERE {1})", (2,), name_is_argument=True),
        _plain("anyif", "any_value({0}) FILTER (WHERE {1})", 2),
    )
}
