"""An insider: someone who leaves on Friday takes the lake along."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.removal import set_bucket
from tidewaiter.lab.generator.calls.sharing import share_snapshot, take_snapshot
from tidewaiter.lab.generator.calls.storage import get_object, list_buckets, list_objects
from tidewaiter.lab.generator.company import DATA, DOMAIN, EDGE, HOME, TABLES, Company
from tidewaiter.lab.generator.others import CostBump, DirectoryChange, Finding, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas import tasks
from tidewaiter.lab.generator.personas.staff import DataEngineer
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.entry import Visit, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

AT_HOME = "2001:db8:4f2:c4::51"
"""Her connection at home; in the day she is at the office."""
UPN = f"{DataEngineer.user}@{DOMAIN}"
OUTSIDER = "884103562297"

ENTRY, OBJECTS, DATA_THEFT, SNAPSHOT, TRANSFER = "T1078.004", "T1619", "T1530", "T1578.001", "T1537"


class Insider(Campaign):
    """The data engineer has given notice; in the night she copies what she has built."""

    id = "leaving-insider"
    title = "A leaving data engineer copies the lake, shares a snapshot outside"
    addresses = (AT_HOME,)
    techniques: ClassVar = (
        Technique(ENTRY, "Initial Access"),
        Technique(OBJECTS, "Discovery"),
        Technique(DATA_THEFT, "Collection"),
        Technique(SNAPSHOT, "Defense Evasion"),
        Technique(TRANSFER, "Exfiltration"),
    )

    def __init__(self, company: Company) -> None:
        """Set the hours: half past one at night in Pune."""
        super().__init__(company)
        self._since = 19 * HOUR + 58 * MINUTE + self.draw.whole(-15 * MINUTE, 15 * MINUTE)
        self._pull = self._since + 17 * MINUTE
        self._share = self._since + 2 * HOUR + 6 * MINUTE
        persona = DataEngineer(company)
        self._visit = Visit(
            self, UPN, persona.id, DATA, persona.sets[DATA.id], self._since, AT_HOME, persona.browser,
            shell=persona.shell,
        )  # fmt: skip

    @property
    def actor(self) -> str:
        """The ARN of her session in the data account."""
        return self._visit.actor.name

    def deeds(self, total: int) -> list[Deed]:
        """Return her sign-in, the copies and what she shares; only the copies grow with the day."""
        taken = self._taken(total)
        before = self.company.day - timedelta(days=1)
        keys = [f"{table}/dt={before}/part-{{n}}.snappy.parquet" for table in TABLES]
        copy = get_object("kr-lake-curated", keys, DATA.id, HOME, mean=9_600_000)
        raw = get_object("kr-lake-raw", [f"customers/{before:%Y/%m/%d}/{{n}}.json.gz"], DATA.id, HOME)
        who = self._visit.actor
        pulls: list[tuple[str, str, Make]] = [
            (OBJECTS, EDGE, list_buckets()),
            *[(OBJECTS, HOME, list_objects("kr-lake-curated", f"{t}/", DATA.id, HOME)) for t in TABLES],
            *[(DATA_THEFT, HOME, make) for make in tasks.query(self.company, DATA, HOME)],
            *[(DATA_THEFT, HOME, copy)] * taken,
            *[(DATA_THEFT, HOME, denied(raw, who))] * 4,
        ]
        gap = min(60_000, 90 * MINUTE // len(pulls))
        return [
            *self._visit.entry(ENTRY),
            *self.scene(self._pull, who, DATA, pulls, (gap // 6, gap)),
            *self.scene(self._share, who, DATA, self._sharing(), (30_000, 170_000)),
        ]

    @staticmethod
    def _taken(total: int) -> int:
        return min(160, max(30, total // 350))

    def _sharing(self) -> list[tuple[str, str, Make]]:
        """A snapshot of a job's disk, shared outside; a bucket's policy that she may not set."""
        company, who = self.company, self._visit.actor
        volume = company.hex_id("vol", company.fleet("batch")[0].name)
        snapshot = company.hex_id("snap", self.id)
        statement: Json = {
            "Sid": "Export",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OUTSIDER}:root"},
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::kr-athena-results", "arn:aws:s3:::kr-athena-results/*"],
        }
        policy: Json = {"Version": "2012-10-17", "Statement": [statement]}
        opened = set_bucket(
            "PutBucketPolicy", "kr-athena-results", DATA.id, HOME, "policy", bucketPolicy=policy
        )
        return [
            (SNAPSHOT, HOME, describe("DescribeVolumes")),
            (SNAPSHOT, HOME, take_snapshot(company, DATA.id, volume, snapshot, "before maintenance")),
            (SNAPSHOT, HOME, describe("DescribeSnapshots", ownersSet={"items": [{"owner": "self"}]})),
            (TRANSFER, HOME, denied(opened, who)),
            (TRANSFER, HOME, share_snapshot(snapshot, OUTSIDER)),
            (
                TRANSFER,
                HOME,
                read(
                    "ec2", "DescribeSnapshotAttribute", snapshotId=snapshot,
                    attributeType="CREATE_VOLUME_PERMISSION",
                ),
            ),
        ]  # fmt: skip

    def others(self, total: int) -> Others:
        """Return her leaving date from human resources in the morning, GuardDuty's finding, the traffic.

        The date is context and not part of the campaign: it carries no mark.
        """
        leaves = f"{self.company.day + timedelta(days=3)}T00:00:00Z"
        found = Others()
        found.directory = [
            DirectoryChange(
                8 * HOUR + 5 * MINUTE, "Workday to Entra provisioning", "Update user", "UserManagement",
                ("User", UPN), changes=(("EmployeeLeaveDateTime", "", leaves),),
            )
        ]  # fmt: skip
        key = str(self._visit.actor.identity["accessKeyId"])
        found.findings = [
            Finding(
                self._pull + 40 * MINUTE, "Exfiltration:S3/AnomalousBehavior", 8.0,
                f"S3 objects were read in an unusual way by {UPN}", DATA.id, HOME, "api", self.actor,
                address=AT_HOME, api="GetObject", service="s3.amazonaws.com", key_id=key,
                bucket="kr-lake-curated", repeats=(self._pull + 70 * MINUTE,), mark=self.mark(DATA_THEFT),
            )
        ]  # fmt: skip
        gigabytes = self._taken(total) * 0.0096
        found.costs = [
            CostBump(DATA.id, HOME, "transfer", gigabytes, at=self._pull, mark=self.mark(DATA_THEFT))
        ]
        return found
