"""What a full disk may do to the lab: refuse a change. What it may not: lose or damage another one."""

from __future__ import annotations

import errno
import logging
import os
import resource
import ssl
import threading
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.settings import load
from tidewaiter.lab.server import rules as rules_module
from tidewaiter.lab.server.journal import Journal
from tidewaiter.lab.server.sentinel import documents as documents_module
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.ticker import ticking
from tidewaiter.lab.server.tenant import Tenant
from tidewaiter.lab.workspace import Workspace

from .lab_process import token, up
from .sentinel_lab import PREVIEW, Streamed, streamed


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


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_change_is_kept_when_there_is_no_room_to_write_the_journal_anew(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(documents_module, "_SLACK", 5)
    monkeypatch.setattr(documents_module, "_TRY_AGAIN", 10)
    path = tmp_path / "d.ndjson"
    documents = Documents(path)
    with monkeypatch.context() as full:
        full.setattr(documents_module, "write_whole", no_room)
        for number in range(15):
            put(documents, "a", str(number))
    assert len(path.read_bytes().splitlines()) == 16
    warnings = [each.getMessage() for each in caplog.records]
    assert [("stays long" in text, "No space left" in text) for text in warnings] == [(True, True)]
    for _ in range(5):
        put(documents, "b")
    assert len(path.read_bytes().splitlines()) < 10
    put(documents, "c")
    assert held(path) == {"a", "b", "c"}


def test_a_change_is_acknowledged_when_only_its_row_has_to_wait(tmp_path, empty_workspace, monkeypatch):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0)

        def full(*_: object) -> None:
            raise DeliveryError("no room")

        with monkeypatch.context() as broken:
            broken.setattr(Workspace, "store", full)
            its.put_incident("one")
        assert its.query("SecurityIncident") == []
        its.put_incident("two")
        assert sorted(its.query("SecurityIncident | project IncidentName")) == [("one",), ("two",)]


def test_rows_that_were_stored_are_not_stored_again_when_noting_that_failed(
    tmp_path, empty_workspace, monkeypatch
):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0)
        append, calls = Journal.append, []

        def full_after_one(journal: Journal, content: bytes) -> None:
            calls.append(content)
            if len(calls) == 2:
                no_room()
            append(journal, content)

        with monkeypatch.context() as broken:
            broken.setattr(Journal, "append", full_after_one)
            its.put_incident("one")
        its.put_incident("two")
        assert sorted(its.query("SecurityIncident | project IncidentName")) == [("one",), ("two",)]


class Broken:
    """A lab whose rules fail in a way of their own, each time they run."""

    def __init__(self) -> None:
        self.rounds = 0
        self.several = threading.Event()

    def run_rules(self) -> None:
        self.rounds += 1
        if self.rounds > 2:
            self.several.set()
        no_room()


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_rules_run_again_after_a_round_that_failed_in_any_way(caplog):
    lab = Broken()
    with caplog.at_level(logging.ERROR), ticking(lab, every=0.001):  # type: ignore[arg-type]
        assert lab.several.wait(20)
    assert "the rules did not run" in caplog.text
    assert "No space left on device" in caplog.text


def test_a_rule_for_ingestion_that_cannot_be_written_is_not_there(tmp_path, empty_workspace, monkeypatch):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        put_rule(its, "kept", 201)
        with monkeypatch.context() as full:
            full.setattr(rules_module, "write_whole", no_room)
            assert "nothing was changed" in put_rule(its, "new", 503).json()["error"]["message"]
            assert its.arm("DELETE", rule_path(its, "kept"), version="2023-03-11").status_code == 503
        assert list(its.lab.rules) == ["kept"]
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert list(its.lab.rules) == ["kept"]


def rule_path(its: Streamed, name: str) -> str:
    path = f"{its.lab.tenant.group_path}/providers/Microsoft.Insights/dataCollectionRules/{name}"
    return f"https://127.0.0.1{path}"


def put_rule(its: Streamed, name: str, status: int) -> httpx.Response:
    here = {"workspaceResourceId": its.lab.tenant.workspace_path, "name": "here"}
    stream = "Microsoft-ASimAuditEventLogs"
    properties = {
        "destinations": {"logAnalytics": [here]},
        "dataFlows": [{"streams": [stream], "destinations": ["here"], "outputStream": stream}],
    }
    body = {"location": "westeurope", "kind": "Direct", "properties": properties}
    answer = its.arm("PUT", rule_path(its, name), body, version="2023-03-11")
    assert answer.status_code == status, answer.text
    return answer


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
