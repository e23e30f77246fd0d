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


class TransformRunner:
    """Applies transformations to records of their streams; each is read once, and planned for every batch."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[StreamReader, LabTransform]] = {}

    def __call__(self, made: Transform, records: Rows) -> Rows:
        """Apply a transformation.

        Raises:
            QueryError: the executor cannot run it, or it needs more than it may use.
        """
        if not records:
            return []
        if made.kql not in self._known:
            lab = LabTransform(made.kql, made.stream, memory=MEMORY, limits=Limits(seconds=SECONDS))
            self._known[made.kql] = StreamReader(made.stream), lab
        reader, lab = self._known[made.kql]
        held = [{name: value for name, value in each.items() if value is not None} for each in records]
        found = lab.run(reader.read(msgspec.json.encode(held)).frame, NOW)
        names = [column.name for column in found.columns]
        return [dict(zip(names, row, strict=True)) for row in found.rows]


def run_transform(made: Transform, records: Rows) -> Rows:
    """Apply a transformation to records of its stream, once; raises what a runner raises."""
    return TransformRunner()(made, records)
