"""How a source's records are watched for drift: the `drift:` part of `content/sources/<id>/source.yaml`."""

from __future__ import annotations

import msgspec

ACCOUNTS = (
    "accountId", "account-id", "account_id", "awsAccountId", "AwsAccountId", "AccountId",
    "recipientAccountId", "SubscriptionId", "subscriptionId", "AADTenantId", "tenantId", "TenantId",
)  # fmt: skip
REGIONS = ("awsRegion", "region", "Region")
VERSIONS = ("eventVersion", "schemaVersion", "SchemaVersion", "formatVersion", "version")
WHOLE = "*"
"""Among `varied`: the whole record."""


class DriftFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tells records of a source apart, by members' paths (`metadata.version`).

    `account` and `region`: members that say where a record is from, the first that is there, where the
    object's path does not. `kind`: members that together say what kind of record it is, and so which members
    the objects `varied` have (`requestParameters` of one call are not those of another; `*` is all of the
    record). `version`: the members with the version of the record's form, of which the first that is there
    counts. Without a section the names that AWS and Azure use are looked for, and all records are of one
    kind.
    """

    account: tuple[str, ...] = ACCOUNTS
    region: tuple[str, ...] = REGIONS
    kind: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    version: tuple[str, ...] = VERSIONS

    def is_varied(self, path: str) -> bool:
        """Whether the members of the object there depend on the kind of record."""
        return path in self.varied or WHOLE in self.varied
