"""Whatever changes an archive takes a permit, and nothing is changed without a fitting one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import tidewaiter
from tests.pipeline.deliver.archive.writing import put
from tests.sentinel.azure_double import NOW, permit
from tidewaiter.core.errors import PermitError
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.pipeline.deliver.archive import SCHEMA, Archive

ROW = ("e1", NOW.replace(tzinfo=None), "a.json", "d1", 0, "ASimAuditEventLogs", "delivered", b"raw")
FRAME = pl.DataFrame([ROW], schema=SCHEMA, orient="row")
PART = "source=s/date=2026-11-23/1.parquet"

CHANGES: dict[str, tuple[str, Callable[[Archive, Permit], object]]] = {
    "write": ("s", lambda archive, given: archive.write("2", "s", FRAME, permit=given, now=NOW)),
    "remove": ("*", lambda archive, given: archive.remove(PART, permit=given, now=NOW)),
}
READS = {"open", "parts", "scan", "query", "resolve"}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with one part."""
    made = Archive.open((tmp_path / "archive").as_uri())
    put(made, "1", "s", FRAME)
    assert list(made.where.list()) == [PART]
    return made


def test_every_public_method_of_the_archive_is_listed_here_as_a_change_or_a_read():
    methods = {
        name: method
        for name, method in inspect.getmembers(Archive, inspect.isroutine)
        if not name.startswith("_")
    }

    assert methods.keys() == CHANGES.keys() | READS
    for name, method in methods.items():
        assert ("permit" in inspect.signature(method).parameters) == (name in CHANGES)


def test_nobody_changes_the_place_of_an_archive_behind_its_back():
    root = Path(tidewaiter.__file__).parent
    found = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(f".where.{act}(" in path.read_text() for act in ("write", "remove"))
    ]

    assert found == ["pipeline/deliver/archive/store.py"]


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("change", CHANGES)
def test_every_phase_may_change_the_archive(archive, change, phase):
    source, act = CHANGES[change]

    act(archive, replace(permit(Capability.WRITE_ARCHIVE, source=source), phase=phase))

    assert len(list(archive.where.list())) == (2 if change == "write" else 0)


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_changed_without_a_fitting_permit(archive, change):
    source, act = CHANGES[change]
    right = permit(Capability.WRITE_ARCHIVE, source=source)
    unfit = [replace(right, capability=other) for other in Capability if other is not right.capability]
    unfit += [replace(right, source="other"), replace(right, expires=NOW - timedelta(seconds=1))]

    for given in unfit:
        with pytest.raises(PermitError):
            act(archive, given)

    assert list(archive.where.list()) == [PART]
