from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tidewaiter.core.settings import load
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.serving import Address
from tidewaiter.lab.server.up import run_lab

from .lab_process import COMMAND, token, up


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )


def test_settings_lead_to_the_lab_and_a_signal_ends_it_in_order(state: Path):
    with up(state) as (process, found):
        assert token(found).status_code == 200
        assert load(Path(found["settings"]), {}).settings.ingestion.endpoint == found["url"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, b"the lab has stopped" in errors) == (0, True)


def test_a_lab_that_was_killed_starts_again_with_its_secret(state: Path):
    with up(state) as (process, found):
        process.kill()
        process.wait(timeout=60)
        secret = Path(found["client_secret_file"]).read_text()
    with up(state) as (process, found):
        assert Path(found["client_secret_file"]).read_text() == secret
        assert token(found).status_code == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_second_lab_on_the_same_folder_says_who_has_it(state: Path):
    with up(state) as (process, _):
        second = run("lab", "up", "--state", str(state), "--port", "0")
        assert (second.returncode, f"in use by process {process.pid}" in second.stderr) == (4, True)


def test_a_port_in_use_is_said_with_a_way_out(state: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("lab", "up", "--state", str(state), "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} is in use" in done.stderr
    assert "give --port another one" in done.stderr


def test_what_provisioning_raises_ends_the_lab(state: Path):
    seen: list[str] = []

    def provision(lab: Lab, address: Address) -> None:
        with httpx.Client(verify=ssl.create_default_context(cafile=str(address.ca))) as client:
            answer = client.get(f"{address.url}/{lab.tenant.id}/discovery/v2.0/keys")
        seen.append(str(answer.status_code))
        raise RuntimeError("no rule was made")

    def announce(*_: object) -> None:
        seen.append("announced")

    with pytest.raises(RuntimeError, match="no rule was made"):
        run_lab(state / "lab", port=0, clock="wall", announce=announce, provision=provision)
    assert seen == ["200"]


def test_people_are_told_what_to_do_next(state: Path, capsys: pytest.CaptureFixture[str]):
    from tidewaiter.app.cli.lab_up import _print_story

    with Lab.open(state / "lab") as lab:
        address = Address("https://127.0.0.1:1", state / "lab" / "tls" / "ca.pem")
        _print_story(lab, address, state / "lab" / "tidewaiter.toml")
        secret = next(iter(lab.clients.values())).secret
    text = capsys.readouterr().out
    assert f"tidewaiter run --config '{state}/lab/tidewaiter.toml'" in text
    assert "REQUESTS_CA_BUNDLE" in text
    assert secret not in text
