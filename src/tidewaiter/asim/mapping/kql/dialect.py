"""The two dialects of KQL that are written: of queries, and of transformations.

A transformation works on one row and knows a part of the language ("Supported KQL features in Azure Monitor
transformations", Microsoft, 2026-01-20): no coalesce, no dynamic literal, no mv-apply, `pack` for bag_pack,
and `replace` (by regex) for replace_string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tidewaiter.core.kql_literals import bag, verbatim


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between queries and transformations."""

    name: str
    applies: bool
    pack: str

    @property
    def nothing(self) -> str:
        """A dynamic null."""
        return "dynamic(null)" if self.applies else 'parse_json("")'

    def bag(self, values: Mapping[str, str | int]) -> str:
        """Write a bag that stands in the text."""
        if self.applies:
            return bag(values)
        return f"parse_json({verbatim(json.dumps(values, separators=(',', ':')))})"

    def first(self, values: list[str]) -> str:
        """Write the first text that is not empty."""
        if self.applies:
            return f"coalesce({', '.join(values)})"
        return values[0] if len(values) == 1 else f"tw_first({values[0]}, {self.first(values[1:])})"

    def first_present(self, pairs: list[tuple[str, str]], last: str) -> str:
        """Write the first value whose condition holds, else `last`."""
        return _chain(pairs, last)


QUERY = Dialect("query", True, "bag_pack")
TRANSFORM = Dialect("transform", False, "pack")


def _chain(pairs: list[tuple[str, str]], last: str) -> str:
    parts = [part for pair in pairs for part in pair]
    if not parts:
        return last
    return f"{'iif' if len(pairs) == 1 else 'case'}({', '.join([*parts, last])})"
