"""Writes docs/reference/microsoft-parsers.md: our mapping of CloudTrail beside Microsoft's parsers.

python -m tools.parser_comparison

Ours is read from content/sources/aws_cloudtrail (mappings and reviewed rows), theirs from
parser_comparison.yaml, where the facts stand in our words.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidewaiter import content
from tidewaiter.asim.mapping.spec import MappingSpec
from tidewaiter.pipeline.normalize.check import check_source
from tools.sources_reference import code

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "microsoft-parsers.md"
FACTS = Path(__file__).with_suffix(".yaml")

_HEAD = """\
# CloudTrail beside Microsoft's parsers

<!-- Written by tools/parser_comparison.py. Do not edit: run `make docs`. -->

Microsoft ships ASIM parsers for CloudTrail, KQL functions over the table `AWSCloudTrail`. This page compares
what they make of an event with what Tidewaiter makes of it: what each takes, what becomes of the cases that
analysts ask about, and what fills a column. What the names in our expressions stand for is told in
[Sources and their mappings](sources.md).
"""


class Parser(msgspec.Struct, forbid_unknown_fields=True):
    """One of Microsoft's parsers: what it takes, what ASIM's testers say, and what fills its columns."""

    schema: str
    name: str
    takes: str
    warnings: int
    extra_columns: int
    columns: dict[str, str]


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """A record of a sample of ours, and what a row of theirs holds in the columns that matter for it."""

    title: str
    sample: str
    columns: dict[str, str]
    record: int = 0


class Facts(msgspec.Struct, forbid_unknown_fields=True):
    """parser_comparison.yaml."""

    parsers: list[Parser]
    operations: str
    cases: list[Case]


class _Entry(msgspec.Struct):
    table: str = ""
    row: dict[str, object] = {}


def facts() -> Facts:
    """Return what is known of Microsoft's parsers."""
    return msgspec.yaml.decode(FACTS.read_bytes(), type=Facts)


def our_row(case: Case) -> _Entry:
    """Return the reviewed row of a case's record."""
    folder = content.sources()["aws_cloudtrail"].folder
    return msgspec.json.decode(folder.read(f"expected/{case.sample}"), type=list[_Entry])[case.record]


def our_warnings() -> dict[str, int]:
    """Return the recommended columns that no sample fills, by schema, as ASIM's testers count them."""
    source = content.sources()["aws_cloudtrail"]
    tables = {route.mapping.table: route.mapping.schema for route in source.mapping.routes}
    found = dict.fromkeys(tables.values(), 0)
    for warning in check_source(source).asim.warnings:
        found[tables[warning.table]] += 1
    return found


def render() -> str:
    """Return the whole page."""
    known = facts()
    return "\n".join([_HEAD, *_overview(known), *_cases(known), *_columns(known)])


def _overview(known: Facts) -> list[str]:
    ours = our_warnings()
    lines = [
        "## What is taken",
        "",
        f"With Microsoft, {known.operations}; with Tidewaiter, every one has a row and a specific EventType.",
        "Warnings are those of ASIM's testers, on each side's own rows: recommended columns that stay empty.",
        "Stray columns are those that ASIM does not have.",
        "",
        "| schema | Microsoft's parser | it takes | its warnings | ours | its stray columns | ours |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {parser.schema} | {parser.name} | {parser.takes} | {parser.warnings} | {ours[parser.schema]} "
        f"| {parser.extra_columns} | 0 |"
        for parser in known.parsers
    ]
    return [*lines, ""]


def _cases(known: Facts) -> list[str]:
    lines = [
        "## Cases",
        "",
        "What the columns that matter hold. *no row*: no parser of Microsoft's takes the event.",
        "",
        "| case | column | Tidewaiter | Microsoft |",
        "| --- | --- | --- | --- |",
    ]
    for case in known.cases:
        row = our_row(case).row
        for place, (column, theirs) in enumerate(case.columns.items()):
            value = row.get(column, "")
            ours = code(str(value)) if value != "" else "*empty*"
            shown = f"*{theirs}*" if theirs in ("no row", "empty") else theirs
            lines.append(f"| {case.title if place == 0 else ''} | `{column}` | {ours} | {shown} |")
    return [*lines, ""]


def _columns(known: Facts) -> list[str]:
    mappings: dict[str, MappingSpec] = {}
    for route in content.sources()["aws_cloudtrail"].mapping.routes:
        mappings[route.mapping.schema] = route.mapping  # the last of a schema is the general one
    lines = ["## Columns", ""]
    for parser in known.parsers:
        text = mappings[parser.schema].text
        lines += [
            f"### {parser.schema}, by column",
            "",
            "| column | Tidewaiter | Microsoft |",
            "| --- | --- | --- |",
        ]
        for column, theirs in parser.columns.items():
            ours = code(text[column]) if column in text else "*not set*"
            lines.append(f"| `{column}` | {ours} | {theirs} |")
        lines.append("")
    return lines


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
