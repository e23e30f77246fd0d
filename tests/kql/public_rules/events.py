"""Events for the rules: a few members in YAML become whole records, each scenario in its own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from tests.app import logs

FOLDER = Path(__file__).parent
NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=50)
"""When the rules run: behind every planted event, so that each lies in the last hour."""
END_OF_DAY = datetime(2026, 3, 18, tzinfo=UTC)
"""When they run on the generated day."""
ACCOUNTS = "700000"
"""How the accounts of scenarios begin."""
TOR_NODE = "203.0.113.77"
Record = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """A public rule, restated: the folder's name is its table, the first line has Microsoft's id and name."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def query(self) -> str:
        return self.path.read_text()

    @property
    def id(self) -> str:
        """The id of the rule whose name was restated."""
        return self.query.removeprefix("// ")[:36]


RULES = tuple(Rule(path) for path in sorted(FOLDER.glob("*/*.kql")))


@dataclass(frozen=True)
class Scenario:
    """Records that a rule must find or must pass by, in an account where nothing else happens."""

    rule: Rule
    kind: Literal["hit", "lookalike"]
    number: int
    account: str
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        return f"{self.rule.name}: {self.kind} {self.number}"


def scenarios() -> list[Scenario]:
    """Return what stands in the YAML beside the rules."""
    found: list[Scenario] = []
    for rule in RULES:
        path = rule.path.with_suffix(".yaml")
        planted = msgspec.yaml.decode(path.read_bytes()) if path.exists() else {}
        for kind, name in (("hit", "hits"), ("lookalike", "lookalikes")):
            for number, events in enumerate(planted.get(name, ()), 1):
                account = f"{ACCOUNTS}{len(found):06d}"
                records = tuple(_records(events, account))
                found.append(Scenario(rule, kind, number, account, records))  # type: ignore[arg-type]
    return found


def write(folder: Path, found: list[Scenario]) -> None:
    """Write the records of all scenarios where AWS would put them."""
    records = [record for each in found for record in each.records]
    logs.trail(folder, [record for record in records if "eventName" in record], name="planted")
    findings = b"".join(json.dumps(record).encode() + b"\n" for record in records if "type" in record)
    place = f"AWSLogs/{logs.ACCOUNT}/GuardDuty/eu-west-1/2026/03/17/planted.jsonl.gz"
    logs.write(folder / place, findings)


def _records(events: list[Record], account: str) -> list[Record]:
    each = [event for event in events for _ in range(event.get("repeat", 1))]
    return [_record(event, account, minute) for minute, event in enumerate(each)]


def _record(event: Record, account: str, minute: int) -> Record:
    changed = json.loads(json.dumps(event).replace("ACCOUNT", account))
    changed.pop("repeat", None)
    happened = NOON + timedelta(minutes=minute) - timedelta(days=changed.pop("days_before", 0))
    number = int(account.removeprefix(ACCOUNTS)) * 100 + minute
    if "finding" in changed:
        return _finding(changed, account, happened, number)
    who = IDENTITIES[changed.pop("as", "user")]
    return logs.event(
        900_000 + number,
        eventTime=f"{happened:%Y-%m-%dT%H:%M:%SZ}",
        recipientAccountId=account,
        **{"userIdentity": who, "sourceIPAddress": "203.0.113.5", "requestParameters": None} | changed,
    )


def _finding(changed: Record, account: str, happened: datetime, number: int) -> Record:
    remote = {"ipAddressV4": "203.0.113.9", "country": {"countryName": "Romania"}}
    called = {"api": "ListUsers", "serviceName": "iam.amazonaws.com", "remoteIpDetails": remote}
    at = f"{happened:%Y-%m-%dT%H:%M:%S.000Z}"
    identity = f"{number:032x}"
    return {
        "schemaVersion": "2.0",
        "accountId": account,
        "region": "eu-west-1",
        "partition": "aws",
        "id": identity,
        "arn": f"arn:aws:guardduty:eu-west-1:{account}:detector/0a/finding/{identity}",
        "type": changed["finding"],
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": {"userName": "ada"}},
        "service": {
            "serviceName": "guardduty",
            "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": called},
            "eventFirstSeen": at,
            "eventLastSeen": at,
            "archived": False,
            "count": 1,
        },
        "severity": changed["severity"],
        "createdAt": at,
        "updatedAt": at,
        "title": "A finding",
        "description": "A finding of a test.",
    }


def _session(role: str, session: str, *, mfa: bool = False, delivery: str = "") -> Record:
    context: Record = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROATIDEWTR000000001",
            "arn": f"arn:aws:iam::{logs.ACCOUNT}:role/{role}",
            "accountId": logs.ACCOUNT,
            "userName": role,
        },
        "attributes": {"creationDate": "2026-03-17T11:00:00Z", "mfaAuthenticated": str(mfa).lower()},
    }
    if delivery:
        context["ec2RoleDelivery"] = delivery
    return {
        "type": "AssumedRole",
        "principalId": f"AROATIDEWTR000000001:{session}",
        "arn": f"arn:aws:sts::{logs.ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": logs.ACCOUNT,
        "accessKeyId": "ASIATIDEWTR000000001",
        "sessionContext": context,
    }


IDENTITIES: dict[str, Record] = {
    "user": logs.event(0)["userIdentity"],
    "root": {
        "type": "Root",
        "principalId": logs.ACCOUNT,
        "arn": f"arn:aws:iam::{logs.ACCOUNT}:root",
        "accountId": logs.ACCOUNT,
    },
    "anonymous": {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"},
    "role_with_mfa": _session("ops", "ada", mfa=True),
    "instance": _session("web", "i-0a1b2c3d4e5f60718", delivery="2.0"),
    "worker": _session("eks-node", "i-0a1b2c3d4e5f60719", delivery="2.0"),
    "function": _session("lambda-bill", "bill"),
    "task": _session("ecs-task", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    "glue": _session("etl", "GlueJobRunnerSession"),
}
"""Who calls; CloudTrail's shapes ("CloudTrail userIdentity element", AWS CloudTrail User Guide, 2026)."""
