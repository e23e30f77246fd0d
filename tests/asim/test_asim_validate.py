"""Each rule of the validator, broken and kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tidewaiter.asim import Report, checks, validate_rows
from tidewaiter.core.errors import ContentError

AUDIT, SESSION = "ASimAuditEventLogs", "ASimNetworkSessionLogs"

Row = dict[str, object]


def found(report: Report, column: str) -> set[tuple[str, str, str]]:
    """Return level, authority and rule of the findings on a column."""
    return {(f.level, f.authority, f.rule) for f in report.findings if f.column == column}


def without(row: Row, *columns: str) -> Row:
    return {name: value for name, value in row.items() if name not in columns}


def test_conforming_rows_have_no_errors(audit_row: Row, session_row: Row) -> None:
    assert validate_rows(AUDIT, [audit_row]).errors == ()
    assert validate_rows(SESSION, [session_row]).errors == ()


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ContentError, match="unknown table"):
        validate_rows("ASimAuditEventLog", [])


@pytest.mark.parametrize("empty", [None, "", "absent"])
def test_a_mandatory_field_that_is_empty_in_some_row_is_an_error(audit_row: Row, empty: object) -> None:
    row = without(audit_row, "Operation") if empty == "absent" else audit_row | {"Operation": empty}
    report = validate_rows(AUDIT, [audit_row, row])
    (error,) = report.errors
    assert (error.column, error.rule, error.authority, error.count) == ("Operation", "mandatory", "common", 1)


def test_a_mandatory_field_without_a_column_is_only_told(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row, audit_row])
    (told,) = (f for f in report.infos if f.column == "EventSchema")
    assert (told.rule, told.authority, told.count) == ("no_column", "common", 2)


def test_a_mandatory_field_with_a_column_is_asked_for_in_that_table() -> None:
    report = validate_rows("ASimFileEventLogs", [{"EventType": "FileCreated"}])
    assert ("error", "common", "mandatory") in found(report, "EventSchema")


def test_what_only_the_tester_makes_mandatory_is_a_warning_of_the_tester(session_row: Row) -> None:
    report = validate_rows(SESSION, [without(session_row, "Dvc")])
    assert found(report, "Dvc") == {("warning", "tester", "mandatory")}
    assert not found(validate_rows(SESSION, [session_row]), "Dvc")


def test_an_alias_that_the_table_lacks_is_never_asked_for(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row])
    assert not {f.column for f in report.findings} & {"Dvc", "User", "Src", "Dst", "IpAddr"}


def test_a_recommended_field_that_no_row_fills_is_a_warning_and_else_told(audit_row: Row) -> None:
    bare = without(audit_row, "SrcIpAddr")
    assert found(validate_rows(AUDIT, [bare, bare]), "SrcIpAddr") == {("warning", "common", "recommended")}
    assert found(validate_rows(AUDIT, [bare, audit_row]), "SrcIpAddr") == {("info", "common", "recommended")}
    assert not found(validate_rows(AUDIT, [audit_row]), "SrcIpAddr")


def test_who_recommends_a_field_is_named(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row])
    assert found(report, "DvcAction") == {("warning", "tester", "recommended")}
    assert found(report, "EventUid") == {("info", "common", "no_column")}


def test_a_conditional_field_is_asked_for_when_its_parent_is_filled(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [without(audit_row, "ActorUserIdType")])
    assert found(report, "ActorUserIdType") == {("error", "common", "conditional")}
    both = without(audit_row, "ActorUserIdType", "ActorUserId")
    assert not found(validate_rows(AUDIT, [both]), "ActorUserIdType")


def test_a_condition_that_only_the_tester_names_the_parent_of_holds_for_both(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"TargetAppName": "ec2.amazonaws.com"}])
    assert found(report, "TargetAppType") == {("error", "common", "conditional")}


def test_a_condition_of_one_authority_is_a_warning() -> None:
    report = validate_rows("ASimUserManagementActivityLogs", [{"DvcId": "i-1"}])
    assert ("warning", "docs", "conditional") in found(report, "DvcIdType")


COMMON_ENUM = ("error", "common", "enum")
ENUMS = [
    (AUDIT, "EventType", "Deleted", {COMMON_ENUM}),
    (AUDIT, "EventType", "delete", {COMMON_ENUM}),
    (AUDIT, "EventType", "Terminate", {COMMON_ENUM, ("warning", "docs", "enum")}),
    (AUDIT, "ActorUserType", "Anonymous", {COMMON_ENUM, ("warning", "tester", "enum")}),
    (AUDIT, "ActorUsernameType", "AWSId", {COMMON_ENUM, ("warning", "tester", "enum")}),
    (AUDIT, "EventType", "Delete", set()),
    (SESSION, "EventResult", "Deny", {COMMON_ENUM}),
    (SESSION, "EventResult", "Failure", set()),
    (SESSION, "DvcAction", "Drop ICMP", set()),
]


@pytest.mark.parametrize(("table", "column", "value", "findings"), ENUMS)
def test_an_enumerated_value_is_matched_exactly(
    table: str, column: str, value: str, findings: set[tuple[str, str, str]], request: pytest.FixtureRequest
) -> None:
    row = request.getfixturevalue("audit_row" if table == AUDIT else "session_row")
    assert found(validate_rows(table, [row | {column: value}]), column) == findings


def test_a_wrong_enumerated_value_is_answered_with_the_right_ones(session_row: Row) -> None:
    (error,) = validate_rows(SESSION, [session_row | {"NetworkProtocolVersion": "6"}]).errors
    assert "IPv4, IPv6" in error.message
    assert error.example == "'6'"


@pytest.mark.parametrize(
    ("column", "value"),
    [("SrcBytes", "12"), ("SrcPortNumber", 2**31), ("TcpFlagsSyn", 1), ("EventEndTime", "today"), ("Dvc", 7)],
)
def test_a_value_of_another_type_than_the_column_is_an_error(
    session_row: Row, column: str, value: object
) -> None:
    report = validate_rows(SESSION, [session_row | {column: value}])
    assert found(report, column) == {("error", "table", "type")}


def test_times_may_be_datetimes(audit_row: Row) -> None:
    time = datetime(2026, 11, 20, 10, tzinfo=UTC)
    times = {"TimeGenerated": time, "EventStartTime": time, "EventEndTime": time.replace(tzinfo=None)}
    assert validate_rows(AUDIT, [audit_row | times]).errors == ()


def test_an_event_may_not_end_before_it_starts(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"EventEndTime": "2026-11-20T09:59:59.9Z"}])
    assert found(report, "EventStartTime") == {("error", "common", "time_order")}
    later = audit_row | {"EventStartTime": "2026-11-20T11:00:00+01:00"}
    assert validate_rows(AUDIT, [later]).errors == ()


@pytest.mark.parametrize(
    ("column", "bad", "good"),
    [
        ("SrcIpAddr", "cloudtrail.amazonaws.com", "2001:db8::1"),
        ("ThreatRiskLevel", 101, 100),
        ("ThreatConfidence", -1, 0),
        ("EventSchemaVersion", "latest", "0.1"),
        ("DvcHostname", "host.example.org", "host-1"),
        ("DvcFQDN", "host", "host.example.org"),
        ("DvcMacAddr", "06109feb8f14", "06:10:9f:eb:8f:14"),
        ("TargetUrl", "no url", "https://signin.aws.amazon.com/"),
    ],
)
def test_a_logical_type_that_both_name_is_an_error(
    audit_row: Row, column: str, bad: object, good: object
) -> None:
    report = validate_rows(AUDIT, [audit_row | {column: bad}])
    assert found(report, column) == {("error", "common", "logical_type")}
    assert not found(validate_rows(AUDIT, [audit_row | {column: good}]), column)


def test_network_protocols_are_ianas_keywords(session_row: Row) -> None:
    report = validate_rows(SESSION, [session_row | {"NetworkProtocol": "tcp"}])
    assert found(report, "NetworkProtocol") == {("error", "common", "logical_type")}


def test_a_logical_type_that_one_names_is_a_warning(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"SrcRiskLevel": 500}])
    assert found(report, "SrcRiskLevel") == {("warning", "docs", "logical_type")}
    assert not found(validate_rows(AUDIT, [audit_row | {"SrcRiskLevel": 50}]), "SrcRiskLevel")


def test_a_row_stands_for_one_event_or_more(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"EventCount": 0}])
    assert found(report, "EventCount") == {("error", "common", "event_count")}
    assert not found(validate_rows(AUDIT, [audit_row | {"EventCount": 14}]), "EventCount")


def test_additional_fields_should_be_an_object(audit_row: Row) -> None:
    report = validate_rows(AUDIT, [audit_row | {"AdditionalFields": "[1]"}])
    assert found(report, "AdditionalFields") == {("warning", "docs", "bag")}
    assert not found(validate_rows(AUDIT, [audit_row | {"AdditionalFields": {}}]), "AdditionalFields")


@pytest.mark.parametrize("value", ["x" * 65_537, "é" * 32_769, {"a": "x" * 65_536}, b'"' + b"x" * 65_536])
def test_a_field_over_64_kb_is_a_warning(audit_row: Row, value: object) -> None:
    column = "EventMessage" if isinstance(value, str) else "AdditionalFields"
    if isinstance(value, bytes):
        value = b'{"a":' + value + b'"}'
    report = validate_rows(AUDIT, [audit_row | {column: value}])
    assert found(report, column) == {("warning", "table", "too_long")}


@pytest.mark.parametrize("value", ["x" * 65_536, "é" * 32_768])
def test_a_field_of_64_kb_is_well(audit_row: Row, value: str) -> None:
    assert not found(validate_rows(AUDIT, [audit_row | {"EventMessage": value}]), "EventMessage")


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ("Application", "unknown_column"),
        ("User", "unknown_column"),
        ("eventtype", "unknown_column"),
        ("UniqueId", "reserved_name"),
        ("Title", "reserved_name"),
        ("_AI_ConfidenceScore", "reserved_name"),
        ("Type", "system_column"),
        ("_ResourceId", "system_column"),
        ("1st_CF", "column_name"),
        ("A" * 43 + "_CF", "column_name"),
    ],
)
def test_a_column_that_cannot_be_stored_is_an_error(audit_row: Row, column: str, rule: str) -> None:
    assert found(validate_rows(AUDIT, [audit_row | {column: "x"}]), column) == {("error", "table", rule)}
    assert not validate_rows(AUDIT, [audit_row | {column: ""}]).errors


def test_custom_columns_and_columns_of_the_table_are_well(audit_row: Row) -> None:
    custom = audit_row | {"AI_ConfidenceScore_CF": 0.9, "A" * 42 + "_CF": "x"}
    assert validate_rows(AUDIT, [custom]).errors == ()
    title = {"TimeGenerated": "2026-11-20T10:00:00Z", "Title": "a title"}
    assert validate_rows("AWSGuardDuty", [title]).findings == ()


def test_rows_read_back_from_the_table_may_fill_the_services_columns(audit_row: Row) -> None:
    stored = audit_row | {"Type": AUDIT, "TenantId": "t", "_IsBillable": "true"}
    assert validate_rows(AUDIT, [stored], stored=True).errors == ()
    assert len(validate_rows(AUDIT, [stored]).errors) == 3
    assert validate_rows(AUDIT, [stored | {"_Other": 1}], stored=True).errors


def test_a_column_whose_type_the_authorities_do_not_share_is_told_when_it_is_filled() -> None:
    report = validate_rows("ASimWebSessionLogs", [{"FileSize": 5}])
    differs = {("warning", authority, "type_differs") for authority in ("docs", "tester")}
    assert found(report, "FileSize") == differs
    assert not found(validate_rows("ASimWebSessionLogs", [{}]), "FileSize")


def test_a_table_without_a_schema_is_checked_as_a_table() -> None:
    good = {"TimeGenerated": "2026-11-20T10:00:00Z", "EventName": "x"}
    assert validate_rows("AWSCloudTrail", [good]).findings == ()
    assert found(validate_rows("AWSCloudTrail", [{"EventName": 5}]), "EventName") == {
        ("error", "table", "type")
    }
    bare = validate_rows("AWSCloudTrail", [{"EventName": "x"}])
    assert found(bare, "TimeGenerated") == {("error", "table", "mandatory")}


def test_values_are_judged_alike_when_the_memory_for_good_ones_is_full(
    audit_row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MEMO_ENTRIES", 3)
    rows = [audit_row | {"SrcIpAddr": f"10.0.0.{n % 300}"} for n in range(600)]
    (error,) = validate_rows(AUDIT, rows).errors
    assert (error.column, error.count, error.example) == ("SrcIpAddr", 88, "'10.0.0.256'")


def test_no_rows_have_no_findings() -> None:
    assert validate_rows(AUDIT, []) == Report({AUDIT: 0}, ())
