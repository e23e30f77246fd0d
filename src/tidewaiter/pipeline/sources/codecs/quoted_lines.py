"""Lines whose values may stand in quotes or brackets: S3's server access logs, the load balancers' logs.

    owner bucket [06/Feb/2026:00:00:38 +0000] 192.0.2.3 … "GET /key HTTP/1.1" 200 - 113 - 7 - "-" "agent" -

No escape is defined for a quote within quotes (Amazon S3 User Guide, "Amazon S3 server access log format",
read 2026-11), and clients choose their agent's name: a line with more quotes than its fields explain is read
with a quote as the end of a value only where a separator follows it, and only if it then is of the source's
shape and has no field too many. Else it is set aside, for it may say what its sender wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidewaiter.content.recognition import TextShape
from tidewaiter.core.faults import FaultKind
from tidewaiter.core.objects import TextChunk
from tidewaiter.pipeline.sources.codecs.feed import is_utf8
from tidewaiter.pipeline.sources.codecs.lines import LineReader

CELL = "\x1f"
"""Separates the fields in `TextChunk.cells`; a line that has this character is set aside."""

_CELL = CELL.encode()
_VALUE = re.compile(rb"\[([^\]]*)\](?= |$)|(\S+)")
_QUOTED = re.compile(rb' *(?:"((?:[^"]|"(?! |$))*)"(?= |$)|\[([^\]]*)\](?= |$)|([^\s"]\S*))(?: +$)?')
_CONTROLS = re.compile(rb"[\0\r\x1f]")


def cells_of(line: bytes, quoted: int) -> list[bytes] | None:
    """Return the values of a line without their quotes and brackets; None when more than one reading is left.

    That is so when more than `quoted` values stand in quotes, or a quote has text on its outer side. An empty
    value in quotes is written `-`, as AWS writes an absent one.
    """
    parts = line.split(b'"')
    if len(parts) % 2 == 0 or len(parts) > 2 * quoted + 1 or not _stand_apart(parts):
        return None
    values: list[bytes] = []
    for place, part in enumerate(parts):
        if place % 2:
            values.append(part or b"-")
        elif b"[" in part:
            values += [found[0] or found[1] or b"-" for found in _VALUE.findall(part)]
        else:
            values += part.split()
    return values


def _stand_apart(parts: list[bytes]) -> bool:
    """Say whether a separator stands on the outer side of each quote: then no quote is within a value."""
    if len(parts) == 1:
        return True
    first, last = parts[0], parts[-1]
    if (first and first[-1:] != b" ") or (last and last[:1] != b" "):
        return False
    return all(part[:1] == b" " == part[-1:] for part in parts[2:-1:2])


def likely_cells(line: bytes) -> list[bytes] | None:
    """Return the values of a line with quotes within values: one ends where a separator follows its quote."""
    values: list[bytes] = []
    at = 0
    while at < len(line):
        found = _QUOTED.match(line, at)
        if found is None:
            return None
        values.append(found[1] or found[2] or found[3] or b"-")
        at = found.end()
    return values


class QuotedLineReader(LineReader):
    """Reads lines with quoted values; lines with as many fields follow each other in a chunk."""

    def __init__(self, object_id: str, shape: TextShape) -> None:
        super().__init__(object_id, shape)
        self._names = shape.default
        self._least = shape.least or len(shape.default)
        self._quoted = shape.quoted
        self._strict = shape.strict
        self._whole = re.compile(shape.line.encode())

    def _records(self, body: bytes) -> Iterator[TextChunk]:
        run: list[bytes] = []
        cells: list[bytes] = []
        width = 0
        for line in body[:-1].split(b"\n") if body else ():
            values, kind, reason = self._values(line)
            if run and len(values) != width:
                yield self._cells_chunk(run, cells, width)
                run, cells = [], []
            if values:
                run.append(line)
                cells.append(_CELL.join(values))
                width = len(values)
                self.number += 1
            elif kind:
                self.set_aside(kind, reason, line)
            else:
                self.number += 1
        if run:
            yield self._cells_chunk(run, cells, width)

    def _values(self, line: bytes) -> tuple[list[bytes], FaultKind | None, str]:
        """Return a line's values; none and what is wrong with it, or none and nothing for a blank one."""
        if not line.strip():
            return [], None, ""
        if _CONTROLS.search(line):
            return [], "malformed", "holds control characters"
        if not is_utf8(line):
            return [], "encoding", "holds bytes that are not UTF-8"
        values = cells_of(line, self._quoted)
        if values is None:
            values = likely_cells(line)
            if values is None or len(values) > len(self._names) or not self._whole.search(line):
                return [], "malformed", "quotes within a value leave more than one reading, or none"
        if len(values) < self._least:
            return [], "malformed", f"has {len(values)} fields instead of {self._least} or more"
        if self._strict and not self._whole.search(line):
            return [], "malformed", "its values do not stand in the order and the quotes that they should"
        return values, None, ""

    def _is_short(self, line: bytes) -> bool:
        values = cells_of(line, self._quoted) or likely_cells(line)
        return values is None or len(values) < self._least

    def _cells_chunk(self, run: list[bytes], cells: list[bytes], width: int) -> TextChunk:
        chunk = self._run_chunk(run, width)
        chunk.separator, chunk.cells = CELL, b"\n".join(cells) + b"\n"
        return chunk
