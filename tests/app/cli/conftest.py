"""The command line, called in this process as the `tidewaiter` script calls it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app import logs
from tidewaiter.app.cli import main

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code, stdout as bytes, stderr as text."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()

    @property
    def json(self) -> list[dict[str, Any]]:
        """The JSON object of each line of stdout."""
        return [json.loads(line) for line in self.data.splitlines()]


Cli = Callable[..., Said]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Run a command line: `cli("run", "--from", folder)`."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["tidewaiter", *map(str, words)])
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsysbinary.readouterr()
        code = stop.value.code
        return Said(code if isinstance(code, int) else 0, out, err.decode())

    return run


@pytest.fixture
def shell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in a process of its own."""

    def run(
        *words: object, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()", *map(str, words)]
        wanted: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120} | options
        return subprocess.run(command, env={**os.environ, **(env or {})}, check=False, **wanted)

    return run


@pytest.fixture
def on_a_terminal() -> Callable[..., tuple[int, bytes]]:
    """Run a command line on a terminal; return its exit code and all that the terminal was sent."""

    def run(*words: object, env: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        master, slave = pty.openpty()
        command = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()", *map(str, words)]
        wanted = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=wanted)
        os.close(slave)
        sent = b""
        with suppress(OSError):  # the terminal is gone when the process is
            while part := os.read(master, 1 << 16):
                sent += part
        os.close(master)
        return process.wait(60), sent

    return run


@pytest.fixture
def on_a_screen(on_a_terminal: Callable[..., tuple[int, bytes]]) -> Callable[..., list[str]]:
    """Run a command line on a wide terminal; return the lines that a person sees."""

    def run(*words: object, columns: int = 200) -> list[str]:
        code, sent = on_a_terminal(*words, env={"COLUMNS": str(columns), "NO_COLOR": "1"})
        assert code == 0, sent
        return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", sent.decode()).splitlines()]

    return run


def raw_characters(text: str) -> set[str]:
    """The characters of a text that would act on a terminal; line ends aside."""
    return {c for c in text if unicodedata.category(c) in HIDDEN and c != "\n"}


@pytest.fixture(scope="session")
def day_state(delivered_day: Any) -> Path:
    """The state of the generated day; nobody may change it."""
    path: Path = delivered_day.state
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with five CloudTrail events and three flow records."""
    folder = tmp_path / "in"
    logs.trail(folder, [logs.event(number) for number in range(5)])
    logs.flows(folder, range(3))
    return folder
