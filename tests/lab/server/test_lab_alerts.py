"""What a run makes of its rows: names, entities, details, and what is cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tidewaiter.kql import Column, QueryResult
from tidewaiter.lab.server.sentinel.rules.alerts import Run, alerts_of, security_alert
from tidewaiter.lab.server.sentinel.rules.definition import Properties, Rule
from tidewaiter.lab.server.tenant import Tenant

from .sentinel_lab import scheduled

AT = datetime(2026, 5, 1, tzinfo=UTC)
RUN = Run(AT, AT, AT, AT)


def alert(columns: dict[str, str], *rows: tuple[Any, ...], **changes):
    """The one alert of a rule on these rows; `columns` are names with KQL types."""
    properties = msgspec.convert(scheduled(**changes), Properties)
    rule = Rule("r", "Scheduled", properties, '"e"', AT)
    result = QueryResult(tuple(Column(name, kind) for name, kind in columns.items()), list(rows))
    (made,) = alerts_of(rule, RUN, result, Tenant())
    return made


def mapped(kind: str, **identifiers: str) -> dict[str, Any]:
    fields = [{"identifier": name, "columnName": column} for name, column in identifiers.items()]
    return {"entityType": kind, "fieldMappings": fields}


def entities(made) -> Any:
    return msgspec.json.decode(str(security_alert(made, None, Tenant())["Entities"]))


def test_formats_take_their_columns_from_the_first_row():
    made = alert(
        {"User": "string", "N": "long"},
        ("ana", 3),
        ("bo", 4),
        alertDetailsOverride={
            "alertDisplayNameFormat": "{{User}} did it {{ N }} times",
            "alertDescriptionFormat": "By {{User}}",
        },
    )
    assert (made.title, made.description) == ("ana did it 3 times", "By ana")


def test_without_a_value_the_rules_own_words_are_used():
    override = {"alertDisplayNameFormat": "{{User}}", "alertSeverityColumnName": "User"}
    made = alert({"User": "string"}, ("",), alertDetailsOverride=override, description="Why")
    assert (made.title, made.description, made.severity) == ("A trail was deleted", "Why", "High")


def test_names_and_descriptions_are_cut_at_their_bytes():
    override = {"alertDisplayNameFormat": "{{T}}", "alertDescriptionFormat": "{{T}}"}
    made = alert({"T": "string"}, ("é" * 6_000,), alertDetailsOverride=override)
    assert made.title == "é" * 128
    assert made.description == "é" * 2_500


def test_tactics_and_techniques_may_come_from_the_rows():
    made = alert(
        {"Tactics": "dynamic", "Techniques": "dynamic", "Subs": "string"},
        ('["Impact","Mischief"]', '["T1485"]', "T1078.004"),
        tactics=["Discovery"],
        alertDetailsOverride={
            "alertTacticsColumnName": "Tactics",
            "alertDynamicProperties": [
                {"alertProperty": "Techniques", "value": "Techniques"},
                {"alertProperty": "SubTechniques", "value": "Subs"},
            ],
        },
    )
    assert (made.tactics, made.techniques, made.sub_techniques) == (("Impact",), ("T1485",), ("T1078.004",))
    row = security_alert(made, None, Tenant())
    assert (row["Tactics"], row["Techniques"], row["SubTechniques"]) == (
        "Impact",
        '["T1485"]',
        '["T1078.004"]',
    )


def test_other_properties_may_come_from_the_rows():
    properties = {"ProductName": "P", "ProviderName": "Q", "ConfidenceScore": "S", "AlertLink": "L"}
    made = alert(
        {"P": "string", "Q": "string", "S": "real", "L": "string"},
        ("Tidewaiter", "us", 0.75, "https://example.com/1"),
        alertDetailsOverride={
            "alertDynamicProperties": [
                {"alertProperty": name, "value": column} for name, column in properties.items()
            ]
        },
    )
    row = security_alert(made, None, Tenant())
    assert (row["ProductName"], row["ProviderName"]) == ("Tidewaiter", "us")
    assert (row["ConfidenceScore"], row["AlertLink"]) == (0.75, "https://example.com/1")


def test_custom_details_hold_the_values_of_all_rows():
    made = alert(
        {"Name": "string", "Score": "real", "Ids": "dynamic"},
        ("a", 0.5, '["x","y"]'),
        ("b", 0.5, '["y",7]'),
        customDetails={"name": "Name", "score": "Score", "ids": "Ids"},
    )
    details = msgspec.json.decode(made.extended["Custom Details"])
    assert details == {"name": ["a", "b"], "score": ["0.5"], "ids": ["x", "y", "7"]}


def test_a_custom_detail_holds_at_most_50_values():
    made = alert({"N": "long"}, *[(n,) for n in range(60)], customDetails={"n": "N"})
    assert len(made.details["n"]) == 50


def test_custom_details_hold_at_most_2_kb():
    made = alert(
        {"A": "string", "B": "string", "C": "string"},
        ("a" * 1_000, "b" * 1_100, "c" * 500),
        customDetails={"a": "A", "b": "B", "c": "C"},
    )
    assert list(made.details) == ["a", "c"]
    assert len(made.extended["Custom Details"]) <= 2_048


def test_entities_have_a_number_a_type_and_their_identifiers():
    made = alert(
        {"Ip": "string", "App": "string"},
        ("192.0.2.1", "AWS"),
        ("192.0.2.1", "AWS"),
        ("192.0.2.2", ""),
        entityMappings=[mapped("IP", Address="Ip"), mapped("CloudApplication", Name="App")],
    )
    assert entities(made) == [
        {"$id": "2", "Address": "192.0.2.1", "Type": "ip"},
        {"$id": "3", "Address": "192.0.2.2", "Type": "ip"},
        {"$id": "4", "Name": "AWS", "Type": "cloud-application"},
    ]


@pytest.mark.parametrize(
    ("kind", "full", "expected"),
    [
        ("Account", "ana@example.com", {"Name": "ana", "UPNSuffix": "example.com"}),
        ("Account", "CORP\\ana", {"Name": "ana", "NTDomain": "CORP"}),
        (
            "Account",
            "arn:aws:sts::111122223333:assumed-role/ops/ana@example.com",
            {"Name": "arn:aws:sts::111122223333:assumed-role/ops/ana@example.com"},
        ),
        ("Host", "web1.example.com", {"HostName": "web1", "DnsDomain": "example.com"}),
    ],
)
def test_a_full_name_is_taken_apart(kind, full, expected):
    made = alert({"Full": "string"}, (full,), entityMappings=[mapped(kind, FullName="Full")])
    assert entities(made) == [{"$id": "2", **expected, "Type": kind.lower()}]


def test_an_account_that_is_only_a_common_name_is_dropped():
    made = alert({"U": "string"}, ("root",), ("ana",), entityMappings=[mapped("Account", Name="U")])
    assert [entity["Name"] for entity in entities(made)] == ["ana"]


def test_an_alert_has_at_most_500_entities_shared_by_its_mappings():
    rows = [(f"192.0.2.{n}", f"u{n}") for n in range(400)]
    made = alert(
        {"Ip": "string", "U": "string"},
        *rows,
        entityMappings=[mapped("IP", Address="Ip"), mapped("Account", Name="U")],
    )
    kinds = [entity.kind for entity in made.entities]
    assert (kinds.count("IP"), kinds.count("Account")) == (250, 250)


def test_the_entities_of_an_alert_hold_at_most_64_kb():
    rows = [(f"{n}" + "x" * 1_000,) for n in range(100)]
    made = alert({"U": "string"}, *rows, entityMappings=[mapped("Account", Name="U")])
    assert 0 < len(str(security_alert(made, None, Tenant())["Entities"])) <= 64_000


def test_the_times_of_an_alert_are_those_of_its_rows():
    late = datetime(2026, 4, 30, 23, tzinfo=UTC)
    made = alert({"TimeGenerated": "datetime"}, (late,), (datetime(2026, 4, 30, 22, tzinfo=UTC),))
    assert (made.start.hour, made.end.hour) == (22, 23)


def test_an_alert_says_what_ran():
    made = alert({"N": "long"}, (1,))
    assert made.extended["Query Period"] == "00:10:00"
    assert made.extended["Analytic Rule Ids"] == '["r"]'
    assert made.extended["Search Query Results Overall Count"] == "1"
    assert made.extended["OriginalQuery"] in made.extended["Query"]
