"""Reports: counts, examples, merging, JSON; and the laws of the validator."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.asim import Report, column_types, validate_rows

AUDIT = "ASimAuditEventLogs"

Row = dict[str, object]

UNPRINTABLE: Row = {
    "long integer": 10**5000,
    "in an object": {"a": 10**5000},
    "an object of its own": object(),
    "a set": {1: {2}},
}

names = st.sampled_from(sorted(column_types(AUDIT))) | st.text(max_size=50)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
values = st.recursive(
    scalars | st.text(st.characters(categories=["Cs", "Ll"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
plausible = st.sampled_from(["", "Delete", "AWSId", "192.0.2.1", "2026-11-20T10:00:00Z", "0.1", "x", 1, 500])
anything = st.lists(st.dictionaries(names, values | plausible, max_size=12), max_size=6)


def test_the_same_fault_is_one_finding_with_a_count_and_the_first_example(audit_row: Row) -> None:
    rows = [audit_row | {"SrcIpAddr": f"host-{n}"} for n in range(5)]
    (error,) = validate_rows(AUDIT, rows).errors
    assert (error.count, error.example) == (5, "'host-0'")


def test_an_example_is_short_and_one_line(audit_row: Row) -> None:
    (error,) = validate_rows(AUDIT, [audit_row | {"SrcIpAddr": "a\n\x1b[31m" + "x" * 500}]).errors
    assert error.example.startswith("'a\\n\\x1b[31m")
    assert len(error.example) == 80


def test_findings_come_worst_first(audit_row: Row) -> None:
    levels = [f.level for f in validate_rows(AUDIT, [audit_row | {"SrcIpAddr": "x"}]).findings]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert set(levels) == {"error", "warning", "info"}


def test_reports_of_several_tables_merge(audit_row: Row, session_row: Row) -> None:
    one = validate_rows(AUDIT, [audit_row, {}])
    other = validate_rows("ASimNetworkSessionLogs", [session_row])
    both = one.merge(other)
    assert both.rows == {AUDIT: 2, "ASimNetworkSessionLogs": 1}
    assert set(both.findings) == {*one.findings, *other.findings}
    assert both.errors == one.errors


def test_a_report_goes_to_json_and_back(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"User": "\ud800"}])
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


@pytest.mark.parametrize("value", UNPRINTABLE.values(), ids=UNPRINTABLE.keys())
def test_values_that_cannot_be_printed_or_encoded_never_raise(audit_row: Row, value: object) -> None:
    rows = [audit_row | {"EventCount": value, "AdditionalFields": value}]
    report = validate_rows(AUDIT, rows)
    assert report.errors
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


@given(anything)
def test_bad_data_never_raises_and_the_report_is_json(rows: list[Row]) -> None:
    report = validate_rows(AUDIT, rows)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert report.rows == {AUDIT: len(rows)}
    assert all(0 < finding.count <= len(rows) for finding in report.findings)


@given(anything, st.integers(0, 6))
def test_parts_merge_to_the_report_on_the_whole(rows: list[Row], cut: int) -> None:
    parts = validate_rows(AUDIT, rows[:cut]).merge(validate_rows(AUDIT, rows[cut:]))
    assert parts == validate_rows(AUDIT, rows)


@given(anything)
def test_validating_again_gives_the_same_report(rows: list[Row]) -> None:
    assert validate_rows(AUDIT, rows) == validate_rows(AUDIT, iter(rows))


@given(st.data())
def test_a_conforming_row_conforms_in_any_order_of_its_columns(data: st.DataObject) -> None:
    row: Row = {
        "TimeGenerated": datetime(2026, 11, 20),
        "EventStartTime": "2026-11-20T10:00:00Z",
        "EventEndTime": "2026-11-20T10:00:00Z",
        "EventCount": data.draw(st.integers(1, 2**31 - 1)),
        "EventResult": data.draw(st.sampled_from(["Success", "Partial", "Failure", "NA"])),
        "EventVendor": "AWS",
        "EventProduct": "CloudTrail",
        "EventType": data.draw(st.sampled_from(["Set", "Read", "Create", "Other"])),
        "EventSchemaVersion": "0.1.2",
        "Operation": data.draw(st.text(min_size=1)),
        "Object": data.draw(st.text(min_size=1)),
        "ObjectType": "Cloud Resource",
        "SrcIpAddr": str(data.draw(st.ip_addresses())),
        "AdditionalFields": data.draw(st.dictionaries(st.text(), st.text())),
    }
    shuffled = dict(data.draw(st.permutations(list(row.items()))))
    report = validate_rows(AUDIT, [shuffled])
    assert report.errors == ()
    assert report == validate_rows(AUDIT, [row])
