"""AWS services and pipelines acting by themselves: CloudTrail's delivery, backups, Terraform in CI."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import create_snapshot, delete_snapshot, describe, wrapped
from tidewaiter.lab.generator.calls.signin import assume_role_with_token, identity_check
from tidewaiter.lab.generator.calls.storage import (
    bucket_setting,
    data_key,
    delivered,
    delivery_check,
    get_object,
    put_object,
)
from tidewaiter.lab.generator.company import (
    BUCKETS,
    CORE,
    DATA,
    DEV,
    EDGE,
    HOME,
    LOGS,
    ORGANIZATION,
    PROD,
    SECURITY,
    SPARE,
    TRAIL,
    TRAIL_BUCKET,
    Account,
    trail_arn,
)
from tidewaiter.lab.generator.identity import (
    Actor,
    Sessions,
    aws_service,
    linked_role,
    role_session,
    session_key,
    web_identity,
)
from tidewaiter.lab.generator.persona import Beat, Kind, Machine
from tidewaiter.lab.generator.rhythm import DAY, HOUR, MINUTE, NIGHT, OFFICE, Rhythm

TERRAFORM_AGENT = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.14.3 (+https://www.terraform.io) terraform-provider-aws/6.27.0 "
    "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.41.0 ua/2.1 os/linux "
    "lang/go#1.24.11"
)
PROVIDER = "token.actions.githubusercontent.com"
REPOSITORY = "repo:kestrelrowe/infrastructure:ref:refs/heads/main"
RUNNERS = tuple(f"198.51.100.{number}" for number in range(226, 232))
DEPLOY_ROLE = "kr-terraform-deploy"
_PLANNED = ((PROD, 4), (DEV, 3), (DATA, 2), (CORE, 2), (LOGS, 0.5), (SECURITY, 1))


class TrailDelivery(Machine):
    """CloudTrail checks the log bucket, takes data keys and writes its files."""

    id = "cloudtrail-delivery"
    kind: ClassVar[Kind] = "service"
    description = "CloudTrail itself: checks and fills the log bucket of the organisation"
    share = 6
    gap = (100, 900)

    def routines(self) -> list[Beat]:
        """Return the delivery of log files."""
        service = aws_service("cloudtrail.amazonaws.com", persona=self.id)
        always = Sessions(lambda _since: service, lifetime=DAY)
        today = self.company.day
        key = (
            f"AWSLogs/{ORGANIZATION}/{PROD.id}/CloudTrail/{HOME}/{today:%Y/%m/%d}/"
            f"{PROD.id}_CloudTrail_{HOME}_{today:%Y%m%d}T0000Z_{{unique}}.json.gz"
        )
        context: Json = {
            "aws:cloudtrail:arn": trail_arn(CORE, TRAIL),
            "aws:s3:arn": f"arn:aws:s3:::{TRAIL_BUCKET}",
        }
        cipher = data_key(self.company.key_arn(LOGS.id, HOME, "trail"), LOGS.id, context, shared=True)
        write = delivered(TRAIL_BUCKET, key, LOGS.id, HOME, 14_800)
        return [
            Beat(1, LOGS, HOME, always, [delivery_check(TRAIL_BUCKET, LOGS.id, HOME), cipher, write, write])
        ]


class BackupService(Machine):
    """AWS Backup takes snapshots at night and removes old ones."""

    id = "aws-backup"
    kind: ClassVar[Kind] = "service"
    description = "AWS Backup (service-linked role): nightly snapshots, copies to a second region, clean-up"
    share = 2.5
    rhythm = NIGHT
    gap = (300, 2500)
    pace = 4 * MINUTE
    mishaps = ((0.01, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return snapshots in production and the copies' checks in the second region."""
        volumes = [self.company.hex_id("vol", each.name) for each in self.company.fleet("api", "worker")]
        take = create_snapshot(self.company, PROD.id, volumes)
        sessions = Sessions(self._actor, phase=self.lasting.whole(0, HOUR - 1))
        check = describe("DescribeSnapshots", ownersSet={"items": [{"owner": "self"}]})
        return [
            Beat(5, PROD, HOME, sessions, [describe("DescribeVolumes"), take, check, delete_snapshot()]),
            Beat(2, PROD, SPARE, sessions, [check, wrapped("DescribeSnapshotTierStatus"), delete_snapshot()]),
            Beat(1, PROD, HOME, sessions, [read("rds", "DescribeDBSnapshots", maxRecords=100)]),
        ]

    def _actor(self, since: int) -> Actor:
        role, service = "AWSServiceRoleForBackup", "backup.amazonaws.com"
        session = "AWSBackup-AWSServiceRoleForBackup"
        return linked_role(self.company, PROD.id, role, service, session, persona=self.id, since=since)


def deploy_session(company_persona: Machine, account: Account, run: int, since: int) -> Actor:
    """Return the Terraform role of one CI run."""
    return role_session(
        company_persona.company,
        account.id,
        DEPLOY_ROLE,
        f"gha-infrastructure-{run}",
        persona=company_persona.id,
        since=since,
        address=RUNNERS[run % len(RUNNERS)],
        agent=TERRAFORM_AGENT,
        context={
            "webIdFederationData": {
                "federatedProvider": f"arn:aws:iam::{account.id}:oidc-provider/{PROVIDER}",
                "attributes": {},
            }
        },
    )


class Terraform(Machine):
    """The infrastructure pipeline plans on every commit and now and then applies."""

    id = "terraform-ci"
    kind: ClassVar[Kind] = "pipeline"
    description = "Terraform in CI: a web identity from the repository host, plans during working hours"
    share = 6
    weekend = 0.08
    rhythm: ClassVar[Rhythm | None] = OFFICE
    gap = (25, 260)
    mishaps = ((0.004, "throttled"), (0.006, "denied"))

    def routines(self) -> list[Beat]:
        """Return plans for every account."""
        return [self._plans(account, weight) for account, weight in _PLANNED]

    def run_number(self, since: int) -> int:
        """Return the CI run that a session belongs to."""
        return 21_804_000_000 + self.company.day.toordinal() % 1000 * 1000 + max(since, 0) // (20 * MINUTE)

    def opening(self, account: Account, since: int) -> tuple[Actor, Make]:
        """Return the runner's token exchange."""
        run = self.run_number(since)
        name = f"gha-infrastructure-{run}"
        key = session_key(self.company, account.id, DEPLOY_ROLE, name, since)
        caller = web_identity(
            account=account.id,
            provider=PROVIDER,
            subject=REPOSITORY,
            audience="sts.amazonaws.com",
            persona=self.id,
            address=RUNNERS[run % len(RUNNERS)],
            agent=TERRAFORM_AGENT,
        )
        make = assume_role_with_token(
            self.company, account.id, DEPLOY_ROLE, name, REPOSITORY, PROVIDER, key, since
        )
        return caller, make

    def session(self, account: Account, since: int) -> Actor:
        """Return the pipeline in the role it was given at `since`."""
        return deploy_session(self, account, self.run_number(since), since)

    def _plans(self, account: Account, weight: float) -> Beat:
        buckets = BUCKETS[account.id]
        state = f"env/{account.name}/terraform.tfstate"
        roles = ("kr-web-instance", "kr-api-instance", "kr-lake-ingest", "kr-vendor-readonly")
        calls: list[Make] = [
            identity_check(),
            get_object("kr-terraform-state", [state], CORE.id, HOME, mean=600_000),
            describe("DescribeVpcs"),
            describe("DescribeSubnets"),
            describe("DescribeSecurityGroups"),
            wrapped("DescribeNatGateways"),
            *(read("iam", "GetRole", roleName=role) for role in roles),
            *(read("iam", "ListAttachedRolePolicies", roleName=role) for role in roles),
            bucket_setting("GetBucketPolicy", buckets, account.id, HOME),
            bucket_setting("GetBucketTagging", buckets, account.id, HOME),
            bucket_setting("GetBucketReplication", buckets, account.id, HOME),
            read("cloudtrail", "DescribeTrails"),
            read("logs", "DescribeLogGroups", logGroupNamePrefix="/aws/lambda/"),
            read("lambda", "GetFunction20150331v2", functionName="order-router"),
            read("dynamodb", "DescribeTable", tableName="kr-terraform-locks"),
            put_object("kr-terraform-state", [f"plans/{account.name}/{{n}}.json"], CORE.id, HOME),
        ]
        sessions = Sessions(
            lambda since: self.session(account, since), lifetime=HOUR, phase=self.lasting.whole(0, HOUR - 1)
        )
        return Beat(weight, account, HOME, sessions, calls, lambda since: self.opening(account, since))


class InventoryExport(Machine):
    """Last night's bill and inventory exports land in the core account."""

    id = "cost-export"
    kind: ClassVar[Kind] = "service"
    description = "Billing's data export: a few files into the core account's bucket at night"
    share = 0.4
    ceiling = 120
    rhythm = NIGHT
    gap = (400, 4000)

    def routines(self) -> list[Beat]:
        """Return the delivery of export files."""
        service = aws_service("bcm-data-exports.amazonaws.com", persona=self.id)
        always = Sessions(lambda _since: service, lifetime=DAY)
        month = f"{self.company.day - timedelta(days=1):%Y-%m}"
        key = f"exports/kr-cur/data/BILLING_PERIOD={month}/kr-cur-{{unique}}.csv.gz"
        calls = [
            delivery_check("kr-cost-exports", CORE.id, EDGE),
            delivered("kr-cost-exports", key, CORE.id, EDGE, 412_000),
        ]
        return [Beat(1, CORE, EDGE, always, calls)]
