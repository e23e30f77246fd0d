"""Every source's rows of Sentinel's own tables: their columns and types, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.pipeline.normalize.native_rows import problems
from tidewaiter.asim import table
from tidewaiter.content import SourceSpec, sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.lab.generator import generate
from tidewaiter.pipeline.deliver.frame_rows import native_rows
from tidewaiter.pipeline.normalize import FrameRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SOURCES = sources()
NATIVE = {name: spec for name, spec in SOURCES.items() if spec.native}
TABLES = {
    "aws_alb": {"AWSALBAccessLogs"},
    "aws_cloudtrail": {"AWSCloudTrail"},
    "aws_guardduty": {"AWSGuardDuty"},
    "aws_networkfirewall": {"AWSNetworkFirewallAlert", "AWSNetworkFirewallFlow", "AWSNetworkFirewallTls"},
    "aws_route53resolver": {"AWSRoute53Resolver"},
    "aws_nlb": {"AWSNLBAccessLogs"},
    "aws_s3access": {"AWSS3ServerAccess"},
    "aws_securityhub": {"AWSSecurityHubFindings"},
    "aws_vpcflow": {"AWSVPCFlow"},
    "aws_waf": {"AWSWAF"},
    "azure_activity": {"AzureActivity"},
    "entra_audit": {"AuditLogs"},
    "entra_signin": {
        "SigninLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "AADManagedIdentitySignInLogs",
    },
}
NOT_GENERATED = {"aws_alb", "aws_networkfirewall", "aws_nlb", "aws_waf"}
"""Sources that a generated day does not hold."""
UNFILLED = {"AWSCloudTrail": {"AwsRequestId", "OperationName"}}
"""Microsoft calls the first deprecated (AwsRequestId_ has it); the second is empty in its rows, too."""
Row = dict[str, Any]


@cache
def normalizer(source: str) -> Normalizer:
    return Normalizer(SOURCES[source], native=True)


def native(item: SourceObject) -> Iterator[tuple[str, str, Row]]:
    """Yield table, event id and row of every record of an object that is a row."""
    for chunk in read(item, SOURCES[item.source].recognition):
        for part in normalizer(item.source).normalize(chunk, object_id=item.id, prefix="p").rows:
            if isinstance(part, FrameRows):
                assert part.natives is not None
                rows, ids = native_rows(part.natives)[0], part.frame["EventOriginalUid"].to_list()
            else:
                rows, ids = part.natives, part.ids
            for event_id, row in zip(ids, rows, strict=True):
                yield part.native, event_id, msgspec.json.decode(row)


def of_sample(spec: SourceSpec, name: str) -> list[tuple[str, str, Row]]:
    with as_file(spec.folder.root.joinpath("samples", name)) as path:
        item = SourceObject(name, path, spec.id, "events", spec.recognition.codec, path.stat().st_size)
        return list(native(item))


def test_the_sources_have_the_tables_that_sentinel_has_for_them():
    found = {
        name: {route.mapping.table for route in spec.native.routes}
        for name, spec in NATIVE.items()
        if spec.native
    }
    ours = ("aws_", "azure_", "entra_")  # a source that somebody adds is in no list
    assert {name: tables for name, tables in found.items() if name.startswith(ours)} == TABLES
    assert {name for name in set(SOURCES) - set(NATIVE) if name.startswith(ours)} == {
        "aws_clb",
        "aws_cloudfront",
        "aws_cloudfront_json",
        "aws_eks",
        "aws_inspector",
        "aws_macie",
        "aws_securitylake",
        "aws_tgwflow",
    }, "a table for it would be in the table reference; of AWSEKSLogs an event fills too little"


@pytest.mark.parametrize("source", sorted(TABLES))
def test_a_mapping_fills_every_column_of_its_table_and_no_other(source: str):
    mapping = SOURCES[source].native
    assert mapping
    for route in mapping.routes:
        name = route.mapping.table
        assert set(route.mapping.columns) == set(table(name).sendable) - UNFILLED.get(name, set())
        assert route.mapping.schema == ""


@pytest.mark.parametrize("source", sorted(TABLES))
def test_the_rows_of_samples_have_the_columns_and_types_of_their_tables(source: str):
    spec = SOURCES[source]
    filled: dict[str, set[str]] = {}
    for name in spec.folder.names("samples"):
        for where, _, row in of_sample(spec, name):
            assert not problems(where, row), name
            filled.setdefault(where, set()).update(row)
    assert filled.keys() == TABLES[source]


def test_the_rows_of_a_generated_day_have_the_columns_and_types_of_their_tables(tmp_path: Path):
    generate(tmp_path, events=3_000, seed=11)
    found: dict[str, int] = {}
    for item in discover(tmp_path, {name: spec.recognition for name, spec in SOURCES.items()}):
        if isinstance(item, SourceObject) and item.source in NATIVE and item.kind == "events":
            for where, _, row in native(item):
                assert not problems(where, row)
                found[where] = found.get(where, 0) + 1
    generated = (tables for name, tables in TABLES.items() if name not in NOT_GENERATED)
    assert found.keys() == set().union(*generated)
    assert found["AWSCloudTrail"] > 1_000


# What stands in the rows


def first_row(source: str, sample: str) -> Row:
    return of_sample(SOURCES[source], sample)[0][2]


def test_a_call_of_an_assumed_role_is_split_as_microsoft_splits_it():
    row = first_row("aws_cloudtrail", "ec2_authorize_security_group_ingress.json")

    assert (row["EventTypeName"], row["Category"], row["ReadOnly"]) == ("AwsApiCall", "Management", False)
    assert row["UserIdentityPrincipalid"] == "AROATIDEWTR0000000031:jonas.reyl@harbour.example"
    assert (row["SessionIssuerType"], row["SessionIssuerPrincipalId"]) == ("Role", "AROATIDEWTR0000000031")
    assert (row["SessionMfaAuthenticated"], row["SessionCreationDate"]) == (False, "2026-03-04T08:00:11Z")
    assert "UserIdentityUserName" not in row, "a role has none: rules fall back to the ARN"
    assert (row["IpProtocol"], row["SourcePort"], row["DestinationPort"], row["CidrIp"]) == (
        "tcp",
        "22",
        "22",
        "0.0.0.0/0",
    )


def test_mfa_of_a_session_and_of_a_sign_in_are_told():
    session = first_row("aws_cloudtrail", "mfa_session_call.json")
    sign_in = first_row("aws_cloudtrail", "console_login_root_mfa.json")

    assert session["SessionMfaAuthenticated"] is True
    assert sign_in["ResponseElements"] == '{"ConsoleLogin":"Success"}'
    assert '"MFAUsed":"Yes"' in sign_in["AdditionalEventData"]


def test_the_text_of_an_object_keeps_numbers_and_escapes_as_aws_wrote_them():
    text = first_row("aws_cloudtrail", "numbers_and_dates_as_they_are.json")["RequestParameters"]

    assert text.startswith('{"limit":1.10,"factor":1e5,"big":12345678901234567890123,"small":-0.0,')
    assert text.endswith('"spaced":[1,2.50]}'), "white space goes, and nothing else"


def test_an_insight_is_no_call_and_keeps_what_it_found():
    row = first_row("aws_cloudtrail", "insights.json")

    assert not row.keys() & {"EventName", "EventSource"}
    assert (row["EventTypeName"], row["Category"]) == ("AwsCloudTrailInsight", "Insight")
    assert msgspec.json.decode(row["ServiceEventDetails"])["insightType"] == "ApiErrorRateInsight"


def test_a_record_without_an_id_is_found_by_the_one_of_its_asim_row():
    for table_name, event_id, row in of_sample(SOURCES["aws_cloudtrail"], "missing_event_id.json"):
        assert (table_name, row["AwsEventId"]) == ("AWSCloudTrail", event_id)


def test_a_flow_has_the_types_of_the_table():
    row = first_row("aws_vpcflow", "v5_ingress_and_egress.log")

    assert (row["Version"], row["Protocol"], row["TcpFlags"], row["Bytes"]) == (5, 6, 3, 5310)
    assert (row["Start"], row["End"], row["TimeGenerated"]) == (
        "2026-03-04T09:12:00Z",
        "2026-03-04T09:12:59Z",
        "2026-03-04T09:12:00Z",
    )
    assert (row["TrafficType"], row["TrafficPath"]) == ("IPv4", "8")


@pytest.mark.parametrize("sample", ["get_findings.json", "port_probe.jsonl"])
def test_a_finding_keeps_resource_and_service_as_values(sample: str):
    row = first_row("aws_guardduty", sample)

    assert isinstance(row["ResourceDetails"], dict)
    assert isinstance(row["ServiceDetails"], dict)
    assert type(row["Severity"]) is int
    assert row["Arn"].endswith(row["Id"])


def test_the_tables_of_sign_ins_keep_objects_each_in_its_way():
    interactive = first_row("entra_signin", "interactive_with_mfa.json")
    texts = first_row("entra_signin", "noninteractive_with_texts.json")
    enveloped = [row for where, _, row in of_sample(SOURCES["entra_signin"], "envelope_records.json")]

    assert interactive["DeviceDetail"]["operatingSystem"]
    assert isinstance(interactive["AuthenticationDetails"], str)
    assert msgspec.json.decode(texts["DeviceDetail"])["operatingSystem"] == "Windows11"
    assert enveloped[0]["LocationDetails"]["geoCoordinates"]["latitude"] == 53.5511
    assert enveloped[0]["ResourceGroup"] == "Microsoft.aadiam"
    assert msgspec.json.decode(enveloped[0]["AuthenticationDetails"])[0]["succeeded"] is True


def test_a_query_keeps_its_name_its_answers_and_its_source_as_they_came():
    row = first_row("aws_route53resolver", "hundred_answers.jsonl")

    assert row["QueryName"] == "pool.harbour.example.", "with the dot that the ASIM row leaves out"
    assert len(row["Answers"]) == 100
    assert row["SrcIds"] == {"instance": "i-0aa11bb22cc33dd44"}
    assert (row["SrcPort"], row["Rcode"], row["Transport"]) == ("40122", "NOERROR", "TCP")
