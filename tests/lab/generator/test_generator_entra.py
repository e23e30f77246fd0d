from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.asim import column_types
from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import DOMAIN, Company
from tidewaiter.lab.generator.entra import EntraCounts, Form, write_entra
from tidewaiter.lab.generator.entra.federation import federated
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.entra.tenant import object_id, tenant_id
from tidewaiter.lab.generator.making import everyday
from tidewaiter.lab.generator.others import AzureOperation, DirectoryChange, SignIn
from tidewaiter.lab.generator.rhythm import DAY, HOUR, LAST

COMPANY = Company(7, date(2026, 3, 17))
EVENTS = 30_000
VICTIM = f"marta.lindqvist@{DOMAIN}"
SIGN_INS = (
    SignIn(2 * HOUR, VICTIM, "192.0.2.77", mfa="push", risk="high", risk_events=("unfamiliarFeatures",),
           place="Lagos", device=False, agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0"),
    SignIn(2 * HOUR, VICTIM, "192.0.2.77", app="portal", error=500121, mfa="denied", place="Lagos"),
    SignIn(3 * HOUR, "gha-infrastructure", "192.0.2.77", kind="service_principal", mfa="", place="Lagos"),
    SignIn(3 * HOUR, VICTIM, "192.0.2.77", app="graph", kind="noninteractive", protocol="deviceCode"),
)  # fmt: skip
CHANGES = (
    DirectoryChange(2 * HOUR + 9, VICTIM, "Add service principal credentials", "ApplicationManagement",
                    ("ServicePrincipal", "kr-parcel-sync"), "192.0.2.77",
                    (("KeyDescription", "[]", '["[KeyType=Password]"]'),)),
)  # fmt: skip
OPERATIONS = (
    AzureOperation(LAST, VICTIM, "Microsoft.Storage/storageAccounts/listKeys/action",
                   "Microsoft.Storage/storageAccounts/krsharedlogs", "192.0.2.77"),
    AzureOperation(5 * HOUR, "gha-infrastructure", "Microsoft.Authorization/roleAssignments/write",
                   "Microsoft.Authorization/roleAssignments/x", "192.0.2.77", error="Forbidden"),
)  # fmt: skip
SIGN_IN_TABLES = {
    "SigninLogs", "AADNonInteractiveUserSignInLogs", "AADServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs",
}  # fmt: skip
TABLES = SIGN_IN_TABLES | {"AuditLogs", "AzureActivity"}
Row = dict[str, Any]


class Written:
    def __init__(self, out: Path, form: Form = "columns") -> None:
        self.counts: EntraCounts = write_entra(out, COMPANY, EVENTS, SIGN_INS, CHANGES, OPERATIONS, form=form)
        self.files = {
            str(path.relative_to(out)): path.read_text(encoding="utf-8")
            for path in sorted(out.rglob("*"))
            if path.is_file()
        }

    def lines(self) -> dict[str, list[Row]]:
        return {path: [json.loads(line) for line in text.splitlines()] for path, text in self.files.items()}

    def rows(self, table: str) -> list[Row]:
        return [row for rows in self.lines().values() for row in rows if row["Type"] == table]

    def asked(self, kind: str) -> list[Row]:
        lines = self.lines()
        return [lines[each.object][each.line] for each in self.counts.placed[kind]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("entra"))


def fits(value: object, kind: str) -> bool:
    if kind == "datetime":
        return bool(re.fullmatch(r"2026-03-17T\d\d:\d\d:\d\d\.\d{7}Z", str(value)))
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,), "bool": (bool,), "long": (int,), "dynamic": (dict, list),
    }  # fmt: skip
    return isinstance(value, kinds[kind])


@pytest.mark.parametrize("table", sorted(TABLES))
def test_rows_have_columns_of_their_table_with_values_of_its_types(written: Written, table: str) -> None:
    types = column_types(table)
    rows = written.rows(table)
    assert len(rows) == written.counts.rows[table] > 0
    for row in rows:
        assert set(row) <= set(types), set(row) - set(types)
        for name, value in row.items():
            assert fits(value, types[name]), (name, value)


def test_files_hold_one_table_and_hour_in_the_order_of_time(written: Written) -> None:
    for path, rows in written.lines().items():
        found = re.fullmatch(r"AzureLogs/(\w+)/(2026-03-17T\d\d)\.json", path)
        assert found, path
        assert {row["Type"] for row in rows} == {found[1]}
        times = [row["TimeGenerated"] for row in rows]
        assert {time[:13] for time in times} == {found[2]}
        seconds = [time[:19] for time in times]
        assert seconds == sorted(seconds)
    assert written.counts.objects == len(written.files)


def test_ids_are_unique(written: Written) -> None:
    for table in TABLES:
        name = "EventDataId" if table == "AzureActivity" else "Id"
        ids = [row[name] for row in written.rows(table)]
        assert len(set(ids)) == len(ids)


def test_people_sign_in_with_their_own_account_address_and_device(written: Written) -> None:
    known = {each.upn: each for each in people(COMPANY)}
    strangers = {each.address for each in SIGN_INS}
    errors: Counter[str] = Counter()
    for row in written.rows("SigninLogs"):
        person = known[row["UserPrincipalName"]]
        errors[row["ResultType"]] += 1
        assert (row["UserId"], row["UserDisplayName"]) == (person.object_id, person.name)
        assert row["AADTenantId"] == tenant_id(COMPANY)
        assert row["Status"]["errorCode"] == int(row["ResultType"])
        assert (row["ResultDescription"] == "") is (row["ResultType"] == "0")
        steps = json.loads(row["AuthenticationDetails"])
        assert steps[0]["authenticationStepRequirement"] == "Primary authentication"
        if row["IPAddress"] == person.address:
            assert row["LocationDetails"]["city"] == person.place.city
            assert row["DeviceDetail"]["deviceId"] == person.device_id
        else:
            assert row["ResultType"] in {"50126", "50053"} or row["IPAddress"] in strangers
    assert errors["0"] > 0.85 * sum(errors.values())


def test_principals_and_managed_identities_sign_in_without_a_person(written: Written) -> None:
    for table in ("AADServicePrincipalSignInLogs", "AADManagedIdentitySignInLogs"):
        for row in written.rows(table):
            assert "UserPrincipalName" not in row
            assert re.fullmatch(r"[0-9a-f-]{36}", row["ServicePrincipalId"])
    managed = written.rows("AADManagedIdentitySignInLogs")
    assert {row["IPAddress"] for row in managed} == {""}
    assert all(json.loads(row["ManagedServiceIdentity"])["associatedResourceId"] for row in managed)


def test_the_directory_tells_which_identity_center_user_a_person_is(written: Written) -> None:
    exports = [row for row in written.rows("AuditLogs") if row["OperationName"] == "Export"]
    assert exports
    for row in exports:
        (target,) = row["TargetResources"]
        upn = target["userPrincipalName"]
        changed = {each["displayName"]: json.loads(each["newValue"]) for each in target["modifiedProperties"]}
        assert changed["externalId"] == target["id"] == object_id(COMPANY, upn)
        assert changed["id"] == COMPANY.uuid("identity-store", upn)


def test_an_azure_operation_is_a_start_and_an_end_with_one_correlation(written: Written) -> None:
    states: dict[str, list[str]] = {}
    for row in sorted(written.rows("AzureActivity"), key=lambda row: row["TimeGenerated"]):
        states.setdefault(row["CorrelationId"], []).append(row["ActivityStatusValue"])
        assert row["OperationNameValue"] == row["OperationNameValue"].upper()
        assert json.loads(row["Claims"]) == row["Claims_d"]
        assert json.loads(row["Authorization"]) == row["Authorization_d"]
        assert json.loads(row["HTTPRequest"])["clientIpAddress"] == row["CallerIpAddress"]
    assert {tuple(sorted(each, reverse=True)) for each in states.values()} == {
        ("Success", "Start"), ("Start", "Failure"),
    }  # fmt: skip


def test_asked_for_sign_ins_are_where_they_are_said_to_be(written: Written) -> None:
    risky, denied, principal, code = written.asked("sign_ins")
    assert [each.id for each in written.counts.placed["sign_ins"]] == [
        row["Id"] for row in (risky, denied, principal, code)
    ]
    assert (risky["AppDisplayName"], risky["AuthenticationProtocol"]) == ("AWS IAM Identity Center", "saml20")
    assert (risky["RiskLevelDuringSignIn"], risky["RiskState"]) == ("high", "atRisk")
    assert json.loads(risky["RiskEventTypes_V2"]) == ["unfamiliarFeatures"]
    assert (risky["Location"], risky["DeviceDetail"]["deviceId"]) == ("NG", "")
    assert risky["DeviceDetail"]["operatingSystem"] == "Linux"
    assert (denied["ResultType"], denied["ConditionalAccessStatus"]) == ("500121", "failure")
    assert "declined" in denied["Status"]["additionalDetails"]
    assert (principal["ServicePrincipalName"], principal["IPAddress"]) == ("gha-infrastructure", "192.0.2.77")
    assert (code["AuthenticationProtocol"], code["IsInteractive"]) == ("deviceCode", False)


def test_asked_for_changes_and_operations_are_where_they_are_said_to_be(written: Written) -> None:
    (change,) = written.asked("directory")
    assert change["InitiatedBy"]["user"]["userPrincipalName"] == VICTIM
    assert change["InitiatedBy"]["user"]["ipAddress"] == "192.0.2.77"
    (target,) = change["TargetResources"]
    assert target["modifiedProperties"][0]["newValue"] == '["[KeyType=Password]"]'
    assert [each.number for each in written.counts.placed["azure"]] == [0, 0, 1, 1]
    start, done, begun, failed = written.asked("azure")
    assert (start["Caller"], done["ActivityStatusValue"]) == (VICTIM, "Success")
    assert (begun["ActivityStatusValue"], failed["ActivityStatusValue"]) == ("Start", "Failure")
    assert failed["ActivitySubstatusValue"] == "Forbidden"


@pytest.mark.parametrize("form", ["blob", "records"])
def test_a_diagnostic_setting_writes_the_same_rows_in_its_envelope(
    written: Written, tmp_path: Path, form: Form
) -> None:
    other = Written(tmp_path, form)
    assert dict(other.counts.rows) == dict(written.counts.rows)
    records: dict[str, list[Row]] = {}
    for path, text in other.files.items():
        if "insights-activity-logs" in path:
            scope = r"insights-activity-logs/resourceId=/SUBSCRIPTIONS/[0-9A-F-]{36}"
        else:
            scope = rf"insights-logs-[a-z]+/tenantId={tenant_id(COMPANY)}"
        assert re.fullmatch(rf"{scope}/y=2026/m=03/d=17/h=\d\d/m=00/PT1H\.json", path), path
        lines = text.splitlines()
        records[path] = (
            json.loads(text)["records"] if form == "records" else [json.loads(each) for each in lines]
        )
    for record in (record for each in records.values() for record in each):
        assert {"time", "resourceId", "operationName", "category", "correlationId", "properties"} <= set(
            record
        )
    placed = other.counts.placed["sign_ins"][0]
    risky = records[placed.object][placed.line]
    assert (risky["category"], risky["callerIpAddress"]) == ("SignInLogs", "192.0.2.77")
    inside = risky["properties"]
    assert inside["userPrincipalName"] == VICTIM
    assert inside["location"]["countryOrRegion"] == "NG"
    assert inside["riskEventTypes_v2"] == ["unfamiliarFeatures"]
    assert inside["authenticationDetails"][0]["authenticationMethod"] == "Password"
    assert inside["id"] == placed.id == written.counts.placed["sign_ins"][0].id


def test_every_portal_session_has_a_sign_in_just_before_from_the_same_address() -> None:
    deeds = sorted(everyday(COMPANY, 6_000), key=lambda deed: deed.at)
    found = federated(COMPANY, deeds)
    portal = [deed for deed in deeds if deed.actor.identity["type"] == "IdentityCenterUser"]
    sessions = {str(deed.actor.identity["credentialId"]): deed for deed in reversed(portal)}
    assert len(found) == len(sessions) > 5
    for sign_in in found:
        deed = sessions[sign_in.session]
        assert sign_in.app == "aws"
        assert (sign_in.address, sign_in.agent) == (deed.actor.address, deed.actor.agent)
        assert 0 <= deed.at - sign_in.at <= 20_000
        assert deed.actor.name.endswith(COMPANY.uuid("identity-store", sign_in.who))


def test_sign_ins_of_a_day_stay_within_it(tmp_path: Path) -> None:
    late = (SignIn(DAY + HOUR, VICTIM, "192.0.2.77"),)
    counts = write_entra(tmp_path, COMPANY, 600, late)
    (placed,) = counts.placed["sign_ins"]
    assert placed.object == "AzureLogs/SigninLogs/2026-03-17T23.json"
    lines = (tmp_path / placed.object).read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[placed.line])["TimeGenerated"].startswith("2026-03-17T23:59:59")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (Written(tmp_path / name).files for name in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (SignIn(0, "nobody@kestrelrowe.example", "192.0.2.1"), "nobody"),
        (SignIn(0, VICTIM, "192.0.2.1", app="teapot"), "teapot"),
        (SignIn(0, VICTIM, "192.0.2.1", place="Atlantis"), "Atlantis"),
        (SignIn(0, "no-app", "192.0.2.1", kind="service_principal"), "no-app"),
    ],
)
def test_what_the_tenant_does_not_know_is_refused(tmp_path: Path, wrong: SignIn, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        write_entra(tmp_path, COMPANY, 600, [wrong])
