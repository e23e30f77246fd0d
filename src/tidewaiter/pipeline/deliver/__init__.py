"""Rows leave here: staged segments for a destination, or ASIM files for a folder."""

from tidewaiter.pipeline.deliver.segments import (
    ROW_SCHEMA,
    RowColumns,
    Segment,
    SegmentWriter,
    event_key,
    join_rows,
    write_segment,
)

__all__ = [
    "ROW_SCHEMA",
    "RowColumns",
    "Segment",
    "SegmentWriter",
    "event_key",
    "join_rows",
    "write_segment",
]
