"""Scores our ASIM rows against labelled records: raw logs beside the event that another vendor makes of them.

python -m tools.labelled_scores LABELS.jsonl [--part dev|kept|all] [--show]

Elastic, Sekoia, Datadog and others publish their parsers' tests: a raw log and the normalized event that
must come of it, in ECS or OCSF. Their licences keep those files out of this repository, so you collect them
yourself, one JSON object per line: `{"name", "vendor", "source", "raw", "labels": {vendor's field: value}}`.
`raw` is the text of a file with that one record as its cloud delivers it, `path` (optional) where such a
file lies. labelled_scores.yaml says which ASIM column is the counterpart of which field, and where a vendor
differs from ASIM for a reason. A value is right if our row has it in that column, in the form that ASIM
prescribes.

Parts are by a hash of the name: `dev` to mend mappings by, `kept` to be measured and not looked at.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tidewaiter.app.engine.files import normalize_files
from tidewaiter.app.engine.plan import Plan
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.pipeline.deliver.files import ndjson_lines

TABLE = Path(__file__).with_suffix(".yaml")


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """A vendor's field: the columns of which one must hold its value, in which form, in rows of what schemas.

    `form` is a name of `_FORMS`; `says` translates the vendor's words; `take` is the part that is looked for
    (its first group), and a label without that part has no counterpart.
    """

    columns: list[str]
    form: str = "text"
    take: str = ""
    says: dict[str, str] = {}
    schemas: list[str] = []


class Difference(msgspec.Struct, forbid_unknown_fields=True):
    """Where a vendor's value is not ours for a reason: labels as a pattern, our value as a pattern."""

    source: str
    label: str
    reason: str
    vendor: str = ""
    theirs: str = ""
    ours: str = ""


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """labelled_scores.yaml; a label of no entry is an error, one of an empty entry has no column in ASIM."""

    sources: dict[str, dict[str, Label | list[Label] | None]]
    differences: list[Difference]
    protocols: dict[str, str]


class Record(msgspec.Struct):
    """One line of the labels."""

    name: str
    vendor: str
    source: str
    raw: str
    labels: dict[str, str]
    path: str = "record.json"

    @property
    def part(self) -> str:
        """`dev` or `kept`, by the vendor's file, so that records of one file stay together."""
        return "kept" if sha256(self.name.split("#")[0].encode()).digest()[0] % 2 else "dev"


@dataclass(frozen=True, slots=True)
class Finding:
    """One labelled value that has a counterpart, and what our row holds there."""

    record: Record
    label: str
    theirs: str
    columns: Sequence[str]
    ours: tuple[str, ...]
    right: bool
    reason: str = ""


@dataclass(slots=True)
class Score:
    """Counts of one source and vendor, or of all."""

    records: int = 0
    values: int = 0
    right: int = 0
    missing: int = 0
    contradicted: int = 0
    differing: int = 0
    unmapped: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, found: Finding) -> None:
        """Count one value."""
        self.values += 1
        if found.right:
            self.right += 1
            return
        self.findings.append(found)
        if found.reason:
            self.differing += 1
        elif found.ours:
            self.contradicted += 1
        else:
            self.missing += 1

    def __iadd__(self, other: Score) -> Score:
        self.records += other.records
        self.values += other.values
        self.right += other.right
        self.missing += other.missing
        self.contradicted += other.contradicted
        self.differing += other.differing
        self.unmapped += other.unmapped
        self.findings += other.findings
        return self

    @property
    def share(self) -> float:
        """Right ones among those that have a counterpart and no reason to differ."""
        return self.right / max(1, self.values - self.differing)

    @property
    def strict(self) -> float:
        """The same when every difference counts as wrong."""
        return self.right / max(1, self.values)


def _same_time(theirs: str, ours: str) -> bool:
    """Equal to the millisecond: some vendors cut what is finer."""
    return _millisecond(theirs) == _millisecond(ours)


def _millisecond(text: str) -> float:
    if text.isdigit():
        return float(text)
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def _same_number(theirs: str, ours: str) -> bool:
    return abs(float(theirs) - float(ours)) < 1e-6


def _in_path(theirs: str, ours: str) -> bool:
    """The role or the session of role/session, what stands before the @ of an address, or a whole name."""
    return theirs in (ours, ours.split("@")[0]) or theirs in ours.split("/")


_FORMS: dict[str, Callable[[str, str], bool]] = {
    "text": lambda theirs, ours: theirs == ours,
    "fold": lambda theirs, ours: theirs.casefold() == ours.casefold(),
    "time": _same_time,
    "number": _same_number,
    "in_path": _in_path,
    "within": lambda theirs, ours: theirs.casefold() in ours.casefold(),
}


class Judge:
    """Holds labels against rows by the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def score(self, record: Record, row: dict[str, Any], into: Score) -> None:
        """Count every label of a record; a row that is not there has nothing right."""
        into.records += 1
        for label, value in record.labels.items():
            try:
                entries = self._table.sources[record.source][label]
            except KeyError:
                raise SystemExit(f"{TABLE.name} has no {record.source}: {label} ({record.name})") from None
            found = self._judge(record, label, value, row, entries)
            if found is None:
                into.unmapped += 1
            else:
                into.add(found)

    def _judge(
        self, record: Record, label: str, value: str, row: dict[str, Any], entries: Label | list[Label] | None
    ) -> Finding | None:
        table = str(row.get("Type", ""))
        if entries is None:
            return None
        for entry in [entries] if isinstance(entries, Label) else entries:
            theirs = self._theirs(entry, value)
            if theirs is None or (row and entry.schemas and not any(name in table for name in entry.schemas)):
                continue
            ours = tuple(str(row[name]) for name in entry.columns if row.get(name) not in (None, ""))
            right = any(_FORMS[entry.form](theirs, one) for one in ours)
            reason = "" if right else self._reason(record, label, theirs, ours)
            return Finding(record, label, theirs, entry.columns, ours, right, reason)
        return None

    def _theirs(self, entry: Label, value: str) -> str | None:
        if entry.says:
            value = entry.says.get(value.casefold(), value)
        if "NetworkProtocol" in entry.columns:
            value = self._table.protocols.get(value, value)
        if not entry.take:
            return value
        part = re.search(entry.take, value)
        return part.group(1) if part else None

    def _reason(self, record: Record, label: str, theirs: str, ours: tuple[str, ...]) -> str:
        for one in self._table.differences:
            if (
                one.source == record.source
                and re.fullmatch(one.label, label)
                and one.vendor in ("", record.vendor)
                and re.search(one.theirs, theirs)
                and re.search(one.ours, " ".join(ours))
            ):
                return one.reason
        return ""


def read(path: Path) -> list[Record]:
    """The labelled records of a file, one JSON object per line."""
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Record) for line in lines if line.strip()]


def read_table(path: Path = TABLE) -> Table:
    """The translation of vendors' fields."""
    return msgspec.yaml.decode(path.read_bytes(), type=Table)


class _Quiet:
    """No progress: one record is done at once."""

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def done(self, results: Sequence[ObjectResult]) -> None:
        """Nothing."""


def rows_of(record: Record) -> list[dict[str, Any]]:
    """What `tidewaiter normalize` makes of a record's file; none if it is not recognized as its source."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / record.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(record.raw, encoding="utf-8")
        result = normalize_files(
            [Path(folder)],
            lambda segment: rows.extend(json.loads(line) for line in ndjson_lines(segment, with_type=True)),
            workers=1,
            progress=_Quiet(),
        )
    return rows if list(result.sources) == [record.source] else []


def score(records: Sequence[Record], table: Table) -> dict[tuple[str, str], Score]:
    """Scores by source and vendor."""
    judge = Judge(table)
    scores: dict[tuple[str, str], Score] = {}
    for record in records:
        rows = rows_of(record)
        judge.score(
            record,
            rows[0] if len(rows) == 1 else {},
            scores.setdefault((record.source, record.vendor), Score()),
        )
    return scores


def total(scores: Iterable[Score]) -> Score:
    """All of them together."""
    whole = Score()
    for one in scores:
        whole += one
    return whole


def report(scores: dict[tuple[str, str], Score]) -> Iterator[str]:
    """Lines of a table by source and vendor, the whole last."""
    head = ("source", "vendor", "records", "values", "right", "missing", "other", "differs", "no column")
    yield (
        f"{head[0]:<16}{head[1]:<10}"
        + "".join(f"{name:>10}" for name in head[2:])
        + f"{'share':>9}{'strict':>9}"
    )
    whole = total(scores.values())
    for (source, vendor), one in [*sorted(scores.items()), (("all", ""), whole)]:
        counts = (
            one.records,
            one.values,
            one.right,
            one.missing,
            one.contradicted,
            one.differing,
            one.unmapped,
        )
        yield (
            f"{source:<16}{vendor:<10}"
            + "".join(f"{count:>10,}" for count in counts)
            + f"{one.share:>9.1%}{one.strict:>9.1%}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scores; with `--show` every value that is not right, which is for `dev` alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.labelled_scores", description=__doc__.splitlines()[0]
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("--part", choices=("dev", "kept", "all"), default="dev")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(arguments)
    if options.show and options.part != "dev":
        parser.error("what is kept aside is measured, not looked at: --show goes with --part dev")
    records = [r for r in read(options.labels) if options.part in ("all", r.part)]
    scores = score(records, read_table())
    for line in report(scores):
        print(line)
    whole = total(scores.values())
    for reason, count in Counter(f.reason for f in whole.findings if f.reason).most_common():
        print(f"differs {count:>3}: {reason}")
    if options.show:
        for found in whole.findings:
            if not found.reason:
                columns = "|".join(found.columns)
                print(f"{found.record.name}  {found.label}={found.theirs!r}  {columns}={found.ours}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
