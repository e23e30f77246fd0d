"""Read one object and print how many records it has and the peak of this process in MiB."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from tidewaiter.content.recognition import JsonShape, Recognition
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.sources import read

MEMBERS = ("eventName", "eventSource", "eventTime")
RECOGNITION = Recognition("json_records", json=(JsonShape("events", MEMBERS, ("Records",)),))

if __name__ == "__main__":
    obj = SourceObject("large", Path(sys.argv[1]), "aws_cloudtrail", "events", "json_records", 0)
    records = sum(len(chunk.records) for chunk in read(obj, RECOGNITION) if isinstance(chunk, JsonChunk))
    print(records, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
