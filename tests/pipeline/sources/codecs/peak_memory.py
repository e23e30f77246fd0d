"""Read one object and print how many records it has and the peak of this process in MiB."""

from __future__ import annotations

import re
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
    # Not ru_maxrss: a process inherits that of the one that started it.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    print(records, int(peak[1]) // 1024)
