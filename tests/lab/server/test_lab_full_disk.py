"""What a full disk may do to the lab: refuse a change. What it may not: lose or damage another one."""

from __future__ import annotations

import errno
import os
import resource
import ssl
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.settings import load
from tidewaiter.lab.server.journal import Journal
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.tenant import Tenant

from .lab_process import token, up
from .sentinel_lab import PREVIEW


class Thing(msgspec.Struct, frozen=True):
    text: str


def held(path: Path) -> set[str]:
    return set(Documents(path).collection("thing", Thing))


def put(documents: Documents, name: str, text: str = "") -> None:
    things = documents.collection("thing", Thing)
    with documents.transaction():
        things.put(name, Thing(text))


class Disk:
    """The calls of the operating system that a full disk refuses; `room` is what is left for a write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.cuts = True
        self._write, self._cut = os.write, os.ftruncate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.cut)

    def write(self, handle: int, content: Any) -> int:
        if self.room is None:
            return self._write(handle, content)
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self._write(handle, content[: self.room])
        self.room -= done
        return done

    def cut(self, handle: int, size: int) -> None:
        if not self.cuts:
            raise OSError(errno.EIO, "Input/output error")
        self._cut(handle, size)


def incidents(found: dict[str, Any], method: str = "GET", name: str = "") -> httpx.Response:
    """Call the incidents of a lab that runs as a process; PUT one of that name."""
    ca = load(Path(found["settings"]), {}).settings.azure.ca_bundle
    url = f"{found['url']}{Tenant().workspace_path}/providers/Microsoft.SecurityInsights/incidents"
    body = {"properties": {"title": name * 100, "severity": "Low", "status": "New"}} if name else None
    headers = {"Authorization": f"Bearer {token(found).json()['access_token']}"}
    with httpx.Client(verify=ssl.create_default_context(cafile=ca), headers=headers, timeout=60) as client:
        path = f"{url}/{name}" if name else url
        return client.request(method, path, params={"api-version": PREVIEW}, json=body)


@pytest.mark.parametrize("room", [0, 1, 60])
@pytest.mark.parametrize("cuts", [True, False])
def test_what_a_full_disk_refused_is_gone_and_what_follows_is_kept(tmp_path, monkeypatch, room, cuts):
    path = tmp_path / "d.ndjson"
    documents = Documents(path)
    put(documents, "before")
    disk = Disk(monkeypatch)
    disk.room, disk.cuts = room, cuts
    for _ in range(2):
        with pytest.raises(DeliveryError, match="nothing was changed"):
            put(documents, "full", "x" * 200)
    disk.room, disk.cuts = None, True
    put(documents, "after")
    assert held(path) == {"before", "after"}


def test_a_file_that_a_full_disk_left_empty_begins_with_its_version(tmp_path, monkeypatch):
    path = tmp_path / "d.ndjson"
    documents = Documents(path)
    disk = Disk(monkeypatch)
    disk.room = 5
    with pytest.raises(DeliveryError):
        put(documents, "full")
    assert path.read_bytes() == b""
    disk.room = None
    put(documents, "after")
    assert path.read_bytes().startswith(b'{"changes":[],"version":1}\n')
    assert held(path) == {"after"}


def test_a_write_that_the_disk_took_in_parts_is_whole(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:3]))
    Journal(tmp_path / "j", 0).append(b"one line\n")
    assert (tmp_path / "j").read_bytes() == b"one line\n"


def test_a_lab_whose_disk_was_full_starts_again_with_all_that_it_acknowledged(state):
    with up(state) as (process, found):
        assert incidents(found, "PUT", "before").status_code == 201
        size = (state / "lab" / "sentinel.ndjson").stat().st_size
        limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size + 100, limits[1]))
        refused = incidents(found, "PUT", "full")
        assert (refused.status_code, "nothing was changed" in refused.text) == (503, True)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        assert incidents(found, "PUT", "after").status_code == 201
        process.kill()
        process.wait(timeout=60)
    with up(state) as (_, found):
        assert {each["name"] for each in incidents(found).json()["value"]} == {"before", "after"}
