"""The cost lint: what each rule finds, and the look-alikes that it leaves alone."""

from __future__ import annotations

import pytest

from tidewaiter.kql.lint import cost_rules
from tidewaiter.kql.service import Catalog

DAY = "where TimeGenerated > ago(1d)"
S = f"SigninLogs | {DAY}"
A = f"AuditLogs | {DAY}"
R = f"({A} | project CorrelationId, Result) on CorrelationId"

HITS = {
    "no-time-filter": [
        "SigninLogs | where ResultType == 0 | summarize count()",
        "SigninLogs",
        f"SigninLogs | summarize Last=max(TimeGenerated) by UserId | {DAY.replace('TimeGenerated', 'Last')}",
        f"union SigninLogs, ({A})",
        f"{S} | join kind=inner (AuditLogs | where Result == 'success' | project Id) on Id",
        "let all = SigninLogs | where ResultType == 0; all | summarize count()",
        f"let all = SigninLogs; union (all | {DAY}), all | summarize count()",
        "union SigninLogs, AuditLogs | summarize count()",
    ],
    "late-filter": [
        f"{S} | summarize Hits=count() by UserPrincipalName | where UserPrincipalName == 'a' and Hits > 3",
        f"{S} | mv-expand P=todynamic(Status) | where P == 'a' and ResultType == 0",
        f"{S} | join kind=inner {R} | where AppDisplayName == 'a'",
        f"{S} | join {R} | where Result == 'a'",
        f"{S} | join kind=leftouter {R} | where ResultType == 1",
        f"{S} | sort by TimeGenerated desc | where ResultType == 0 | take 5",
        f"{S} | distinct UserPrincipalName, IPAddress | where IPAddress == '1.2.3.4'",
        f"{S} | summarize count() by UserId | extend Big = count_ > 3 | where UserId == 'a'",
    ],
    "unbounded-join": [
        f"{S} | join kind=inner AuditLogs on CorrelationId | {DAY} | count",
        f"let all = AuditLogs; {S} | join kind=leftanti (all | extend X = 1) on CorrelationId | {DAY}",
        f"{S} | lookup (IdentityInfo) on $left.UserId == $right.AccountObjectId | {DAY} | count",
    ],
    "wide-join": [
        f"{S} | join kind=inner ({A}) on CorrelationId",
        f"{S} | lookup ({A} | extend X=1) on CorrelationId",
    ],
    "reads-everything": [
        "search 'x'",
        "search in (*) 'x'",
        "find where UserId == 'x'",
        f"union * | {DAY} | take 1",
    ],
    "unbounded-sort": [f"{S} | sort by TimeGenerated", f"{S} | extend X = 1 | order by X | project X"],
    "useless-sort": [
        f"{S} | sort by TimeGenerated | summarize count() by UserId",
        f"{S} | sort by UserId | sort by TimeGenerated | take 3",
    ],
    "group-by-instant": [f"{S} | summarize count() by TimeGenerated, UserId"],
    "contains-for-has": [
        f"{S} | where UserPrincipalName contains 'admin'",
        f'{S} | where UserPrincipalName !contains_cs "power.user"',
    ],
    "regex-for-string": [
        f"{S} | where UserAgent matches regex 'curl'",
        f"{S} | where UserAgent matches regex @'^curl.*'",
        f"{S} | where UserAgent matches regex '(?i)(curl|wget)'",
    ],
    "folded-compare": [
        f"{S} | where tolower(UserPrincipalName) == 'a@b.c'",
        f"{S} | where toupper(UserId) != 'A'",
    ],
}

MISSES = {
    "no-time-filter": [
        S,
        "SigninLogs | where TimeGenerated between (ago(2d) .. ago(1d)) and ResultType == 0",
        "SigninLogs | where ResultType == 0 | extend X = 1 | where TimeGenerated > ago(1d)",
        "SigninLogs | where ingestion_time() > ago(1h)",
        "SigninLogs | where CreatedDateTime > ago(1h)",
        "SigninLogs | take 10",
        f"union SigninLogs, AuditLogs | {DAY}",
        f"let all = SigninLogs | where ResultType == 0; all | {DAY} | summarize count()",
        "SigninLogs | make-series count() on TimeGenerated from ago(7d) to now() step 1d",
        "Watchlist | where WatchlistAlias == 'vip'",
        "print 1",
        "datatable(A:long)[1, 2] | where A == 1",
    ],
    "late-filter": [
        f"{S} | summarize Hits=count() by UserId | where Hits > 3",
        f"{S} | summarize UserId=max(UserId) by AppId | where UserId == 'a'",
        f"{S} | mv-expand P=todynamic(Status) | where P == 'a'",
        f"{S} | extend P=todynamic(Status) | mv-expand P | where P == 'a'",
        f"{S} | mv-expand with_itemindex=N P=todynamic(Status) | where N == 0",
        # The default join keeps any one row of each key on its left: a filter before it changes which.
        f"{S} | join {R} | where AppDisplayName == 'a'",
        f"{S} | join kind=leftouter {R} | where Result == 'a'",
        f"{S} | join kind=inner ({S} | project CorrelationId, UserId) on CorrelationId | where UserId == 'a'",
        f"{S} | sort by TimeGenerated asc | where UserId != prev(UserId) | take 5",
        f"{S} | sort by TimeGenerated asc | extend N=row_number() | where UserId == 'a' | take 5",
        f"{S} | summarize count() by UserId | extend UserId=tolower(UserId) | where UserId == 'a'",
        f"{S} | top 5 by TimeGenerated | where UserId == 'a'",
        f"{S} | where ResultType == 0 | extend X=1 | where UserId == 'a'",
    ],
    "unbounded-join": [
        f"{S} | join kind=inner ({A} | project CorrelationId) on CorrelationId",
        f"{S} | join kind=inner (_GetWatchlist('vip')) on $left.UserId == $right.SearchKey",
        f"let few = {A} | distinct CorrelationId; {S} | join kind=inner few on CorrelationId",
    ],
    "wide-join": [
        f"{S} | join kind=inner {R}",
        f"{S} | join kind=leftanti ({A}) on CorrelationId",
        f"{S} | join kind=inner ({A}) on CorrelationId | project UserId, Result",
    ],
    "reads-everything": [
        "search in (SigninLogs) TimeGenerated > ago(1d) and 'x'",
        f"union AWS* | {DAY}",
        f"{S} | search 'x'",
    ],
    "unbounded-sort": [
        f"{S} | sort by TimeGenerated | take 10",
        f"{S} | top 10 by TimeGenerated",
        f"{S} | summarize count() by UserId | sort by count_",
        f"{S} | sort by TimeGenerated asc | extend Before=prev(UserId)",
    ],
    "useless-sort": [
        f"{S} | sort by TimeGenerated asc | summarize make_list(UserId)",
        f"{S} | sort by TimeGenerated asc | take 5 | summarize count()",
    ],
    "group-by-instant": [f"{S} | summarize count() by bin(TimeGenerated, 1h)"],
    "contains-for-has": [
        f"{S} | where UserPrincipalName has 'admin'",
        f"{S} | where UserPrincipalName contains 'ad'",
        f"{S} | where UserPrincipalName contains '@evil.'",
        f"{S} | where UserPrincipalName contains UserId",
        f"{S} | where UserPrincipalName == \"x contains 'admin'\"",
    ],
    "regex-for-string": [
        f"{S} | where UserAgent matches regex @'curl/\\d+'",
        f"{S} | where UserAgent matches regex '^[a-z]{{8}}$'",
        f"{S} | where UserAgent matches regex strcat('a', UserId)",
    ],
    "folded-compare": [
        f"{S} | where UserPrincipalName =~ 'a@b.c'",
        f"{S} | where tolower(UserId) == tolower(Id)",
    ],
}


def cases(of: dict[str, list[str]]):
    return [
        pytest.param(rule, query, id=f"{rule}-{number}")
        for rule in of
        for number, query in enumerate(of[rule])
    ]


@pytest.mark.parametrize(("rule", "query"), cases(HITS))
def test_a_rule_finds_what_it_is_for(found, rule, query):
    findings = found(query)

    assert [each for each in findings if each.severity == "error"] == [], "the query itself is right"
    assert rule in [each.rule for each in findings]


@pytest.mark.parametrize(("rule", "query"), cases(MISSES))
def test_a_rule_leaves_its_look_alikes_alone(found, rule, query):
    findings = found(query)

    assert [each for each in findings if each.severity == "error"] == [], "the query itself is right"
    assert rule not in [each.rule for each in findings]


def test_every_rule_has_hits_and_misses():
    ids = {rule.id for rule in cost_rules()}

    assert ids == HITS.keys() == MISSES.keys()


def test_a_finding_has_its_place_what_is_the_matter_and_what_to_write(found):
    query = f"{S}\n| summarize Hits=count() by UserId\n| where Hits > 3 and UserId == 'a'"

    (late,) = found(query)

    assert (late.rule, late.line, late.column) == ("late-filter", 3, 22)
    assert query[late.start : late.end] == "UserId == 'a'"
    assert "summarize" in late.message
    assert late.hint == "write `| where UserId == 'a'` before the summarize of line 2"


def test_the_query_of_a_rule_is_bounded_by_the_rule(rules):
    assert rules("SigninLogs | summarize count()", windowed=True) == []


def test_tables_whose_columns_nobody_knows_are_not_judged_by_time(rules):
    assert rules("Unheard_CL | where A == 1") == ["unknown-table"]
    assert rules("Known_CL | where A == 1", Catalog({"Known_CL": {"A": "long"}})) == []
