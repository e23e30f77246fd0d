"""Security Hub: findings in the AWS Security Finding Format, GuardDuty's and those of its own checks.

After "AWS Security Finding Format (ASFF)", "Required top-level ASFF attributes" and "Consolidated control
findings" (AWS Security Hub User Guide, read 2026-11): control findings have the id
`arn:aws:securityhub:<region>:<account>:security-control/<control>/finding/<uuid>` and are checked again
every 12 or 24 hours, which updates them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.lab.generator.company import ACCOUNTS, BUCKETS, HOME, Company, Machine
from tidewaiter.lab.generator.findings.guardduty import Update, precise
from tidewaiter.lab.generator.findings.shapes import Json
from tidewaiter.lab.generator.rhythm import HOUR, LAST, MINUTE

_STANDARDS = (
    "standards/aws-foundational-security-best-practices/v/1.0.0",
    "ruleset/cis-aws-foundations-benchmark/v/1.4.0",
)


@dataclass(frozen=True, slots=True)
class Control:
    """A check: its id, title, severity, and the kind of resource it looks at."""

    id: str
    title: str
    label: str
    kind: str


CONTROLS = (
    Control(
        "S3.9",
        "S3 general purpose buckets should have server access logging enabled",
        "MEDIUM",
        "AwsS3Bucket",
    ),
    Control("S3.13", "S3 general purpose buckets should have Lifecycle configurations", "LOW", "AwsS3Bucket"),
    Control("S3.20", "S3 general purpose buckets should have MFA delete enabled", "LOW", "AwsS3Bucket"),
    Control(
        "EC2.8",
        "EC2 instances should use Instance Metadata Service Version 2 (IMDSv2)",
        "HIGH",
        "AwsEc2Instance",
    ),
    Control("EC2.9", "Amazon EC2 instances should not have a public IPv4 address", "HIGH", "AwsEc2Instance"),
    Control(
        "SSM.1", "Amazon EC2 instances should be managed by AWS Systems Manager", "MEDIUM", "AwsEc2Instance"
    ),
    Control(
        "IAM.3", "IAM users' access keys should be rotated every 90 days or less", "MEDIUM", "AwsAccount"
    ),
    Control("IAM.6", "Hardware MFA should be enabled for the root user", "CRITICAL", "AwsAccount"),
    Control(
        "CloudTrail.5",
        "CloudTrail trails should be integrated with Amazon CloudWatch Logs",
        "LOW",
        "AwsAccount",
    ),
    Control("KMS.4", "AWS KMS key rotation should be enabled", "MEDIUM", "AwsAccount"),
)
_PURPOSES = {
    "Recon": "TTPs/Discovery",
    "Discovery": "TTPs/Discovery",
    "UnauthorizedAccess": "TTPs/Initial Access",
    "InitialAccess": "TTPs/Initial Access",
    "CredentialAccess": "TTPs/Credential Access",
    "Persistence": "TTPs/Persistence",
    "PrivilegeEscalation": "TTPs/Privilege Escalation",
    "DefenseEvasion": "TTPs/Defense Evasion",
    "Stealth": "TTPs/Defense Evasion",
    "Backdoor": "TTPs/Command and Control",
    "CryptoCurrency": "Effects/Resource Consumption",
    "Exfiltration": "Effects/Data Exfiltration",
    "Impact": "Effects/Resource Consumption",
    "Policy": "Software and Configuration Checks/AWS Security Best Practices",
}
_OPEN: Json = {"WorkflowState": "NEW", "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE"}
_SINCE = "2026-01-20T09:31:07.412Z"
_CHECK_TYPE = "Software and Configuration Checks/Industry and Regulatory Standards"
_SCORES = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}


@dataclass(frozen=True, slots=True)
class HubFinding:
    """One state of an ASFF finding; `source` is the GuardDuty state it copies, by its number, or -1."""

    at: int
    id: str
    account: str
    region: str
    body: Json
    source: int = -1


def label(severity: float) -> str:
    """Return the ASFF label of a GuardDuty severity (0 to 10)."""
    steps = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (1.0, "LOW"))
    return next((name for least, name in steps if severity >= least), "INFORMATIONAL")


def type_of(kind: str) -> str:
    """Return the ASFF type of a GuardDuty finding type: name space, category, classifier."""
    purpose = kind.split(":")[0]
    return f"{_PURPOSES.get(purpose, 'Unusual Behaviors/Other')}/{kind.replace('/', '-')}"


class Hub:
    """Makes Security Hub's findings."""

    def __init__(self, company: Company) -> None:
        """Open the stream of chance."""
        self._company = company
        self._draw = company.stream("security-hub")

    def _stamp(self, at: int) -> str:
        return precise(self._company, min(at, LAST))

    def imported(self, update: Update, number: int) -> HubFinding:
        """Return the copy that Security Hub keeps of a GuardDuty finding, a little later."""
        finding, source = update.finding, update.body
        account, region = finding.account, finding.region
        processed = min(update.at + self._draw.whole(20_000, 4 * MINUTE), LAST)
        detector = update.arn.split("/finding/")[0]
        named = label(finding.severity)
        types = [type_of(finding.type)]
        product = f"arn:aws:securityhub:{region}::product/aws/guardduty"
        body: Json = {
            "SchemaVersion": "2018-10-08",
            "Id": update.arn,
            "ProductArn": product,
            "ProductName": "GuardDuty",
            "CompanyName": "Amazon",
            "Region": region,
            "GeneratorId": detector,
            "AwsAccountId": account,
            "Types": types,
            "FirstObservedAt": self._stamp(finding.at),
            "LastObservedAt": self._stamp(update.seen),
            "CreatedAt": source["createdAt"],
            "UpdatedAt": source["updatedAt"],
            "Severity": {"Product": finding.severity, "Label": named, "Normalized": _SCORES[named]},
            "Title": source["title"],
            "Description": source["description"],
            "ProductFields": _product_fields(update, product),
            "Resources": [_resource(source["resource"], region)],
            **_OPEN,
            "FindingProviderFields": {
                "Severity": {"Label": named, "Original": str(finding.severity)},
                "Types": types,
            },
            "Sample": False,
            "ProcessedAt": self._stamp(processed),
        }
        return HubFinding(processed, update.arn, account, region, body, number)

    def checks(self, count: int) -> list[HubFinding]:
        """Return `count` states of control findings in the order of time: each resource again and again."""
        subjects = self._subjects()
        states = []
        for number in range(count):
            control, account, region, name = subjects[number % len(subjects)]
            turn, turns = number // len(subjects), -(-count // len(subjects))
            base = int((turn + self._draw.between(0.02, 0.9)) * 24 * HOUR / turns)
            states.append(self._check(control, account, region, name, min(base, LAST - MINUTE)))
        return sorted(states, key=lambda state: state.at)

    def _subjects(self) -> list[tuple[Control, str, str, str]]:
        """Every pair of control and resource, mixed."""
        company = self._company
        named: dict[str, list[tuple[str, str, str]]] = {
            "AwsS3Bucket": [
                (account, HOME, f"arn:aws:s3:::{each}")
                for account, names in BUCKETS.items()
                for each in names
            ],
            "AwsEc2Instance": [(each.account, each.region, _instance_arn(each)) for each in company.machines],
            "AwsAccount": [(each.id, HOME, f"AWS::::Account:{each.id}") for each in ACCOUNTS],
        }
        pairs = [(control, *place) for control in CONTROLS for place in named[control.kind]]
        self._draw.random.shuffle(pairs)
        return pairs

    def _check(self, control: Control, account: str, region: str, name: str, at: int) -> HubFinding:
        identifier = self._company.uuid("control-finding", control.id, name)
        arn = f"arn:aws:securityhub:{region}:{account}:security-control/{control.id}/finding/{identifier}"
        failed = int(identifier[0], 16) < 10
        named = control.label if failed else "INFORMATIONAL"
        severity: Json = {"Label": named, "Original": named}
        updated = self._stamp(at)
        product = f"arn:aws:securityhub:{region}::product/aws/securityhub"
        body: Json = {
            "SchemaVersion": "2018-10-08",
            "Id": arn,
            "ProductArn": product,
            "ProductName": "Security Hub",
            "CompanyName": "AWS",
            "Region": region,
            "GeneratorId": f"security-control/{control.id}",
            "AwsAccountId": account,
            "Types": [_CHECK_TYPE],
            "FirstObservedAt": _SINCE,
            "LastObservedAt": updated,
            "CreatedAt": _SINCE,
            "UpdatedAt": updated,
            "Severity": {**severity, "Normalized": _SCORES[named]},
            "Title": control.title,
            "Description": f"This control checks a rule of the standards: {control.title}.",
            **_control_fields(control, name, f"{product}/{arn}", failed=failed),
            "Resources": [{"Type": control.kind, "Id": name, "Partition": "aws", "Region": region}],
            **_OPEN,
            "Workflow": {"Status": "NEW" if failed else "RESOLVED"},
            "FindingProviderFields": {"Severity": severity, "Types": [_CHECK_TYPE]},
            "ProcessedAt": self._stamp(at + 9_000),
        }
        return HubFinding(at + 9_000, arn, account, region, body)


def _control_fields(control: Control, name: str, finding: str, *, failed: bool) -> Json:
    url = f"https://docs.aws.amazon.com/console/securityhub/{control.id}/remediation"
    text = "For information on how to correct this issue, consult the documentation."
    return {
        "Remediation": {"Recommendation": {"Text": text, "Url": url}},
        "ProductFields": {
            "aws/securityhub/ProductName": "Security Hub",
            "aws/securityhub/CompanyName": "AWS",
            "Resources:0/Id": name,
            "aws/securityhub/FindingId": finding,
        },
        "Compliance": {
            "Status": "FAILED" if failed else "PASSED",
            "SecurityControlId": control.id,
            "AssociatedStandards": [{"StandardsId": each} for each in _STANDARDS],
        },
    }


def _product_fields(update: Update, product: str) -> Json:
    return {
        "aws/guardduty/service/count": str(update.count),
        "aws/guardduty/service/detectorId": update.arn.split("/")[1],
        "aws/guardduty/service/archived": "false",
        "aws/securityhub/FindingId": f"{product}/{update.arn}",
        "aws/securityhub/ProductName": "GuardDuty",
        "aws/securityhub/CompanyName": "Amazon",
    }


def _instance_arn(machine: Machine) -> str:
    return f"arn:aws:ec2:{machine.region}:{machine.account}:instance/{machine.id}"


def _resource(about: object, region: str) -> Json:
    """Return the ASFF resource of a GuardDuty resource."""
    assert isinstance(about, dict)
    shared: Json = {"Partition": "aws", "Region": region}
    key, buckets = about.get("accessKeyDetails"), about.get("s3BucketDetails")
    if isinstance(buckets, list):
        return {"Type": "AwsS3Bucket", "Id": buckets[0]["arn"], **shared}
    if isinstance(key, dict):
        details = {
            "PrincipalId": key["principalId"],
            "PrincipalType": key["userType"],
            "PrincipalName": key["userName"],
        }
        return {
            "Type": "AwsIamAccessKey",
            "Id": f"AWS::IAM::AccessKey:{key['accessKeyId']}",
            **shared,
            "Details": {"AwsIamAccessKey": details},
        }
    machine = about["instanceDetails"]
    assert isinstance(machine, dict)
    details = {
        "Type": machine["instanceType"],
        "ImageId": machine["imageId"],
        "LaunchedAt": machine["launchTime"],
    }
    return {
        "Type": "AwsEc2Instance",
        "Id": machine["instanceId"],
        **shared,
        "Details": {"AwsEc2Instance": details},
    }
