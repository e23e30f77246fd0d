"""States on both databases: SQLite in a folder, PostgreSQL from PyPI on a local socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidewaiter.state import State, open_state

Open = Callable[..., State]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """`state.url` of an empty state."""
    if request.param == "sqlite":
        return ""
    return str(request.getfixturevalue("postgres")())


@pytest.fixture
def opened(tmp_path: Path, url: str) -> Iterator[Open]:
    """Open the test's state, as one owner or another; all are closed at the end."""
    states: list[State] = []

    def open_it(**options: object) -> State:
        states.append(open_state(tmp_path / "state", url, **options))  # type: ignore[arg-type]
        return states[-1]

    yield open_it
    for state in states:
        state.close()
