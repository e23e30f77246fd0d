"""Ransom in S3: the way back is cut, objects are locked under a foreign key, a note is left."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read, write
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.removal import (
    delete_objects,
    expire_all,
    list_versions,
    lock_object,
    remove_backup,
    suspend_versions,
)
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.calls.storage import (
    bucket_setting,
    get_object,
    list_buckets,
    list_objects,
    put_object,
)
from tidewaiter.lab.generator.company import BUCKETS, EDGE, HOME, PROD, Company
from tidewaiter.lab.generator.identity import Actor, iam_user
from tidewaiter.lab.generator.others import Finding, ObjectAccess, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.keyholders import PARTNER
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.entry import INTRUDER, SCRIPT, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

LOCKER = "192.0.2.201"
TARGETS = ("kr-customer-exports", "kr-parcel-labels")
VAULT = "kr-prod-vault"
NOTE = "HOW_TO_RESTORE_YOUR_FILES.txt"

ENTRY, OBJECTS, DATA, RECOVERY = "T1078.004", "T1619", "T1530", "T1490"
LOCK, DESTROY, EXTORT = "T1486", "T1485", "T1657"


class Ransom(Campaign):
    """The customs broker's server is not the only one any more that has its key."""

    id = "s3-ransom"
    title = "Ransom in S3: backups removed, objects locked with a foreign key"
    addresses = (LOCKER,)
    techniques: ClassVar = (
        Technique(ENTRY, "Initial Access"),
        Technique(OBJECTS, "Discovery"),
        Technique(DATA, "Collection"),
        Technique(RECOVERY, "Impact"),
        Technique(LOCK, "Impact"),
        Technique(DESTROY, "Impact"),
        Technique(EXTORT, "Impact"),
    )

    def __init__(self, company: Company) -> None:
        """Set the hours: a quiet night, done before the first shift."""
        super().__init__(company)
        self._start = 1 * HOUR + 47 * MINUTE + self.draw.whole(-10 * MINUTE, 20 * MINUTE)
        self._cut = self._start + 51 * MINUTE
        self._lock = self._cut + 22 * MINUTE

    @property
    def _thief(self) -> Actor:
        return iam_user(
            self.company, PROD.id, PARTNER, persona=INTRUDER, address=LOCKER, agent=SCRIPT, key="first"
        )

    @property
    def actor(self) -> str:
        """The ARN of the broker's user."""
        return self._thief.name

    def deeds(self, total: int) -> list[Deed]:
        """Return discovery, samples, the end of recovery, the locks and the note; locks grow with the day."""
        locked = min(80, max(14, total // 500))
        bucket = TARGETS[0]
        lock = lock_object(bucket, ["2026/customers-{n}.csv.gz", "2026/invoices-{n}.csv.gz"], PROD.id, HOME)
        empty = delete_objects(TARGETS[1], PROD.id, HOME)
        steps: list[tuple[str, str, Make]] = [
            *[(LOCK, HOME, lock)] * locked,
            (DESTROY, HOME, list_versions(TARGETS[1], "zpl/", PROD.id, HOME)),
            *[(DESTROY, HOME, empty)] * max(3, locked // 6),
            (DESTROY, HOME, expire_all(bucket, PROD.id, HOME, 1, "cleanup")),
            *[(EXTORT, HOME, put_object(each, [NOTE], PROD.id, HOME, mean=1_900)) for each in TARGETS],
        ]
        return [
            *self.scene(self._start, self._thief, PROD, self._look(), (900, 22_000)),
            *self.scene(self._cut, self._thief, PROD, self._recovery(), (5_000, 40_000)),
            *self.scene(self._lock, self._thief, PROD, steps, (400, 4_500)),
        ]

    def _look(self) -> list[tuple[str, str, Make]]:
        buckets = BUCKETS[PROD.id]
        names = ("GetBucketVersioning", "GetBucketObjectLockConfiguration", "GetBucketReplication")
        settings = [
            (OBJECTS, HOME, bucket_setting(name, [bucket], PROD.id, HOME))
            for bucket in (*TARGETS, "kr-prod-backups")
            for name in names
        ]
        sample = get_object(TARGETS[0], ["2026/customers-{n}.csv.gz"], PROD.id, HOME, mean=5_800_000)
        lists = [(OBJECTS, HOME, list_objects(bucket, "", PROD.id, HOME)) for bucket in buckets[:2]]
        look: list[tuple[str, str, Make]] = [
            (ENTRY, HOME, identity_check()),
            (OBJECTS, EDGE, list_buckets()),
            *settings,
            *lists,
        ]
        machines = denied(describe("DescribeSnapshots"), self._thief)
        return [*look, (OBJECTS, HOME, machines), *[(DATA, HOME, sample)] * 6]

    def _recovery(self) -> list[tuple[str, str, Make]]:
        """Versions off, recovery points gone one by one; the vault still holds some and stays, keys too."""
        points = [
            f"arn:aws:backup:{HOME}:{PROD.id}:recovery-point:{self.company.uuid('recovery', str(number))}"
            for number in range(3)
        ]
        vault = remove_backup("DeleteBackupVault", VAULT)
        not_empty = (
            "InvalidRequestException",
            "Backup vault cannot be deleted because it contains recovery points.",
        )
        key = self.company.key_arn(PROD.id, HOME, "secrets")
        doom = write("kms", "ScheduleKeyDeletion", keyId=key, pendingWindowInDays=7)
        return [
            *[(RECOVERY, HOME, suspend_versions(bucket, PROD.id, HOME)) for bucket in TARGETS],
            (RECOVERY, HOME, read("backup", "ListBackupVaults")),
            (RECOVERY, HOME, read("backup", "ListRecoveryPointsByBackupVault", backupVaultName=VAULT)),
            *[
                (RECOVERY, HOME, remove_backup("DeleteRecoveryPoint", VAULT, recoveryPointArn=point))
                for point in points
            ],
            (RECOVERY, HOME, lambda draw: replace(vault(draw), error=not_empty)),
            (RECOVERY, HOME, denied(doom, self._thief)),
        ]

    def others(self, total: int) -> Others:
        """Return GuardDuty's findings, and the requests by which somebody looks whether the note is there."""
        key = str(self._thief.identity["accessKeyId"])
        said = (
            ("Exfiltration:S3/AnomalousBehavior", 8.0, "GetObject", DATA, self._cut - 4 * MINUTE),
            ("Impact:S3/AnomalousBehavior.Delete", 8.0, "DeleteObjects", DESTROY, self._lock + 9 * MINUTE),
        )
        found = Others()
        found.findings = [
            Finding(
                at, kind, severity, f"S3 API {api} was invoked in an unusual way by IAMUser:{PARTNER}",
                PROD.id, HOME, "api", self.actor, address=LOCKER, api=api, service="s3.amazonaws.com",
                key_id=key, bucket=TARGETS[0] if technique == DATA else TARGETS[1],
                mark=self.mark(technique),
            )
            for kind, severity, api, technique, at in said
        ]  # fmt: skip
        locked = min(80, max(14, total // 500))
        after = self._lock + (locked + 30) * 4_500
        found.accesses = [
            ObjectAccess(
                after + number * MINUTE, bucket, "REST.GET.OBJECT", key=NOTE, address=LOCKER,
                agent="curl/8.5.0", status=403, error="AccessDenied", mark=self.mark(EXTORT),
            )
            for number, bucket in enumerate(TARGETS)
        ]  # fmt: skip
        return found
