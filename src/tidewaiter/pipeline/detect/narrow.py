"""Which branches of a rule an event can take, told from its source and name before any record comes.

A condition is worked out as far as the two known members reach; what is certainly not true is left out of
the index, so that a frequent event (DeleteObject) is not put through the questions about rare ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.operators import Value
from tidewaiter.content.detection_specs import Branch, Call, DetectionSpec


@dataclass(frozen=True, slots=True)
class _Open:
    """Stands for a value that only a record can give."""


_OPEN: Final = _Open()


def possible(spec: DetectionSpec, source: str, name: str) -> tuple[Branch, ...]:
    """Return the branches of `spec` that an event of that source and name can take, in their order."""
    told = _Told({("event", "eventSource"): source, ("event", "eventName"): name}, spec.lets)
    values = [(branch, told.value(branch.condition)) for branch in spec.branches]
    return tuple(branch for branch, value in values if value is True or value is _OPEN)


@dataclass(frozen=True, slots=True)
class _Told:
    known: Mapping[tuple[str | int, ...], str]
    lets: Mapping[str, Expr | Call]

    def value(self, expr: Expr) -> Value:
        """The value of `expr` on every such event, or `_OPEN` when records may differ."""
        if isinstance(expr, Const):
            return expr.value
        if isinstance(expr, Field):
            let = self.lets.get(expr.member)
            if len(expr.path) == 1 and let is not None and not isinstance(let, Call):
                return self.value(let)
            return self.known.get(expr.path, _OPEN)
        match expr.name:
            case "all":
                return self.junction(expr.args, decisive=False)
            case "any":
                return self.junction(expr.args, decisive=True)
            case "case":
                return self.case(expr.args)
        return self.plain(expr)

    def junction(self, args: Sequence[Expr], *, decisive: bool) -> Value:
        values = [self.value(arg) for arg in args]
        truths = [_OPEN if value is _OPEN else value is True for value in values]
        if decisive in truths:
            return decisive
        return _OPEN if _OPEN in truths else not decisive

    def case(self, args: Sequence[Expr]) -> Value:
        for condition, value in zip(args[:-1:2], args[1::2], strict=True):
            holds = self.value(condition)
            if holds is _OPEN:
                return _OPEN
            if holds is True:
                return self.value(value)
        return self.value(args[-1])

    def plain(self, expr: Op) -> Value:
        values = [self.value(arg) for arg in expr.args]
        if any(value is _OPEN for value in values):
            return _OPEN
        return evaluate(Op(expr.name, tuple(Const(value) for value in values)), {}, {})
