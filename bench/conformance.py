"""A conformance run: generated rows against docs, tester and tables, beside the mere reading of the rows.

The rows are every CloudTrail event of the generated day, mapped, and flow records up to `rows` in all; no two
are alike. The validator begins with nothing in its memory of good values, as a run by the command line does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import orjson

from bench import vpcflow
from bench.cloudtrail import objects
from bench.timing import Duel, cpu_seconds
from tidewaiter.asim import validate_rows
from tidewaiter.asim.checks import table_checks
from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import FrameRows, JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read

_Rows = JsonRows | FrameRows


class Conformance:
    """The rows of one run, mapped beforehand, and the two ways through them."""

    def __init__(self, trail: Sequence[Path], folder: Path, rows: int) -> None:
        mapped = list(_mapped("aws_cloudtrail", objects(trail)))
        left = max(rows - sum(map(len, mapped)), 0)
        flows = folder / "conformance.log"
        flows.write_bytes(vpcflow.text(left, seed=11))
        size = flows.stat().st_size
        item = SourceObject(flows.name, flows, "aws_vpcflow", "events", "delimited_text", size)
        self.parts = [*mapped, *_mapped("aws_vpcflow", [item])]
        self.tables = sorted({part.table for part in self.parts})
        self.rows = sum(map(len, self.parts))

    def validate(self) -> None:
        """Read and validate every row.

        Raises:
            AssertionError: rows were left out, or one does not conform.
        """
        table_checks.cache_clear()
        checked = 0
        for table in self.tables:
            report = validate_rows(table, itertools.chain.from_iterable(map(_values, self._of(table))))
            assert not report.errors, report.errors
            checked += sum(report.rows.values())
        assert checked == self.rows

    def read(self) -> None:
        """Read every row, and do nothing with it."""
        for part in self.parts:
            if isinstance(part, JsonRows):
                for head in part.heads:
                    orjson.loads(head)
            else:
                for _ in part.frame.iter_rows(named=True):
                    pass

    def _of(self, table: str) -> Iterator[_Rows]:
        return (part for part in self.parts if part.table == table)


def _mapped(source: str, items: Sequence[SourceObject]) -> Iterator[_Rows]:
    spec = sources()[source]
    normalizer = Normalizer(spec)
    for item in items:
        for chunk in read(item, spec.recognition):
            yield from normalizer.normalize(chunk, object_id=item.id, prefix="bench").rows


def _values(part: _Rows) -> Iterator[Mapping[str, object]]:
    if isinstance(part, FrameRows):
        yield from part.frame.iter_rows(named=True)
        return
    for head, extra in zip(part.heads, part.extras, strict=True):
        row = msgspec.json.decode(head, type=dict[str, object])
        if extra:
            row["AdditionalFields"] = msgspec.Raw(extra)
        yield row


def run(trail: Sequence[Path], folder: Path, rows: int) -> tuple[Duel, int]:
    """Return one run beside the reading alone, and the number of rows."""
    found = Conformance(trail, folder, rows)
    return Duel((cpu_seconds(found.validate),), (cpu_seconds(found.read),)), found.rows
