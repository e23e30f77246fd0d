"""White space without end behind a record must not be held in memory, nor looked at again and again."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.pipeline.sources.codecs.peak_memory import RECOGNITION
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.sources.codecs import Limits, read


def test_a_record_before_endless_white_space_is_read(tmp_path: Path):
    path = tmp_path / "spaces.json.gz"
    record = b'{"eventName":"a","eventSource":"b","eventTime":"c"}'
    path.write_bytes(gzip.compress(b'{"Records":[' + record + b" " * 3_000_000 + b"]}"))
    obj = SourceObject("spaces", path, "aws_cloudtrail", "events", "json_records", path.stat().st_size)

    limits = Limits(record_bytes=1 << 20, window_bytes=1 << 18)
    chunks = [chunk for chunk in read(obj, RECOGNITION, limits) if isinstance(chunk, JsonChunk)]

    assert [bytes(raw) for chunk in chunks for raw in chunk.records] == [record]
    assert not [record for chunk in chunks for record in chunk.quarantined]
