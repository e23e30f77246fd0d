"""The audit chain: what was written is what is read, and nothing can be changed unseen."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.govern.audit import Line, lines, open_audit, verify
from tidewaiter.govern.audit.checkpoint import CHECKPOINT, KEY
from tidewaiter.govern.audit.records import hash_of, line_of, make, read

NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)
BODIES = st.dictionaries(
    st.text(),
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.lists(st.text(), max_size=3),
    max_size=4,
)


def write(folder: Path, count: int = 12, segment_bytes: int = 900) -> Path:
    for number in range(count):
        with open_audit(folder, segment_bytes=segment_bytes) as log:
            log.append("decisions", "tidewaiter", {"object_id": f"a{number}.json", "count": number}, at=NOON)
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A chain of several segments; nobody may change it."""
    return write(tmp_path_factory.mktemp("audit") / "chain")


@pytest.fixture
def copy(chain, tmp_path):
    """A copy of the chain to tamper with."""
    shutil.copytree(chain, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_chain_of_several_segments_is_whole_and_read_in_its_order(chain):
    records = [each.record for each in lines(chain) if isinstance(each, Line)]

    assert verify(chain) == []
    assert [record.seq for record in records] == list(range(1, 13))
    assert len(list(chain.glob("*.jsonl"))) >= 3
    assert {record.at for record in records} == {"2026-03-17T12:00:00.000Z"}


@given(st.lists(BODIES, max_size=5))
def test_any_body_comes_back_and_follows_the_one_before(bodies):
    prev = "0" * 64
    for seq, body in enumerate(bodies, 1):
        record = make(seq, NOON, "run", "me", body, prev)
        assert read(line_of(record)[:-1]) == record
        assert record.hash == hash_of(record)
        prev = record.hash


@pytest.mark.parametrize("body", [{"x": 1.5}, {"x": [float("nan")]}, {"x": {1: "a"}}, {"x": b"bytes"}])
def test_what_has_no_single_spelling_is_refused(body):
    with pytest.raises(ValueError, match=r"audit record|names in"):
        make(1, NOON, "run", "me", body, "0" * 64)


def test_every_flipped_byte_of_every_segment_and_of_the_checkpoint_is_found(copy):
    for path in [*sorted(copy.glob("*.jsonl")), copy / CHECKPOINT, copy / KEY]:
        whole = path.read_bytes()
        for place in range(len(whole)):
            for bit in (1, 128):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
                assert verify(copy), f"{path.name}, byte {place}"
        path.write_bytes(whole)
    assert verify(copy) == []


def test_every_cut_of_every_file_is_found(copy):
    for path in [*sorted(copy.glob("*.jsonl")), copy / CHECKPOINT, copy / KEY]:
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            assert verify(copy), f"{path.name}, cut to {length}"
        path.write_bytes(whole)


def test_every_added_byte_is_found(copy):
    for path in [*sorted(copy.glob("*.jsonl")), copy / CHECKPOINT]:
        whole = path.read_bytes()
        for place in range(len(whole) + 1):
            for extra in (b"x", b"\n", b" "):
                path.write_bytes(whole[:place] + extra + whole[place:])
                assert verify(copy), f"{path.name}, {extra!r} at {place}"
        path.write_bytes(whole)


def records_of(folder: Path) -> list[tuple[Path, int, list[bytes]]]:
    """Every record as (segment, its line, all lines of the segment)."""
    return [
        (path, number, path.read_bytes().splitlines(keepends=True))
        for path in sorted(folder.glob("*.jsonl"))
        for number in range(len(path.read_bytes().splitlines()))
    ]


def test_every_removed_doubled_swapped_or_moved_record_is_found(copy):
    places = records_of(copy)
    for path, number, all_lines in places:
        whole = b"".join(all_lines)
        line = all_lines[number]
        without = [each for place, each in enumerate(all_lines) if place != number]
        for changed in (
            without,
            [*all_lines[: number + 1], line, *all_lines[number + 1 :]],
            [*without[: max(number - 1, 0)], line, *without[max(number - 1, 0) :]] if number else None,
        ):
            if changed is not None:
                path.write_bytes(b"".join(changed))
                assert verify(copy), f"{path.name}, record {number}"
        for other, _, others in places:
            if other != path:
                path.write_bytes(b"".join(without))
                other.write_bytes(b"".join([*others, line]))
                assert verify(copy)
                other.write_bytes(b"".join(others))
        path.write_bytes(whole)
    assert verify(copy) == []


def test_a_chain_that_was_remade_from_any_record_on_is_found_without_the_key(copy):
    everything = [each for each in lines(copy) if isinstance(each, Line)]
    originals = {path: path.read_bytes() for path in copy.glob("*.jsonl")}
    for start in range(len(everything)):
        prev = everything[start].record.prev
        remade: dict[str, list[bytes]] = {}
        for each in everything:
            record = each.record
            if record.seq > start:
                body = {**record.body, "count": 99} if record.seq == start + 1 else record.body
                record = make(record.seq, NOON, record.kind, record.actor, body, prev)
                prev = record.hash
            remade.setdefault(each.file, []).append(line_of(record))
        for name, made in remade.items():
            (copy / name).write_bytes(b"".join(made))
        assert verify(copy), f"remade from record {start + 1}"
        for path, body in originals.items():
            path.write_bytes(body)


def test_missing_renamed_and_foreign_files_are_found(copy):
    for path in [*sorted(copy.glob("*.jsonl")), copy / CHECKPOINT, copy / KEY]:
        whole = path.read_bytes()
        path.unlink()
        assert verify(copy), f"{path.name} is missing"
        path.write_bytes(whole)
    (copy / "000001.jsonl").rename(copy / "000099.jsonl")
    assert verify(copy)
    (copy / "000099.jsonl").rename(copy / "000001.jsonl")
    (copy / "000098.jsonl").write_bytes(b"")
    assert verify(copy)


def test_a_checkpoint_of_another_key_is_found(copy, tmp_path):
    other = write(tmp_path / "other", 3)
    shutil.copy(other / CHECKPOINT, copy / CHECKPOINT)

    assert verify(copy)


def test_a_line_that_a_crash_cut_off_is_set_aside_and_the_chain_goes_on(copy):
    last = sorted(copy.glob("*.jsonl"))[-1]
    with last.open("ab") as file:
        file.write(b'{"actor":"tidewaiter","at":"2026-03-17T12:00:00.0')
    assert [finding.what for finding in verify(copy) if "cut off" in finding.what]

    with open_audit(copy) as log:
        log.append("run", "tidewaiter", {}, at=NOON)

    assert verify(copy) == []
    assert len(list(copy.glob("*.torn-*"))) == 1


def test_whole_records_after_the_last_checkpoint_are_kept(copy):
    """A crash between the records and the checkpoint: they are durable, so they count."""
    seal = (copy / CHECKPOINT).read_bytes()
    with open_audit(copy) as log:
        log.append("run", "tidewaiter", {"n": 1}, at=NOON)
    (copy / CHECKPOINT).write_bytes(seal)

    with open_audit(copy) as log:
        log.append("run", "tidewaiter", {"n": 2}, at=NOON)

    assert verify(copy) == []
    assert [each.record.body for each in lines(copy) if isinstance(each, Line)][-2:] == [{"n": 1}, {"n": 2}]


def test_one_process_writes_a_chain(tmp_path):
    folder = tmp_path / "audit"
    with open_audit(folder), pytest.raises(StateError, match="another tidewaiter writes the audit trail"):
        open_audit(folder)


def test_a_damaged_chain_is_not_written_on(copy):
    (copy / CHECKPOINT).write_text("{}")

    with pytest.raises(StateError, match="is damaged: its checkpoint cannot be read") as caught:
        open_audit(copy)

    assert "audit verify" in caught.value.hint


def test_a_full_disk_is_told_and_the_next_record_follows_the_last_durable_one(copy, monkeypatch):
    with open_audit(copy) as log:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(DeliveryError, match="No space left on device"):
                log.append("run", "tidewaiter", {"n": 1}, at=NOON)
        log.append("run", "tidewaiter", {"n": 2}, at=NOON)

    assert verify(copy) == []
    assert json.loads((copy / CHECKPOINT).read_bytes())["seq"] == 13
