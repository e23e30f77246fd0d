"""What a run says when the place that rows go to is not as the settings say; the rows wait."""

from __future__ import annotations

import re

import pytest

from tests.app import logs
from tidewaiter.app.engine.destination import provision_lab
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.serving import background
from tidewaiter.lab.server.up import write_settings
from tidewaiter.state import open_state


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A served and provisioned lab: (the lab, the text of its clients' settings)."""
    with Lab.open(tmp_path_factory.mktemp("lab") / "lab", clock="stream") as lab, background(lab) as address:
        provision_lab(lab)
        yield lab, write_settings(lab, address).read_text()


@pytest.fixture
def deliver(cli, tmp_path, served):
    """Deliver three events by settings that were changed; returns what the command said."""
    logs.trail(tmp_path / "in", [logs.event(number) for number in range(3)])
    lab, settings = served
    lab.faults.clear()

    def run(changed=lambda text: text):
        path = tmp_path / "tidewaiter.toml"
        path.write_text(changed(settings) + "\n[retry]\ngive_up_after = 1.0\n")
        return cli(
            "run", "--config", path, "--from", tmp_path / "in", "--state", tmp_path / "state", "--once"
        )

    return run


def waiting(tmp_path):
    with open_state(tmp_path / "state", read_only=True) as state:
        return state.outbox().pending.rows


def setting(name, value):
    return lambda text: re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)


def other_secret(tmp_path):
    (tmp_path / "secret").write_text("not the secret")
    return setting("client_secret", f'"file://{tmp_path / "secret"}"')


CASES = {
    "a certificate that nobody vouches for": (setting("ca_bundle", '""'), 4, "azure.ca_bundle"),
    "a DCR that is not there": (
        lambda text: re.sub(r'"dcr-\w+"', '"dcr-00000000000000000000000000000000"', text),
        5,
        "check ingestion.dcr",
    ),
    "a DCR without the stream": (setting("stream_prefix", '"Custom-No"'), 5, "stream"),
    "a host that does not answer": (setting("endpoint", '"https://127.0.0.1:9"'), 5, "127.0.0.1"),
}


@pytest.mark.parametrize(("changed", "code", "words"), CASES.values(), ids=CASES.keys())
def test_a_wrong_place_is_named_with_a_next_step_and_the_rows_wait_for_the_right_one(
    deliver, tmp_path, changed, code, words
):
    said = deliver(changed)

    assert said.code == code, said.err
    assert words in said.err
    assert "next: " in said.err or "a retry is safe" in said.err
    assert "Traceback" not in said.err
    assert waiting(tmp_path) == 3
    again = deliver()
    assert again.code == 0, again.err
    assert waiting(tmp_path) == 0


def test_a_secret_that_is_not_the_apps_is_told_in_entras_words(deliver, tmp_path):
    said = deliver(other_secret(tmp_path))

    assert said.code == 5, said.err
    assert "AADSTS7000215" in said.err
    assert waiting(tmp_path) == 3
    assert deliver().code == 0
