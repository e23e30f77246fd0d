from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tidewaiter.kql import Executor, QueryResult

NOW = datetime(2024, 1, 4, tzinfo=UTC)

SCHEMAS = {
    "Calls": {
        "Id": "long",
        "Name": "string",
        "At": "datetime",
        "Data": "dynamic",
        "Port": "int",
        "Score": "real",
        "Ok": "bool",
    },
    "People": {"Key": "long", "Name": "string", "Title": "string"},
    "Tags": {"Id": "string", "Tag": "string"},
}

ROWS = """
CREATE TABLE Calls("Id" BIGINT, "Name" VARCHAR, "At" TIMESTAMP, "Data" JSON, "Port" INTEGER, "Score" DOUBLE,
    "Ok" BOOLEAN);
INSERT INTO Calls VALUES
    (1, 'alpha beta', '2024-01-01 00:00:00', '{"k": {"v": [1, "x"]}, "e": ""}', 5, 1.5, true),
    (2, 'Gamma_delta', '2024-01-02 12:34:56.123456', '{"k": 2}', 6, 2.5, false),
    (3, '', NULL, NULL, NULL, NULL, NULL),
    (4, '10.0.0.1', '2024-01-03 00:00:00', '[1, 2, 2]', 70000, 0.1, true);
CREATE TABLE People("Key" BIGINT, "Name" VARCHAR, "Title" VARCHAR);
INSERT INTO People VALUES (1, 'alpha beta', 'one'), (1, 'x', 'uno'), (9, 'q', 'nine');
CREATE TABLE Tags("Id" VARCHAR, "Tag" VARCHAR);
INSERT INTO Tags VALUES ('a', 'red');
CREATE SCHEMA tidewaiter;
CREATE TABLE tidewaiter._batches(secret VARCHAR);
CREATE TABLE Hidden(secret VARCHAR);
"""


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kql") / "small.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(ROWS)
    return path


@pytest.fixture(scope="session")
def executor(database: Path) -> Iterator[Executor]:
    with Executor(database, SCHEMAS) as executor:
        yield executor


@pytest.fixture(scope="session")
def run(executor: Executor):
    def run(query: str) -> QueryResult:
        return executor.run(query, now=NOW)

    return run
