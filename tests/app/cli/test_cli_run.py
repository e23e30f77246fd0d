"""`tidewaiter run` as an analyst types it: what it prints for people, and for scripts."""

from __future__ import annotations

import json
import time

from tests.app import logs


def test_run_prints_what_it_delivered_what_it_found_and_where_it_lies(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 0
    assert "Delivered 8 rows in" in said.out
    assert "aws_cloudtrail        1        5      5          5          0            0       0" in said.out
    assert "ASimNetworkSessionLogs     3" in said.out
    assert "0 incidents" in said.out
    assert f"{tmp_path / 'state'}/report.json" in said.out
    assert said.err == ""


def test_a_second_run_says_that_nothing_was_new(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 0
    assert f"Nothing new to deliver from {folder}: every object was delivered before." in said.out
    assert said.err == "2 objects were delivered by an earlier run\n"


def test_a_run_of_copies_says_that_they_hold_nothing_new(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")
    logs.trail(folder, [logs.event(number) for number in range(2)], "copy")

    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert "its new objects hold no event that is new" in said.out


def test_run_prints_the_report_as_json_and_nothing_else_on_stdout(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once", "--json")

    assert said.json == [json.loads((tmp_path / "state" / "report.json").read_bytes())]
    assert said.json[0]["sources"]["aws_cloudtrail"]["delivered"] == 5


def test_the_state_directory_can_be_named_by_the_environment(cli, monkeypatch, tmp_path, folder):
    monkeypatch.setenv("TIDEWAITER_STATE", str(tmp_path / "from-env"))

    assert cli("run", "--from", folder, "--once").code == 0
    assert (tmp_path / "from-env" / "report.json").is_file()


class Watcher:
    """Stands for the wait between two looks at the folder: does one thing each time, then stops the run."""

    def __init__(self, *deeds):
        self.deeds = list(deeds)

    def __call__(self, seconds):
        assert seconds == 30.0
        if not self.deeds:
            raise KeyboardInterrupt
        self.deeds.pop(0)()


def test_a_watch_delivers_what_comes_and_ends_on_an_interrupt(cli, monkeypatch, tmp_path, folder):
    watch = Watcher(lambda: None, lambda: logs.trail(folder, [logs.event(9)], "new"))
    monkeypatch.setattr(time, "sleep", watch)

    said = cli("run", "--from", folder, "--state", tmp_path / "state")

    assert said.code == 130
    assert said.out.count("Delivered 8 rows") == said.out.count("Delivered 1 row in") == 1
    assert "Nothing new" not in said.out
    assert "stopped; what was not claimed is taken by the next run" in said.err


def test_a_watch_outlives_a_folder_that_is_away_for_a_while(cli, monkeypatch, tmp_path, folder):
    away = tmp_path / "away"
    watch = Watcher(
        lambda: folder.rename(away),
        lambda: (away.rename(folder), logs.trail(folder, [logs.event(9)], "new")),
    )
    monkeypatch.setattr(time, "sleep", watch)

    said = cli("run", "--from", folder, "--state", tmp_path / "state")

    assert f"tidewaiter: {folder} does not exist\n  next: check the path" in said.err
    assert "Delivered 1 row in" in said.out
