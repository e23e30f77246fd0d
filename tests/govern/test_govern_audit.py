"""The audit chain: what was written is what is read, and nothing can be changed unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.govern.audit import Line, lines, open_audit, verify
from tidewaiter.govern.audit.checkpoint import CHECKPOINT, KEY, load
from tidewaiter.govern.audit.checkpoint import write as write_checkpoint
from tidewaiter.govern.audit.records import GENESIS, hash_of, line_of, make, read

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


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    """Nothing here loses power, and waiting for disk or writer would take most of the time."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("time.sleep", lambda _: None)


def is_found(folder: Path) -> bool:
    """Whether a forgery is found, and still is after another writer, unless the chain is refused to it."""
    if not verify(folder):
        return False
    twin = folder.with_name("twin")
    shutil.copytree(folder, twin)
    try:
        with open_audit(twin) as log:
            log.append("run", "tidewaiter", {}, at=NOON)
    except StateError:
        pass
    found = verify(twin)
    shutil.rmtree(twin)
    return bool(found)


def bodies(folder: Path) -> list[dict[str, object]]:
    return [each.record.body for each in lines(folder) if isinstance(each, Line)]


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


@pytest.fixture
def small(tmp_path):
    """A chain to change every byte of: two segments, three records."""
    folder = write(tmp_path / "small", 3, segment_bytes=560)
    assert len(list(folder.glob("*.jsonl"))) == 2
    return folder


def test_every_flipped_byte_of_every_segment_and_of_the_checkpoint_is_found(small):
    for path in [*sorted(small.glob("*.jsonl")), small / CHECKPOINT, small / KEY]:
        whole = path.read_bytes()
        for place in range(len(whole)):
            for bit in (1, 128):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
                found = is_found if place % 11 == 0 else verify
                assert found(small), f"{path.name}, byte {place}"
        path.write_bytes(whole)
    assert verify(small) == []


def test_every_cut_of_every_file_is_found(small):
    for path in [*sorted(small.glob("*.jsonl")), small / CHECKPOINT, small / KEY]:
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            found = is_found if length % 11 == 0 else verify
            assert found(small), f"{path.name}, cut to {length}"
        path.write_bytes(whole)


def test_every_added_byte_is_found(small):
    for path in [*sorted(small.glob("*.jsonl")), small / CHECKPOINT]:
        whole = path.read_bytes()
        for place in range(len(whole) + 1):
            for extra in (b"x", b"\n", b" "):
                path.write_bytes(whole[:place] + extra + whole[place:])
                found = is_found if place % 11 == 0 or place == len(whole) else verify
                assert found(small), f"{path.name}, {extra!r} at {place}"
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
                assert is_found(copy), f"{path.name}, record {number}"
        for other, _, others in places:
            if other != path:
                path.write_bytes(b"".join(without))
                other.write_bytes(b"".join([*others, line]))
                assert is_found(copy)
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
        assert is_found(copy), f"remade from record {start + 1}"
        for path, body in originals.items():
            path.write_bytes(body)


def test_missing_renamed_and_foreign_files_are_found(copy):
    for path in [*sorted(copy.glob("*.jsonl")), copy / CHECKPOINT, copy / KEY]:
        whole = path.read_bytes()
        path.unlink()
        assert is_found(copy), f"{path.name} is missing"
        path.write_bytes(whole)
    (copy / "000001.jsonl").rename(copy / "000099.jsonl")
    assert is_found(copy)
    (copy / "000099.jsonl").rename(copy / "000001.jsonl")
    (copy / "000098.jsonl").write_bytes(b"")
    assert is_found(copy)


def test_a_checkpoint_of_another_key_is_found(copy, tmp_path):
    other = write(tmp_path / "other", 3)
    shutil.copy(other / CHECKPOINT, copy / CHECKPOINT)

    assert is_found(copy)


def forged(folder: Path, body: dict[str, object]) -> bytes:
    """A record that follows the chain's last one, as anybody can make it."""
    last = [each.record for each in lines(folder) if isinstance(each, Line)][-1]
    return line_of(make(last.seq + 1, NOON, "approval", "alice", body, last.hash))


def test_a_record_that_somebody_appended_is_never_part_of_the_chain(copy):
    last = sorted(copy.glob("*.jsonl"))[-1]
    line = forged(copy, {"phase": "active"})
    with last.open("ab") as file:
        file.write(line)
    assert [finding.what for finding in verify(copy) if "no writer announced" in finding.what]

    for n in range(2):
        with open_audit(copy) as log:
            log.append("run", "tidewaiter", {"n": n}, at=NOON)

    note, first, second = bodies(copy)[-3:]
    assert (first, second) == ({"n": 0}, {"n": 1})
    assert (note["file"], note["after"], note["bytes"]) == (last.name, 12, len(line))
    assert (copy / str(note["kept_in"])).read_bytes() == line
    assert [finding.what for finding in verify(copy)] == [
        f"after record 12 {last.name} held {len(line)} bytes that no writer had announced; they are kept in "
        f"{note['kept_in']}"
    ]


def test_a_record_that_somebody_appended_while_a_writer_runs_is_found(copy):
    last = sorted(copy.glob("*.jsonl"))[-1]
    with open_audit(copy) as log:
        with last.open("ab") as file:
            file.write(forged(copy, {}))
        log.append("run", "tidewaiter", {"n": 1}, at=NOON)

    assert bodies(copy)[-1] == {"n": 1}
    assert is_found(copy)


def test_a_segment_that_somebody_added_is_set_aside_and_stays_found(copy):
    name = f"{len(list(copy.glob('*.jsonl'))) + 1:06d}.jsonl"
    line = forged(copy, {})
    (copy / name).write_bytes(line)
    assert [finding.file for finding in verify(copy)] == [name]

    write(copy)

    assert [each["bytes"] for each in bodies(copy) if each.get("file") == name] == [len(line)]
    assert len(verify(copy)) == 1


def test_zeros_that_no_crash_left_stay_found(copy):
    last = sorted(copy.glob("*.jsonl"))[-1]
    last.write_bytes(last.read_bytes() + b"\0" * 100)
    assert {(each.file, each.offset) for each in verify(copy)} == {(last.name, len(last.read_bytes()) - 100)}

    write(copy, 1)

    assert [each["bytes"] for each in bodies(copy) if "kept_in" in each] == [100]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: None, "they are kept in"),
        (lambda kept: kept.unlink(), "which is gone"),
        (lambda kept: kept.write_bytes(b"x"), "other bytes are in"),
    ],
)
def test_what_was_set_aside_is_looked_at_again(copy, change, said):
    (copy / "999999.jsonl").write_bytes(forged(copy, {}))
    write(copy, 1)

    change(next(copy.glob("*.foreign-*")))

    assert [said in finding.what for finding in verify(copy)] == [True]


@pytest.mark.parametrize("left", [(), (KEY,), (CHECKPOINT,)])
def test_a_remade_chain_without_its_key_or_its_checkpoint_is_not_sealed(tmp_path, left):
    folder = write(tmp_path / "audit", 3)
    for name in {KEY, CHECKPOINT} - set(left):
        (folder / name).unlink()
    remade = line_of(make(1, NOON, "approval", "alice", {}, GENESIS))
    (folder / "000001.jsonl").write_bytes(remade)

    with pytest.raises(StateError, match="is damaged"):
        open_audit(folder)

    assert verify(folder)
    assert (folder / "000001.jsonl").read_bytes() == remade


def test_a_shorter_chain_with_a_checkpoint_that_the_key_did_not_seal_is_not_written_on(tmp_path):
    folder = write(tmp_path / "audit", 3, segment_bytes=10_000)
    path = folder / "000001.jsonl"
    kept = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(kept)
    mark = load(folder)
    first = read(kept[:-1])
    assert mark
    write_checkpoint(
        folder, msgspec.structs.replace(mark, seq=1, hash=first.hash, length=len(kept), seal="0" * 64)
    )

    with pytest.raises(StateError, match="its checkpoint is not sealed with its key"):
        open_audit(folder)

    assert verify(folder)


def test_an_older_checkpoint_does_not_cover_what_came_later(copy):
    seal = (copy / CHECKPOINT).read_bytes()
    with open_audit(copy) as log:
        log.append("run", "tidewaiter", {"n": 1}, at=NOON)
    (copy / CHECKPOINT).write_bytes(seal)

    assert is_found(copy)


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_at(moment: int) -> Callable[[int], None]:
    calls = count()

    def fsync(_: int) -> None:
        if next(calls) == moment:
            raise Killed

    return fsync


def test_a_kill_at_any_moment_leaves_all_records_of_a_group_or_none(tmp_path, monkeypatch):
    """Whichever file was being made durable, the first ones of a chain and of a segment included."""
    groups = [[("run", "me", {"group": g, "n": n}) for n in range(3)] for g in range(4)]
    kept = set()
    for moment in count():
        folder, killed = tmp_path / str(moment), False
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", killed_at(moment))
            try:
                with open_audit(folder, segment_bytes=1200) as log:
                    for group in groups:
                        log.append_all(group, at=NOON)
            except Killed:
                killed = True
        assert all(crash_left(each.what) for each in verify(folder))
        with open_audit(folder, segment_bytes=1200) as log:
            log.append("run", "me", {"after": "the kill"}, at=NOON)
        assert verify(folder) == []
        *before, after = bodies(folder)
        assert after == {"after": "the kill"}
        assert before == [body for group in groups for _, _, body in group][: len(before)]
        assert len(before) % 3 == 0
        kept.add(len(before))
        if not killed:
            break
    assert kept == {0, 3, 6, 9, 12}
    assert len(list(folder.glob("*.jsonl"))) > 1


def crash_left(what: str) -> bool:
    return "a writer was stopped" in what or "the key cannot be read" in what


def test_a_group_that_was_cut_off_anywhere_is_completed(copy, monkeypatch):
    """Also where the file system made room for it, and lost power before it was filled."""
    last = sorted(copy.glob("*.jsonl"))[-1]
    sealed = last.read_bytes()
    with monkeypatch.context() as patch, pytest.raises(Killed):  # noqa: PT012
        patch.setattr("os.fsync", killed_at(3))
        with open_audit(copy) as log:
            log.append_all([("run", "me", {"n": n}) for n in range(2)], at=NOON)
    group = last.read_bytes()[len(sealed) :]
    assert group.count(b"\n") == 2
    seal = (copy / CHECKPOINT).read_bytes()
    for length in (*range(0, len(group), 17), len(group)):
        for filled in (b"", b"\0" * (len(group) - length)):
            last.write_bytes(sealed + group[:length] + filled)
            (copy / CHECKPOINT).write_bytes(seal)
            whole = length == len(group)
            assert whole != any(crash_left(each.what) for each in verify(copy))
            with open_audit(copy) as log:
                log.append("run", "me", {"n": 2}, at=NOON)
            assert verify(copy) == []
            assert bodies(copy)[-3:] == [{"n": 0}, {"n": 1}, {"n": 2}]
    for forgery in (b"x", group[:50] + b"x", group + forged(copy, {}), group.replace(b'"n":1', b'"n":7')):
        last.write_bytes(sealed + forgery)
        (copy / CHECKPOINT).write_bytes(seal)
        assert is_found(copy)


def test_a_chain_is_whole_before_its_first_record(tmp_path):
    with open_audit(tmp_path / "audit"):
        pass

    assert verify(tmp_path / "audit") == []


def test_one_process_writes_a_chain(tmp_path):
    folder = tmp_path / "audit"
    with open_audit(folder), pytest.raises(StateError, match="another tidewaiter writes the audit trail"):
        open_audit(folder)


def test_a_damaged_chain_is_not_written_on(copy):
    (copy / CHECKPOINT).write_text("{}")

    with pytest.raises(StateError, match="is damaged: its checkpoint cannot be read") as caught:
        open_audit(copy)

    assert "audit verify" in caught.value.hint


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("segment_bytes", [900, 100_000])
def test_a_full_disk_is_told_and_the_next_record_follows_the_last_durable_one(
    copy, monkeypatch, moment, segment_bytes
):
    calls = count()

    def full(_: int) -> None:
        if next(calls) == moment:
            raise OSError(28, "No space left on device")

    with open_audit(copy, segment_bytes=segment_bytes) as log:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(DeliveryError, match="No space left on device"):
                log.append("run", "tidewaiter", {"n": 1, "text": "x" * 400}, at=NOON)
        log.append("run", "tidewaiter", {"n": 2}, at=NOON)

    assert verify(copy) == []
    assert bodies(copy)[-1] == {"n": 2}
    assert json.loads((copy / CHECKPOINT).read_bytes())["seq"] == 13
