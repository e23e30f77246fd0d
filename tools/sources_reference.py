"""Writes docs/reference/sources.md from the folders in content/sources.

python tools/sources_reference.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tidewaiter import content
from tidewaiter.asim import tables
from tidewaiter.asim.mapping.expression import members, parse
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingFile

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "sources.md"

_HEAD = """\
# Sources and their mappings

<!-- Written by tools/sources_reference.py from content/sources. Do not edit: run `make docs`. -->

What Tidewaiter reads, how it recognises it, and how each ASIM column is filled. A column that is not listed
stays empty; source members without a column of their own go into `AdditionalFields` as they stand. Names that
are neither members of the record nor functions are written out in the last table of their source.

With `destination = "native"` or `"both"` in a source's [settings](settings.md), its events go into Sentinel's
own table for it ([what that means](../sentinel.md#sentinels-own-tables)). Such a table has no column for
everything that a record has; what has none is named below its mapping.

{tables}
"""

_ALWAYS = "True == True"


def render() -> str:
    """Return the whole page."""
    head = _HEAD.replace("{tables}", "\n".join(_tables()))
    return "\n".join([head, *(_source(source) for source in content.sources().values())])


def _tables() -> Iterator[str]:
    yield "| source | ASIM tables | native table | a sender may fill it |"
    yield "| --- | --- | --- | --- |"
    known = tables()
    for source in content.sources().values():
        asim = list(dict.fromkeys(route.mapping.table for route in source.mapping.routes))
        native = source.native_tables
        may = "yes" if native and all(known[name].ingestible for name in native) else "no"
        own = ", ".join(map(code, native)) or "none"
        yield f"| {code(source.id)} | {', '.join(map(code, asim))} | {own} | {may if native else ''} |"


def _source(source: content.SourceSpec) -> str:
    lines = [f"## {source.title}", "", f"Source id: `{source.id}`.", "", source.description.strip(), ""]
    if source.recognition.paths:
        lines += ["| path pattern | kind of object |", "| --- | --- |"]
        lines += [f"| {code(rule.match)} | {rule.kind} |" for rule in source.recognition.paths]
        lines += ["", "A path only suggests a source; the content decides.", ""]
    names: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for route in source.file.routes:
        spec = _read(source, route.mapping)
        for name, text in spec.lets.items():
            if text not in (known := names.setdefault(name, [])):
                known.append(text)
        lines += [f"### {source.id}: {spec.schema} (`{spec.table}`)", ""]
        taken = (
            "every record that is left" if route.when == _ALWAYS else f"records for which {code(route.when)}"
        )
        lines += [f"{spec.description.strip()} Takes {taken}.", ""]
        if spec.fields == told:
            lines += ["The columns are those of the mapping before it; names that differ are told below.", ""]
        else:
            lines += _table("column", {name: [text] for name, text in spec.fields.items()})
        told = spec.fields
    if names:
        lines += [f"### {source.id}: names", "", *_table("name", names)]
    return "\n".join([*lines, *_native(source)])


def _native(source: content.SourceSpec) -> Iterator[str]:
    """Yield the mappings to Sentinel's own tables."""
    for route in source.file.native:
        spec = _read(source, route.mapping)
        yield from (f"### {source.id}: native table `{spec.table}`", "", spec.description.strip(), "")
        yield from _table("column", {name: [text] for name, text in spec.fields.items()})
        if spec.lets:
            yield from _table("name", {name: [text] for name, text in spec.lets.items()})
    if source.pulled:
        yield from (f"Findings in `{source.pulled.table}` can be [pulled](../pull.md).", "")
    if without := _without_a_column(source):
        yield from (f"Without a column there: {', '.join(map(code, without))}.", "")


def _without_a_column(source: content.SourceSpec) -> list[str]:
    """Return the members of a record that no native row of the source tells of."""
    if source.native is None:
        return []
    read = {
        name
        for route in source.native.routes
        for expr in (route.when, *route.mapping.columns.values())
        for name in members(expr)
    }
    if EVENT_ID in read and source.file.event_id:
        read |= members(parse(source.file.event_id))
    return [name for name in source.mapping.record.kinds if attribute(name) not in read]


def _read(source: content.SourceSpec, name: str) -> MappingFile:
    """Return a mapping file as it is written, with what it includes."""
    own = msgspec.yaml.decode(source.folder.read(name), type=MappingFile)
    for include in own.include:
        part = msgspec.yaml.decode(source.folder.read(include), type=MappingFile)
        own = msgspec.structs.replace(own, lets=part.lets | own.lets, fields=part.fields | own.fields)
    return own


def _table(head: str, expressions: dict[str, list[str]]) -> list[str]:
    rows = [
        f"| `{name}` | {', or '.join(code(text) for text in texts)} |"
        for name, texts in sorted(expressions.items())
    ]
    return [f"| {head} | expression |", "| --- | --- |", *rows, ""]


def code(text: str) -> str:
    """Return `text` as code in a table cell; a bar inside a cell has to be escaped even in code."""
    flat = " ".join(str(text).split()).replace("|", r"\|")
    fence = "``" if "`" in flat else "`"
    return f"{fence}{flat}{fence}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
