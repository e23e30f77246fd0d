from __future__ import annotations

import msgspec
import pytest

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.lab.server.sentinel import documents as module
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.workspace import Workspace

from .sentinel_lab import near_real_time, streamed


class Thing(msgspec.Struct, frozen=True):
    size: int


def held(path) -> dict[str, int]:
    return {name: thing.size for name, thing in Documents(path).collection("thing", Thing).items()}


def put(documents: Documents, **sizes: int) -> None:
    things = documents.collection("thing", Thing)
    with documents.transaction():
        for name, size in sizes.items():
            things.put(name, Thing(size))


def test_documents_are_there_when_the_file_is_opened_again(tmp_path):
    path = tmp_path / "d.ndjson"
    documents = Documents(path)
    put(documents, a=1, b=2)
    put(documents, a=3)
    things = documents.collection("thing", Thing)
    with documents.transaction():
        things.drop("b")
    assert held(path) == {"a": 3}


def test_a_transaction_that_fails_changes_nothing(tmp_path):
    documents = Documents(tmp_path / "d.ndjson")
    things = documents.collection("thing", Thing)
    with documents.transaction():
        things.put("a", Thing(1))

    def fail() -> None:
        with documents.transaction():
            things.put("a", Thing(2))
            things.put("b", Thing(2))
            things.drop("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert {name: thing.size for name, thing in things.items()} == {"a": 1}
    assert held(tmp_path / "d.ndjson") == {"a": 1}


def test_a_line_that_a_crash_tore_is_cut_off_wherever_it_broke(tmp_path):
    path = tmp_path / "d.ndjson"
    put(Documents(path), a=1)
    whole = path.read_bytes()
    put(Documents(path), a=2, b=2)
    longer = path.read_bytes()
    for end in range(len(whole), len(longer)):
        path.write_bytes(longer[:end])
        assert held(path) == {"a": 1}
        put(Documents(path), c=3)
        assert held(path) == {"a": 1, "c": 3}


def test_a_file_that_has_become_long_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SLACK", 10)
    path = tmp_path / "d.ndjson"
    documents = Documents(path)
    for size in range(30):
        put(documents, a=size)
    assert len(path.read_bytes().splitlines()) < 15
    assert held(path) == {"a": 29}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"version":2}\n', "update tidewaiter"),
        (b'{"changes":[["thing"]]}\n', "damaged"),
        (b"nonsense\n", "damaged"),
        (b'{"changes":[["thing","a",{"size":"x"}]]}\n', "unreadable thing"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(tmp_path, line, why):
    path = tmp_path / "d.ndjson"
    path.write_bytes(line)
    with pytest.raises(StateError) as caught:
        Documents(path).collection("thing", Thing)
    assert why in f"{caught.value} {caught.value.hint}"


def test_alerts_whose_rows_were_not_stored_are_stored_once_when_the_lab_opens(
    tmp_path, empty_workspace, monkeypatch
):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        its.put_rule(near_real_time(), kind="NRT")
        its.events(1)

        def full(*_: object) -> None:
            raise DeliveryError("no room")

        with monkeypatch.context() as broken:
            broken.setattr(Workspace, "store", full)
            with pytest.raises(DeliveryError):
                its.run()
        assert len(its.query("SecurityAlert")) == 0
    for _ in range(2):
        with streamed(tmp_path / "lab", empty_workspace) as its:
            its.run()
            assert len(its.query("SecurityAlert")) == 1
            assert len(its.query("SecurityIncident")) == 1


def test_rows_that_were_stored_before_a_crash_are_not_stored_again(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        its.put_rule(near_real_time(), kind="NRT")
        its.events(1)
        journal = tmp_path / "lab" / "sentinel.ndjson"
        its.run()
        lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))  # as if the process had died before it noted that
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert len(its.query("SecurityAlert")) == 1
        assert len(its.query("SecurityIncident")) == 1
