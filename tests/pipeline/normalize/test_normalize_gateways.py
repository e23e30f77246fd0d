"""Transit Gateway Flow Logs: a row is what the interpreter makes of its line, whatever the header."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.asim import validate_rows
from tidewaiter.content import sources
from tidewaiter.core.objects import TextChunk
from tidewaiter.pipeline.normalize import FrameRows, Normalizer
from tidewaiter.pipeline.normalize.reference import reference_of_line

SPEC = sources()["aws_tgwflow"]
NORMALIZER = Normalizer(SPEC)
FIELDS = [*SPEC.file.record, "field-of-tomorrow"]
WORDS = [
    "10.4.2.17",
    "2001:db8::9",
    "unknown",
    "ingress",
    "egress",
    "IPv6",
    "NODATA",
    "tgw-0a",
    "vpc-0a",
    'q"\\',
    "é",
]
NUMBERS = st.sampled_from(["0", "1", "6", "18", "253", "1772615520", "-1"]) | st.integers(
    -(2**63), 2**63 - 1
).map(str)


@st.composite
def logs(draw: st.DrawFn) -> tuple[tuple[str, ...], list[str]]:
    header = tuple(draw(st.lists(st.sampled_from(FIELDS), min_size=3, unique=True)))
    kinds = SPEC.file.record
    values = [NUMBERS if kinds.get(name) == "int" else st.sampled_from(WORDS) for name in header]
    line = st.tuples(*(st.just("-") | value for value in values)).map(" ".join)
    return header, draw(st.lists(line, min_size=1, max_size=6))


@given(logs())
def test_a_gateways_row_is_what_the_interpreter_makes_of_its_line(log: tuple[tuple[str, ...], list[str]]):
    header, lines = log
    chunk = TextChunk("".join(line + "\n" for line in lines).encode(), header, first_line=1)
    found = NORMALIZER.normalize(chunk, object_id="o", prefix="p")
    assert found.valid + len(found.quarantined) == len(lines)
    for rows in found.rows:
        assert isinstance(rows, FrameRows)
        for row in rows.frame.iter_rows(named=True):
            event_id = row["EventOriginalUid"]
            line = lines[int(event_id.removeprefix("p-")) - 1].encode()
            judge = reference_of_line(SPEC.mapping, header, line, event_id)
            assert judge is not None
            additional = msgspec.json.decode(row.pop("AdditionalFields", "{}"), type=dict[str, msgspec.Raw])
            got: dict[str, Any] = {n: value for n, value in row.items() if value not in (None, "")}
            times = {n: value.isoformat() + "Z" for n, value in got.items() if hasattr(value, "isoformat")}
            assert got | times == dict(judge.columns)
            assert {n: bytes(value) for n, value in additional.items()} == dict(judge.additional)
            assert {e.rule for e in validate_rows(rows.table, [row]).errors} <= {"time_order"}


def test_every_loss_is_told_and_only_a_flow_that_did_not_pass_is_a_failure():
    lost = [name for name in FIELDS if name.startswith("packets-lost-")]
    header = ("tgw-id", "end", "packets", *lost)
    lines = [f"tgw-0a 1772615579 {packets} " + " ".join("1" if other == name else "0" for other in lost)
             for packets in (0, 7) for name in (*lost, "none")]  # fmt: skip
    chunk = TextChunk("".join(line + "\n" for line in lines).encode(), header, first_line=0)
    (rows,) = NORMALIZER.normalize(chunk, object_id="o", prefix="p").rows
    assert isinstance(rows, FrameRows)
    told = rows.frame.select("EventResult", pl.col("EventResultDetails").replace("", None)).rows()
    details = ["Routing issue", "Routing issue", "Unknown", "Unknown"]
    assert told == [
        *(("Failure", each) for each in details), ("Success", None), *(("Success", each) for each in details),
        ("Success", None),
    ]  # fmt: skip
