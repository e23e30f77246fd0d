"""`tidewaiter mapping kql|transform`: what a source compiles to besides Python, and what that leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tidewaiter.app.cli.terminal import emit, say
from tidewaiter.asim.mapping.kql.binding import Path
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.kql.transforms import LISTS, LONGEST, Transform
from tidewaiter.content import SourceSpec
from tidewaiter.core.errors import UsageError


def print_functions(spec: SourceSpec, schema: str, *, vim: bool, json: bool) -> None:
    """Print the functions of a source.

    Raises:
        UsageError: it has no table in Sentinel, or no mapping to the schema.
    """
    made = spec.functions()
    if not made:
        hint = f"its rows go to ASIM's tables: see `tidewaiter mapping transform {spec.id}`"
        raise UsageError(f"Sentinel has no table of its own for {spec.id}", hint=hint)
    chosen = [each for each in made if schema in ("", each.schema) and (not vim or each.name[:3] == "vim")]
    _require(spec, schema, chosen, [each.schema for each in made])
    if json:
        emit([msgspec.json.encode([_function(each) for each in chosen]) + b"\n"])
        return
    emit(f"// {e.name}({e.parameters})\n{e.body}\n\n".encode() for e in chosen)
    for each in (each for each in chosen if vim or each.name.startswith("ASim")):
        say(f"{each.name}: reads {', '.join(each.tables)}; {len(each.body):,} characters")
        for line in lacking(each):
            say(f"  {line}")


def print_transforms(spec: SourceSpec, schema: str, *, json: bool) -> None:
    """Print the transformations of a source.

    Raises:
        UsageError: it has no mapping to the schema.
    """
    made = spec.transforms
    chosen = [each for each in made if schema in ("", each.schema)]
    _require(spec, schema, chosen, [each.schema for each in made])
    if json:
        emit([msgspec.json.encode([_transform(each) for each in chosen]) + b"\n"])
        return
    emit(f"// {e.schema} -> {e.table} (data flow {e.place + 1})\n{e.kql}\n\n".encode() for e in chosen)
    for each in chosen:
        say(f"{each.schema} -> {each.table}: {len(each.kql):,} of {LONGEST:,} characters")
        for line in left_out(each):
            say(f"  {line}")


def _require(spec: SourceSpec, schema: str, chosen: Sequence[object], schemas: Iterable[str]) -> None:
    if not chosen:
        hint = f"it maps to {', '.join(dict.fromkeys(schemas))}"
        raise UsageError(f"{spec.id} has no mapping to {schema!r}", hint=hint)


def lacking(made: KqlFunction) -> list[str]:
    """Say, a line each, what a function's tables do not hold."""
    lines = []
    for column, paths in made.missing.items():
        lines.append(f"{column} is read without {', '.join(map(_path, sorted(paths, key=str)))}")
    if made.unpacked:
        lines.append(f"pack leaves out {', '.join(made.unpacked)}")
    return lines


def left_out(made: Transform) -> list[str]:
    """Say, a line each, what a transformation leaves out."""
    lines = [f"{', '.join(made.dropped)} had no room"] if made.dropped else []
    lines += [f"{each.table}: {each.kept} of {each.entries} entries had room" for each in made.shortened]
    for column, paths in made.missing.items():
        why = [LISTS.get(str(path[0]), _path(path)) for path in sorted(paths, key=str)]
        empty = "left empty" if column in made.empty else "read"
        lines.append(f"{column} is {empty} without {', '.join(why)}")
    return lines


def _path(path: Path) -> str:
    return ".".join(map(str, path))


def _paths(missing: Mapping[str, frozenset[Path]]) -> dict[str, list[str]]:
    return {column: sorted(map(_path, paths)) for column, paths in missing.items()}


def _function(made: KqlFunction) -> dict[str, object]:
    return {
        "name": made.name,
        "parameters": made.parameters,
        "body": made.body,
        "schema": made.schema,
        "tables": made.tables,
        "missing": _paths(made.missing),
        "packed": made.packed,
        "unpacked": made.unpacked,
    }


def _transform(made: Transform) -> dict[str, object]:
    return {
        "schema": made.schema,
        "table": made.table,
        "transformKql": made.kql,
        "stream": made.stream,
        "dropped": made.dropped,
        "shortened": [{"table": e.table, "kept": e.kept, "entries": e.entries} for e in made.shortened],
        "missing": _paths(made.missing),
    }
