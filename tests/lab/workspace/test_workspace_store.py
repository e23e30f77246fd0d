from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tidewaiter.asim.schema import tables
from tidewaiter.core.errors import ContentError, DeliveryError, NotExecutable, QueryError, StateError
from tidewaiter.lab.workspace import StagedRows, Workspace

from .conftest import AUDIT, NETWORK


def in_another_process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_workspace_has_every_table_with_its_columns_and_types(workspace: Workspace):
    executor = workspace.executor()
    for name, table in tables().items():
        schema = executor.run(f"{name} | getschema | project ColumnName, ColumnType").rows
        assert schema == list(table.columns.items())


def test_a_filled_table_keeps_its_columns_and_types_in_order(workspace: Workspace, stage):
    workspace.ingest("1", [stage([({"Operation": "x"}, "{}")])])
    workspace.ingest("2", [stage([({"ActorUsername": "y", "EventCount": 1}, None)])])
    schema = workspace.executor().run(f"{AUDIT} | getschema | project ColumnName, ColumnType").rows
    assert schema == list(tables()[AUDIT].columns.items())


def test_a_batch_is_loaded_once(workspace: Workspace, stage):
    staged = [stage([({"Operation": "x"}, None)] * 3)]
    assert workspace.ingest("b", staged) == {AUDIT: 3}
    assert workspace.ingest("b", staged) == {AUDIT: 3}
    assert workspace.counts() == {AUDIT: 3}
    assert workspace.holds("b")
    assert not workspace.holds("c")


def test_a_batch_is_remembered_after_the_workspace_was_closed(path: Path, stage):
    staged = [stage([({"Operation": "x"}, None)])]
    for _ in range(2):
        with Workspace.open(path) as workspace:
            assert workspace.ingest("b", staged) == {AUDIT: 1}
            assert workspace.counts() == {AUDIT: 1}


def test_a_batch_may_fill_several_tables_from_several_files(workspace: Workspace, stage, stage_columns):
    frame = pl.DataFrame({"TimeGenerated": [datetime(2024, 3, 1)] * 5})
    staged = [
        stage([({"Operation": "x"}, None)]),
        stage([({"ActorUsername": "y"}, "{}")]),
        stage_columns(frame),
        stage([({"TargetUsername": "z"}, None)], table="ASimAuthenticationEventLogs"),
    ]
    counts = {AUDIT: 2, "ASimAuthenticationEventLogs": 1, NETWORK: 5}
    assert workspace.ingest("b", staged) == counts
    assert workspace.counts() == counts


def test_an_empty_batch_and_an_empty_file_are_no_error(workspace: Workspace, stage_columns):
    empty = pl.DataFrame(schema={"TimeGenerated": pl.Datetime("us")})
    assert workspace.ingest("a", []) == {}
    assert workspace.ingest("b", [stage_columns(empty)]) == {NETWORK: 0}
    assert workspace.counts() == {}


def test_the_streams_clock_is_the_latest_time_of_all_tables(workspace: Workspace, stage, stage_columns):
    assert workspace.stream_time() is None
    workspace.ingest("a", [stage([({"TimeGenerated": "2024-01-05T00:00:00Z"}, None), ({}, None)])])
    workspace.ingest("b", [stage_columns(pl.DataFrame({"TimeGenerated": [datetime(2024, 1, 4)]}))])
    assert workspace.stream_time() == datetime(2024, 1, 5, tzinfo=UTC)


def test_rows_of_an_unknown_table_are_an_error(workspace: Workspace):
    with pytest.raises(ContentError):
        next(workspace.rows("Nonsense"))


def test_a_query_sees_what_was_ingested_before_and_after_it(workspace: Workspace, stage):
    executor = workspace.executor()
    for number in range(1, 4):
        workspace.ingest(str(number), [stage([({"Operation": "x"}, None)])])
        assert executor.run(f"{AUDIT} | count").rows == [(number,)]
        assert workspace.counts() == {AUDIT: number}


def test_a_query_does_not_see_how_the_workspace_keeps_its_books(workspace: Workspace, stage):
    workspace.ingest("b", [stage([({"Operation": "x"}, None)])])
    executor = workspace.executor()
    for name in ("_batches", "_meta", "tidewaiter._batches", f"tidewaiter.{AUDIT}"):
        with pytest.raises(QueryError, match="unknown table"):
            executor.run(f"['{name}'] | count")
    with pytest.raises(NotExecutable, match="database"):
        executor.run("database('tidewaiter')._batches")


def test_a_closed_workspace_lets_another_process_query(path: Path, stage):
    with Workspace.open(path) as workspace:
        workspace.ingest("b", [stage([({"Operation": "x"}, None)])])
    code = """
        import sys
        from pathlib import Path
        from tidewaiter.lab.workspace import Workspace
        with Workspace.open(Path(sys.argv[1]), read_only=True) as workspace:
            print(workspace.executor().run(sys.argv[2]).rows, workspace.counts())
    """
    with Workspace.open(path, read_only=True) as reader:
        assert reader.counts() == {AUDIT: 1}
        found = in_another_process(code, path, f"{AUDIT} | project Operation")
    assert found.stdout == "[('x',)] {'ASimAuditEventLogs': 1}\n", found.stderr


def test_a_workspace_in_use_by_another_process_is_a_state_error_that_names_it(
    workspace: Workspace, path: Path
):
    code = """
        import sys
        from pathlib import Path
        from tidewaiter.core.errors import StateError
        from tidewaiter.lab.workspace import Workspace
        for read_only in (False, True):
            try:
                Workspace.open(Path(sys.argv[1]), read_only=read_only)
            except StateError as error:
                print(error)
    """
    assert workspace.counts() == {}
    for _ in range(2):
        found = in_another_process(code, path)
        lines = found.stdout.splitlines()
        assert len(lines) == 2, found.stderr
        assert all(f"is in use by process {os.getpid()}" in line and "stop it" in line for line in lines)
        workspace.query("print 1")  # now the file is open for reading only, which changes nothing


def test_readers_keep_a_writer_out(workspace: Workspace, path: Path):
    workspace.close()
    with (
        Workspace.open(path, read_only=True),
        Workspace.open(path, read_only=True),
        pytest.raises(StateError, match="is in use by another process that reads it"),
    ):
        Workspace.open(path)
    Workspace.open(path).close()


def test_a_read_only_workspace_takes_no_rows(workspace: Workspace, path: Path, stage):
    workspace.close()
    with Workspace.open(path, read_only=True) as reader, pytest.raises(StateError, match="read-only"):
        reader.ingest("b", [stage([({}, None)])])


def test_an_absent_workspace_cannot_be_read(path: Path):
    with pytest.raises(StateError, match="no lab database"):
        Workspace.open(path, read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_file_is_a_state_error(path: Path, read_only):
    path.parent.mkdir()
    path.write_bytes(b"this is no database\n" * 1000)
    with pytest.raises(StateError, match="cannot be read"):
        Workspace.open(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_a_newer_version_is_a_state_error(workspace: Workspace, path: Path, read_only):
    workspace.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE tidewaiter._meta SET version = 99")
    with pytest.raises(StateError, match="of version 99") as caught:
        Workspace.open(path, read_only=read_only)
    assert caught.value.hint == "update tidewaiter"


@pytest.mark.parametrize("read_only", [False, True])
def test_another_duckdb_file_is_not_taken_for_a_workspace(path: Path, read_only):
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine(a INTEGER)")
    with pytest.raises(StateError, match="no lab workspace"):
        Workspace.open(path, read_only=read_only)


def test_a_folder_that_cannot_be_made_is_a_state_error(tmp_path: Path):
    (tmp_path / "lab").write_text("a file")
    with pytest.raises(StateError, match="cannot be made"):
        Workspace.open(tmp_path / "lab" / "sub" / "workspace.duckdb")


def test_an_unreadable_staged_file_is_a_delivery_error(workspace: Workspace, tmp_path: Path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    for name in ("broken.parquet", "absent.parquet"):
        with pytest.raises(DeliveryError, match=r"did not take batch b"):
            workspace.ingest("b", [StagedRows(AUDIT, tmp_path / name, "json")])
    assert workspace.counts() == {}


def test_too_little_memory_is_a_delivery_error_and_nothing_is_stored(path: Path, stage):
    large = [({"Operation": "x"}, '"' + "y" * 1_000_000 + '"')] * 60
    with Workspace.open(path, memory="48MB") as workspace:
        with pytest.raises(DeliveryError, match="memory") as caught:
            workspace.ingest("b", [stage(large)])
        assert caught.value.retry
        assert workspace.counts() == {}
        assert workspace.ingest("b", [stage([({"Operation": "x"}, "{}")])]) == {AUDIT: 1}


def test_a_full_disk_is_a_delivery_error_and_nothing_is_half_written(path: Path, stage, tmp_path: Path):
    noise = [({"Operation": f"{n * 2654435761 % 2**64:x}" * 20}, None) for n in range(40_000)]
    staged = stage(noise)
    shutil.copy(staged.path, tmp_path / "noise.parquet")
    code = """
        import resource, sys
        from pathlib import Path
        from tidewaiter.core.errors import DeliveryError
        from tidewaiter.lab.workspace import StagedRows, Workspace
        path, noise, first = map(Path, sys.argv[1:])
        with Workspace.open(path) as workspace:
            workspace.ingest("first", [StagedRows("ASimAuditEventLogs", first, "json")])
            size = path.stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, resource.RLIM_INFINITY))
            try:
                workspace.ingest("noise", [StagedRows("ASimAuditEventLogs", noise, "json")])
            except DeliveryError as error:
                print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(workspace.counts(), workspace.holds("noise"))
            print(workspace.ingest("noise", [StagedRows("ASimAuditEventLogs", noise, "json")]))
    """
    found = in_another_process(code, path, staged.path, stage([({"Operation": "x"}, None)]).path)
    lines = found.stdout.splitlines()
    assert len(lines) == 3, found.stdout + found.stderr
    assert "did not take batch noise" in lines[0]
    assert "free disk space" in lines[0]
    assert lines[1] == "{'ASimAuditEventLogs': 1} False"
    assert lines[2] == "{'ASimAuditEventLogs': 40000}"
