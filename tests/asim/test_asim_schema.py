"""Schemas and tables as the project's data files and corrections give them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

import msgspec
import pytest

from tidewaiter import asim
from tidewaiter.core.errors import ContentError

NATIVE = {
    "ASimAuditEventLogs": "AuditEvent",
    "ASimAuthenticationEventLogs": "Authentication",
    "ASimDnsActivityLogs": "Dns",
    "ASimFileEventLogs": "FileEvent",
    "ASimNetworkSessionLogs": "NetworkSession",
    "ASimUserManagementActivityLogs": "UserManagement",
    "ASimWebSessionLogs": "WebSession",
}


def test_all_schemas_tables_and_fields_are_there() -> None:
    assert len(asim.schemas()) == 14
    assert len(asim.tables()) == 48
    assert sum(len(schema.fields) for schema in asim.schemas().values()) == 2207


@pytest.mark.parametrize(("table", "schema"), NATIVE.items())
def test_a_native_table_belongs_to_its_schema(table: str, schema: str) -> None:
    found = asim.schema_of_table(table)
    assert found is not None
    assert found.name == schema


def test_every_native_table_has_a_schema_and_no_other_table_has_one() -> None:
    assert all((table.schema is not None) == name.startswith("ASim") for name, table in asim.tables().items())
    assert asim.schema_of_table("AWSCloudTrail") is None


def test_column_types_are_those_of_kql() -> None:
    kinds = {kind for table in asim.tables().values() for kind in table.columns.values()}
    assert kinds == {"string", "int", "long", "real", "bool", "datetime", "dynamic"}
    assert asim.column_types("ASimNetworkSessionLogs")["SrcBytes"] == "long"


def test_a_field_keeps_both_authorities_apart() -> None:
    field = asim.field("AuditEvent", "DvcAction")
    assert field.cls == "Optional"
    assert field.tester is not None
    assert field.tester.cls == "Recommended"


def test_a_field_without_a_row_in_the_tester_has_the_testers_common_row() -> None:
    tester = asim.field("AuditEvent", "EventVendor").tester
    assert tester is not None
    assert tester.cls == "Mandatory"


def test_system_columns_are_not_sendable() -> None:
    table = asim.table("ASimAuditEventLogs")
    assert set(table.columns) - set(table.sendable) == asim.SYSTEM_COLUMNS
    assert "TimeGenerated" in table.sendable


def test_allowed_values_are_what_docs_and_tester_share() -> None:
    field = asim.field("AuditEvent", "EventType")
    assert field.tester is not None
    assert set(field.tester.allowed) - set(field.allowed) == {"Terminate"}
    assert field.common_allowed == frozenset(field.allowed)
    assert asim.allowed_values("Authentication", "EventType") == frozenset({"Logon", "Logoff", "Elevate"})


def test_a_logical_types_list_counts_where_the_docs_give_the_field_none() -> None:
    shared = {"Regular", "Machine", "Admin", "System", "Application", "Service", "Other"}
    assert asim.allowed_values("AuditEvent", "ActorUserType") == frozenset(shared)


def test_a_field_without_lists_has_no_allowed_values() -> None:
    assert asim.allowed_values("AuditEvent", "Object") is None


def test_what_the_tester_adds_to_ianas_names_is_no_list_of_all_values() -> None:
    assert asim.field("Dns", "DnsQueryTypeName").tester.allowed == ("ANY",)  # type: ignore[union-attr]
    assert asim.allowed_values("Dns", "DnsQueryTypeName") is None


def test_lists_that_share_nothing_leave_no_value() -> None:
    assert asim.allowed_values("FileEvent", "ThreatField") == frozenset()


@pytest.mark.parametrize(
    ("schema", "field", "values"),
    [
        ("UserManagement", "EventResult", {"Success", "Partial", "Failure", "NA"}),
        ("UserManagement", "EventSeverity", {"Informational", "Low", "Medium", "High"}),
        ("UserManagement", "SrcDomainType", {"FQDN", "Windows"}),
        ("NetworkSession", "EventResult", {"Success", "Partial", "Failure", "NA"}),
        ("NetworkSession", "EventSeverity", {"Informational", "Low", "Medium", "High"}),
        ("NetworkSession", "NetworkProtocolVersion", {"IPv4", "IPv6"}),
        ("FileEvent", "TargetFilePathType", {"Windows Local", "Windows Share", "Unix", "URL"}),
    ],
)
def test_a_correction_is_applied(schema: str, field: str, values: set[str]) -> None:
    assert asim.allowed_values(schema, field) == frozenset(values)


def test_every_correction_is_dated_gives_its_page_and_a_reason_and_changes_something() -> None:
    assert asim.corrections()
    for correction in asim.corrections():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", correction.date)
        assert correction.page.startswith("normalization-")
        assert correction.reason.endswith(".")
        assert correction.was != correction.value
        corrected = getattr(asim.field(correction.schema, correction.field), correction.member)
        assert corrected == correction.value


def test_a_correction_that_no_longer_meets_the_page_stops_the_schemas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("tidewaiter.asim.schema")  # asim.schema is the function
    outdated = msgspec.structs.replace(asim.corrections()[0], was="Level")
    monkeypatch.setattr(module, "corrections", lambda: (outdated,))
    module._schemas.cache_clear()
    try:
        with pytest.raises(ContentError, match=r"AuditEvent\.SrcRiskLevel is outdated"):
            asim.schemas()
    finally:
        module._schemas.cache_clear()


def test_corrected_logical_types_count() -> None:
    assert asim.field("NetworkSession", "NetworkProtocol").logical == "NetworkProtocol"
    assert asim.field("Dns", "DnsQueryTypeName").logical == "DnsQueryTypeName"


def test_protocol_keywords_are_ianas() -> None:
    keywords = asim.network_protocols()
    assert (keywords[6], keywords[17], keywords[58]) == ("TCP", "UDP", "IPv6-ICMP")
    assert 61 not in keywords


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: asim.table("ASimAuditEventLog"), "did you mean 'ASimAuditEventLogs'?"),
        (lambda: asim.schema("AuditEvents"), "did you mean 'AuditEvent'?"),
        (lambda: asim.schema("nothing"), "known are AgentEvent"),
        (lambda: asim.allowed_values("AuditEvent", "SrcIP"), "did you mean 'SrcIpAddr'?"),
        (lambda: asim.column_types("asimauditeventlogs"), "did you mean 'ASimAuditEventLogs'?"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(call: Callable[[], object], hint: str) -> None:
    with pytest.raises(ContentError) as caught:
        call()
    assert hint in caught.value.hint
