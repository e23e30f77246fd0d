"""Writing into an archive with a permit for it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from tests.sentinel.azure_double import permit
from tidewaiter.core.permit import Capability
from tidewaiter.pipeline.deliver.archive import Archive


def put(archive: Archive, name: str, source: str, frame: pl.DataFrame) -> int:
    """Write a part as `run` does."""
    leave = permit(Capability.WRITE_ARCHIVE, source=source)
    return archive.write(name, source, frame, permit=leave, now=datetime(2026, 3, 17, tzinfo=UTC))
