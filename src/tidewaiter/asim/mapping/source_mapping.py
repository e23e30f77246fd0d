"""A source as the compilers take it: its record, its routes with their mappings, and what repeats in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidewaiter.asim.mapping.expression import Expr, lookups
from tidewaiter.asim.mapping.record import RecordType
from tidewaiter.asim.mapping.spec import MappingSpec
from tidewaiter.core.errors import ContentError


@dataclass(frozen=True, slots=True)
class Route:
    """Records for which `when` holds go through `mapping`; the first route that holds wins."""

    when: Expr
    mapping: MappingSpec


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """All that the compilers need of a source.

    `repeats` lists sets of members that repeat together, `ticks` members that stay for a few records and
    then change for good, `rare` members that most records lack; `require` names what a valid record must
    have; `types[table]` gives each column's Log Analytics type.
    """

    record: RecordType
    routes: Sequence[Route]
    repeats: Sequence[tuple[str, ...]]
    ticks: Sequence[str]
    rare: Sequence[str]
    require: Mapping[str, Expr]
    lookups: Mapping[str, Mapping[str, str]]
    types: Mapping[str, Mapping[str, str]]

    def check_lookups(self) -> None:
        """Raise ContentError for an expression that looks up in a table which is not there."""
        exprs = [*self.require.values(), *(route.when for route in self.routes)]
        exprs += [expr for route in self.routes for expr in route.mapping.columns.values()]
        known = ", ".join(sorted(self.lookups))
        for name in sorted(frozenset().union(*map(lookups, exprs)) - set(self.lookups)):
            raise ContentError(f"unknown lookup {name!r}", hint=f"known are {known}")
