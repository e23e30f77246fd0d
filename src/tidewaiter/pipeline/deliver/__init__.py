"""Rows leave here: staged segments for a destination, or ASIM files for a folder.

Segments are what workers write. From them the parent process makes batches (`batcher`), keeps them in the
outbox, and sends them (`sender`, by the routes of `routes`); incidents leave as rows, too (`alerts`). These
are imported as modules, so that a worker does not load an HTTP client.
"""

from tidewaiter.pipeline.deliver.segments import (
    RowColumns,
    Segment,
    SegmentWriter,
    event_key,
    join_rows,
    read_rows,
)

__all__ = [
    "RowColumns",
    "Segment",
    "SegmentWriter",
    "event_key",
    "join_rows",
    "read_rows",
]
