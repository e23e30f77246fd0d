"""What `doctor` says of a state directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state.rows import TODAY, claim, done
from tidewaiter.app.engine.doctor import Check, examine
from tidewaiter.core.settings import Settings
from tidewaiter.state import open_state


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with 300 objects."""
    with open_state(tmp_path / "state") as opened:
        opened.commit([done(claim(f"{n:05d}.json")) for n in range(300)], (), {}, today=TODAY)
    return tmp_path / "state"


def about(state: Path) -> Check:
    return next(check for check in examine(Settings(), state) if check.name == "state")


def test_a_whole_state_is_ok(state):
    found = about(state)

    assert (found.result, "300 objects claimed" in found.saw) == ("ok", True)


def test_a_state_with_a_damaged_page_has_failed(state):
    path = state / "state.db"
    whole = path.read_bytes()
    start = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:start] + b"\xff" * 8192 + whole[start + 8192 :])

    found = about(state)

    assert found.result == "failed"
    assert found.next.startswith("restore it from a copy")
