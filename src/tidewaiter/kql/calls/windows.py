"""Functions of a row's place among the others ("Window functions overview", Kusto docs, 2026-11).

`order` has seen to it that the rows stand in an order, which DuckDB keeps in one thread.
"""

from __future__ import annotations

import dataclasses

from duckdb_kql.translate.functions import FunctionSpec


@dataclasses.dataclass(frozen=True)
class _Neighbour(FunctionSpec):
    """prev() and next(): another row's value, by default of the row beside; beyond the rows the default.

    Without a default that is null, and '' for a string.
    """

    def render(self, args: list[str]) -> str:
        if not 1 <= len(args) <= 3:
            raise ValueError(f"{self.name}() takes 1 to 3 arguments, got {len(args)}")
        offset = args[1] if len(args) > 1 else "1"
        default = args[2] if len(args) > 2 else f"CASE WHEN typeof({args[0]}) = 'VARCHAR' THEN '' END"
        return f"{self.template}({args[0]}, {offset}, {default}) OVER ()"


@dataclasses.dataclass(frozen=True)
class _RowNumber(FunctionSpec):
    """row_number(), from 1 or from its first argument; a restart is not run."""

    def render(self, args: list[str]) -> str:
        if len(args) > 1:
            raise ValueError("row_number() with a restart is not run locally")
        return f"(row_number() OVER () + {args[0]} - 1)" if args else "row_number() OVER ()"


WINDOWS: dict[str, FunctionSpec] = {
    "row_number": _RowNumber("row_number", "template", ""),
    "prev": _Neighbour("prev", "template", "lag"),
    "next": _Neighbour("next", "template", "lead"),
    "row_cumsum": FunctionSpec(
        "row_cumsum", "template", "coalesce(sum({0}) OVER (ROWS UNBOUNDED PRECEDING), 0)", (1,)
    ),
}
