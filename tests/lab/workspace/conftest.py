from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from tidewaiter.lab.workspace import StagedRows, Workspace

AUDIT = "ASimAuditEventLogs"
NETWORK = "ASimNetworkSessionLogs"

Stage = Callable[..., StagedRows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a workspace may be; there is none yet."""
    return tmp_path / "lab" / "workspace.duckdb"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace without rows, once, because that takes a while; to be copied."""
    path = tmp_path_factory.mktemp("empty") / "workspace.duckdb"
    Workspace.open(path).close()
    return path


@pytest.fixture
def workspace(path: Path, empty: Path) -> Iterator[Workspace]:
    path.parent.mkdir()
    shutil.copy(empty, path)
    with Workspace.open(path) as workspace:
        yield workspace


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Write rows (head, extra) to a Parquet file, as a worker does."""
    folder = tmp_path_factory.mktemp("staged")
    count = iter(range(1_000_000))

    def stage(
        rows: Sequence[tuple[Mapping[str, object], str | None]], *, table: str = AUDIT, binary: bool = True
    ) -> StagedRows:
        heads = [json.dumps({"TimeGenerated": "2024-01-02T03:04:05Z", **head}) for head, _ in rows]
        extras = [extra for _, extra in rows]
        frame = pl.DataFrame({"head": heads, "extra": extras}, schema={"head": pl.String, "extra": pl.String})
        if binary:
            frame = frame.cast(pl.Binary)
        path = folder / f"{next(count)}.parquet"
        frame.write_parquet(path)
        return StagedRows(table, path, "json")

    return stage


@pytest.fixture(scope="session")
def stage_columns(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("staged-columns")
    count = iter(range(1_000_000))

    def stage(frame: pl.DataFrame, *, table: str = NETWORK) -> StagedRows:
        path = folder / f"{next(count)}.parquet"
        frame.write_parquet(path)
        return StagedRows(table, path, "columns")

    return stage
