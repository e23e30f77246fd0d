from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor, literal, open_locked
from tidewaiter.kql import executor as executor_module
from tidewaiter.kql.translation import Statement

TRICKS = [
    "'; DROP TABLE Calls; --",
    '"; DROP TABLE Calls; --',
    "') UNION SELECT secret FROM Hidden --",
    "\" FROM read_csv('/etc/passwd') --",
    "]; .drop table Calls",
    "\\'; ATTACH '/tmp/x.db'; --",
    "$kqlnow {0} {} %s ? :a",
    "x'||(SELECT secret FROM Hidden)||'",
    "/* */ -- \n ;",
    "\0'; DROP TABLE Calls",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_sql_in_a_string_stays_a_string(run, trick):
    written = literal(trick)
    assert run(f"print x = {written}").rows == [(trick,)]
    assert run(f"Calls | where Name == {written} or Name has {written} or Name contains {written}").rows == []
    assert run(f"Calls | where Name in ({written}) or Name has_any ({written}, {written})").rows == []
    assert run(f"Calls | where Data[{written}] == {written}").rows == []
    assert (
        run(f"Calls | take 1 | extend x = replace_string({written}, 'no such', {written})").rows[0][-1]
        == trick
    )
    assert run(f"Calls | parse Name with * {written} rest | where rest != ''").rows == []
    assert run("Calls | count").rows == [(4,)]


@pytest.mark.parametrize("trick", [trick for trick in TRICKS if "\0" not in trick])
def test_sql_in_a_name_stays_a_name(run, trick):
    name = f"[{literal(trick)}]"
    result = run(f"Calls | take 1 | extend {name} = 1 | project {name} | project-rename X = {name}")
    assert result.rows == [(1,)]
    assert run(f"datatable({name}: long)[1] | summarize sum({name}) by {name}").columns[0].name == trick
    assert run(f"let {name} = Calls | take 1; {name} | count").rows == [(1,)]
    assert run("Calls | count").rows == [(4,)]


@pytest.mark.parametrize(
    "name",
    [
        "Hidden",
        "tidewaiter._batches",
        "main.Calls",
        "information_schema.tables",
        "duckdb_settings()",
        "read_csv('/etc/passwd')",
        "/etc/passwd",
        "sqlite_master",
        "pg_catalog.pg_class",
        'Calls" UNION SELECT * FROM Hidden --',
    ],
)
def test_only_the_workspaces_tables_exist(run, name):
    with pytest.raises(QueryError, match="unknown table"):
        run(f"[{literal(name)}] | count")


@pytest.mark.parametrize(
    "call",
    ["read_csv('/etc/passwd')", "read_text('/etc/passwd')", "getenv('HOME')", "current_setting('threads')"],
)
def test_sql_functions_are_no_kql_functions(run, call):
    with pytest.raises(QueryError, match=call.partition("(")[0]):
        run(f"Calls | extend x = {call}")


@pytest.fixture
def connection(database: Path):
    with open_locked(database) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/passwd'",
        "COPY Calls TO '/tmp/tidewaiter-escape.csv'",
        "ATTACH '/tmp/tidewaiter-escape.duckdb'",
        "EXPORT DATABASE '/tmp/tidewaiter-escape'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE X(a INTEGER)",
        "DROP TABLE Calls",
        "DELETE FROM Calls",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '99GB'",
        "SET TimeZone = 'Europe/Berlin'",
    ],
)
def test_a_locked_connection_refuses_what_leads_out_even_to_plain_sql(connection, statement):
    with pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_a_locked_connection_does_not_see_python_variables(connection):
    numbers = pl.DataFrame({"a": [1]})
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM numbers")
    assert len(numbers) == 1


def test_two_locked_connections_to_one_file_live_side_by_side(database: Path, connection):
    with open_locked(database) as other:
        for each in (connection, other):
            assert each.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def test_a_query_cannot_become_two_statements(database: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        executor_module, "translate", lambda *_, **__: Statement("SELECT 1; DROP TABLE Calls", {})
    )
    with Executor(database, {}) as executor, pytest.raises(RuntimeError, match="one SELECT"):
        executor.run("print 1")


def test_importing_the_package_loads_neither_duckdb_nor_the_parser():
    code = (
        "import sys, tidewaiter.kql; from tidewaiter.kql import literal, Limits; "
        "assert not {'duckdb', 'duckdb_kql', 'antlr4', 'polars'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
