"""Writes docs/reference/microsoft-parsers.md: our mappings beside Microsoft's parsers.

python -m tools.parser_comparison

Ours is read from content/sources (mappings and reviewed rows), theirs from the sources' microsoft.yaml and
from parser_comparison.yaml, where the facts stand in our words.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidewaiter import content
from tidewaiter.asim.mapping.spec import MappingSpec
from tidewaiter.content.microsoft import MicrosoftParser, microsoft_parsers
from tidewaiter.content.sources import SourceSpec
from tidewaiter.pipeline.normalize.check import check_source
from tools.sources_reference import code

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "microsoft-parsers.md"
FACTS = Path(__file__).with_suffix(".yaml")

_HEAD = """\
# Our mappings beside Microsoft's parsers

<!-- Written by tools/parser_comparison.py. Do not edit: run `make docs`. -->

Microsoft ships ASIM parsers for CloudTrail, VPC Flow Logs and GuardDuty, KQL functions over the tables of its
connectors. This page compares what they make of an event with what Tidewaiter makes of it: what each takes,
and for CloudTrail what becomes of the cases that analysts ask about, and what fills a column. What the names
in our expressions stand for is told in
[Sources and their mappings](sources.md).
"""


class Parser(msgspec.Struct, forbid_unknown_fields=True):
    """One of Microsoft's parsers of CloudTrail: what it takes, and what fills its columns."""

    schema: str
    takes: str
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
    takes: dict[str, str]
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


def compared() -> list[tuple[SourceSpec, dict[str, MicrosoftParser]]]:
    """Return Microsoft's parsers by schema for each source that has some."""
    found = [(source, microsoft_parsers(source)) for source in content.sources().values()]
    return [(source, parsers) for source, parsers in found if parsers]


def our_warnings(source: SourceSpec) -> dict[str, int]:
    """Return the recommended columns that no sample fills, by schema, as ASIM's testers count them."""
    return check_source(source).warnings


def render() -> str:
    """Return the whole page."""
    known = facts()
    return "\n".join([_HEAD, *_overview(known), *_cases(known), *_columns(known)])


def _overview(known: Facts) -> list[str]:
    lines = [
        "## What is taken",
        "",
        f"With Microsoft, {known.operations}; with Tidewaiter, every one has a row and an EventType",
        "more specific than `Other`. The operations are those of botocore, AWS's own client library. These",
        "tests count them again, and those that are most often called in public logs:",
        "",
        "```console",
        "$ python -m pytest -s tests/content/sources/test_verbs.py",
        "$ python -m pytest -s tests/content/sources/test_common_calls.py",
        "```",
        "",
        "In the table, warnings are what ASIM's testers say of each side's own rows: the recommended columns",
        "that stay empty. Stray columns are those that ASIM does not have; Tidewaiter has none of them.",
        "",
        "| source | schema | Microsoft's parser | what it takes | warnings: Microsoft | warnings: Tidewaiter "
        "| stray columns: Microsoft |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    takes = known.takes | {parser.schema: parser.takes for parser in known.parsers}
    for source, parsers in compared():
        ours = our_warnings(source)
        lines += [
            f"| {source.title} | {schema} | {each.parser} | {takes[schema]} "
            f"| {each.warnings} | {ours[schema]} | {each.extra_columns} |"
            for schema, each in parsers.items()
        ]
    return [*lines, ""]


def _cases(known: Facts) -> list[str]:
    lines = [
        "## Cases",
        "",
        "What the columns that matter hold. Under each case stands the sample whose record it is, a file of",
        "`src/tidewaiter/content/sources/aws_cloudtrail/samples`; `tidewaiter normalize` prints its row.",
        "*no row*: no parser of Microsoft's takes the event; *empty*: one does and leaves the column without",
        "a value. What stands in `code` is a value, the rest says where a value comes from.",
        "",
        "| case | column | Tidewaiter | Microsoft |",
        "| --- | --- | --- | --- |",
    ]
    for case in known.cases:
        row = our_row(case).row
        title = f"{case.title}<br>`{case.sample}`" + (f", record {case.record + 1}" if case.record else "")
        for place, (column, theirs) in enumerate(case.columns.items()):
            value = row.get(column, "")
            ours = code(str(value)) if value != "" else "*empty*"
            shown = f"*{theirs}*" if theirs in ("no row", "empty") else theirs
            lines.append(f"| {title if place == 0 else ''} | `{column}` | {ours} | {shown} |")
    return [*lines, ""]


def _columns(known: Facts) -> list[str]:
    mappings: dict[str, MappingSpec] = {}
    for route in content.sources()["aws_cloudtrail"].mapping.routes:
        mappings[route.mapping.schema] = route.mapping  # the last of a schema is the general one
    lines = [
        "## Columns",
        "",
        "What fills a column on either side: ours is the expression of the mapping itself, theirs in words.",
        "",
    ]
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
