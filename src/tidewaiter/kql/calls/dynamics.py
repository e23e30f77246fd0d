"""Bags, arrays and sets inside a dynamic value (their pages in the Kusto documentation, 2026-11).

A value is JSON; a string is a dynamic string and never read as JSON. What is no bag, or no array, gives null.
"""

from __future__ import annotations

from duckdb_kql import translate

from tidewaiter.kql.calls.forms import Form, form, value_of


def element(value: str) -> str:
    """SQL of a value as it is stored inside a dynamic, as JSON text; its type is known when it runs."""
    as_datetime = translate._kql_datetime_text(f"CAST({value} AS TIMESTAMP)")
    as_timespan = translate._kql_timespan_text(f"CAST({value} AS INTERVAL)")
    return (
        f"coalesce(CAST(CASE typeof({value}) WHEN 'TIMESTAMP' THEN to_json({as_datetime}) "
        f"WHEN 'INTERVAL' THEN to_json({as_timespan}) ELSE to_json({value}) END AS VARCHAR), 'null')"
    )


def pointer(key: str) -> str:
    """SQL of the JSON pointer to a key of a bag, whatever characters it has."""
    return f"('/' || replace(replace({key}, '~', '~0'), '/', '~1'))"


def _joined(parts: str, brackets: str) -> str:
    return f"CAST('{brackets[0]}' || array_to_string({parts}, ',') || '{brackets[1]}' AS JSON)"


def array(parts: str) -> str:
    """SQL of a dynamic array from a list of JSON texts."""
    return _joined(parts, "[]")


def _bag(keys: str, value: str) -> str:
    """SQL of a bag; `value` is the JSON of the key `_k`."""
    return _joined(f"list_transform({keys}, lambda _k: CAST(to_json(_k) AS VARCHAR) || ':' || {value})", "{}")


def _first_of_each(values: str) -> str:
    """SQL of a list without repetitions, in the order of their first places."""
    return value_of(values, "_l", "list_filter(_l, lambda _x, _i: list_position(_l, _x) = _i)")


def _is(bag: str, kind: str = "OBJECT") -> str:
    return f"json_type(to_json({bag})) = '{kind}'"


def _elements(value: str) -> str:
    return f"CAST(json_extract(to_json({value}), '$[*]') AS VARCHAR[])"


def _bag_keys(bag: str) -> str:
    return f"CASE WHEN {_is(bag)} THEN to_json(json_keys(to_json({bag}))) END"


def _bag_has_key(bag: str, key: str) -> str:
    path = f"CASE WHEN starts_with({key}, '$') THEN {key} ELSE {pointer(key)} END"
    return f"CASE WHEN {_is(bag)} THEN json_exists(to_json({bag}), {path}) ELSE false END"


def _bag_merge(*bags: str) -> str:
    """Where several bags have a key, the first one's value counts; what is no bag adds nothing."""
    keys = [f"CASE WHEN {_is(bag)} THEN json_keys(to_json({bag})) ELSE [] END" for bag in bags]
    values = [f"json_extract(to_json({bag}), {pointer('_k')})" for bag in bags]
    some = " OR ".join(f"coalesce({_is(bag)}, false)" for bag in bags)
    once = _first_of_each(f"flatten([{', '.join(keys)}])")
    merged = _bag(once, f"CAST(coalesce({', '.join(values)}) AS VARCHAR)")
    return f"CASE WHEN {some} THEN {merged} END"


def _no_path(key: str) -> str:
    refusal = "error('a key that is a path ($...) is not run locally')"
    return f"CASE WHEN starts_with({key}, '$') THEN {refusal} ELSE {key} END"


def _bag_set_key(bag: str, key: str, value: str) -> str:
    kept = f"list_filter(json_keys(to_json({bag})), lambda _n: _n <> {key})"
    old = f"CAST(json_extract(to_json({bag}), {pointer('_k')}) AS VARCHAR)"
    keys = f"list_append({kept}, {_no_path(key)})"
    new = f"CASE WHEN _k = {key} THEN {element(value)} ELSE {old} END"
    return f"CASE WHEN {_is(bag)} THEN {_bag(keys, new)} END"


def _bag_remove_keys(bag: str, keys: str) -> str:
    unwanted = f"list_transform(json_extract(to_json({keys}), '$[*]'), lambda _u: _u ->> '$')"
    checked = f"list_transform({unwanted}, lambda _u: {_no_path('_u')})"
    kept = f"list_filter(json_keys(to_json({bag})), lambda _n: NOT list_contains({checked}, _n))"
    value = f"CAST(json_extract(to_json({bag}), {pointer('_k')}) AS VARCHAR)"
    return f"CASE WHEN {_is(bag)} AND {_is(keys, 'ARRAY')} THEN {_bag(kept, value)} END"


def _all_arrays(arrays: tuple[str, ...]) -> str:
    return " AND ".join(_is(each, "ARRAY") for each in arrays)


def _set_union(*arrays: str) -> str:
    every = f"flatten([{', '.join(_elements(each) for each in arrays)}])"
    return f"CASE WHEN {_all_arrays(arrays)} THEN {array(_first_of_each(every))} END"


def _set_difference(first: str, *others: str) -> str:
    rest = f"flatten([{', '.join(_elements(each) for each in others)}])"
    kept = f"list_filter({_elements(first)}, lambda _e: NOT list_contains({rest}, _e))"
    return f"CASE WHEN {_all_arrays((first, *others))} THEN {array(_first_of_each(kept))} END"


def _set_intersect(first: str, *others: str) -> str:
    everywhere = " AND ".join(f"list_contains({_elements(each)}, _e)" for each in others)
    kept = f"list_filter({_elements(first)}, lambda _e: {everywhere})"
    return f"CASE WHEN {_all_arrays((first, *others))} THEN {array(_first_of_each(kept))} END"


def _range(start: str, stop: str, step: str = "1") -> str:
    return array(f"list_transform(generate_series({start}, {stop}, {step}), lambda _v: {element('_v')})")


DYNAMICS: dict[str, Form] = {
    each.name: each
    for each in (
        form("bag_keys", _bag_keys),
        form("bag_has_key", _bag_has_key, 2),
        form("bag_merge", _bag_merge, 2, 64),
        form("bag_set_key", _bag_set_key, 3),
        form("bag_remove_keys", _bag_remove_keys, 2),
        form("set_union", _set_union, 2, None),
        form("set_difference", _set_difference, 2, None),
        form("set_intersect", _set_intersect, 2, None),
        form("range", _range, 2, 3),
    )
}
