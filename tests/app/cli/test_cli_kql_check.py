"""`kql check`: queries, files and folders in; findings with places out."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest

from tidewaiter.lab.workspace import Item, SavedSearch, Watchlist, Workspace

GOOD = "SigninLogs | where TimeGenerated > ago(1d) | summarize count() by UserPrincipalName"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    now = datetime(2026, 3, 17, tzinfo=UTC)
    query = "Mine_CL | where Port == port"
    search = SavedSearch(
        id="one", category="c", display_name="d", query=query, alias="OnPort", parameters="port:int=1"
    )
    watchlist = Watchlist(
        alias="hosts", id="w", display_name="Hosts", provider="p", search_key="Host",
        created=now, updated=now, etag="e", columns=("Host",),
    )  # fmt: skip
    with Workspace.open(folder / "lab" / "workspace.duckdb") as workspace:
        workspace.define_table("Mine_CL", {"TimeGenerated": "datetime", "Port": "int"})
        workspace.searches.put(search)
        workspace.watchlists.put(watchlist, [Item("1", {"Host": "h1"}, now, now, "e")])
    return folder


def test_a_query_without_findings_says_nothing_on_stdout(cli):
    said = cli("kql", "check", GOOD)

    assert (said.code, said.out) == (0, "")
    assert "1 query: nothing to say" in said.err


def test_a_finding_has_its_place_severity_rule_and_what_to_write(cli):
    said = cli("kql", "check", f"{GOOD}, Nope\n| where UserPrincipalName == 'a'")

    assert said.code == 3
    assert said.out.splitlines() == [
        "query:1:86: error KS142: The name 'Nope' does not refer to any known column, table, variable "
        "or function.",
        "query:2:9: suggestion late-filter: this filter stands behind summarize, "
        "which works on rows that are then thrown away",
        "    write `| where UserPrincipalName == 'a'` before the summarize of line 1",
    ]
    assert "1 query: 1 error, 1 suggestion" in said.err


def test_json_has_one_object_for_each_finding(cli):
    said = cli("kql", "check", "--json", f"{GOOD} | where Hits > 1")

    (finding,) = said.json
    assert said.code == 3
    assert finding == {
        "path": "query", "line": 1, "column": 93, "length": 4, "severity": "error", "kind": "names",
        "rule": "KS142", "hint": "",
        "message": "The name 'Hits' does not refer to any known column, table, variable or function.",
    }  # fmt: skip


def test_suggestions_count_only_when_they_are_asked_to(cli):
    query = f"{GOOD} | where UserPrincipalName contains 'admin'"

    assert cli("kql", "check", query).code == 0
    assert cli("kql", "check", "--strict", query).code == 3
    assert cli("kql", "check", "--strict", "--no-cost", query).code == 0


def test_a_query_may_come_by_stdin(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SigninLogs | wher x"))

    said = cli("kql", "check", "-")

    assert said.code == 3
    assert "query:1:14: error KS176" in said.out


def test_a_folder_is_checked_with_the_places_of_its_files(cli, tmp_path):
    (tmp_path / "hunts").mkdir()
    (tmp_path / "hunts" / "a.md").write_text(f"# A\n\n```kql\n{GOOD}\n| where Nope == 1\n```\n")
    (tmp_path / "rule.yaml").write_text(
        "name: r\nqueryPeriod: 1h\nquery: |\n    SigninLogs\n    | summarize count() by Nop\n"
    )
    (tmp_path / "two.kql").write_text(f"{GOOD}\n\n{GOOD}\n| where Nay == 1\n")

    said = cli("kql", "check", tmp_path)

    places = [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in said.out.splitlines()]
    assert places == ["hunts/a.md:5:9", "rule.yaml:5:28", "two.kql:4:9"]
    assert "4 queries: 3 errors" in said.err


def test_against_a_lab_its_tables_functions_and_watchlists_are_all_there_is(cli, state):
    join = "join kind=inner (_GetWatchlist('hosts')) on $left.Port == $right"
    query = f"OnPort(2) | where TimeGenerated > ago(1d) | {join}.Host"
    wrong = f"OnPort(2) | where Prt == 1 | {join}.Hst"

    assert "KS142" not in cli("kql", "check", "--state", state, query).out
    said = cli("kql", "check", "--state", state, wrong)
    assert said.out.count("error KS142") == 2
    assert (
        "error unknown-table: there is no table 'Elsewhere_CL'"
        in cli("kql", "check", "--state", state, "Elsewhere_CL | take 1").out
    )


def test_tables_that_are_not_known_are_told_once_and_are_no_fault(cli, tmp_path):
    (tmp_path / "a.kql").write_text("Device_CL | take 1")
    (tmp_path / "b.kql").write_text("Device_CL | where X == 1")

    said = cli("kql", "check", tmp_path)

    assert (said.code, said.out) == (0, "")
    assert "not known here, so their columns were not checked: Device_CL (2)" in said.err
    assert "next: give their columns with --schema" in said.err


def test_columns_of_more_tables_can_be_given(cli, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text('{"Device_CL": {"TimeGenerated": "datetime", "Name": "string"}}')
    query = "Device_CL | where TimeGenerated > ago(1d) and Nam == 'x'"

    said = cli("kql", "check", "--schema", schema, query)

    assert said.code == 3
    assert "query:1:47: error KS142" in said.out
    assert "did you mean 'Name'?" in said.out


@pytest.mark.parametrize(
    ("content", "message"),
    [("[1]", "not a file of schemas"), ('{"T": {"A": "text"}}', "T.A has the unknown type 'text'")],
)
def test_a_file_of_schemas_that_is_wrong_is_named(cli, tmp_path, content, message):
    schema = tmp_path / "schema.json"
    schema.write_text(content)

    said = cli("kql", "check", "--schema", schema, "print 1")

    assert said.code == 4
    assert message in said.err
    assert "next:" in said.err


def test_what_leads_out_is_refused_unless_an_option_or_a_setting_allows_it(cli, tmp_path):
    query = (
        "workspace('other').SigninLogs | where TimeGenerated > ago(1d) | evaluate bag_unpack(LocationDetails)"
    )
    settings = tmp_path / "tidewaiter.toml"
    settings.write_text('[kql]\nallow = ["workspace"]\n')

    assert cli("kql", "check", query).code == 3
    assert cli("kql", "check", "--allow", "workspace", "--allow", "evaluate", query).code == 0
    assert cli("kql", "check", "--config", settings, "--allow", "evaluate", query).code == 0
    said = cli("kql", "check", "--config", settings, query)
    assert "error evaluate: evaluate bag_unpack runs a plugin" in said.out
    assert "workspace" not in said.out


def test_a_name_that_allows_nothing_is_a_wrong_command_line(cli):
    said = cli("kql", "check", "--allow", "everything", "print 1")

    assert said.code == 2
    assert "nothing is allowed by the name 'everything'" in said.err
    assert "known are" in said.err


def test_a_path_that_is_not_there_is_no_query(cli, tmp_path):
    assert "no such file" in cli("kql", "check", tmp_path / "absent.kql").err
    assert cli("kql", "check", tmp_path / "absent.kql").code == 2
    (tmp_path / "empty").mkdir()
    assert "no query in" in cli("kql", "check", tmp_path / "empty").err


def test_a_hostile_file_name_and_message_cannot_move_the_cursor(cli, tmp_path):
    (tmp_path / "a\x1b[2Jb.kql").write_text("print a = \x1b[31mnope")

    said = cli("kql", "check", tmp_path)

    assert said.code == 3
    assert "\x1b" not in said.out + said.err


def test_without_node_or_the_parser_the_next_step_is_named(cli, monkeypatch, tmp_path):
    from tidewaiter.kql.lint import checking
    from tidewaiter.kql.service import LanguageService, Paths

    absent = LanguageService(Paths(tmp_path / "node", tmp_path / "library", tmp_path / "blob"))
    monkeypatch.setattr(checking, "language_service", lambda: absent)

    said = cli("kql", "check", "print 1")

    assert said.code == 4
    assert "node is missing, which runs Microsoft's KQL parser" in said.err
    assert "next: run `make setup`" in said.err
