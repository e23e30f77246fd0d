"""Entra's and Azure's logs: the three forms of a generated day, and other vendors' records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from tidewaiter.asim import validate_rows
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra import EntraCounts, Form, write_entra
from tidewaiter.lab.generator.others import AzureOperation, DirectoryChange, SignIn
from tidewaiter.lab.generator.rhythm import HOUR
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover
from tidewaiter.pipeline.sources.folder.walk import Unrecognized

IDS = ("azure_activity", "entra_audit", "entra_signin")
SPECS = {name: sources()[name] for name in IDS}
NORMALIZERS = {name: Normalizer(spec, native=True) for name, spec in SPECS.items()}
COMPANY = Company(7, date(2026, 3, 17))
VICTIM = "marta.lindqvist@kestrelrowe.example"
SIGN_INS = (
    SignIn(2 * HOUR, VICTIM, "192.0.2.77", risk="high", risk_events=("unfamiliarFeatures",), place="Lagos",
           device=False),
    SignIn(2 * HOUR, VICTIM, "2001:db8::77", app="portal", error=500121, mfa="denied", place="Lagos"),
    SignIn(2 * HOUR, VICTIM, "192.0.2.77", app="portal", error=53003, place="Moscow"),
    SignIn(3 * HOUR, "gha-infrastructure", "192.0.2.77", kind="service_principal", mfa="", error=7000215),
    SignIn(3 * HOUR, VICTIM, "192.0.2.77", app="graph", kind="noninteractive", protocol="deviceCode"),
)  # fmt: skip
CHANGES = (
    DirectoryChange(2 * HOUR + 9, VICTIM, "Add service principal credentials", "ApplicationManagement",
                    ("ServicePrincipal", "kr-parcel-sync"), "192.0.2.77",
                    (("KeyDescription", "[]", '["[KeyType=Password]"]'),)),
)  # fmt: skip
OPERATIONS = (
    AzureOperation(5 * HOUR, "gha-infrastructure", "Microsoft.Authorization/roleAssignments/write",
                   "Microsoft.Authorization/roleAssignments/x", "192.0.2.77", error="Forbidden"),
)  # fmt: skip
Row = dict[str, Any]


class Written:
    """A day of the tenant in one form, and the rows that it becomes, by table and id."""

    def __init__(self, folder: Path, form: Form) -> None:
        self.counts: EntraCounts = write_entra(
            folder, COMPANY, 4_000, SIGN_INS, CHANGES, OPERATIONS, form=form
        )
        self.objects = list(discover(folder, {name: spec.recognition for name, spec in sources().items()}))
        self.rows: dict[str, Row] = {}
        self.natives: dict[str, Row] = {}
        self.carried: dict[str, dict[str, msgspec.Raw]] = {}
        self.raws: dict[str, bytes] = {}
        self.records: Counter[str] = Counter()
        self.quarantined = 0
        for item in self.objects:
            assert isinstance(item, SourceObject)
            self._read(item)

    def _read(self, item: SourceObject) -> None:
        for chunk in read(item, SPECS[item.source].recognition):
            assert isinstance(chunk, JsonChunk)
            found = NORMALIZERS[item.source].normalize(chunk, object_id=item.id, prefix="p")
            self.quarantined += len(chunk.quarantined) + len(found.quarantined)
            self.records[item.source] += len(chunk.records)
            for part in found.rows:
                assert isinstance(part, JsonRows)
                for key, native in zip(part.ids, part.natives, strict=True):
                    self.natives[key] = msgspec.json.decode(native) | {"table": part.native}
                for key, head, extra, raw in zip(part.ids, part.heads, part.extras, part.raws, strict=True):
                    assert key not in self.rows
                    self.rows[key] = msgspec.json.decode(head) | {"table": part.table}
                    self.carried[key] = msgspec.json.decode(extra, type=dict[str, msgspec.Raw])
                    self.raws[key] = bytes(raw)


@pytest.fixture(scope="module", params=get_args(Form))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("entra"), request.param)


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("columns"), "columns")


def test_every_object_is_recognised_and_every_record_is_a_row(written: Written):
    assert len(written.objects) == written.counts.objects
    assert written.quarantined == 0
    tables = written.counts.rows
    signed = sum(n for table, n in tables.items() if table not in ("AuditLogs", "AzureActivity"))
    assert written.records == {
        "entra_signin": signed,
        "entra_audit": tables["AuditLogs"],
        "azure_activity": tables["AzureActivity"],
    }
    assert len(written.rows) == sum(tables.values())


def test_the_ids_are_those_of_the_truth(written: Written):
    told = {each.id for kind in written.counts.placed.values() for each in kind}
    assert len(told) == len(SIGN_INS) + len(CHANGES) + 2 * len(OPERATIONS)
    assert told <= written.rows.keys()


ONLY_IN = {"EventOriginalSeverity", "Object", "ObjectId", "ActivityDisplayName"}
"""The envelope of the activity log has other words for levels, and ids in capital letters."""


def test_a_record_becomes_the_same_row_in_every_form(written: Written, columns: Written):
    assert written.rows.keys() == columns.rows.keys()
    for key, row in written.rows.items():
        other = columns.rows[key]
        left = {name: value for name, value in row.items() if name not in ONLY_IN and "Time" not in name}
        right = {name: value for name, value in other.items() if name not in ONLY_IN and "Time" not in name}
        assert left == right
        assert row["TimeGenerated"] == other["TimeGenerated"]
        assert row.get("Object", "").lower() == other.get("Object", "").lower()


NOT_IN_THE_ENVELOPE = {"HTTPRequest", "OperationId"}
OTHER_WORDS = {"Level", "ResourceId", "ResourceGroup", "CreatedDateTime", "ActivityDateTime"}
"""Of these the envelope has another case, another word, or fewer digits of a second."""


def test_a_record_becomes_the_same_native_row_in_every_form(written: Written, columns: Written):
    assert written.natives.keys() == columns.natives.keys() == columns.rows.keys()
    tables = Counter(row["table"] for row in written.natives.values())
    assert tables == {table: n for table, n in columns.counts.rows.items() if n}
    apart = NOT_IN_THE_ENVELOPE | OTHER_WORDS
    for key, row in written.natives.items():
        other = columns.natives[key]
        assert row.keys() ^ other.keys() <= NOT_IN_THE_ENVELOPE
        assert {n: v for n, v in row.items() if n not in apart} == {
            n: v for n, v in other.items() if n not in apart
        }
        for name in OTHER_WORDS & row.keys():
            assert row[name].lower()[:9] == other[name].lower()[:9]


def test_what_a_row_carries_is_the_sources_byte_for_byte(written: Written):
    for key, carried in written.carried.items():
        members = msgspec.json.decode(written.raws[key], type=dict[str, msgspec.Raw])
        assert carried
        assert {name: bytes(value) for name, value in carried.items()} == {
            name: bytes(members[name]) for name in carried
        }


def test_the_rows_conform_to_asim(written: Written):
    for table in ("ASimAuthenticationEventLogs", "ASimAuditEventLogs"):
        rows = [
            {name: value for name, value in row.items() if name != "table"}
            for row in written.rows.values()
            if row["table"] == table
        ]
        assert rows
        assert not validate_rows(table, rows).errors


def test_the_stories_can_be_told_from_their_rows(written: Written):
    risky, denied, blocked, secret, silent = (
        written.rows[each.id] for each in written.counts.placed["sign_ins"]
    )
    assert (risky["ThreatName"], risky["EventSeverity"], risky["ThreatRiskLevel"]) == (
        "unfamiliarFeatures",
        "High",
        75,
    )
    assert (denied["EventResult"], denied["LogonMethod"], denied["EventOriginalResultDetails"]) == (
        "Failure",
        "Multi factor authentication",
        "500121",
    )
    assert denied["SrcIpAddr"] == "2001:db8::77"
    assert blocked["RuleName"].startswith("CA004")
    assert (secret["EventResultDetails"], secret["TargetUserType"]) == ("Incorrect key", "Application")
    assert (silent["EventSubType"], silent["LogonProtocol"]) == ("Remote", "OAuth2 device code")
    (change,) = (written.rows[each.id] for each in written.counts.placed["directory"])
    assert (change["EventType"], change["Object"], change["ActorUsername"]) == (
        "Create",
        "kr-parcel-sync",
        VICTIM,
    )
    assert change["NewValue"] == '["[KeyType=Password]"]'
    start, end = (written.rows[each.id] for each in written.counts.placed["azure"])
    assert (start["EventResult"], end["EventResult"], end["EventResultDetails"]) == (
        "NA",
        "Failure",
        "NotAuthorized",
    )


def test_no_sign_in_of_a_day_is_of_an_unknown_reason(written: Written):
    details = Counter(row.get("EventResultDetails") for row in written.rows.values() if "LogonMethod" in row)
    assert details["Other"] <= details[None] / 100


# Recognition


ENVELOPE: Row = {
    "time": "2026-03-04T09:12:44Z",
    "operationName": "x",
    "resourceId": "/tenants/1",
    "properties": {},
}


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (ENVELOPE | {"category": "SignInLogs"}, "entra_signin"),
        (ENVELOPE | {"category": "ManagedIdentitySignInLogs"}, "entra_signin"),
        (ENVELOPE | {"category": "MicrosoftServicePrincipalSignInLogs"}, "entra_signin"),
        (ENVELOPE | {"category": "AuditLogs"}, "entra_audit"),
        (
            ENVELOPE | {"category": "Administrative", "resultType": "Start", "level": "Information"},
            "azure_activity",
        ),
        (ENVELOPE | {"category": "kube-audit", "resultType": "Start", "level": "Information"}, None),
        (ENVELOPE | {"category": "RiskyUsers"}, None),
        ({"CorrelationId": "", "ResultType": "0", "AppId": ""}, "entra_signin"),
        ({"OperationName": "", "InitiatedBy": {}, "TargetResources": []}, "entra_audit"),
        ({"OperationNameValue": "", "ActivityStatusValue": ""}, "azure_activity"),
        ({"OperationName": "", "Category": "RiskyUsers"}, None),
    ],
)
@pytest.mark.parametrize("form", ["line", "lines", "list", "records"])
def test_a_file_anywhere_is_told_by_its_content(tmp_path: Path, record: Row, source: str | None, form: str):
    text = json.dumps(record)
    forms = {
        "line": text,
        "lines": f"{text}\n{text}\n",
        "list": f"[{text}]",
        "records": f'{{"records":[{text}]}}',
    }
    (tmp_path / "some.json").write_text(forms[form])
    (item,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert (item.source if isinstance(item, SourceObject) else None) == source
    assert isinstance(item, SourceObject | Unrecognized)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("AzureLogs/SigninLogs/2026-03-17T00.json", "entra_signin"),
        ("x/AzureLogs/AADManagedIdentitySignInLogs/2026-03-17T00.json", "entra_signin"),
        ("insights-logs-noninteractiveusersigninlogs/tenantId=1/PT1H.json", "entra_signin"),
        ("insights-logs-microsoftserviceprincipalsigninlogs/tenantId=1/PT1H.json", "entra_signin"),
        ("am-aadserviceprincipalsigninlogs/WorkspaceResourceId=/x/PT05M.json", "entra_signin"),
        ("AzureLogs/AuditLogs/x.json", "entra_audit"),
        ("insights-logs-auditlogs/tenantId=1/PT1H.json", "entra_audit"),
        ("am-AuditLogs/PT05M.json", "entra_audit"),
        ("insights-activity-logs/resourceId=/SUBSCRIPTIONS/1/PT1H.json", "azure_activity"),
        ("AzureLogs/AzureActivity/x.json", "azure_activity"),
    ],
)
def test_an_empty_file_is_told_by_its_path(tmp_path: Path, path: str, source: str):
    target = tmp_path / path
    target.parent.mkdir(parents=True)
    target.write_text("")
    (item,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert isinstance(item, SourceObject)
    assert item.source == source


# Real ones


def row(source: str, **members: Any) -> Row:
    found = NORMALIZERS[source].normalize(
        JsonChunk([msgspec.json.encode(members)], [3]), object_id="o", prefix="p"
    )
    assert not found.quarantined, found.quarantined[0].reason
    [rows] = found.rows
    assert isinstance(rows, JsonRows)
    return msgspec.json.decode(rows.heads[0], type=dict[str, Any])


def test_a_role_activation_whose_operation_is_no_text_is_quarantined():
    properties = {"CallerInfo": "[]", "eventDataId": "one"}
    whole = {"time": "2026-03-17T02:00:00Z", "category": "Administrative", "properties": properties}
    named = "Add member to role completed (PIM activation)"
    assert row("azure_activity", **whole, operationName=named)["Operation"] == named
    for operation in ([None], {"value": ["x"]}, ["Add/x"], {}):
        raw = msgspec.json.encode(whole | {"operationName": operation})
        found = NORMALIZERS["azure_activity"].normalize(JsonChunk([raw], [3]), object_id="o", prefix="p")
        assert len(found.quarantined) == 1


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"latitude": 59.91, "longitude": 10.75}, (59.91, 10.75)),
        ({"latitude": -90, "longitude": -180.0}, (-90, -180)),
        ({"latitude": 90.1, "longitude": 255}, (None, None)),
        ({"latitude": "59.91", "longitude": True}, (None, None)),
    ],
)
def test_a_place_is_told_in_degrees_that_there_are(place: Row, told: tuple[object, object]):
    where = {"countryOrRegion": "NO", "geoCoordinates": place}
    found = row(
        "entra_signin", TimeGenerated="2026-03-17T02:00:00Z", Id="one", ResultType="0", LocationDetails=where
    )
    assert (found.get("SrcGeoLatitude"), found.get("SrcGeoLongitude")) == told


def real_events(corpora: Path) -> Iterator[Row]:
    for name in ("azure_activity", "azure_signin"):
        for line in (corpora / "panther-analysis" / f"{name}.jsonl").read_text().splitlines():
            yield json.loads(line)["event"]


@pytest.mark.corpus
def test_real_records_map_with_none_quarantined(corpora: Path, tmp_path: Path):
    """Other vendors' tests, record by record; those of other logs (storage, no category) are left alone."""
    found: Counter[str | None] = Counter()
    for number, event in enumerate(real_events(corpora)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(event))
        (item,) = discover(folder, {name: spec.recognition for name, spec in sources().items()})
        source = item.source if isinstance(item, SourceObject) else None
        if source is None and "/" in str(event["operationName"]):
            source = "azure_activity"  # too few members to be told by, but of this log by its operation
        found[source] += 1
        if source is not None:
            made = row(source, **event)
            table = SPECS[source].mapping.routes[0].mapping.table
            assert not validate_rows(table, [made]).errors
            assert made["EventType"] != "Other"
    assert found["azure_activity"] >= 130
    assert found["entra_signin"] == 20
    assert found["entra_audit"] == 13
