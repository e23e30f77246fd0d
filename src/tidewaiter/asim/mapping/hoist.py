"""What a row function need not compute anew: parts of its expressions that read one set of repeating members.

A column like `case(not exists(requestParameters.name), 'Service', <five patterns on eventName>)` reads a
member that differs from record to record, so it is not kept with the pieces of its set; the patterns can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, members
from tidewaiter.asim.mapping.operators import OPERATORS

GroupOf = Callable[[frozenset[str]], int]
Hoisted = dict[int, dict[Expr, Field]]
"""By set: the expression, and the name that stands for it in the row's expressions."""

_CHEAP = frozenset({"eq", "ne", "in", "exists", "not"})


def hoist(expr: Expr, kinds: Mapping[str, str], group_of: GroupOf, sets: int, found: Hoisted) -> Expr:
    """Return `expr` with the parts that belong to one of the first `sets` sets named; they go into `found`.

    Only texts and booleans are worth it, and only where more is done than one comparison.
    """
    if not isinstance(expr, Op) or expr.name == "json":  # of which bytes are pasted, not values
        return expr
    deps = members(expr)
    group = group_of(deps) if deps else -1
    if 0 <= group < sets and expr.name not in _CHEAP and kind_of(expr, kinds) in ("text", "bool"):
        names = found.setdefault(group, {})
        return names.setdefault(expr, Field((f"hoisted {group} {len(names)}",)))
    args = tuple(hoist(arg, kinds, group_of, sets, found) for arg in expr.args)
    return Op(expr.name, args)


def kind_of(expr: Expr, kinds: Mapping[str, str]) -> str:
    """The type of an expression whose value is surely a text (or null) or a boolean; "" for any other."""
    if isinstance(expr, Const):
        return "text" if expr.value is None or isinstance(expr.value, str) else ""
    if isinstance(expr, Field):
        return "text" if len(expr.path) == 1 and kinds.get(expr.member) == "text" else ""
    if expr.name in ("first", "case"):
        branches = expr.args if expr.name == "first" else (*expr.args[1::2], expr.args[-1])
        return "text" if all(kind_of(branch, kinds) == "text" for branch in branches) else ""
    result = OPERATORS[expr.name].result
    return result if result in ("text", "bool") and expr.name != "bit" else ""
