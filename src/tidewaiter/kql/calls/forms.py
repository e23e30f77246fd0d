"""How a function is written as SQL: each argument is computed once, whatever the number of its uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duckdb_kql.translate.functions import FunctionSpec

Body = Callable[..., str]
"""SQL of the arguments' names -> SQL of the result."""


@dataclass(frozen=True)
class Form(FunctionSpec):
    """A function whose SQL is `body` of its arguments; `least` and `most` bound their number (None: any)."""

    body: Body = str
    least: int = 1
    most: int | None = 1

    def render(self, args: list[str]) -> str:
        """Return the SQL of a call.

        Raises:
            ValueError: too few or too many arguments.
        """
        if len(args) < self.least or (self.most is not None and len(args) > self.most):
            raise ValueError(f"{self.name}() takes {self._numbers()}, got {len(args)}")
        names = [f"_p.a{place}" for place in range(len(args))]
        packed = ", ".join(f"'a{place}': {arg}" for place, arg in enumerate(args))
        return f"list_transform([{{{packed}}}], lambda _p: {self.body(*names)})[1]"

    def _numbers(self) -> str:
        if self.most == self.least:
            return f"{self.least} argument{'s' if self.least != 1 else ''}"
        return (
            f"{self.least} or more arguments"
            if self.most is None
            else f"{self.least} to {self.most} arguments"
        )


def form(name: str, body: Body, least: int = 1, most: int | None = -1) -> Form:
    """Make a form; by default it takes `least` arguments exactly."""
    return Form(name, "template", "", body=body, least=least, most=least if most == -1 else most)


def value_of(sql: str, name: str, body: str) -> str:
    """Return SQL of `body`, in which `name` is the value of `sql`, computed once."""
    return f"list_transform([{sql}], lambda {name}: {body})[1]"
