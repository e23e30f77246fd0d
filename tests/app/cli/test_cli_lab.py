"""`tidewaiter lab generate` and `tidewaiter demo`: a day of logs, and what is found in it."""

from __future__ import annotations

import re

import pytest

from tidewaiter.lab.generator import read_truth


def test_a_day_is_generated_and_what_is_hidden_in_it_is_told(cli, tmp_path):
    said = cli("lab", "generate", "--events", 500, "--seed", 3, "--out", tmp_path / "day")
    again = cli("lab", "generate", "--events", 500, "--seed", 3, "--out", tmp_path / "again")

    truth = read_truth(tmp_path / "day" / "truth.json")
    assert (said.code, again.code) == (0, 0)
    assert said.out.startswith("wrote 2026-03-17 of 6 accounts and one Entra tenant under ")
    assert re.search(r"^CloudTrail +500 ", said.out, re.MULTILINE)
    assert truth.campaigns[0].title in said.out
    assert len(truth.event_ids) == 500
    names = [path.relative_to(tmp_path / "day") for path in (tmp_path / "day").rglob("*") if path.is_file()]
    assert all((tmp_path / "day" / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--day", "17.3.2026"), "'17.3.2026' is not a day\n  next: write it as 2026-03-17"),
        (("--events", "5"), "500"),
    ],
)
def test_a_day_that_cannot_be_is_refused(cli, tmp_path, words, said):
    result = cli("lab", "generate", "--out", tmp_path / "day", *words)

    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "day").exists()


def test_a_day_is_not_written_over_something_else(cli, tmp_path):
    (tmp_path / "mine").write_text("x")

    said = cli("lab", "generate", "--out", tmp_path)

    assert said.code == 2
    assert "is not an empty folder\n  next: give --out a new folder" in said.err


def test_the_demo_tells_the_whole_story_and_can_be_run_again(cli, tmp_path):
    for _ in range(2):
        said = cli("demo", "--events", 500, "--out", tmp_path / "demo")

    assert said.code == 0
    assert "A day of 500 CloudTrail events" in said.out
    assert "hidden in it: 1 attack, and 2 look-alikes that should stay quiet" in said.out
    lines = [line.rstrip() for line in said.out.splitlines()]
    (attack,) = [line for line in lines if line.startswith("attack ")]
    assert attack.endswith("High incident")
    assert sum(line.startswith("look-alike ") and line.endswith("quiet") for line in lines) == 2
    assert "incidents show 1 of 1 attack; 0 of 2 look-alikes raised a false alarm" in said.out
    assert "Delivered " in said.out
    assert "\nHigh " in said.out
    assert re.search(rf"Ask it: \S*tidewaiter kql run --state {tmp_path / 'demo' / 'state'} 'ASim", said.out)


def test_the_demo_does_not_remove_what_is_not_its_own(cli, tmp_path):
    (tmp_path / "mine").write_text("x")

    said = cli("demo", "--events", 500, "--out", tmp_path)

    assert said.code == 2
    assert "is not a demo's folder\n  next: give --out another folder" in said.err
    assert (tmp_path / "mine").read_text() == "x"
