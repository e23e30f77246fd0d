"""Rows leave here: staged segments for a workspace, or ASIM files for a folder."""

from tidewaiter.pipeline.deliver.segments import Segment, SegmentWriter, event_key, write_segment

__all__ = ["Segment", "SegmentWriter", "event_key", "write_segment"]
