"""Days whose records change at 18:00 in one account, and days without a change: what is told of either.

python -m tests.acceptance.drifted --events 20000 --seeds 11 12 13 14 15 --out build/drifted
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.killed import COMMAND

SINCE = "T18:00"
WITHIN = 1_000
"""Affected records after which a change has to have been told."""
Record = dict[str, Any]
_ACCOUNT = re.compile(r"/([0-9]{12})/CloudTrail/")


def _renamed(record: Record) -> None:
    if "userAgent" in record:
        record["clientAgent"] = record.pop("userAgent")


def _typed(record: Record) -> None:
    if "readOnly" in record:
        record["readOnly"] = str(record["readOnly"]).lower()


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a record, and what is to be told of it."""

    make: Callable[[Record], object]
    kind: str
    field: str
    now: str = ""


CHANGES: Mapping[str, Change] = {
    "rename": Change(_renamed, "renamed_field", "userAgent", "clientAgent"),
    "nested": Change(
        lambda record: record.setdefault("userIdentity", {}).update(riskLevel="low"),
        "new_field", "userIdentity.riskLevel", "text",
    ),
    "type": Change(_typed, "type_change", "readOnly", "text"),
    "vanished": Change(
        lambda record: record.pop("recipientAccountId", None), "vanished_field", "recipientAccountId"
    ),
    "emptied": Change(lambda record: record.update(sourceIPAddress=""), "emptied_field", "sourceIPAddress"),
    "version": Change(lambda record: record.update(eventVersion="1.99"), "version", "eventVersion", "1.99"),
}  # fmt: skip
TOGETHER = ("rename", "nested", "type", "vanished", "emptied")
"""The changes that are made at one time, too; each is of another field."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change that was told: after how many affected records, and what else was told by the run."""

    name: str
    after: int | None
    others: tuple[str, ...] = ()


def generated(out: Path, events: int, seed: int) -> Path:
    """Generate a day in a process of its own."""
    command = [*COMMAND, "lab", "generate", "--events", str(events), "--seed", str(seed), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def busiest(day: Path) -> str:
    """Return the account with the most records after 18:00."""
    found: Counter[str] = Counter()
    for path in _trail(day):
        account = _ACCOUNT.search(str(path))
        assert account is not None
        found[account[1]] += sum(record["eventTime"][10:] >= SINCE for record in _records(path))
    return found.most_common(1)[0][0]


def changed(day: Path, out: Path, names: Sequence[str], account: str) -> dict[str, int]:
    """Copy a day, changed in an account from 18:00 on; return how many records of each object are changed."""
    shutil.copytree(day, out)
    affected: dict[str, int] = {}
    for path in _trail(out):
        if f"/{account}/" not in str(path):
            continue
        records = _records(path)
        late = [record for record in records if record["eventTime"][10:] >= SINCE]
        for record in late:
            for name in names:
                CHANGES[name].make(record)
        if late:
            affected[path.relative_to(out).as_posix()] = len(late)
            body = json.dumps({"Records": records}, separators=(",", ":")).encode()
            path.write_bytes(gzip.compress(body, mtime=0))
    return affected


def alarms(day: Path, state: Path) -> list[dict[str, Any]]:
    """Run a day into a new state and return what `tidewaiter drift` says."""
    run = ["run", "--from", str(day), "--state", str(state), "--once", "--json"]
    subprocess.run([*COMMAND, *run], check=True, capture_output=True)
    said = subprocess.run(
        [*COMMAND, "drift", "--state", str(state), "--json"], check=True, capture_output=True, text=True
    )
    report = json.loads((state / "report.json").read_bytes())
    assert report["last_run"]["drift"]["failures"] == {}
    found = [json.loads(line) for line in said.stdout.splitlines()]
    assert report["last_run"]["drift"]["alarms"] == len(found)
    return found


def told(
    names: Sequence[str], account: str, affected: Mapping[str, int], found: Sequence[Mapping[str, Any]]
) -> list[Told]:
    """Return for each change after how many affected records it was told, in the order of a run."""
    results, rest = [], list(found)
    for name in names:
        change = CHANGES[name]
        ours = [
            alarm for alarm in rest
            if (alarm["kind"], alarm["field"], alarm["account"]) == (change.kind, change.field, account)
            and alarm["now"] == change.now
        ]  # fmt: skip
        rest = [alarm for alarm in rest if alarm not in ours]
        after = [
            sum(count for path, count in affected.items() if path <= alarm["object_id"]) for alarm in ours
        ]
        results.append(Told(name, min(after, default=None)))
    others = tuple(sorted({f"{alarm['kind']} {alarm['table']}.{alarm['field']}" for alarm in rest}))
    return [Told(each.name, each.after, others) for each in results]


def _trail(day: Path) -> list[Path]:
    return sorted(day.rglob("CloudTrail/**/*.json.gz"))


def _records(path: Path) -> list[Record]:
    found: list[Record] = json.loads(gzip.decompress(path.read_bytes()))["Records"]
    return found


def main() -> None:
    """Print the figures; an AssertionError ends it when something is not told, late, or told for nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    for seed in asked.seeds:
        day = generated(asked.out / f"day-{seed}", asked.events, seed)
        found = alarms(day, asked.out / f"state-{seed}")
        print(f"seed {seed}: {len(found)} alarms on a day without changes", flush=True)
        assert found == []
    day = asked.out / f"day-{asked.seeds[0]}"
    account = busiest(day)
    for names in (TOGETHER, *((name,) for name in CHANGES)):
        copy, state = asked.out / "changed", asked.out / "state"
        affected = changed(day, copy, names, account)
        for each in told(names, account, affected, alarms(copy, state)):
            others = f"; also {', '.join(each.others)}" if each.others else ""
            print(f"{'+'.join(names)}: {each.name} told after {each.after} records{others}", flush=True)
            assert each.after is not None, "not told"
            assert each.after <= WITHIN
        shutil.rmtree(copy)
        shutil.rmtree(state)


if __name__ == "__main__":
    main()
