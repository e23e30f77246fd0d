"""Makes the records of a source, by number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.objects import Chunk, JsonChunk, TextChunk
from tidewaiter.pipeline.normalize.generated.guide import guide_of
from tidewaiter.pipeline.normalize.generated.lines import LineMaker
from tidewaiter.pipeline.normalize.generated.mutation import Mutator
from tidewaiter.pipeline.normalize.generated.pool import pool_of
from tidewaiter.pipeline.normalize.generated.spelling import loads, spelt

LOG = 50
"""Lines of text under one header."""
_CHUNK = 500
_CHANGES = (0, 1, 1, 1, 2, 2, 3, 4, 6, 10)


class Generator:
    """Records of one source from a seed: the same source, seed and number give the same bytes."""

    def __init__(self, spec: SourceSpec, seed: int = 0, more: Sequence[Chunk] = ()) -> None:
        """`more` are records beside the samples to begin with, such as those of a generated day."""
        self.spec = spec
        self.seed = seed
        self.pool = pool_of(spec, more)
        guide = guide_of([spec.mapping, *([spec.native] if spec.native else [])])
        self.text = spec.recognition.codec == "delimited_text"
        self.mutator = Mutator(guide, dict(spec.mapping.record.kinds))
        self.lines = LineMaker(spec, self.pool, guide)

    def chunks(self, count: int, first: int = 0) -> Iterator[Chunk]:
        """Yield records number `first` and on; a position is the record's number."""
        step = LOG if self.text else _CHUNK
        start = first
        while start < first + count:
            end = min(first + count, (start // step + 1) * step)
            yield self._log(start, end) if self.text else self._records(start, end)
            start = end

    def _rng(self, what: object) -> Random:
        return Random(f"{self.spec.id}/{self.seed}/{what}")

    def _log(self, start: int, end: int) -> TextChunk:
        header = self.lines.header(self._rng(f"log {start // LOG}"))
        lines = [self.lines.line(self._rng(number), header) for number in range(start, end)]
        body = "".join(f"{line}\n" for line in lines).encode()
        return TextChunk(body, header, start, len(body), separator=self.lines.separator)

    def _records(self, start: int, end: int) -> JsonChunk:
        raws = [self.record(number) for number in range(start, end)]
        return JsonChunk(raws, range(start, end), sum(map(len, raws)))

    def record(self, number: int) -> bytes:
        """Return one record of JSON."""
        rng = self._rng(number)
        record = self._drawn(rng)
        for _ in range(rng.choice(_CHANGES)):
            self.mutator.change(rng, record, lambda: self._drawn(rng))
        return _encoded(rng, record)

    def _drawn(self, rng: Random) -> dict[str, Any]:
        """Draw a record to begin with: its route first, so that rare ones come as often as others."""
        pool = self.pool.more if self.pool.more and rng.random() < 0.3 else self.pool.records
        drawn: dict[str, Any] = loads(rng.choice(pool[rng.choice(sorted(pool))]))
        return drawn


def _encoded(rng: Random, record: dict[str, Any]) -> bytes:
    """Write a record in one of the forms that a JSON writer may choose; all on one line."""
    if rng.random() < 0.2:
        members = list(record.items())
        rng.shuffle(members)
        record = dict(members)
    separators = rng.choice([(",", ":"), (",", ":"), (", ", ": "), (" ,\t", " :  ")])
    text = json.dumps(record, ensure_ascii=rng.random() < 0.5, separators=separators)
    text = spelt(text)
    return (text.replace("/", "\\/") if rng.random() < 0.1 else text).encode()
