"""What was prepared once is not translated again, as long as it would see the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import executor as module
from tidewaiter.kql.results import StoredFunction
from tidewaiter.kql.translation import translate
from tidewaiter.lab.workspace import Workspace

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "workspace.duckdb") as workspace:
        yield workspace


@pytest.fixture
def translated(monkeypatch):
    """The queries that were translated, in their order."""
    monkeypatch.setattr(module, "_prepared", {})
    seen: list[str] = []

    def counting(text, *rest, **named):
        seen.append(text.text)
        return translate(text, *rest, **named)

    monkeypatch.setattr(module, "translate", counting)
    return seen


def test_a_query_is_translated_once_for_all_workspaces_with_the_same_tables(workspace, tmp_path, translated):
    first = workspace.executor().prepare("AWSCloudTrail | count")
    with Workspace.open(tmp_path / "another" / "workspace.duckdb") as another:
        assert another.executor().prepare("AWSCloudTrail | count") is first
        assert another.executor().run_prepared(first, now=NOW, parts={}).rows == [(0,)]

    assert translated == ["AWSCloudTrail | count"]


def test_a_changed_table_is_seen(workspace):
    workspace.define_table("Mine_CL", {"A": "string"})
    before = workspace.executor().prepare("Mine_CL | project A")
    workspace.define_table("Mine_CL", {"A": "string", "B": "long"})

    assert workspace.executor().prepare("Mine_CL | project A") is not before
    assert set(workspace.executor().prepare("Mine_CL | project B").columns) == {"B"}
    workspace.drop_table("Mine_CL")
    with pytest.raises(QueryError, match="Mine_CL"):
        workspace.executor().prepare("Mine_CL | project B")


def test_a_changed_function_is_seen():
    functions = {"Mine": StoredFunction("Mine", "print A = 1")}
    with module.Executor(None, {}, functions=functions) as executor:
        assert executor.run_prepared(executor.prepare("Mine"), now=NOW, parts={}).rows == [(1,)]
        functions["Mine"] = StoredFunction("Mine", "print A = 2")
        assert executor.run_prepared(executor.prepare("Mine"), now=NOW, parts={}).rows == [(2,)]


def test_no_more_than_a_few_hundred_are_kept(workspace, translated, monkeypatch):
    monkeypatch.setattr(module, "_MOST_PREPARED", 2)
    for number in (1, 2, 3, 1):
        workspace.executor().prepare(f"print {number}")

    assert len(translated) == 4
    assert len(module._prepared) == 2
