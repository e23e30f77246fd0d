"""What a query may not do unless it is allowed, told from the syntax tree."""

from __future__ import annotations

import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import StoredFunction
from tidewaiter.kql.lint import CONSTRUCTS, refusals, require_safe
from tidewaiter.kql.service import Catalog

REFUSED = [
    ("externaldata(a:string)['https://192.0.2.1/x.csv']", "externaldata"),
    (
        "let f = () { externaldata(a:string)[h'https://192.0.2.1/x.csv'] with(format='csv') }; f | take 1",
        "externaldata",
    ),
    ("SigninLogs | where UserId in ((externaldata(a:string)['https://192.0.2.1/x']))", "externaldata"),
    ("SigninLogs | evaluate bag_unpack(LocationDetails)", "evaluate"),
    ("SigninLogs | evaluate hint.distribution=per_node python(typeof(*), 'x=1')", "evaluate.python"),
    ("evaluate sql_request('Server=192.0.2.1', 'select 1') | project A", "evaluate.sql_request"),
    ("workspace('other').SigninLogs", "workspace"),
    ("union SigninLogs, workspace('other').SigninLogs", "workspace"),
    ("let w = workspace('other').SigninLogs; w | take 1", "workspace"),
    ("['workspace']('other').SigninLogs", "workspace"),
    ("print toscalar(workspace('other').SigninLogs | count)", "workspace"),
    ("SigninLogs | join (app('x').requests) on Id", "app"),
    ("resource('/subscriptions/x').AzureMetrics", "resource"),
    ("adx('https://192.0.2.1/db').T | take 1", "adx"),
    ("arg('').Resources | take 1", "arg"),
    ("cluster('192.0.2.1').database('d').T", "cluster"),
    ("database('other').T | take 1", "database"),
    ("alias database d = cluster('192.0.2.1').database('d'); database('d').T", "cluster"),
    ("external_table('files') | take 1", "external_table"),
    ("stored_query_result('old')", "stored_query_result"),
    ("macro-expand entity_group [cluster('a').database('b')] as X (X.T)", "macro-expand"),
]

ALLOWED = [
    "print 'externaldata(a:string) workspace(\"x\") evaluate python(1)'",
    "// workspace('x').T\nSigninLogs | take 1",
    "SigninLogs | project workspace = 1, cluster = 2, evaluated = 3",
    "SigninLogs | extend database = UserId | where database == 'a'",
    "SigninLogs | where TimeGenerated > ago(1d) | as externaldatas | take 1",
]


@pytest.fixture
def analyzed(service):
    return lambda query, catalog=None: service.analyze(query, catalog, tree=True)


@pytest.mark.parametrize(("query", "name"), REFUSED)
def test_what_leads_out_is_refused_by_its_name_and_can_be_allowed_by_it(analyzed, query, name):
    analysis = analyzed(query)
    construct = name.partition(".")[0]

    assert construct in [each.rule for each in refusals(analysis)]
    with pytest.raises(QueryError, match="line 1, column"):
        require_safe(analysis)
    assert construct not in [each.rule for each in refusals(analysis, {name})]


@pytest.mark.parametrize("query", ALLOWED)
def test_names_in_strings_comments_and_columns_are_only_names(analyzed, query):
    assert refusals(analyzed(query)) == []
    require_safe(analyzed(query))


def test_allowing_plugins_that_compute_does_not_allow_those_that_run_code(analyzed):
    assert refusals(analyzed("SigninLogs | evaluate pivot(UserId)"), {"evaluate"}) == []
    assert refusals(analyzed("SigninLogs | evaluate r(typeof(*), 'x')"), {"evaluate"}) != []
    assert refusals(analyzed("SigninLogs | evaluate never_heard_of(1)"), {"evaluate"}) != []


def test_every_construct_is_tried():
    assert {name.partition(".")[0] for _, name in REFUSED} == CONSTRUCTS.keys()


def test_a_text_that_does_not_parse_is_never_safe(analyzed):
    with pytest.raises(QueryError, match="line 1, column 14"):
        require_safe(analyzed("SigninLogs | workspac ("))


def test_stored_functions_are_looked_into_as_deep_as_they_call(found):
    catalog = Catalog(
        {"T_CL": {"A": "long"}},
        functions={
            "outer_f": StoredFunction("outer_f", "inner_f() | take 1"),
            "inner_f": StoredFunction("inner_f", "externaldata(A:long)['https://192.0.2.1/x']"),
            "round_a": StoredFunction("round_a", "round_b"),
            "round_b": StoredFunction("round_b", "union T_CL, round_a"),
        },
    )

    (refused,) = [each for each in found("T_CL | union outer_f", catalog) if each.kind == "safety"]

    assert (refused.rule, refused.column) == ("externaldata", 14)
    assert "outer_f, by inner_f, uses" in refused.message
    assert [
        each for each in found("outer_f", catalog, allowed={"externaldata"}) if each.kind == "safety"
    ] == []
    assert [each for each in found("round_a", catalog) if each.kind == "safety"] == []
