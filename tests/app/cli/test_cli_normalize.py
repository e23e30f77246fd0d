"""`tidewaiter normalize`: rows on stdout or in files, the summary on stderr."""

from __future__ import annotations

import json

import polars as pl

from tests.app import logs


def test_normalize_writes_a_line_of_json_for_each_row_and_its_summary_to_stderr(cli, folder):
    said = cli("normalize", folder)

    assert said.code == 0
    assert [row["Type"] for row in said.json].count("ASimAuditEventLogs") == 5
    assert {row["EventOriginalUid"] for row in said.json} >= {logs.event_id(number) for number in range(5)}
    assert "aws_cloudtrail        1        5     5            0       0" in said.err


def test_normalize_writes_ndjson_and_parquet_files_with_the_same_rows(cli, tmp_path, folder):
    ndjson = cli("normalize", folder, "--out", tmp_path / "n")
    parquet = cli("normalize", folder, "--out", tmp_path / "p", "--format", "parquet")

    assert (ndjson.code, parquet.code, ndjson.out, parquet.out) == (0, 0, "", "")
    assert f"wrote {tmp_path / 'n' / 'ASimAuditEventLogs.ndjson'}" in ndjson.err
    for table in ("ASimAuditEventLogs", "ASimNetworkSessionLogs"):
        lines = (tmp_path / "n" / f"{table}.ndjson").read_bytes().splitlines()
        frame = pl.read_parquet(tmp_path / "p" / f"{table}.parquet")
        assert frame.height == len(lines)
        assert frame["EventOriginalUid"].to_list() == [json.loads(line)["EventOriginalUid"] for line in lines]


def test_normalize_takes_several_paths_and_names_each_in_its_messages(cli, tmp_path):
    good = logs.write(tmp_path / "one" / "x.json", logs.document([logs.event(1)]))
    bad = logs.write(
        tmp_path / "two" / "x.json", logs.document([logs.event(2), logs.event(3) | {"eventTime": 5}])
    )

    said = cli("normalize", good, tmp_path / "two")

    assert len(said.json) == 2
    assert f"{bad} record 1 [wrong_type]" in said.err


def test_parquet_on_stdout_is_refused(cli, folder):
    said = cli("normalize", folder, "--format", "parquet")

    assert (said.code, said.out) == (2, "")
    assert "next: add --out DIR" in said.err


def test_an_output_folder_that_is_a_file_is_refused(cli, tmp_path, folder):
    (tmp_path / "out").write_text("mine")

    said = cli("normalize", folder, "--out", tmp_path / "out")

    assert said.code == 2
    assert "next: give --out a folder" in said.err
    assert (tmp_path / "out").read_text() == "mine"
