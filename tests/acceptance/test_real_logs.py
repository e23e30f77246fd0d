"""The whole product on real logs that were not made for it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.acceptance import originals
from tests.acceptance.conftest import asim_errors, check_laws, rows_of, unequal, unequal_flows
from tidewaiter.state import open_state

pytestmark = pytest.mark.corpus

BROKEN = "opensearch-catalog/integrations/observability/aws_cloudtrail/data/samples-large.json"
"""The file that is no sound JSON: two of its records are cut."""


@pytest.fixture(scope="module")
def state(tidewaiter, corpora, tmp_path_factory):
    state = tmp_path_factory.mktemp("real") / "state"
    said = tidewaiter("run", "--from", corpora, "--state", state, "--once")
    assert "Delivered 3," in said.stdout
    return state


@pytest.fixture(scope="module")
def rows(state):
    return rows_of(state)


@pytest.fixture(scope="module")
def objects(state):
    """The paths of all objects that were claimed, by source."""
    with open_state(state, read_only=True) as opened:
        found: dict[str, list[str]] = {}
        for claims in opened.versions().values():
            found.setdefault(claims[0].source, []).append(claims[0].object_id)
    return found


def test_every_record_is_accounted_for(state, rows, corpora, objects):
    report = check_laws(state, rows)
    sound = [path for path in objects["aws_cloudtrail"] if path != BROKEN]
    in_files = sum(1 for path in sound for _ in originals.records(corpora / path))
    broken = originals.content(corpora / BROKEN).count('"eventVersion"')

    assert report["sources"]["aws_cloudtrail"]["records"] == in_files + broken
    assert report["sources"]["aws_vpcflow"]["records"] == sum(
        1 for path in objects["aws_vpcflow"] for _ in originals.flow_lines(corpora / path)
    )


def test_a_second_run_delivers_nothing_and_says_so(tidewaiter, state, rows, corpora):
    again = tidewaiter("run", "--from", corpora, "--state", state, "--once")

    assert "Nothing new to deliver from" in again.stdout
    assert {table: len(some) for table, some in rows_of(state).items()} == {
        t: len(s) for t, s in rows.items()
    }


def test_the_rows_hold_to_asim_in_every_table(rows):
    assert asim_errors(rows) == []


def test_every_row_carries_the_bytes_of_its_record(rows, corpora, objects):
    sound = [path for path in objects["aws_cloudtrail"] if path != BROKEN]
    texts = [text for path in sound for text in originals.records(corpora / path)]
    known = originals.by_event_id(texts)
    broken = originals.compact(originals.content(corpora / BROKEN))
    # Another file has some of its events, with other account numbers: which row is of which cannot be told.
    shared = {text for text in re.findall(r'"eventID":"([^"]+)"', broken) if text in known}
    all_files = broken + "".join(map(originals.compact, texts))
    of_sound, of_broken = {}, []
    for table, some in rows.items():
        ours = [row for row in some if row["EventVendor"] == "AWS" and row["EventProduct"] == "CloudTrail"]
        of_sound[table] = [row for row in ours if row["EventOriginalUid"] in known.keys() - shared]
        of_broken += [row for row in ours if row["EventOriginalUid"] not in known.keys() - shared]

    assert unequal(of_sound, texts) == []
    assert sum(map(len, of_sound.values())) > 2_000
    assert len(of_broken) > 700
    for row in of_broken:
        for name, raw in originals.members_of(str(row["AdditionalFields"])).items():
            assert f'"{name}":{raw}' in all_files


def test_every_flow_row_carries_the_values_of_its_line(rows, corpora, objects):
    lines = [line for path in objects["aws_vpcflow"] for line in originals.flow_lines(corpora / path)]

    assert unequal_flows(rows, lines) == (Counter(), Counter())
