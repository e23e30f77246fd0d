"""Writes docs/reference/sources.md from the folders in content/sources.

python tools/sources_reference.py
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidewaiter import content
from tidewaiter.asim.mapping.spec import MappingFile

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "sources.md"

_HEAD = """\
# Sources and their mappings

<!-- Written by tools/sources_reference.py from content/sources. Do not edit: run `make docs`. -->

What Tidewaiter reads, how it recognises it, and how each ASIM column is filled. A column that is not listed
stays empty; source members without a column of their own go into `AdditionalFields` as they stand. Names that
are neither members of the record nor functions are written out in the last table of their source.
"""

_ALWAYS = "True == True"


def render() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(_source(source) for source in content.sources().values())])


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
    return "\n".join(lines)


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
