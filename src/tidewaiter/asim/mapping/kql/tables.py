"""Lookup tables of a transformation: functions that ask by patterns, with a bag for what these make longer.

A table with many keys for each value is a pattern for each value; one with a value for each key is a bag.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from tidewaiter.asim.mapping.kql.alternation import alternation, beginning
from tidewaiter.core.kql_literals import literal, verbatim

_PREFIX = 12
"""Characters with which all values begin, from which on they are written once."""


def table_function(name: str, table: Mapping[str, str]) -> Iterator[str]:
    """Yield the `let` statements of a function from a text to its entry, "" where there is none."""
    keys: dict[str, list[str]] = {}
    for key, value in table.items():
        if key and value:
            keys.setdefault(value, []).append(key)
    shared = beginning(keys) if len(keys) > 3 else ""
    if len(shared) < _PREFIX or shared in keys:
        shared = ""
    by_value = {value.removeprefix(shared): texts for value, texts in keys.items()}
    arms = {value: _arm(value, texts) for value, texts in by_value.items()}
    packed = {value: texts for value, texts in by_value.items() if _entries(value, texts) < len(arms[value])}
    lookups = {"": f"let {name} = (k:string) {{ {_whole(_case(arms, literal('')), shared)} }};"}
    if packed:
        bag = json.dumps(
            {key: value for value, texts in packed.items() for key in texts}, separators=(",", ":")
        )
        found = f"tostring({name}_b[k])"
        left = {value: arm for value, arm in arms.items() if value not in packed}
        text = f"let {name} = (k:string) {{ {_whole(_case(left, found), shared)} }};"
        lookups[f"let {name}_b = parse_json({verbatim(bag)});"] = text
    before, function = min(lookups.items(), key=lambda pair: len(pair[0]) + len(pair[1]))
    if before:
        yield before
    yield function


def _case(arms: Mapping[str, str], last: str) -> str:
    if not arms:
        return last
    return f"{'iif' if len(arms) == 1 else 'case'}({', '.join(arms.values())}, {last})"


def _arm(value: str, texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return f"k == {literal(texts[0])}, {literal(value)}"
    return f"k matches regex {verbatim(f'^(?:{alternation(texts)})$')}, {literal(value)}"


def _entries(value: str, texts: Sequence[str]) -> int:
    return sum(len(json.dumps(each)) + len(json.dumps(value)) + 2 for each in texts)


def _whole(kql: str, shared: str) -> str:
    """Put what all values begin with before a value that is found."""
    return f"tw_begun({literal(shared)}, {kql})" if shared else kql
