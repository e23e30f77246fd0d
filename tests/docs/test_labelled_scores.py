"""The scorer of labelled records finds what is right, missing, other and of no column, by ASIM's columns."""

from __future__ import annotations

import json

import pytest

from tidewaiter.asim import column_types
from tidewaiter.content import sources
from tidewaiter.pipeline.normalize.coverage import coverage
from tools import labelled_scores
from tools.labelled_scores import Label, Record, read_table, score, total

FLOW = (
    "2 900100200301 eni-0a1b2c3d4e5f60718 192.0.2.7 10.4.2.17 40000 22 6 3 180 1772615520 1772615580 {} OK\n"
)


def flow(action="REJECT", name="acme/flows#1", **labels):
    return Record(name, "acme", "aws_vpcflow", FLOW.format(action), labels, path="flow.log")


def scored(*records):
    return total(score(records, read_table()).values())


def test_a_value_is_right_in_the_form_that_asim_prescribes():
    found = scored(flow(**{"source.ip": "192.0.2.7", "network.iana_number": "6", "event.outcome": "deny"}))
    assert (found.values, found.right, found.share) == (3, 3, 1.0)


def test_the_same_value_in_another_column_is_not_right():
    found = scored(flow(**{"destination.ip": "192.0.2.7"}))
    assert (found.right, found.contradicted) == (0, 1)


def test_what_our_row_lacks_is_missing_and_what_asim_lacks_is_not_counted():
    found = scored(flow(**{"cloud.region": "eu-central-1", "aws.flowlogs.subnet.id": "subnet-1"}))
    assert (found.values, found.missing, found.unmapped) == (1, 1, 1)


def test_a_difference_with_a_reason_is_told_apart_and_still_wrong_in_the_strict_share():
    found = scored(flow(**{"aws.vpcflow.instance_id": "i-0a12b34c56d78e9f0", "source.port": "40000"}))
    assert (found.differing, found.share, found.strict) == (1, 1.0, 0.5)
    assert "direction" in found.findings[0].reason


def test_a_record_that_its_source_does_not_recognize_has_nothing_right():
    stranger = Record(
        "acme/x", "acme", "aws_guardduty", FLOW.format("ACCEPT"), {"gd.title": "t"}, path="flow.log"
    )
    assert (scored(stranger).right, scored(stranger).missing) == (0, 1)


def test_a_label_that_nobody_translated_is_an_error():
    with pytest.raises(SystemExit, match=r"aws_vpcflow: acme\.colour"):
        scored(flow(**{"acme.colour": "blue"}))


def test_records_of_one_file_are_of_one_part_and_what_is_kept_aside_is_not_shown(tmp_path, capsys):
    records = [flow(name=f"acme/{number}#{one}") for number in range(20) for one in (1, 2)]
    parts = [record.part for record in records]
    assert parts[::2] == parts[1::2]
    assert set(parts) == {"dev", "kept"}
    with pytest.raises(SystemExit):
        labelled_scores.main([str(tmp_path / "none"), "--part", "kept", "--show"])
    assert "measured, not looked at" in capsys.readouterr().err


def test_the_command_prints_a_line_for_each_source_and_vendor_and_what_is_wrong(tmp_path, capsys):
    record = flow(**{"source.ip": "192.0.2.7", "source.port": "1"})
    line = {field: getattr(record, field) for field in Record.__struct_fields__}
    (tmp_path / "labels.jsonl").write_text(json.dumps(line) + "\n")
    assert labelled_scores.main([str(tmp_path / "labels.jsonl"), "--part", "all"]) == 0
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert rows[1] == ["aws_vpcflow", "acme", "1", "2", "1", "0", "1", "0", "0", "50.0%", "50.0%"]


@pytest.mark.parametrize("source", sorted(read_table().sources))
def test_every_counterpart_is_a_column_of_a_table_that_the_source_fills(source):
    columns = {name for table in coverage(sources()[source]).destinations for name in column_types(table)}
    for label, entries in read_table().sources[source].items():
        for entry in [entries] if isinstance(entries, Label) else entries or []:
            assert set(entry.columns) <= columns, label
