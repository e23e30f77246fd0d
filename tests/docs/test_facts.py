"""Tables in the docs name what the code has: fault kinds, exit codes, members of the report."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest

from tidewaiter.app.engine import report
from tidewaiter.core import errors
from tidewaiter.core.faults import OBJECT_FAULTS, FaultKind
from tidewaiter.core.findings import Incident


@pytest.fixture(scope="module")
def bad_input(repo):
    return (repo / "docs/bad-input.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report_page(repo):
    return (repo / "docs/reference/report.md").read_text(encoding="utf-8")


def first_cells(text: str) -> set[str]:
    """Return the words in code in the first cell of every table row."""
    rows = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def error_classes(base: type[errors.TidewaiterError]) -> set[type[errors.TidewaiterError]]:
    return {base}.union(*(error_classes(child) for child in base.__subclasses__()))


def test_every_fault_kind_is_explained_and_no_other(bad_input):
    assert first_cells(bad_input) == set(get_args(FaultKind))


def test_the_faults_that_change_the_exit_code_are_in_the_first_table(bad_input):
    first, second = bad_input.split("Those in the second")

    assert first_cells(first) == OBJECT_FAULTS
    assert first_cells(second).isdisjoint(OBJECT_FAULTS)


def test_every_exit_code_is_explained(bad_input):
    explained = {int(code) for code in re.findall(r"^\| (\d) \|", bad_input, re.MULTILINE)}

    assert {kind.exit_code for kind in error_classes(errors.TidewaiterError)} <= explained
    assert explained == {0, 1, 2, 3, 4, 5}


def members(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        ("## report.json", lambda: members(report.Report)),
        ("Counts of a source:", lambda: members(report.SourceTotals)),
        ("`last_run`:", lambda: members(report.RunSummary)),
        ("## incidents.jsonl", lambda: members(Incident) | {"_AI_ConfidenceScore", "_AI_ModelVersion"}),
    ],
)
def test_every_member_of_the_report_is_explained_and_no_other(report_page, heading, wanted):
    table = report_page.split(heading, 1)[1].lstrip("\n").split("\n\n", 1)[0]

    assert first_cells(table) == wanted()
