"""How much of the ASIM schemas a source's mappings fill, and where its rows can go."""

from __future__ import annotations

import msgspec

from tidewaiter.asim import schema_of_table, table
from tidewaiter.content.sources import SourceSpec

_WANTED = ("Mandatory", "Recommended")


class SchemaCoverage(msgspec.Struct, frozen=True):
    """Columns of one table that docs or tester call mandatory or recommended, and those that are mapped.

    A column that one calls mandatory and the other recommended counts as mandatory. What the table has
    no column for is left out, and so is what the service sets itself.
    """

    schema: str
    table: str
    mandatory: int
    mandatory_mapped: int
    recommended: int
    recommended_mapped: int
    missing: tuple[str, ...]


class Coverage(msgspec.Struct, frozen=True):
    """One source: its tables, what its mappings compile to today, and how full the rows can be."""

    source: str
    schemas: tuple[SchemaCoverage, ...]
    destinations: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def share(self) -> float:
        """Mapped columns among the mandatory and recommended ones of all its tables, 0 to 1."""
        wanted = sum(s.mandatory + s.recommended for s in self.schemas)
        mapped = sum(s.mandatory_mapped + s.recommended_mapped for s in self.schemas)
        return mapped / wanted if wanted else 1.0


def coverage(spec: SourceSpec) -> Coverage:
    """Measure a source.

    Raises:
        ContentError: a mapping, table or lookup is wrong.
    """
    columns: dict[str, set[str]] = {}
    for route in spec.mapping.routes:  # several mappings may fill one table
        columns.setdefault(route.mapping.table, set()).update(route.mapping.columns)
    schemas = tuple(_schema_coverage(name, mapped) for name, mapped in columns.items())
    compiled = "python" if spec.recognition.codec == "json_records" else "polars"
    destinations = tuple(columns)
    functions = ("kql",) if spec.native else ()
    return Coverage(spec.id, schemas, destinations, (compiled, *functions, "transform", "docs"))


def _schema_coverage(name: str, mapped: set[str]) -> SchemaCoverage:
    target, schema = table(name), schema_of_table(name)
    wanted: dict[str, list[str]] = {rank: [] for rank in _WANTED}
    for column in target.sendable:
        field = schema.fields.get(column) if schema else None
        if field is None:
            continue
        ranks = {field.cls, field.tester.cls if field.tester else ""}
        rank = next((rank for rank in _WANTED if rank in ranks), None)
        if rank:
            wanted[rank].append(column)
    mandatory, recommended = wanted["Mandatory"], wanted["Recommended"]
    return SchemaCoverage(
        schema.name if schema else "",
        name,
        len(mandatory),
        sum(column in mapped for column in mandatory),
        len(recommended),
        sum(column in mapped for column in recommended),
        tuple(column for column in (*mandatory, *recommended) if column not in mapped),
    )
