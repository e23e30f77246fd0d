"""Events that go into Sentinel's own tables, alone or beside the ASIM rows: end to end, with the laws."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.app import logs
from tests.app.conftest import TODAY, at_noon, deliver_to
from tests.pipeline.normalize.native_rows import problems
from tidewaiter.app.engine import pool
from tidewaiter.app.engine.audited import verify_state
from tidewaiter.app.engine.destination import destination, warden_of
from tidewaiter.app.engine.parsers import disabled_parsers
from tidewaiter.app.engine.paths import Paths
from tidewaiter.asim.schema import SYSTEM_COLUMNS
from tidewaiter.clouds import Refused
from tidewaiter.core.errors import ConfigError
from tidewaiter.core.settings import Azure, Ingestion, Phases, Settings, Source
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.sentinel import LogsIngestion

NATIVE = {
    "aws_cloudtrail": ("AWSCloudTrail",),
    "aws_guardduty": ("AWSGuardDuty",),
    "aws_route53resolver": ("AWSRoute53Resolver",),
    "aws_s3access": ("AWSS3ServerAccess",),
    "aws_securityhub": ("AWSSecurityHubFindings",),
    "aws_vpcflow": ("AWSVPCFlow",),
    "azure_activity": ("AzureActivity",),
    "entra_audit": ("AuditLogs",),
    "entra_signin": (
        "AADManagedIdentitySignInLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "SigninLogs",
    ),
}
TABLES = tuple(table for tables in NATIVE.values() for table in tables)
ASIM = {
    "ASimAlertEventLogs", "ASimAuditEventLogs", "ASimAuthenticationEventLogs", "ASimFileEventLogs",
    "ASimDnsActivityLogs", "ASimNetworkSessionLogs", "ASimUserManagementActivityLogs", "ASimWebSessionLogs",
}  # fmt: skip


def all_to(where, **others):
    return Settings(sources={name: Source(destination=where, **others) for name in NATIVE})


@pytest.fixture(scope="module")
def native_day(tmp_path_factory, day):
    return deliver_to(tmp_path_factory.mktemp("native") / "state", day.folder, settings=all_to("native"))


@pytest.fixture(scope="module")
def both_day(tmp_path_factory, day):
    return deliver_to(tmp_path_factory.mktemp("both") / "state", day.folder, settings=all_to("both"))


def per_source(delivery):
    return {name: len([row for t in tables for row in delivery.rows()[t]]) for name, tables in NATIVE.items()}


def test_native_events_are_each_in_their_own_table_once_and_nowhere_else(native_day, delivered_day, day):
    native_day.check_laws()
    assert native_day.exit_code == 0
    assert native_day.rows().keys() == {*TABLES, "TidewaiterAlerts_CL"}
    delivered = {name: native_day.counts(name)["delivered"] for name in NATIVE}
    assert delivered == {name: delivered_day.counts(name)["delivered"] for name in NATIVE}
    assert per_source(native_day) == delivered

    trail = native_day.native_ids("AWSCloudTrail")
    assert trail.keys() == {*day.truth.event_ids, *day.truth.insight_ids}
    entra = native_day.native_ids("AzureActivity", "AuditLogs", *NATIVE["entra_signin"])
    assert entra.keys() == set(day.entra_ids)
    assert {*trail.values(), *entra.values()} == {1}


def test_native_rows_in_the_lab_fit_their_tables(native_day):
    for table in TABLES:
        for row in native_day.rows()[table]:
            shown = {n: v for n, v in row.items() if v not in (None, "") and n not in SYSTEM_COLUMNS}
            wrong = [each for each in problems(table, shown) if "datetime" not in each]
            assert not wrong, table


def test_detections_see_the_same_whatever_the_destination(native_day, both_day, delivered_day):
    wanted = delivered_day.lines("incidents.jsonl")
    assert wanted
    for delivery in (native_day, both_day):
        assert delivery.lines("incidents.jsonl") == wanted
        assert delivery.lines("signals.jsonl") == delivered_day.lines("signals.jsonl")


def test_with_both_an_event_counts_once_and_has_a_row_in_either_table(both_day, delivered_day):
    both_day.check_laws(*TABLES)
    assert both_day.report["sources"].keys() == delivered_day.report["sources"].keys()
    for name in NATIVE:
        assert both_day.counts(name)["delivered"] == delivered_day.counts(name)["delivered"]
    found, alone = both_day.rows(), delivered_day.rows()
    assert {t: len(found[t]) for t in ASIM} == {t: len(alone[t]) for t in ASIM}
    assert per_source(both_day) == {name: both_day.counts(name)["delivered"] for name in NATIVE}
    trail = {str(row["AwsEventId"]) for row in found["AWSCloudTrail"]}
    assert trail <= set(both_day.ids())


def test_the_native_rows_are_the_same_alone_and_as_copies(native_day, both_day):
    for table in TABLES:
        assert sorted(map(repr, native_day.rows()[table])) == sorted(map(repr, both_day.rows()[table]))


@pytest.mark.parametrize("where", ["native", "both"])
def test_a_second_run_and_a_second_trail_bring_nothing_twice(tmp_path, where):
    logs.trail(tmp_path / "in", [logs.event(number) for number in range(5)])
    settings = all_to(where)
    first = deliver_to(tmp_path / "state", tmp_path / "in", settings=settings)
    logs.trail(tmp_path / "in", [logs.event(number) for number in range(2, 8)], name="organization.json")

    again = deliver_to(tmp_path / "state", tmp_path / "in", settings=settings)

    copies = TABLES if where == "both" else ()
    assert first.exit_code == 0
    again.check_laws(*copies)
    assert again.counts()["delivered"] == 8
    assert again.counts()["duplicate"] == 3
    ids = again.native_ids("AWSCloudTrail")
    assert len(ids) == 8
    assert set(ids.values()) == {1}


@pytest.mark.long
def test_workers_make_no_difference(tmp_path, monkeypatch, both_day, day):
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    delivery = deliver_to(tmp_path / "state", day.folder, settings=all_to("both"), workers=2)
    assert delivery.report["rows"] == both_day.report["rows"]
    assert delivery.report["sources"] == both_day.report["sources"]


def test_in_shadow_the_archive_has_the_asim_rows_which_lose_nothing(tmp_path):
    logs.trail(tmp_path / "in", [logs.event(1)])

    delivery = deliver_to(
        tmp_path / "state", tmp_path / "in", settings=Settings(
            phase=Phases("shadow"), sources={"aws_cloudtrail": Source(destination="native")}
        )
    )  # fmt: skip

    delivery.check_laws()
    assert delivery.rows() == {}
    archive = Archive.open((tmp_path / "state" / "archive").as_uri())
    ((table, raw),) = archive.query('SELECT "table", raw FROM archive')
    assert isinstance(raw, bytes)
    assert table == "ASimAuditEventLogs"
    assert json.loads(raw)["AdditionalFields"]["userIdentity"]


def test_archive_and_audit_trail_vouch_for_native_events(native_day):
    found = verify_state(native_day.state / "audit", native_day.state / "decisions")
    assert found.findings == []
    archive = Archive.open((native_day.state / "archive").as_uri())
    query = """SELECT "table", count(*) FROM archive WHERE action = 'delivered' GROUP BY ALL"""
    rows = {str(table): n for table, n in archive.query(query)}
    assert rows == {t: n for t, n in native_day.report["rows"].items() if t in TABLES}


@pytest.mark.parametrize("where", ["native", "both"])
def test_a_native_row_that_is_too_large_is_cut_and_its_record_kept(tmp_path, where):
    long = "x" * 1_200_000
    logs.trail(tmp_path / "in", [logs.event(1, requestParameters={"policyDocument": long}), logs.event(2)])

    delivery = deliver_to(
        tmp_path / "state",
        tmp_path / "in",
        settings=Settings(sources={"aws_cloudtrail": Source(destination=where)}),
    )

    delivery.check_laws(*(TABLES if where == "both" else ()))
    assert delivery.counts()["delivered"] == 2
    cut = max(delivery.rows()["AWSCloudTrail"], key=lambda row: len(str(row["RequestParameters"])))
    assert str(cut["RequestParameters"]).endswith("…")
    archive = Archive.open((tmp_path / "state" / "archive").as_uri())
    ((raw,),) = archive.query("SELECT raw FROM archive WHERE action = 'oversize'")
    assert isinstance(raw, bytes)
    assert long.encode() in raw


def test_a_copy_that_is_refused_takes_no_event_with_it(tmp_path, monkeypatch):
    logs.trail(tmp_path / "in", [logs.event(number) for number in range(9)])
    upload = LogsIngestion.upload

    async def picky(self, body, **options):
        rows = json.loads(gzip.decompress(body))
        if any(row.get("AwsEventId") == logs.event_id(4) for row in rows):
            raise Refused(400, "InvalidRow", "no", where="the lab")
        return await upload(self, body, **options)

    monkeypatch.setattr(LogsIngestion, "upload", picky)
    settings = Settings(sources={"aws_cloudtrail": Source(destination="both")})

    delivery = deliver_to(tmp_path / "state", tmp_path / "in", settings=settings)

    assert delivery.counts()["delivered"] == 9
    assert delivery.counts()["quarantined"] == 0
    assert delivery.report["rows"]["AWSCloudTrail"] == 8
    delivery.check_laws("AWSCloudTrail")


# Settings


def test_a_source_without_a_table_of_its_own_is_refused_by_name(tmp_path):
    logs.trail(tmp_path / "in", [logs.event(1)])
    with pytest.raises(ConfigError, match=r"aws_tgwflow cannot be delivered as 'native'.*no native mapping"):
        deliver_to(
            tmp_path / "state",
            tmp_path / "in",
            settings=Settings(sources={"aws_tgwflow": Source(destination="native")}),
        )


@pytest.mark.parametrize("source", ["azure_activity", "entra_audit", "entra_signin"])
def test_a_table_that_no_sender_may_fill_is_refused_outside_the_lab(tmp_path, source):
    logs.trail(tmp_path / "in", [logs.event(1)])
    settings = Settings(
        azure=Azure(tenant_id="t", client_id="c"),
        ingestion=Ingestion("https://x.ingest.monitor.azure.com", "dcr-1"),
        sources={source: Source(destination="both")},
    )
    with pytest.raises(ConfigError) as error:
        deliver_to(tmp_path / "state", tmp_path / "in", settings=settings)
    assert NATIVE[source][0] in error.value.message
    assert "diagnostic setting" in error.value.hint


def test_routes_of_native_tables_are_there_where_they_are_wanted(tmp_path):
    def opened(dcrs, **sources):
        ingestion = Ingestion("https://x.ingest.monitor.azure.com", dcrs=dcrs)
        settings = Settings(azure=Azure(tenant_id="t", client_id="c"), ingestion=ingestion, sources=sources)
        with destination(settings, Paths(tmp_path), warden_of(settings, at_noon(TODAY))) as to:
            return to.routes

    asim = dict.fromkeys([*ASIM, "TidewaiterAlerts_CL"], "dcr-1")
    assert opened(asim).keys() == asim.keys(), "what was set before drift had a table is enough"
    assert opened(asim | {"TidewaiterDrift_CL": "dcr-3"})["TidewaiterDrift_CL"].dcr == "dcr-3"
    assert opened(asim | {"AWSCloudTrail": "dcr-2"})["AWSCloudTrail"].stream == "Custom-AWSCloudTrail"
    with pytest.raises(ConfigError, match="no data collection rule takes rows for AWSVPCFlow"):
        opened(asim, aws_vpcflow=Source(destination="native"))


def test_rows_that_wait_for_a_native_table_go_there_when_the_setting_has_changed(tmp_path):
    logs.trail(tmp_path / "in", [logs.event(1)])
    deliver_to(tmp_path / "state", tmp_path / "in", settings=all_to("native"))
    logs.trail(tmp_path / "in", [logs.event(2)], name="later.json")

    later = deliver_to(tmp_path / "state", tmp_path / "in")

    later.check_laws()
    assert later.report["rows"] == {"AWSCloudTrail": 1, "ASimAuditEventLogs": 1}


# Microsoft's parsers


def watchlist_of(state, settings):
    paths = Paths(state)
    with destination(settings, paths, warden_of(settings, at_noon(TODAY))) as to:

        async def read():
            items = [item.values async for item in to.sentinel.watchlists.items("ASimDisabledParsers")]
            return [(item["CallerContext"], item["SourceSpecificParser"]) for item in items]

        return to.run(read()) if to.lab and to.lab.workspace.watchlists else []


def test_with_both_microsofts_parsers_of_those_tables_are_excluded(tmp_path):
    settings = Settings(sources={"aws_cloudtrail": Source(destination="both")})

    found = watchlist_of(tmp_path, settings)

    assert ("Exclude_Im_AuditEvent", "Exclude_Im_AuditEvent_AWSCloudTrail") in found
    assert ("Any", "ExcludevimAuthenticationAWSCloudTrail") in found
    assert len(found) == 16, "four schemas, four names each"
    assert watchlist_of(tmp_path, settings) == found, "doing it again changes nothing"


def test_more_sources_are_added_to_a_watchlist_that_somebody_made(tmp_path):
    cloudtrail = {"aws_cloudtrail": Source(destination="both")}
    watchlist_of(tmp_path, Settings(sources=cloudtrail))

    found = watchlist_of(tmp_path, Settings(sources=cloudtrail | {"aws_vpcflow": Source(destination="both")}))

    assert ("Exclude_ASim_NetworkSession", "Exclude_ASim_NetworkSession_AWSVPC") in found
    assert len(found) == 20


@pytest.mark.parametrize("where", ["asim", "native"])
def test_with_one_table_for_an_event_nobody_is_excluded(tmp_path, where):
    assert watchlist_of(tmp_path, all_to(where)) == []
    assert disabled_parsers(dict.fromkeys(NATIVE, where)) == []
