"""What the expressions of a rule can see of one record; decoded and computed only when looked at.

Nothing here raises on a hostile record: a member that cannot be decoded, and a let that cannot be
computed, are null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import msgspec

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Expr
from tidewaiter.asim.mapping.operators import Value
from tidewaiter.content.detection_specs import Call

Function = Callable[..., Value]

_split = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder()


class LazyObject(Mapping[str, Value]):
    """A JSON object whose members are decoded one by one, so that a bad one does not hide the others."""

    def __init__(self, raw: bytes | msgspec.Raw) -> None:
        self._raw = raw
        self._known: dict[str, Value] = {}

    @cached_property
    def _members(self) -> dict[str, msgspec.Raw]:
        try:
            return _split.decode(self._raw)
        except (ValueError, RecursionError):
            return {}

    def __getitem__(self, name: str) -> Value:
        if name not in self._known:
            try:
                self._known[name] = _value.decode(self._members[name])
            except (ValueError, RecursionError):
                self._known[name] = None
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class Scope(Mapping[str, Value]):
    """`event`, `row` and the lets of one rule, each let computed at most once."""

    def __init__(
        self,
        event: LazyObject,
        row: LazyObject,
        lets: Mapping[str, Expr | Call],
        functions: Mapping[str, Function],
    ) -> None:
        self._lets = lets
        self._functions = functions
        self._known: dict[str, Value] = {"event": event, "row": row}

    def __getitem__(self, name: str) -> Value:
        if name not in self._known:
            let = self._lets[name]
            try:
                self._known[name] = self._compute(let)
            except Exception:  # whatever a hostile value does to a let, the rule's other parts still count
                self._known[name] = None
        return self._known[name]

    def _compute(self, let: Expr | Call) -> Value:
        if isinstance(let, Call):
            return self._functions[let.function](*(evaluate(arg, self, {}) for arg in let.args))
        return evaluate(let, self, {})

    def __iter__(self) -> Iterator[str]:
        return iter(("event", "row", *self._lets))

    def __len__(self) -> int:
        return 2 + len(self._lets)
