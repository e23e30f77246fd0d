"""`tidewaiter incidents`: the gravest first, one in full, and what is said when there are none."""

from __future__ import annotations

import pytest

from tests.app import logs


def test_incidents_are_listed_gravest_first_with_who_and_what(cli, day_state, day):
    said = cli("incidents", "--state", day_state)

    first = said.out.splitlines()[0]
    assert (said.code, said.err) == (0, "")
    assert first.startswith("High ")
    assert day.truth.campaigns[0].actor.rpartition("/")[2] in first
    assert any(address in said.out for address in day.truth.campaigns[0].addresses)


def test_incidents_as_json_are_the_lines_of_the_file(cli, day_state):
    said = cli("incidents", "--state", day_state, "--json")

    assert said.data == (day_state / "incidents.jsonl").read_bytes()


def test_one_incident_is_shown_whole(cli, day_state):
    incident = cli("incidents", "--state", day_state, "--json").json[0]

    said = cli("incidents", "--state", day_state, incident["incident_id"])
    as_json = cli("incidents", "--state", day_state, "--json", incident["incident_id"])

    text = " ".join(said.out.split())
    assert incident["title"] in text
    assert " ".join(incident["narrative"].split()) in text
    assert incident["_AI_ModelVersion"] in text
    assert all(stage["technique"] in text for stage in incident["stages"])
    assert as_json.json == [incident]


def test_an_unknown_incident_is_refused(cli, day_state):
    said = cli("incidents", "--state", day_state, "inc-nothing")

    assert said.code == 2
    assert "no incident 'inc-nothing'\n  next: list them" in said.err


def test_a_quiet_state_says_so(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert cli("incidents", "--state", tmp_path / "state").out == "No incidents.\n"
    assert cli("incidents", "--state", tmp_path / "state", "--json").out == ""


def test_damaged_incidents_are_told_with_the_way_to_mend_them(cli, tmp_path):
    logs.write(tmp_path / "incidents.jsonl", b'{"incident_id": 5}\n')

    said = cli("incidents", "--state", tmp_path)

    assert said.code == 4
    assert "incidents.jsonl is damaged" in said.err
    assert "next: run `tidewaiter run" in said.err


@pytest.mark.parametrize("words", [("incidents",), ("kql", "run", "print 1")])
def test_what_needs_a_state_says_how_to_make_one(cli, tmp_path, words):
    said = cli(*words, "--state", tmp_path / "none")

    assert (said.code, said.out) == (4, "")
    assert f"next: run `tidewaiter run --from DIR --state {tmp_path / 'none'}` first" in said.err
    assert not (tmp_path / "none").exists()
