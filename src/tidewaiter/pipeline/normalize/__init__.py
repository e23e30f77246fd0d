"""Records to ASIM rows: one row of one table per valid record, the rest quarantined with its bytes."""

from tidewaiter.pipeline.normalize.rows import FrameRows, JsonRows, Normalized
from tidewaiter.pipeline.normalize.stage import Normalizer

__all__ = ["FrameRows", "JsonRows", "Normalized", "Normalizer"]
