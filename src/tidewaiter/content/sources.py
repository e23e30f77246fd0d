"""A source's folder: `source.yaml`, its mappings, lookups, samples and what they must become.

content/sources/<id>/
    source.yaml        title, record shape, event id, routes, lookups
    recognize.yaml     how its objects are told by path and content
    mapping.*.yaml     one per ASIM schema
    native*.yaml       one per table of Sentinel's own that the source has
    lookups/*.yaml     tables that expressions look up in
    samples/           raw records or objects, made by the project
    expected/          the rows that they must become
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import msgspec

from tidewaiter.asim.mapping.expression import Expr, inline, parse
from tidewaiter.asim.mapping.identify import Identify, identifier
from tidewaiter.asim.mapping.kql.functions import KqlFunction, functions
from tidewaiter.asim.mapping.kql.transforms import Transform, transforms
from tidewaiter.asim.mapping.native_reader import NativeReader, native_reader
from tidewaiter.asim.mapping.record import record_type
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import load_mapping
from tidewaiter.asim.schema import table
from tidewaiter.content.drift import DriftFile
from tidewaiter.content.folders import Folder, folders
from tidewaiter.content.recognition import Recognition
from tidewaiter.core.errors import ContentError, Location

T = TypeVar("T")


class RouteFile(msgspec.Struct, forbid_unknown_fields=True):
    """One route as it is written."""

    when: str
    mapping: str


class SourceFile(msgspec.Struct, forbid_unknown_fields=True):
    """`source.yaml` as it is written."""

    title: str
    description: str
    record: dict[str, Any]
    routes: list[RouteFile]
    native: list[RouteFile] = msgspec.field(default_factory=list)
    parsers: list[tuple[str, str]] = msgspec.field(default_factory=list)
    event_id: str = ""
    include: list[str] = msgspec.field(default_factory=list)
    repeats: list[tuple[str, ...]] = msgspec.field(default_factory=list)
    rare: list[str] = msgspec.field(default_factory=list)
    other_form: list[str] = msgspec.field(default_factory=list)
    ticks: list[str] = msgspec.field(default_factory=list)
    require: dict[str, str] = msgspec.field(default_factory=dict)
    lookups: list[str] = msgspec.field(default_factory=list)
    skip: str = ""
    drift: DriftFile = DriftFile()


@dataclass(frozen=True)
class SourceSpec:
    """One source, parsed."""

    id: str
    title: str
    description: str
    folder: Folder
    file: SourceFile
    recognition: Recognition

    @cached_property
    def mapping(self) -> SourceMapping:
        """Routes, record type and lookups, for the compilers.

        Raises:
            ContentError: a mapping, table or lookup is wrong.
        """
        file = self.file
        lookups = {name: self._lookup(name) for name in file.lookups}
        lets: dict[str, Expr] = {}
        routes, types = self._routes(file.routes, lets)
        require = {name: self._expr(text, lets) for name, text in file.require.items()}
        return SourceMapping(
            record_type(file.record), routes, file.repeats, file.ticks, file.rare, require, lookups, types
        )

    @cached_property
    def native(self) -> SourceMapping | None:
        """The mappings to Sentinel's own tables for this source, from the same records; None without any.

        What makes a record valid is asked once, by `mapping`: this one requires nothing.

        Raises:
            ContentError: a mapping, table or lookup is wrong.
        """
        if not self.file.native:
            return None
        lets = {name: expr for route in self.mapping.routes for name, expr in route.mapping.lets.items()}
        routes, types = self._routes(self.file.native, lets)
        return replace(self.mapping, routes=routes, types=types, require={})

    @property
    def native_tables(self) -> tuple[str, ...]:
        """Sentinel's own tables that a record of the source may go into, in a fixed order."""
        routes = self.native.routes if self.native else ()
        return tuple(dict.fromkeys(route.mapping.table for route in routes))

    @cached_property
    def pulled(self) -> NativeReader | None:
        """What makes records of the rows of Sentinel's own table; None where no findings are pulled from it.

        Findings are few, and each is worth a second look. Pulling logs would only pay for them once more.

        Raises:
            ContentError: a mapping, table or lookup is wrong.
        """
        schemas = {route.mapping.schema for route in self.mapping.routes}
        if self.native is None or schemas != {"AlertEvent"}:
            return None
        forms = [form for shape in self.recognition.json for form in shape.forms]
        return native_reader(self.mapping, self.native, self.event_id, self.file.other_form, forms)

    @property
    def destinations(self) -> tuple[str, ...]:
        """Which rows its mappings make: `asim`, and `native` for Sentinel's own tables."""
        return ("asim", "native") if self.file.native else ("asim",)

    def _routes(
        self, files: list[RouteFile], lets: dict[str, Expr]
    ) -> tuple[list[Route], dict[str, Mapping[str, str]]]:
        """Return the routes and each table's column types; the mappings' lets are added to `lets`."""
        routes: list[Route] = []
        types: dict[str, Mapping[str, str]] = {}
        for route in files:
            spec = load_mapping(route.mapping, self.folder.read, f"sources/{self.id}")
            lets |= spec.lets
            types[spec.table] = table(spec.table).columns
            routes.append(Route(self._expr(route.when, lets), spec))
        return routes, types

    @cached_property
    def identify(self) -> Identify:
        """The function that gives a typed record's own id, None or "" when it has none.

        Raises:
            ContentError: `event_id` in source.yaml is wrong.
        """
        return identifier(self.event_id, self.mapping.record)

    @cached_property
    def event_id(self) -> Expr | None:
        """The expression of a record's own id; None when it has none.

        Raises:
            ContentError: `event_id` in source.yaml is wrong.
        """
        return self._expr(self.file.event_id, {}) if self.file.event_id else None

    def functions(self, keep: Sequence[str] = ()) -> list[KqlFunction]:
        """Return the ASIM functions over Sentinel's own tables; none for a source without such a table.

        `keep` are columns of the tables that they pass on.

        Raises:
            ContentError: an expression has no KQL.
        """
        return [] if self.native is None else functions(self.mapping, self.native, self.event_id, keep)

    @cached_property
    def transforms(self) -> list[Transform]:
        """The transformations for a data collection rule, one for each route.

        Raises:
            ContentError: an expression has no KQL, or a transformation is too long.
        """
        whole = self.mapping.record.whole
        without = [*self.file.other_form, *([whole.name] if whole else [])]
        return transforms(self.mapping, self.event_id, without)

    def _expr(self, text: str, lets: Mapping[str, Expr]) -> Expr:
        return inline(parse(text, at=Location(f"sources/{self.id}/source.yaml")), lets)

    def _lookup(self, name: str) -> dict[str, str]:
        path = f"lookups/{name}.yaml"
        try:
            rows = msgspec.yaml.decode(self.folder.read(path), type=dict[str, str | list[str]])
        except msgspec.MsgspecError as error:
            raise ContentError(str(error), at=Location(f"sources/{self.id}/{path}")) from None
        flat: dict[str, str] = {}
        for key, value in rows.items():
            for name, meaning in (
                [(key, value)] if isinstance(value, str) else [(each, key) for each in value]
            ):
                if flat.setdefault(name, meaning) != meaning:
                    message = f"{name!r} is both {flat[name]!r} and {meaning!r}"
                    raise ContentError(message, at=Location(f"sources/{self.id}/{path}"))
        return flat


def load_source(folder: Folder) -> SourceSpec:
    """Read `source.yaml` and `recognize.yaml` of one folder.

    Raises:
        ContentError: a file is missing or not of its shape.
    """
    file = _decode(folder, "source.yaml", SourceFile)
    recognition = _decode(folder, "recognize.yaml", Recognition)
    return SourceSpec(folder.id, file.title, file.description, folder, file, recognition)


def _decode(folder: Folder, name: str, kind: type[T]) -> T:
    try:
        return msgspec.yaml.decode(folder.read(name), type=kind)
    except msgspec.MsgspecError as error:
        raise ContentError(str(error), at=Location(f"{folder.id}/{name}")) from None


@lru_cache(maxsize=1)
def sources() -> dict[str, SourceSpec]:
    """Return every source by id."""
    return {folder.id: load_source(folder) for folder in folders("sources")}
