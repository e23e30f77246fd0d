from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from tidewaiter.asim.mapping.expression import parse
from tidewaiter.content import sources
from tidewaiter.core.objects import TextChunk
from tidewaiter.pipeline.normalize import FrameRows, Normalized, Normalizer
from tidewaiter.pipeline.normalize.text import TextNormalizer

SPEC = sources()["aws_vpcflow"]
NORMALIZER = Normalizer(SPEC)
assert SPEC.recognition.text is not None
DEFAULT = SPEC.recognition.text.default
LINE = (
    "2 900100200301 eni-0a1b2c3d 10.4.2.17 198.51.100.60 49152 443 6 14 5310 1772615520 1772615579 ACCEPT OK"
)


def normalize(*lines: str, fields: tuple[str, ...] = DEFAULT, first_line: int = 0) -> Normalized:
    body = "".join(line + "\n" for line in lines).encode()
    return NORMALIZER.normalize(TextChunk(body, fields, first_line), object_id="o.log", prefix="0f")


def frame(found: Normalized) -> pl.DataFrame:
    [rows] = found.rows
    assert isinstance(rows, FrameRows)
    return rows.frame


def only_row(*lines: str, fields: tuple[str, ...] = DEFAULT) -> dict[str, Any]:
    [row] = frame(normalize(*lines, fields=fields)).to_dicts()
    return row


def test_a_flow_becomes_one_row_with_its_times_and_its_line_as_id():
    found = normalize(LINE, LINE, first_line=5)
    assert frame(found)["EventOriginalUid"].to_list() == ["0f-5", "0f-6"]
    row = frame(found).to_dicts()[0]
    assert row["EventStartTime"] == datetime(2026, 3, 4, 9, 12)
    assert row["EventEndTime"] == datetime(2026, 3, 4, 9, 12, 59)
    assert (row["SrcIpAddr"], row["DstPortNumber"], row["NetworkDuration"]) == ("10.4.2.17", 443, 59_000)


def test_a_chunk_without_lines_gives_nothing():
    found = normalize()
    assert (found.rows, found.quarantined) == ([], [])


def test_text_columns_are_empty_and_never_null_where_a_line_has_no_value():
    gap = "2 900100200301 eni-0a1b2c3d - - - - - - - 1772615520 1772615579 - NODATA"
    nulls = {n for n, value in only_row(gap).items() if value is None}
    kinds = SPEC.mapping.types["ASimNetworkSessionLogs"]
    assert nulls
    assert {kinds[name] for name in nulls} <= {"int", "long", "bool"}


@pytest.mark.parametrize("number", ["x", "1.5", "1e3", "9223372036854775808", "0x10", "1_0", "--"])
def test_a_line_whose_number_is_none_is_quarantined_alone(number: str):
    bad = LINE.replace(" 49152 ", f" {number} ")
    found = normalize(LINE, bad, LINE, first_line=1)
    [set_aside] = found.quarantined
    assert (set_aside.position, set_aside.kind, set_aside.raw) == (2, "wrong_type", bad.encode())
    assert frame(found)["EventOriginalUid"].to_list() == ["0f-1", "0f-3"]


def test_a_line_reads_the_same_beside_a_bad_one():
    alone = frame(normalize(LINE, LINE))
    beside = frame(normalize(LINE, LINE, LINE.replace(" 443 ", " https ")))
    assert alone.equals(beside)


def test_a_line_without_any_time_is_invalid():
    timeless = LINE.replace("1772615520 1772615579", "- -")
    found = normalize(timeless, LINE)
    assert [(bad.position, bad.kind, bad.raw) for bad in found.quarantined] == [
        (0, "invalid", timeless.encode())
    ]
    assert found.valid == 1


@pytest.mark.parametrize("times", ["- 1772615579", "1772615520 -"])
def test_one_of_both_times_is_enough(times: str):
    row = only_row(LINE.replace("1772615520 1772615579", times))
    assert row["EventStartTime"] == row["EventEndTime"] == row["TimeGenerated"]


def test_a_header_without_times_quarantines_every_line():
    found = normalize("10.4.2.17 10.4.2.18 443", fields=("srcaddr", "dstaddr", "dstport"))
    assert [bad.kind for bad in found.quarantined] == ["invalid"]
    assert found.valid == 0


def test_a_number_too_large_for_its_column_is_left_out_of_it():
    row = only_row(
        LINE.replace("1772615520 1772615579", "0 9223372036854775807").replace(" 49152 ", " 4294967296 ")
    )
    assert (row["NetworkDuration"], row["SrcPortNumber"]) == (None, None)
    assert row["SrcBytes"] == 5310


def test_a_field_of_tomorrow_is_carried_in_additional_fields():
    row = only_row(LINE + ' a"b\\c', fields=(*DEFAULT, "quantum-state"))
    assert row["AdditionalFields"] == '{"quantum-state":"a\\"b\\\\c"}'


@pytest.mark.parametrize("action", [("ACCEPT", "Success", "Allow"), ("REJECT", "Failure", "Deny")])
def test_the_result_follows_the_action(action: tuple[str, str, str]):
    written, result, dvc_action = action
    row = only_row(LINE.replace("ACCEPT", written))
    assert (row["EventResult"], row["DvcAction"]) == (result, dvc_action)


def test_every_protocol_that_iana_names_has_its_keyword_and_the_others_their_number():
    numbers = range(256)
    rows = frame(normalize(*(LINE.replace(" 6 14 ", f" {n} 14 ") for n in numbers)))
    known = SPEC.mapping.lookups["protocols"]
    assert rows["NetworkProtocol"].to_list() == [known.get(str(n), "") for n in numbers]
    wanted = ["" if str(n) in known else f"IP protocol {n}" for n in numbers]
    assert rows["EventMessage"].to_list() == wanted


def test_a_line_that_no_route_takes_is_quarantined_not_lost():
    mapping = SPEC.mapping
    routes = [dataclasses.replace(mapping.routes[0], when=parse("dstport == 443"))]
    narrow = TextNormalizer(dataclasses.replace(mapping, routes=routes))
    body = f"{LINE}\n{LINE.replace(' 443 ', ' 22 ')}\n".encode()
    found = narrow.normalize(TextChunk(body, DEFAULT, 0), object_id="o", prefix="p")
    assert found.valid == 1
    assert [(bad.position, bad.kind) for bad in found.quarantined] == [(1, "invalid")]
