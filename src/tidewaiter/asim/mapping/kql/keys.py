"""What a route's expressions look up by: which tables they read, and keys of two parts that can be shorter.

`iam.amazonaws.com:CreateUser` and 178 other keys have `.amazonaws.com` in their first part, which is taken
off once, from the record's value. What is left stands in the order that makes the shorter pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidewaiter.asim.mapping.evaluate import Lookups
from tidewaiter.asim.mapping.expression import Const, Expr, Op, walk
from tidewaiter.asim.mapping.kql.alternation import alternation, ending

_ENDING = 6
"""Characters that all first parts end with, from which on they are taken off."""


def read_tables(exprs: Iterable[Expr]) -> frozenset[str]:
    """Return the tables whose entries are read, and not only asked whether they are there."""
    return frozenset(name for expr in exprs for name in _read(expr))


def _read(expr: Expr) -> Iterable[str]:
    if not isinstance(expr, Op):
        return
    if expr.name == "lookup":
        yield _table(expr)
    asked = expr.name == "exists" and isinstance(expr.args[0], Op) and expr.args[0].name == "lookup"
    for arg in expr.args[0].args if asked and isinstance(expr.args[0], Op) else expr.args:
        yield from _read(arg)


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """A table with other keys, and how they are made: without what the first part ends with, turned round."""

    table: Mapping[str, str]
    ending: str
    turned: bool


def rekeyed_tables(exprs: Iterable[Expr], lookups: Lookups) -> dict[str, Rekeyed]:
    """Return the tables that get shorter by other keys.

    A key has its separator once, so that it is made of its two parts and of no others; and all look up by two
    parts with that separator between them.
    """
    separators: dict[str, set[str]] = {}
    for expr in exprs:
        for node in walk(expr):
            if isinstance(node, Op) and node.name == "lookup":
                separators.setdefault(_table(node), set()).add(_separator(node.args[0]))
    found: dict[str, Rekeyed] = {}
    for name, by in separators.items():
        keys = [key for key in lookups[name] if key]
        separator = next(iter(by))
        if len(by) > 1 or not separator or not keys or any(key.count(separator) != 1 for key in keys):
            continue
        firsts = [key.partition(separator)[0] for key in keys]
        ended = ending(firsts)
        if len(ended) < _ENDING or ended in firsts:
            ended = ""
        forms = [_rekeyed(lookups[name], separator, ended, turned=turned) for turned in (False, True)]
        found[name] = min(forms, key=lambda form: len(alternation(form.table)))
    return {name: form for name, form in found.items() if form.ending or form.turned}


def with_keys(expr: Expr, tables: Mapping[str, Rekeyed]) -> Expr:
    """Return an expression that looks up in such tables by their keys."""
    if not isinstance(expr, Op):
        return expr
    args = tuple(with_keys(arg, tables) for arg in expr.args)
    form = tables.get(_table(expr)) if expr.name == "lookup" else None
    if form is None:
        return Op(expr.name, args)
    key = args[0]
    assert isinstance(key, Op)
    first, separator, second = key.args
    if form.ending:
        first = Op("regex", (first, Const(f"^(.*){re.escape(form.ending)}$")))
    parts = (second, separator, first) if form.turned else (first, separator, second)
    return Op("lookup", (Op("concat", parts), args[1]))


def _rekeyed(table: Mapping[str, str], separator: str, ending: str, *, turned: bool) -> Rekeyed:
    found: dict[str, str] = {}
    for key, value in table.items():
        first, _, second = key.partition(separator)
        parts = (first.removesuffix(ending), second)
        found[separator.join(reversed(parts) if turned else parts) if key else ""] = value
    return Rekeyed(found, ending, turned)


def _separator(key: Expr) -> str:
    """Return the one sign between the two parts that a key is made of, "" when it is not made so."""
    match key:
        case Op(name="concat", args=(_, Const(value=str() as separator), _)) if len(separator) == 1:
            return separator
    return ""


def _table(lookup: Op) -> str:
    table = lookup.args[1]
    assert isinstance(table, Const)
    return str(table.value)
