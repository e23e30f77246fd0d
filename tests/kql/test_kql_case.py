"""Names that differ only in case are two names to KQL, and one to DuckDB."""

# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import duckdb
import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor

SCHEMAS = {
    "SignIns": {"Id": "long", "IPAddress": "string"},
    "Risks": {"Id": "long", "IpAddress": "string"},
}


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path = tmp_path_factory.mktemp("kql") / "case.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE TABLE SignIns(Id BIGINT, IPAddress VARCHAR); INSERT INTO SignIns VALUES (1, 'i'), (2, 'j');
            CREATE TABLE Risks(Id BIGINT, IpAddress VARCHAR); INSERT INTO Risks VALUES (1, 'r');
        """)
    with Executor(path, SCHEMAS) as executor:
        yield executor


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        ("SignIns | extend ipaddress = 'x' | where Id == 1", ["Id", "IPAddress", "ipaddress"], [(1, "i", "x")]),
        ("SignIns | extend id = Id + 10, ID = Id + 20 | project ID, id, Id | where Id == 1", ["ID", "id", "Id"], [(21, 11, 1)]),
        ("SignIns | join kind=inner Risks on Id", ["Id", "IPAddress", "Id1", "IpAddress"], [(1, "i", 1, "r")]),
        ("Risks | join kind=leftouter SignIns on Id | project IpAddress, IPAddress", ["IpAddress", "IPAddress"], [("r", "i")]),
        ("union SignIns, Risks | where Id == 1 | sort by IPAddress desc", ["Id", "IPAddress", "IpAddress"], [(1, "i", ""), (1, "", "r")]),
        ("union * | where Id == 1 | summarize c = countif(isempty(IpAddress)), C = countif(isempty(IPAddress))", ["c", "C"], [(1, 1)]),
        ("SignIns | summarize id = max(Id) by Id | where id == 2", ["Id", "id"], [(2, 2)]),
        ("SignIns | project-rename id = Id | extend Id = 5 | where id == 1 | project-away IPAddress", ["id", "Id"], [(1, 5)]),
        ("SignIns | extend ipAddress = 'y' | project ipAddress | distinct ipAddress", ["ipAddress"], [("y",)]),
        ("SignIns | extend d = dynamic({'A': 1}), D = 'x' | mv-expand a = d.A | project a, D | take 1", ["a", "D"], [("1", "x")]),
        ("print foo = 1 | extend Foo = foo + 100 | project foo, Foo", ["foo", "Foo"], [(1, 101)]),
        ("datatable(Foo: long, foo: long)[1, 2] | project foo", ["foo"], [(2,)]),
        ("SignIns | where Id == 1 | extend id = 5 | getschema | project ColumnName", ["ColumnName"], [("Id",), ("IPAddress",), ("id",)]),
        ("print s = 'x y', NAME = 1 | parse s with name ' ' Name | project NAME, name, Name", ["NAME", "name", "Name"], [(1, "x", "y")]),
        ("SignIns | extend id = 5, s = 'a=7' | parse-where s with * '=' ID: long | where Id == 1 | project Id, id, ID", ["Id", "id", "ID"], [(1, 5, 7)]),
        ("SignIns | extend id = 5, ID = 6 | summarize arg_max(IPAddress, *) by Id | where Id == 2 | project Id, id, ID", ["Id", "id", "ID"], [(2, 5, 6)]),
        ("let id = 7; SignIns | where Id == 1 | extend ID = id", ["Id", "IPAddress", "ID"], [(1, "i", 7)]),
        ("let signins = SignIns | where Id == 2; signins | join (SignIns) on Id | project Id", ["Id"], [(2,)]),
        ("SignIns | where Id == 1 | extend id = 3 | project pack_all()", ["Column1"], [('{"Id":1,"IPAddress":"i","id":3}',)]),
    ],
)  # fmt: skip
def test_names_that_differ_only_in_case_are_two_columns(executor, query, columns, rows):
    result = executor.run(query)

    assert [column.name for column in result.columns] == columns
    assert result.rows == rows


def test_a_name_of_another_case_is_no_column(executor):
    with pytest.raises(QueryError, match="unknown column 'ipaddress'"):
        executor.run("SignIns | where ipaddress == 'i'")
    with pytest.raises(QueryError, match="unknown column 'IPAddress'"):
        executor.run("Risks | extend ipAddress = IPAddress")


def test_what_does_not_fit_is_told_with_the_name_as_it_is_spelt(executor):
    with pytest.raises(QueryError, match="types do not fit") as caught:
        executor.run("SignIns | extend ipaddress = dynamic([1]) | extend x = ipaddress - 'a'")

    assert "\u2063" not in str(caught.value)


def test_a_prepared_query_tells_its_columns_as_they_are_spelt(executor):
    prepared = executor.prepare("SignIns | extend id = tostring(Id)")

    assert prepared.columns == {"Id": "long", "IPAddress": "string", "id": "string"}
