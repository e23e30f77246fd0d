"""The frame around all commands: usage, exit codes, pipes that close, colours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.app import logs
from tidewaiter import __version__
from tidewaiter.app.cli import root
from tidewaiter.core.errors import ContentError, ContentErrors, Location
from tidewaiter.state import open_state

USAGE = "Usage: tidewaiter"


def test_the_version_is_printed(cli):
    assert cli("--version").out == f"{__version__}\n"


def test_the_help_of_no_command_is_cut_in_80_columns():
    """Click ends what does not fit with three dots."""
    cut, found = [], [typer.main.get_command(root.app)]
    while found:
        within = getattr(found.pop(), "commands", {})
        room = 80 - 6 - max(map(len, within), default=0)
        cut += [name for name, each in within.items() if each.get_short_help_str(room).endswith("...")]
        found += within.values()

    assert cut == []


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("run", "--no-such-flag"),
        ("kql", "run"),
        ("run", "--from", "x", "--every", "0"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_with_the_usage_on_stderr(cli, words):
    said = cli(*words)

    assert (said.code, said.out) == (2, "")
    assert USAGE in said.err


def test_a_run_that_has_nothing_to_read_says_what_it_could_read(cli, tmp_path):
    said = cli("run", "--state", tmp_path / "state")

    assert (said.code, said.out) == (2, "")
    assert "give --from DIR, or pull = true under [sources.NAME]" in said.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("words", [(), ("kql",), ("lab",), ("mapping",)])
def test_a_command_of_several_shows_what_there_is(cli, words):
    said = cli(*words)

    assert "Commands:" in said.out + said.err


def test_a_wrong_content_file_is_exit_code_4(cli, monkeypatch, tmp_path):
    def broken(*_: object) -> None:
        raise ContentErrors(
            [ContentError("one", at=Location("a.yaml", 2), hint="fix it"), ContentError("two")]
        )

    monkeypatch.setattr("tidewaiter.app.engine.run.sources", broken)
    said = cli("run", "--from", logs.trail(tmp_path / "in", []), "--state", tmp_path / "state", "--once")

    assert said.code == 4
    assert said.err.splitlines() == ["tidewaiter: a.yaml:2: one", "  next: fix it", "tidewaiter: two"]


def test_a_state_that_is_in_use_is_exit_code_4_with_a_next_step(cli, tmp_path, folder):
    with open_state(tmp_path / "state"):
        said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 4
    assert "another tidewaiter is using" in said.err
    assert "next: wait for it, or give --state another folder" in said.err


def test_a_reader_that_has_seen_enough_is_no_error(day):
    command = [
        sys.executable,
        "-c",
        "from tidewaiter.app.cli import main; main()",
        "normalize",
        str(day.folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize("command", ["normalize", "kql"])
def test_a_stdout_that_takes_no_more_is_a_delivery_that_failed(shell, day, day_state, command):
    words = {
        "normalize": ("normalize", day.folder),
        "kql": ("kql", "run", "--state", day_state, "--json", "ASimAuditEventLogs | take 1"),
    }[command]
    with Path("/dev/full").open("w") as full:
        said = shell(*words, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert said.returncode == 5
    assert "No space left on device\n  next: " in said.stderr
    assert "Traceback" not in said.stderr


def test_colours_are_left_out_when_the_user_wants_none(on_a_terminal, folder, tmp_path):
    colour = re.compile(rb"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7])(?:;[0-9;]*)?m")
    words = ("normalize", folder, "--out", tmp_path / "out")

    code, coloured = on_a_terminal(*words)
    assert code == 0
    assert colour.search(coloured), "the bar has colours, or this test shows nothing"
    code, plain = on_a_terminal(*words, env={"NO_COLOR": "1"})
    assert code == 0
    assert b"normalizing" in plain
    assert not colour.search(plain)
