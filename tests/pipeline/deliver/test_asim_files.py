from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tidewaiter.asim import column_types
from tidewaiter.core.errors import DeliveryError
from tidewaiter.pipeline.deliver import RowColumns, Segment, SegmentWriter, join_rows
from tidewaiter.pipeline.deliver.files import AsimFiles, as_frame, ndjson_lines

AUDIT, NETWORK = "ASimAuditEventLogs", "ASimNetworkSessionLogs"
TYPES = {name: column_types(name) for name in (AUDIT, NETWORK)}
HOSTILE = 'quote " backslash \\ newline \n escape \x1b[31m right-to-left \u202e nul \0 pair \U0001f600'


def head(**columns: object) -> bytes:
    return json.dumps({"TimeGenerated": "2026-03-17T01:02:03.4Z", "Operation": "Run", **columns}).encode()


@pytest.fixture
def audit(tmp_path):
    """Stage audit rows: pairs of head and extra."""

    def stage(*rows: tuple[bytes, bytes]) -> Segment:
        folder = tmp_path / "staging"
        folder.mkdir(exist_ok=True)
        writer = SegmentWriter(folder, f"{len(list(folder.iterdir())):06d}")
        row, extra_at = join_rows([row[0] for row in rows], [row[1] for row in rows])
        places = list(range(len(rows)))
        ids, times = [str(n) for n in places], ["2026-03-17T01:02:03Z"] * len(rows)
        writer.add_rows(0, AUDIT, RowColumns(row, extra_at, ids, places, places, times, places))
        (segment,) = writer.close()
        return segment

    return stage


@pytest.fixture
def network(tmp_path):
    folder = tmp_path / "staging-frames"
    folder.mkdir()
    writer = SegmentWriter(folder, "s")
    frame = pl.DataFrame(
        {
            "TimeGenerated": [datetime(2026, 3, 17, 1, 2, 3), datetime(2026, 3, 17, 1, 2, 3, 500_000)],
            "SrcIpAddr": ["192.0.2.1", ""],
            "DstPortNumber": [443, None],
            "SrcBytes": [2**40, 0],
            "AdditionalFields": ['{"vpc-id":"vpc-1", "tcp-flags":"19"}', None],
        },
        schema_overrides={"TimeGenerated": pl.Datetime("us"), "DstPortNumber": pl.Int32},
    )
    writer.add_frame(0, NETWORK, frame)
    (segment,) = writer.close()
    return segment


def test_a_line_holds_the_row_as_it_was_mapped_and_the_raw_members_byte_for_byte(audit):
    extra = b'{"requestParameters":{"b": 1.0,  "a":"\\u00e9"},"n":1e400}'

    (line,) = ndjson_lines(audit((head(), extra)))

    assert line.endswith(b',"AdditionalFields":' + extra + b"}\n")
    assert line.startswith(head()[:-1])


def test_a_line_on_stdout_names_its_table_first(audit):
    (line,) = ndjson_lines(audit((head(), b"{}")), with_type=True)

    assert line.startswith(b'{"Type":"ASimAuditEventLogs","TimeGenerated":')
    assert json.loads(line)["AdditionalFields"] == {}


def test_hostile_text_stays_one_line_of_json_with_the_same_meaning(audit):
    segment = audit((head(ActorUsername=HOSTILE), json.dumps({HOSTILE: HOSTILE}).encode()), (head(), b"{}"))

    found = b"".join(ndjson_lines(segment)).splitlines()

    assert len(found) == 2
    assert json.loads(found[0])["ActorUsername"] == HOSTILE
    assert json.loads(found[0])["AdditionalFields"] == {HOSTILE: HOSTILE}


def test_lines_of_frames_leave_out_what_is_empty_and_keep_types(network):
    first, second = (json.loads(line) for line in ndjson_lines(network, with_type=True))

    assert first == {
        "Type": NETWORK,
        "TimeGenerated": "2026-03-17T01:02:03Z",
        "SrcIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "SrcBytes": 2**40,
        "AdditionalFields": {"vpc-id": "vpc-1", "tcp-flags": "19"},
    }
    assert second == {"Type": NETWORK, "TimeGenerated": "2026-03-17T01:02:03.500000Z", "SrcBytes": 0}


def test_lines_of_frames_hold_the_raw_members_byte_for_byte(network):
    line, _ = ndjson_lines(network)

    assert b'"AdditionalFields":{"vpc-id":"vpc-1", "tcp-flags":"19"}}' in line


def test_a_frame_has_the_columns_that_are_filled_with_the_types_of_their_table(audit):
    rows = (head(EventCount=1, EventSeverity="Low"), b'{"a": 1}'), (head(ActorUsername=HOSTILE), b"{}")

    frame = as_frame(audit(*rows), TYPES[AUDIT])

    assert dict(frame.schema) == {
        "TimeGenerated": pl.Datetime("us"),
        "Operation": pl.String(),
        "EventCount": pl.Int32(),
        "EventSeverity": pl.String(),
        "ActorUsername": pl.String(),
        "AdditionalFields": pl.String(),
    }
    assert frame["TimeGenerated"].to_list() == [datetime(2026, 3, 17, 1, 2, 3, 400_000)] * 2
    assert frame["EventCount"].to_list() == [1, None]
    assert frame["ActorUsername"].to_list() == [None, HOSTILE]
    assert frame["AdditionalFields"].to_list() == ['{"a": 1}', "{}"]


def write(folder: Path, form: str, *segments: Segment) -> list[str]:
    folder.mkdir()
    with AsimFiles(folder, form, TYPES) as files:
        for segment in segments:
            files.add(segment)
        written = files.close()
    assert sorted(folder.iterdir()) == written
    return [path.name for path in written]


def test_ndjson_files_hold_all_segments_of_their_table_in_order(tmp_path, audit, network):
    segments = audit((head(Operation="first"), b"{}")), network, audit((head(Operation="second"), b"{}"))

    assert write(tmp_path / "out", "ndjson", *segments) == [f"{AUDIT}.ndjson", f"{NETWORK}.ndjson"]

    lines = (tmp_path / "out" / f"{AUDIT}.ndjson").read_bytes().splitlines()
    assert [json.loads(line)["Operation"] for line in lines] == ["first", "second"]
    assert len((tmp_path / "out" / f"{NETWORK}.ndjson").read_bytes().splitlines()) == 2


def test_parquet_files_hold_all_segments_of_their_table_in_order(tmp_path, audit, network):
    segments = audit((head(EventCount=1), b"{}")), network, audit((head(ActorUsername="ada"), b"{}"))

    assert write(tmp_path / "out", "parquet", *segments) == [f"{AUDIT}.parquet", f"{NETWORK}.parquet"]

    frame = pl.read_parquet(tmp_path / "out" / f"{AUDIT}.parquet")
    assert frame["EventCount"].to_list() == [1, None]
    assert frame["ActorUsername"].to_list() == [None, "ada"]
    flows = pl.read_parquet(tmp_path / "out" / f"{NETWORK}.parquet")
    assert flows["SrcBytes"].to_list() == [2**40, 0]


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_a_folder_that_takes_no_more_is_an_error_with_a_next_step(tmp_path, audit, form):
    folder = tmp_path / "out"
    folder.write_text("a file, not a folder")

    with (
        pytest.raises(DeliveryError, match="cannot write under") as caught,
        AsimFiles(folder, form, TYPES) as files,
    ):
        files.add(audit((head(), b"{}")))

    assert "choose another --out" in caught.value.hint


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_files_that_were_not_finished_leave_those_of_an_earlier_run_as_they_were(tmp_path, audit, form):
    folder = tmp_path / "out"
    folder.mkdir()
    earlier = folder / f"{AUDIT}.{form}"
    earlier.write_bytes(b"of an earlier run")
    with pytest.raises(KeyError), AsimFiles(folder, form, TYPES) as files:  # noqa: PT012
        files.add(audit((head(), b"{}")))
        raise KeyError("a worker died")

    assert list(folder.iterdir()) == [earlier]
    assert earlier.read_bytes() == b"of an earlier run"
