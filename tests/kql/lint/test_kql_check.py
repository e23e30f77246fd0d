"""All that `check` says of one query."""

from __future__ import annotations

import pytest

from tidewaiter.kql.service import Catalog


def test_findings_come_in_the_order_of_the_text_whoever_made_them(found):
    query = "SigninLogs | where Nope == 1 | evaluate bag_unpack(LocationDetails) | where AppId contains 'abc'"

    kinds = [(each.kind, each.rule) for each in found(query)]

    assert kinds[0] == ("cost", "no-time-filter")
    assert ("names", "KS142") in kinds
    assert ("safety", "evaluate") in kinds
    assert kinds[-1] == ("cost", "contains-for-has")


def test_of_a_query_that_does_not_parse_only_that_is_told(found):
    findings = found("SigninLogs | where Nope == | summarize")

    assert {each.kind for each in findings} == {"syntax"}
    assert findings[0].rule.startswith("KS")


@pytest.mark.parametrize(
    ("query", "rule"),
    [("", "empty"), (" // only a comment\n", "empty"), ("// a comment\n.show tables", "control-command")],
)
def test_what_is_no_query_is_called_so(rules, query, rule):
    assert rules(query) == [rule]


def test_a_table_with_a_slip_of_the_pen_is_an_error_with_the_right_name(found):
    (slip,) = found("SignInLogs | take 1")
    (strange,) = found("DeviceProcessEvents | take 1")

    assert (slip.severity, slip.hint) == ("error", "did you mean 'SigninLogs'? names are case-sensitive")
    assert strange.severity == "note"
    assert "not checked" in strange.message


def test_in_a_catalog_that_is_complete_what_it_lacks_does_not_exist(found):
    (missing,) = found("Other_CL | take 1", Catalog({"T_CL": {"A": "long"}}, complete=True))

    assert (missing.rule, missing.severity) == ("unknown-table", "error")


def test_microsofts_diagnostics_keep_their_codes_and_words(found):
    (told,) = found("print a = tostrin(1)")

    assert (told.rule, told.line, told.column) == ("KS211", 1, 11)
    assert told.message == "The name 'tostrin' does not refer to any known function."
