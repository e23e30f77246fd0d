"""What `tidewaiter doctor` looks at on this machine; each check says what it saw and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tidewaiter import __version__
from tidewaiter.app.engine.destination import check_pulled, check_wanted, destination, utc_now, warden_of
from tidewaiter.app.engine.paths import Paths
from tidewaiter.content import detections, sources
from tidewaiter.core.errors import TidewaiterError
from tidewaiter.core.settings import Settings

Result = Literal["ok", "warning", "failed", "skipped"]
_ROOM_BYTES = 2_000_000_000
_MEMORY_BYTES = 300 << 20
"""What one worker may take (DESIGN section 13)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    result: Result
    saw: str
    next: str = ""


def examine(settings: Settings, state: Path) -> Iterator[Check]:
    """Yield every check; none changes anything, and only a workspace to be pulled from is spoken to."""
    for name, look in _CHECKS.items():
        try:
            result, saw, following = look(settings, state)
            yield Check(name, result, saw, following)
        except TidewaiterError as error:
            where = f"{error.at}: " if error.at else ""
            yield Check(name, "failed", f"{where}{error.message}", error.hint)


_Found = tuple[Result, str, str]


def _version(settings: Settings, state: Path) -> _Found:
    del settings, state
    version = ".".join(map(str, sys.version_info[:3]))
    return "ok", f"Tidewaiter {__version__}, Python {version}", ""


def _content(settings: Settings, state: Path) -> _Found:
    del state
    check_wanted(settings)
    return "ok", f"{len(sources())} sources, {len(detections())} detections", ""


def _state_folder(settings: Settings, state: Path) -> _Found:
    if settings.state.url:
        place = urlsplit(settings.state.url)
        return "ok", f"{place.scheme} at {place.hostname or 'a local socket'} (opened by run)", ""
    nearest = next(path for path in (state, *state.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return "failed", f"{nearest} cannot be written", "give --state a folder that you can write to"
    if not (state / "state.db").exists():
        return "ok", f"{state} is new; run makes it", ""
    from tidewaiter.state import open_state

    with open_state(state, read_only=True) as opened:
        opened.check()
        objects = sum(counts.objects for counts in opened.totals().values())
        waiting = opened.outbox()
    to_send = waiting.pending.batches + waiting.sending.batches
    saw = f"{state}: {objects:,} objects claimed, {to_send:,} batches to send"
    if waiting.dead.batches:
        return "warning", f"{saw}, {waiting.dead.batches:,} dead letters", "see outbox.dead in report.json"
    return "ok", saw, ""


def _room(settings: Settings, state: Path) -> _Found:
    del settings
    nearest = next(path for path in (state, *state.absolute().parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    saw = f"{free / 1e9:,.1f} GB free at {nearest}"
    if free < _ROOM_BYTES:
        return "warning", saw, "the archive and the outbox need room: free some, or move --state"
    return "ok", saw, ""


def _memory(settings: Settings, state: Path) -> _Found:
    del settings, state
    cores = len(os.sched_getaffinity(0))
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    saw = f"{whole / (1 << 30):,.1f} GiB for {cores} workers"
    if whole < cores * _MEMORY_BYTES + (1 << 30):
        return "warning", saw, "run with fewer --workers: each may take 300 MiB"
    return "ok", saw, ""


def _archive(settings: Settings, state: Path) -> _Found:
    from tidewaiter.pipeline.deliver.archive import Archive

    url = settings.archive.url or (state.absolute() / "archive").as_uri()
    Archive.open(url)
    return "ok", f"{urlsplit(url).scheme}:// ({'default' if not settings.archive.url else 'set'})", ""


def _credentials(settings: Settings, state: Path) -> _Found:
    del state
    if settings.embedded:
        return "skipped", "no ingestion.endpoint: rows go to the embedded lab", ""
    from tidewaiter.clouds import read_secret

    azure = settings.azure
    if azure.client_secret:
        read_secret(azure.client_secret, setting="azure.client_secret")
        return "ok", "a client id and a readable secret (run will tell whether it is right)", ""
    whose = f" as {azure.client_id}" if azure.client_id else ""
    return "ok", f"DefaultAzureCredential{whose} (tried by run)", ""


def _pull(settings: Settings, state: Path) -> _Found:
    if not settings.pulled:
        return "skipped", "no source has pull = true", ""
    check_wanted(settings)
    check_pulled(settings)
    readers = [sources()[name].pulled for name in settings.pulled]
    tables = [reader.table for reader in readers if reader]
    if settings.embedded:
        return "ok", f"{', '.join(tables)} of the embedded lab", ""
    from tidewaiter.app.engine.pull import hint_for, rows_of_a_day
    from tidewaiter.sentinel import CloudError

    with destination(settings, Paths(state), warden_of(settings, utc_now)) as to:
        try:
            found = {table: rows_of_a_day(to, table) for table in tables}
        except CloudError as error:
            return "failed", error.message, hint_for(error)
    saw = ", ".join(f"{table}: {n:,} rows in the last day" for table, n in found.items())
    if not all(found.values()):
        return "warning", saw, "where there are none, is Microsoft's connector for them on?"
    return "ok", saw, ""


def _certificates(settings: Settings, state: Path) -> _Found:
    del state
    bundle = settings.azure.ca_bundle
    if not bundle:
        return "ok", "public certificate authorities", ""
    from tidewaiter.clouds.transport import tls_context

    tls_context(Path(bundle))  # raises as it does in a run
    return "ok", bundle, ""


def _metrics(settings: Settings, state: Path) -> _Found:
    del state
    if not settings.metrics.listen:
        return "skipped", "metrics.listen is empty", ""
    host, _, port = settings.metrics.listen.rpartition(":")
    try:
        with socket.create_server((host or "127.0.0.1", int(port))):
            return "ok", settings.metrics.listen, ""
    except (OSError, ValueError, OverflowError) as error:
        return "failed", f"{settings.metrics.listen}: {error}", "metrics.listen is HOST:PORT with a free port"


_CHECKS: dict[str, Callable[[Settings, Path], _Found]] = {
    "version": _version,
    "content": _content,
    "state": _state_folder,
    "disk": _room,
    "memory": _memory,
    "archive": _archive,
    "credentials": _credentials,
    "certificates": _certificates,
    "pull": _pull,
    "metrics": _metrics,
}
