"""The fault objects of a day: they lie among the others, with records of their own.

The day's own objects stay as they are, so that the truth about them holds with and without faults.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.company import DEV, HOME, ORGANIZATION, PROD, TRAIL_BUCKET, Company
from tidewaiter.lab.generator.faults.bodies import BODIES, Damaged, Record, packed
from tidewaiter.lab.generator.flows.line import DEFAULT
from tidewaiter.lab.generator.personas.workloads import ManagementAgents
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.trail import LogFile
from tidewaiter.lab.generator.truth import FaultTruth

TRAIL, FLOWS = "aws_cloudtrail", "aws_vpcflow"
_EACH = 12


def write_faults(out: Path, company: Company, files: Sequence[LogFile]) -> tuple[FaultTruth, ...]:
    """Write one object per kind of fault and return the truth about each.

    Args:
        out: the day's folder, whose logs are written.
        company: that of the (first) day.
        files: the trail's log files, one of which is delivered a second time by an account's own trail.

    Raises:
        OSError: `out` cannot be written.
    """
    return _Faults(out, company).write(files)


class _Faults:
    def __init__(self, out: Path, company: Company) -> None:
        self._out = out
        self._company = company
        self._draw = company.stream("faults")
        recorder = Recorder(company, "fault-records")
        plan = ManagementAgents(company).plan(4 * len(BODIES) * _EACH)
        deeds = [deed for deed in plan if (deed.account, deed.region) == (PROD.id, HOME)]
        self._records = [Record(made[0], made[3]) for made in map(recorder.record, deeds)]
        self._taken = 0

    def write(self, files: Sequence[LogFile]) -> tuple[FaultTruth, ...]:
        found = []
        for number, (kind, make) in enumerate(BODIES.items()):
            records = self._records[self._taken : self._taken + _EACH]
            self._taken += _EACH
            damaged = make(records, self._draw)
            found.append(self._object(kind, self._trail_key(number), TRAIL, damaged))
        found.append(self._again(files))
        found.append(self._digest(len(BODIES)))
        found += self._lines()
        return tuple(found)

    def _object(self, kind: str, key: str, source: str, damaged: Damaged) -> FaultTruth:
        path = self._out / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged.data)
        valid = len(damaged.kept) + damaged.lines + len(damaged.twice)
        quarantined = len(damaged.set_aside)
        return FaultTruth(
            kind=kind,
            object=key,
            source=source,
            why=damaged.why,
            records=valid + quarantined,
            valid=valid,
            duplicate=len(damaged.twice),
            quarantined=damaged.set_aside,
            faults=damaged.faults,
            event_ids=damaged.kept,
            repeated_ids=damaged.twice,
        )

    def _trail_key(self, number: int, organization: bool = True) -> str:
        moment = self._company.moment(12 * HOUR + number * 5 * MINUTE)
        name = f"{PROD.id}_CloudTrail_{HOME}_{moment:%Y%m%dT%H%MZ}_{self._draw.code(16)}.json.gz"
        first = f"{ORGANIZATION}/" if organization else ""
        return f"AWSLogs/{first}{PROD.id}/CloudTrail/{HOME}/{moment:%Y/%m/%d}/{name}"

    def _again(self, files: Sequence[LogFile]) -> FaultTruth:
        """The account's own trail delivers what the organisation's trail has delivered: same event ids."""
        mine = [each for each in files if (each.account, each.region) == (PROD.id, HOME)]
        file = mine[len(mine) // 2]
        data = (self._out / file.key).read_bytes()
        records = msgspec.json.decode(gzip.decompress(data), type=_File).records
        ids = tuple(each.id for each in records)
        key = file.key.replace(f"/{ORGANIZATION}/", "/").replace(".json.gz", f"{self._draw.code(4)}.json.gz")
        why = "the production account's own trail delivers events that the organisation's trail delivers too"
        return self._object("delivered_twice", key, TRAIL, Damaged(data, why, twice=ids))

    def _digest(self, number: int) -> FaultTruth:
        """A digest file that somebody copied in among the logs: it carries no events."""
        company = self._company
        body: Json = {
            "awsAccountId": PROD.id,
            "digestStartTime": company.stamp(11 * HOUR),
            "digestEndTime": company.stamp(12 * HOUR),
            "digestS3Bucket": TRAIL_BUCKET,
            "digestS3Object": "",
            "digestPublicKeyFingerprint": self._draw.hex(32),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": None,
            "previousDigestS3Object": None,
            "previousDigestHashValue": None,
            "previousDigestHashAlgorithm": None,
            "previousDigestSignature": None,
            "logFiles": [],
        }
        damaged = Damaged(packed(msgspec.json.encode(body)), "a digest among the logs: it carries no events")
        return self._object("digest_among_logs", self._trail_key(number), TRAIL, damaged)

    def _lines(self) -> list[FaultTruth]:
        """Flow logs: two lines that are none among good ones, and a file that ends inside a line."""
        machine = self._company.fleet("sandbox")[0]
        start = self._company.midnight + 12 * 3_600
        good = [
            f"2 {DEV.id} {machine.eni} {machine.ip} 10.40.10.{200 + number} {40_000 + number} 443 6 9 1200 "
            f"{start + 60 * number} {start + 60 * number + 58} ACCEPT OK"
            for number in range(_EACH)
        ]
        bad = [*good[:4], "2 - eni-0 short", *good[4:8], good[8].replace(" 443 ", " https "), *good[8:]]
        text = "\n".join([DEFAULT, *bad]) + "\n"
        first = Damaged(
            packed(text.encode()),
            "one line has too few fields, one a word for a port number",
            lines=len(good),
            set_aside=("malformed", "wrong_type"),
        )
        text = "\n".join([DEFAULT, *good])[:-30]
        second = Damaged(
            packed(text.encode()),
            "the text ends in the middle of the last line",
            lines=len(good) - 1,
            set_aside=("truncated",),
            faults=("truncated",),
        )
        log = self._company.hex_id("fl", "faults")
        found = []
        for number, (kind, damaged) in enumerate((("malformed_line", first), ("torn_line", second))):
            moment = self._company.moment(12 * HOUR + number * 10 * MINUTE)
            name = f"{DEV.id}_vpcflowlogs_{HOME}_{log}_{moment:%Y%m%dT%H%MZ}_{self._draw.hex(8)}.log.gz"
            key = f"AWSLogs/{DEV.id}/vpcflowlogs/{HOME}/{moment:%Y/%m/%d}/{name}"
            found.append(self._object(kind, key, FLOWS, damaged))
        return found


class _Event(msgspec.Struct):
    id: str = msgspec.field(name="eventID")


class _File(msgspec.Struct):
    records: list[_Event] = msgspec.field(name="Records")
