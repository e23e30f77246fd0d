"""Transformations run as the lab's ingestion runs them, for `tidewaiter mapping test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tidewaiter.kql import Limits
from tidewaiter.lab.server.ingestion.rows import StreamReader
from tidewaiter.lab.server.ingestion.transform import Transform as LabTransform
from tidewaiter.pipeline.normalize.kql_check import MEMORY, NOW, SECONDS

if TYPE_CHECKING:
    from tidewaiter.asim.mapping.kql.transforms import Transform
    from tidewaiter.pipeline.normalize.differential import Rows


def run_transform(made: Transform, records: Rows) -> Rows:
    """Apply a transformation to records of its stream.

    Raises:
        QueryError: the executor cannot run it, or it needs more than it may use.
    """
    if not records:
        return []
    held = [{name: value for name, value in each.items() if value is not None} for each in records]
    frame = StreamReader(made.stream).read(msgspec.json.encode(held)).frame
    lab = LabTransform(made.kql, made.stream, memory=MEMORY, limits=Limits(seconds=SECONDS))
    found = lab.run(frame, NOW)
    names = [column.name for column in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]
