"""Surroundings that do not play along: another user's files, a full disk; each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app import logs
from tests.app.conftest import Delivery

GOOD = [logs.event(number) for number in range(1000, 1003)]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that other users may enter: every pytest that starts closes the one that holds its own."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place)
        path.chmod(0o755)
        yield path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    logs.write(folder / "good.json", logs.document(GOOD))
    logs.flows(folder, range(5))
    return folder


AS_ANOTHER = """
import os, sys
from tidewaiter.app.cli import main
words, sys.argv[1:] = sys.argv[1:], ["run", "--once", "--from", sys.argv[1], "--state", sys.argv[2]]
try:
    main()  # as root, so that all modules are loaded: another user might not be let to them
except SystemExit as stop:
    assert stop.code == 0
os.setgid(65534)
os.setuid(65534)
sys.argv[1:] = words[2:]
main()
"""


@pytest.fixture
def as_another(tmp_path):
    """Run a command line as a user who owns nothing but the folder `theirs`."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    warm = logs.write(tmp_path / "warm.json", logs.document(GOOD))

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", AS_ANOTHER, warm, tmp_path / "warm-state", *words]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

    return run


def test_permissions_of_files_and_folders_are_told_for_a_user_who_lacks_them(as_another, tmp_path, folder):
    logs.write(folder / "locked.json", logs.document([logs.event(7)])).chmod(0o600)
    (folder / "closed").mkdir(mode=0o700)
    logs.write(folder / "closed" / "x.json", logs.document([logs.event(8)]))
    state = tmp_path / "theirs" / "state"

    said = as_another("run", "--from", folder, "--state", state, "--once")

    assert said.returncode == 5, said.stderr
    assert "locked.json [unreadable] cannot be read: Permission denied" in said.stderr
    assert "closed/ [unreadable] cannot be read: Permission denied" in said.stderr
    assert len(Delivery(state).ids()) == len(GOOD) + 5
    folder.chmod(0o700)
    said = as_another("normalize", folder)
    assert said.returncode == 2
    assert f"{folder} cannot be read: Permission denied\n  next: check its permissions" in said.stderr


def test_a_state_that_cannot_be_written_is_told_for_a_user_who_may_not(as_another, tmp_path, folder):
    (tmp_path / "mine").mkdir(mode=0o755)

    state = tmp_path / "mine" / "deeper"
    said = as_another("run", "--from", folder, "--state", state, "--once")

    assert said.returncode == 4
    assert f"cannot use {state}: Permission denied" in said.stderr
    assert "next: give --state a folder that you can write to" in said.stderr


# A full disk

FULL = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
del sys.argv[1]
from tidewaiter.app.cli import main
main()
"""


@pytest.fixture
def many(folder):
    """Rows enough to fill a small disk while they are staged, loaded or claimed."""
    for part in range(2):
        first = 10_000 + part * 500
        records = [logs.event(n, userAgent=f"agent {n} " * 20) for n in range(first, first + 500)]
        logs.write(folder / f"many-{part}.json", logs.document(records))
    return folder


def completed(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")
    assert said.code == 0, said.err
    delivery = Delivery(tmp_path / "state")
    delivery.check_laws()
    assert set(delivery.ids().values()) == {1}
    assert delivery.counts()["delivered"] == 1000 + len(GOOD)
    assert delivery.counts("aws_vpcflow")["delivered"] == 5


@pytest.mark.parametrize("limit", [pytest.param(20_000, marks=pytest.mark.long), 600_000])
def test_a_file_that_can_grow_no_more_is_told_and_the_next_run_completes(cli, tmp_path, many, limit):
    command = [
        sys.executable,
        "-c",
        FULL,
        limit,
        "run",
        "--once",
        "--from",
        many,
        "--state",
        tmp_path / "state",
    ]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

    assert "Traceback" not in said.stderr, said.stderr
    assert said.returncode in (4, 5), said.stderr
    assert "  next: " in said.stderr
    completed(cli, tmp_path, many)


MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


@pytest.mark.parametrize("size", [pytest.param("64k", marks=pytest.mark.long), "900k", "1800k"])
def test_a_full_disk_is_told_with_exit_code_5_and_the_next_run_completes(cli, tmp_path, many, size):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", size, disk]
    probe = subprocess.run([*map(str, command), "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this user may not mount a small disk")
    script = f"""
import shutil, subprocess, sys
from tidewaiter.app.cli import main
sys.argv = ["tidewaiter", "run", "--once", "--from", {str(many)!r}, "--state", {str(disk / "state")!r}]
try:
    main()
except SystemExit as stop:
    shutil.copytree({str(disk / "state")!r}, {str(tmp_path / "state")!r})
    sys.exit(stop.code)
"""
    said = subprocess.run(
        [*map(str, command), sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "Traceback" not in said.stderr, said.stderr
    assert said.returncode == 5, said.stderr
    assert "  next: free disk space" in said.stderr
    assert "a retry is safe and may help" in said.stderr
    completed(cli, tmp_path, many)


def test_normalize_on_a_full_disk_leaves_no_half_written_file(tmp_path, many):
    for form, limit in (("ndjson", 100_000), ("parquet", 20_000)):
        out = tmp_path / form
        command = [sys.executable, "-c", FULL, limit, "normalize", many, "--out", out, "--format", form]
        said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

        assert said.returncode == 5, said.stderr
        assert "Traceback" not in said.stderr
        assert "  next: free disk space" in said.stderr
        assert list(out.iterdir()) == []
