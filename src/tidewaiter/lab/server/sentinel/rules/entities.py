"""Entities of alerts: which identifiers a kind has, and how columns become entities.

Source: Microsoft Sentinel entity types reference (Microsoft, 2023-10-15); shapes in SecurityAlert.Entities
as Sentinel writes them (`$id`, `Type`, identifiers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tidewaiter.lab.server.sentinel.rules.definition import EntityMapping

IDENTIFIERS: Mapping[str, tuple[str, ...]] = {
    "Account": (
        "Name", "FullName", "NTDomain", "DnsDomain", "UPNSuffix", "Sid", "AadTenantId", "AadUserId", "PUID",
        "IsDomainJoined", "DisplayName", "ObjectGuid", "CloudAppAccountId", "IsAnonymized",
    ),
    "Host": (
        "DnsDomain", "NTDomain", "HostName", "FullName", "NetBiosName", "AzureID", "OMSAgentID", "OSFamily",
        "OSVersion", "IsDomainJoined",
    ),
    "IP": ("Address", "AddressScope"),
    "URL": ("Url",),
    "AzureResource": ("ResourceId",),
    "CloudApplication": ("AppId", "Name", "InstanceName"),
    "DNS": ("DomainName",),
    "File": ("Directory", "Name"),
    "FileHash": ("Algorithm", "Value"),
    "Malware": ("Name", "Category"),
    "Process": ("ProcessId", "CommandLine", "ElevationToken", "CreationTimeUtc"),
    "RegistryKey": ("Hive", "Key"),
    "RegistryValue": ("Name", "Value", "ValueType"),
    "SecurityGroup": ("DistinguishedName", "SID", "ObjectGuid"),
    "Mailbox": (
        "MailboxPrimaryAddress", "DisplayName", "Upn", "ExternalDirectoryObjectId", "RiskLevel",
    ),
    "MailCluster": (
        "NetworkMessageIds", "CountByDeliveryStatus", "CountByThreatType", "CountByProtectionStatus",
        "Threats", "Query", "QueryTime", "MailCount", "IsVolumeAnomaly", "Source", "ClusterSourceIdentifier",
        "ClusterSourceType", "ClusterQueryStartTime", "ClusterQueryEndTime", "ClusterGroup",
    ),
    "MailMessage": (
        "Recipient", "Urls", "Threats", "Sender", "P1Sender", "P1SenderDisplayName", "P1SenderDomain",
        "SenderIP", "P2Sender", "P2SenderDisplayName", "P2SenderDomain", "ReceivedDate", "NetworkMessageId",
        "InternetMessageId", "Subject", "AntispamDirection", "DeliveryAction", "DeliveryLocation", "Language",
    ),
    "SubmissionMail": (
        "NetworkMessageId", "Timestamp", "Recipient", "Sender", "SenderIp", "Subject", "ReportType",
        "SubmissionId", "SubmissionDate", "Submitter",
    ),
}  # fmt: skip
"""Kind of entity -> its identifiers."""

_TYPES: Mapping[str, str] = {
    "CloudApplication": "cloud-application", "AzureResource": "azure-resource", "DNS": "dns",
    "FileHash": "filehash", "RegistryKey": "registry-key", "RegistryValue": "registry-value",
    "SecurityGroup": "security-group", "MailCluster": "mailCluster", "MailMessage": "mailMessage",
    "SubmissionMail": "SubmissionMail", "Mailbox": "mailbox",
}  # fmt: skip
"""Kind of entity -> its Type in an alert, where that is not the kind in lower case."""

DROPPED_NAMES = frozenset(
    {
        "ADMIN", "ADMINISTRATOR", "SYSTEM", "ROOT", "ANONYMOUS", "AUTHENTICATED USER", "NETWORK", "NULL",
        "LOCAL SYSTEM", "LOCALSYSTEM", "NETWORK SERVICE",
    }
)  # fmt: skip
"""Names of accounts that are dropped where they are all that identifies one."""

MOST_ENTITIES = 500
MOST_BYTES = 64_000


class Entity(msgspec.Struct, frozen=True):
    """An entity of an alert: its kind, as mappings name it, and its identifiers."""

    kind: str
    identifiers: dict[str, str]

    @property
    def key(self) -> str:
        """The same for the same entity."""
        return (
            f"{self.kind}|{'|'.join(f'{name}={value}' for name, value in sorted(self.identifiers.items()))}"
        )

    @property
    def type(self) -> str:
        """Its Type in an alert."""
        return _TYPES.get(self.kind, self.kind.lower())


def entities_of(mappings: Sequence[EntityMapping], rows: Sequence[Mapping[str, str]]) -> tuple[Entity, ...]:
    """Return the entities that rows (column -> text) hold, each once: at most 500, shared by the mappings.

    Without a value for any of its identifiers there is no entity.
    """
    if not mappings:
        return ()
    most = MOST_ENTITIES // len(mappings)
    found: dict[str, Entity] = {}
    for mapping in mappings:
        of_mapping: dict[str, Entity] = {}
        for row in rows:
            entity = _entity(mapping, row)
            if entity is not None:
                of_mapping.setdefault(entity.key, entity)
            if len(of_mapping) == most:
                break
        found.update(of_mapping)
    return _within_size(list(found.values()))


def _entity(mapping: EntityMapping, row: Mapping[str, str]) -> Entity | None:
    given = {field.identifier: row.get(field.column_name, "") for field in mapping.field_mappings}
    held = {name: value for name, value in given.items() if value}
    if not held:
        return None
    if mapping.entity_type == "Account" and set(held) == {"Name"} and held["Name"].upper() in DROPPED_NAMES:
        return None
    return Entity(mapping.entity_type, held)


def _within_size(entities: list[Entity]) -> tuple[Entity, ...]:
    while entities and len(entities_json(entities)) > MOST_BYTES:
        entities.pop()
    return tuple(entities)


def entities_json(entities: Sequence[Entity]) -> str:
    """Return entities as SecurityAlert.Entities holds them.

    FullName and DisplayName are no part of the schema: an account's name is taken apart as Sentinel does,
    at `@` into Name and UPNSuffix, at a backslash into NTDomain and Name.
    """
    shown = [
        {"$id": str(number), **members(entity), "Type": entity.type}
        for number, entity in enumerate(entities, 2)
    ]
    return msgspec.json.encode(shown).decode()


def members(entity: Entity) -> dict[str, str]:
    """Return the members of an entity by the names of its schema."""
    members = dict(entity.identifiers)
    full = members.pop("FullName", "")
    if entity.kind == "Account":
        domain, slash, rest = full.partition("\\")
        name, at, suffix = full.partition("@")
        if slash:
            members = {"Name": rest, "NTDomain": domain, **members}
        elif at and "/" not in full:
            members = {"Name": name, "UPNSuffix": suffix, **members}
        elif full:
            members = {"Name": full, **members}
    elif full:
        name, _, suffix = full.partition(".")
        members = {"HostName": name, **({"DnsDomain": suffix} if suffix else {}), **members}
    return members
