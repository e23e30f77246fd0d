"""What Microsoft's language service says of queries, and which names a query is bound to."""

from __future__ import annotations

import pytest

from tidewaiter.kql import StoredFunction
from tidewaiter.kql.service import Catalog, standard

LAB = Catalog(
    tables={"Calls_CL": {"TimeGenerated": "datetime", "Name": "string", "Port": "int", "odd name": "string"}},
    functions={
        "recent": StoredFunction(
            "recent", "Calls_CL | where TimeGenerated > since", "since:datetime=ago(1d)"
        ),
        "ports": StoredFunction("ports", "recent() | summarize Hits=count() by Port"),
        "all_calls": StoredFunction("all_calls", "union Call*"),
    },
    watchlists={"vip": {"Mail": "string"}},
)


def errors(analysis) -> list[tuple[str, int, int]]:
    return [(each.code, each.line, each.column) for each in analysis.diagnostics if each.severity == "error"]


def test_a_query_without_a_fault_has_no_diagnostics_and_says_its_result(analyze):
    found = analyze("SigninLogs | summarize Hits=count() by UserPrincipalName")

    assert found.diagnostics == ()
    assert found.columns == (("UserPrincipalName", "string"), ("Hits", "long"))
    assert found.tables == ("SigninLogs",)


@pytest.mark.parametrize(
    ("query", "code", "line", "column", "length"),
    [
        ("SigninLogs | where Nope == 1", "KS142", 1, 20, 4),
        ("SigninLogs\n| where UserPrincipalName has 1a", "KS142", 2, 31, 2),
        ("SigninLogs\n| where (UserPrincipalName has 'a'", "KS005", 2, 35, 0),
        ("SigninLogs\n| where TimeGenerated = now()", "KS141", 2, 9, 21),
        ("SigninLogs | extend x = tostrin(1)", "KS211", 1, 25, 7),
        ("SigninLogs | summarise count()", "KS176", 1, 14, 9),
        ("SigninLogs | where ", "KS006", 1, 19, 0),
    ],
)
def test_a_fault_has_its_code_line_column_and_length(analyze, query, code, line, column, length):
    found = {(each.code, each.line, each.column, each.length) for each in analyze(query).diagnostics}

    assert (code, line, column, length) in found


def test_what_the_parser_finds_is_told_from_what_the_binder_finds(analyze):
    assert analyze("SigninLogs | where Nope == 1").parses
    assert not analyze("SigninLogs | where (").parses
    assert not analyze("SigninLogs | where Nope == 1").binds


def test_places_count_characters_beyond_the_first_plane_once(analyze):
    (found,) = analyze("SigninLogs | where UserPrincipalName == '🎉🎉' and Nope == 1").diagnostics

    assert (found.column, found.length) == (50, 4)


@pytest.mark.parametrize(
    "query",
    [
        "SecurityAlert | project SystemAlertId, Entities, ExtendedProperties",
        "SecurityIncident | where Status == 'New' | mv-expand AlertIds",
        "Watchlist | where WatchlistAlias == 'vip' | project SearchKey",
        "AWSCloudTrail | where EventName == 'ConsoleLogin' and _TimeReceived > ago(1d)",
        "union withsource=T SigninLogs, AAD* | summarize count() by T, IPAddress",
        "_GetWatchlist('anything') | project SearchKey, Whatever",
        "_Im_Dns(starttime=ago(1d), responsecodename='NXDOMAIN') | summarize count() by SrcIpAddr",
        "imAuthentication | where EventResult == 'Failure'",
        "SigninLogs | extend S=todynamic(Status) | evaluate bag_unpack(S)",
        "workspace('other').SigninLogs | take 1",
        "search in (SigninLogs, AuditLogs) 'alice'",
    ],
)
def test_what_a_sentinel_workspace_has_binds(analyze, query):
    assert errors(analyze(query)) == []


def test_tables_functions_and_watchlists_of_the_caller_bind(analyze):
    query = """ports() | join kind=inner (Calls_CL) on Port
        | where ['odd name'] in ((_GetWatchlist('VIP') | project Mail))"""
    found = analyze(query, LAB)

    assert errors(found) == []
    assert found.functions == ("ports",)
    assert ("Hits", "long") in (found.columns or ())


def test_a_wrong_column_of_a_functions_result_is_found_through_functions(analyze):
    assert errors(analyze("ports() | where Hit > 1", LAB)) == [("KS142", 1, 17)]
    assert errors(analyze("recent(ago(2d)) | where Nam == ''", LAB)) == [("KS142", 1, 25)]
    assert errors(analyze("all_calls | where Nam == ''", LAB)) == [("KS142", 1, 19)]


def test_a_wrong_column_of_a_known_watchlist_is_found(analyze):
    assert errors(analyze("_GetWatchlist('vip') | where Mial == ''", LAB)) == [("KS142", 1, 30)]


def test_a_table_or_function_that_nobody_knows_is_told_and_assumed(analyze):
    found = analyze("DeviceEvents | where Anything == 1 | join (myParser(x=1)) on DeviceId")

    assert errors(found) == []
    assert [(each.name, each.what, each.start) for each in found.unknown] == [
        ("DeviceEvents", "table", 0),
        ("myParser", "function", 43),
    ]


def test_an_unknown_name_where_no_table_can_stand_stays_an_error(analyze):
    assert errors(analyze("SigninLogs | extend a = missing(1), b = absent")) != []


def test_a_column_that_has_the_name_of_a_table_is_a_column(analyze):
    query = "OfficeThings_CL | where Operation in ('a', 'b') and Usage == 1 | summarize count() by Operation"

    found = analyze(query)

    assert errors(found) == []
    assert found.tables == ()
    assert analyze("SigninLogs | where AppId in (Operation)").tables == ("Operation", "SigninLogs")


def test_a_name_that_nobody_knows_is_no_table_where_a_value_stands(analyze):
    query = "Things_CL | where TimeGenerated > ago(window) and tolower(Name) == 'a'"

    assert [each.name for each in analyze(query).unknown] == ["Things_CL"]


def test_columns_given_to_an_invoked_function_that_nobody_knows_are_not_judged(analyze):
    query = "SigninLogs | invoke FileProfile(UserId, 1000) | where GlobalPrevalence < 100"

    assert errors(analyze(query)) == []
    assert errors(analyze("recent() | invoke ports(Nope)", LAB)) != []


def test_only_what_a_query_names_is_bound(analyze):
    assert analyze("union AWSWAF, AAD*").tables == (
        "AADManagedIdentitySignInLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "AWSWAF",
    )
    assert len(analyze("search 'x'").tables) == len(standard().tables)


def test_names_that_objects_have_in_javascript_are_no_tables(analyze):
    for name in ("constructor", "toString", "__proto__", "hasOwnProperty"):
        assert [each.name for each in analyze(f"{name} | where A == 1").unknown] == [name]
