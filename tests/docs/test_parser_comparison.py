"""The page that compares our mappings with Microsoft's parsers, and what it claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.content import sources
from tidewaiter.content.microsoft import microsoft_parsers
from tools import parser_comparison
from tools.parser_comparison import Case, compared, facts, our_row, our_warnings

CLOUDTRAIL = sources()["aws_cloudtrail"]


def test_the_page_is_what_its_tool_writes(repo: Path):
    page = (repo / "docs/reference/microsoft-parsers.md").read_text()
    assert page == parser_comparison.render(), (
        "run `make docs` and commit docs/reference/microsoft-parsers.md"
    )


@pytest.mark.parametrize("source", [source.id for source, _ in compared()])
def test_our_rows_bring_fewer_warnings_than_microsofts_parser_of_the_schema(source: str):
    ours = our_warnings(sources()[source])
    theirs = microsoft_parsers(sources()[source])
    assert theirs.keys() <= ours.keys()
    assert all(ours[schema] < parser.warnings for schema, parser in theirs.items())


def test_the_sources_that_microsoft_parses_are_compared_schema_by_schema():
    named = {source.id: set(parsers) for source, parsers in compared()}
    assert named == {
        "aws_cloudtrail": {"Authentication", "UserManagement", "FileEvent", "AuditEvent"},
        "aws_guardduty": {"AlertEvent"},
        "aws_vpcflow": {"NetworkSession"},
    }


@pytest.mark.parametrize("case", facts().cases, ids=lambda case: case.title)
def test_every_case_fills_the_columns_that_matter_for_it(case: Case):
    row = our_row(case).row
    empty = {column for column in case.columns if not row.get(column)}
    assert not empty


def test_the_cases_of_the_issue_each_have_a_row():
    titles = " ".join(case.title for case in facts().cases)
    for words in (
        "MFA",
        "assumed role",
        "Identity Center",
        "web identity",
        "another account",
        "Root",
        "IPv6",
    ):
        assert words in titles
    assert "AWS service" in titles


def test_every_column_that_is_compared_is_of_its_schema():
    mapped = {route.mapping.schema: route.mapping for route in CLOUDTRAIL.mapping.routes}
    for parser in facts().parsers:
        table = mapped[parser.schema].table
        assert set(parser.columns) <= set(CLOUDTRAIL.mapping.types[table])
