"""AWS services at work in all accounts: keys, log delivery, guards, stack sets, containers, lake jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from tidewaiter.lab.generator.calls import Call, Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.signin import assume_role
from tidewaiter.lab.generator.calls.storage import (
    data_key,
    decrypt,
    delivered,
    delivery_check,
    get_object,
    list_objects,
    put_object,
)
from tidewaiter.lab.generator.company import (
    ACCOUNTS,
    CORE,
    DATA,
    DEV,
    HOME,
    LOGS,
    PROD,
    REGIONS,
    SECURITY,
    TABLES,
    Account,
)
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import (
    Actor,
    Sessions,
    aws_service,
    linked_role,
    role_session,
    session_key,
)
from tidewaiter.lab.generator.persona import Beat, Kind, Machine
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY, HOUR, MINUTE, NIGHT

ECS_AGENT = "Amazon ECS Agent - v1.98.0 (*4a61e5b6) (+https://aws.amazon.com/ecs/)"
TASK_AGENT = "aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.25.5 md/GOARCH#arm64 exec-env/AWS_ECS_FARGATE"


class KeyUse(Machine):
    """Queues, tables, volumes and databases take and open data keys for what they keep."""

    id = "kms-services"
    kind: ClassVar[Kind] = "service"
    description = "KMS on behalf of services (queues, tables, databases, log groups) in all accounts"
    share = 9
    rhythm = CUSTOMERS
    gap = (10, 180)
    weekend = 0.8

    def routines(self) -> list[Beat]:
        """Return the keys of every account at home, production's in all regions."""
        weights = {PROD.id: 10, DATA.id: 5, DEV.id: 2}
        places = [(each, HOME, weights.get(each.id, 1)) for each in ACCOUNTS]
        places += [(PROD, region, 2) for region in REGIONS if region != HOME]
        return [
            beat
            for account, region, weight in places
            for beat in (
                self._service("sqs", "queue", account, region, weight),
                self._service("dynamodb", "tables", account, region, weight),
                self._service("logs", "logs", account, region, weight / 2),
            )
        ]

    def _service(self, service: str, key: str, account: Account, region: str, weight: float) -> Beat:
        actor = aws_service(f"{service}.amazonaws.com", persona=self.id)
        contexts: dict[str, Json] = {
            "sqs": {"aws:sqs:arn": f"arn:aws:sqs:{region}:{account.id}:kr-events"},
            "dynamodb": {"aws:dynamodb:tableName": "kr-sessions", "aws:dynamodb:subscriberId": account.id},
            "logs": {"aws:logs:arn": f"arn:aws:logs:{region}:{account.id}:log-group:/kr/application"},
        }
        arn = self.company.key_arn(account.id, region, key)
        take = data_key(arn, account.id, contexts[service], shared=True)
        opened = decrypt(arn, account.id, contexts[service])
        always = Sessions(lambda _since: actor, lifetime=DAY)
        return Beat(weight, account, region, always, [take, opened, opened])


class LogDelivery(Machine):
    """The delivery service writes flow logs and access logs into the log archive."""

    id = "log-delivery"
    kind: ClassVar[Kind] = "service"
    description = "AWS's log delivery: flow log files of all networks into the log archive's bucket"
    share = 4
    gap = (60, 700)

    def routines(self) -> list[Beat]:
        """Return the check of the bucket, a data key, and the files of each network."""
        service = aws_service("delivery.logs.amazonaws.com", persona=self.id)
        always = Sessions(lambda _since: service, lifetime=DAY)
        bucket, today = "kr-flow-logs", self.company.day
        beats = []
        for account, weight in ((PROD, 4), (DATA, 1), (DEV, 1)):
            prefix = f"AWSLogs/{account.id}/vpcflowlogs/{HOME}/{today:%Y/%m/%d}"
            log = self.company.hex_id("fl", account.name)
            name = f"{account.id}_vpcflowlogs_{HOME}_{log}_{today:%Y%m%d}T0000Z_{{unique}}.log.gz"
            context: Json = {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}
            cipher = data_key(self.company.key_arn(LOGS.id, HOME, "flow-logs"), LOGS.id, context, shared=True)
            write = delivered(bucket, f"{prefix}/{name}", LOGS.id, HOME, 6_400)
            calls = [delivery_check(bucket, LOGS.id, HOME), cipher, write, write, write]
            beats.append(Beat(weight, LOGS, HOME, always, calls))
        return beats


class Guards(Machine):
    """GuardDuty, Security Hub and Access Analyzer look at every account and region."""

    id = "security-services"
    kind: ClassVar[Kind] = "service"
    description = (
        "GuardDuty, Security Hub, Access Analyzer (service-linked roles) in all accounts and regions"
    )
    share = 6
    gap = (60, 600)
    mishaps = ((0.002, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return what each of the three reads per account and region; findings gather in one account."""
        beats = []
        for account in ACCOUNTS:
            size = 4.0 if account is PROD else 1.0
            for region in REGIONS:
                part = size if region == HOME else size / 3
                beats += [
                    self._guard(account, region, part, "AmazonGuardDuty", "guardduty", self._machines()),
                    self._guard(account, region, part, "SecurityHub", "securityhub", self._settings()),
                    self._guard(account, region, part, "AccessAnalyzer", "access-analyzer", self._access()),
                ]
        gather = [
            read("guardduty", "ListMembers", detectorId="4ac7f1d20be84f3c9d61", maxResults=50),
            read("organizations", "ListAccounts"),
            read("organizations", "DescribeOrganization"),
        ]
        beats.append(self._guard(SECURITY, HOME, 2, "AmazonGuardDuty", "guardduty", gather))
        return beats

    def _guard(
        self, account: Account, region: str, weight: float, role: str, service: str, calls: list[Make]
    ) -> Beat:
        def actor(since: int) -> Actor:
            return linked_role(
                self.company,
                account.id,
                f"AWSServiceRoleFor{role}",
                f"{service}.amazonaws.com",
                role,
                persona=self.id,
                since=since,
            )

        return Beat(weight, account, region, Sessions(actor, phase=self.lasting.whole(0, HOUR - 1)), calls)

    @staticmethod
    def _machines() -> list[Make]:
        return [
            describe("DescribeInstances"),
            describe("DescribeVpcs"),
            describe("DescribeSubnets"),
            describe("DescribeSecurityGroups"),
            describe("DescribeImages"),
        ]

    @staticmethod
    def _settings() -> list[Make]:
        return [
            read("config", "DescribeConfigurationRecorders"),
            read("config", "DescribeConfigurationRecorderStatus"),
            read("config", "DescribeConfigRules"),
            read("cloudtrail", "DescribeTrails"),
            read("cloudtrail", "GetEventSelectors", trailName="kr-org-trail"),
        ]

    @staticmethod
    def _access() -> list[Make]:
        return [
            read("iam", "ListRoles"),
            read("kms", "ListKeys", limit=1000),
            read("sqs", "ListQueues", maxResults=1000),
            read("lambda", "ListFunctions20150331"),
            read("secretsmanager", "ListSecrets", maxResults=100),
        ]


class StackSets(Machine):
    """The management account keeps the baseline of all accounts in step, by CloudFormation stack sets."""

    id = "stack-sets"
    kind: ClassVar[Kind] = "service"
    description = "CloudFormation stack sets of the management account: the baseline of every account"
    share = 1.5
    rhythm = NIGHT
    gap = (300, 2_500)
    pace = 10 * MINUTE
    role: ClassVar[str] = "stacksets-exec-kr-baseline"

    def routines(self) -> list[Beat]:
        """Return the drift checks of each account, region by region."""
        return [
            self._baseline(account, region)
            for account in ACCOUNTS
            if account is not CORE
            for region in REGIONS
        ]

    def _baseline(self, account: Account, region: str) -> Beat:
        service = "member.org.stacksets.cloudformation.amazonaws.com"
        name = f"kr-baseline-{region}"

        def session(since: int) -> Actor:
            return role_session(
                self.company,
                account.id,
                self.role,
                name,
                persona=self.id,
                since=since,
                address="cloudformation.amazonaws.com",
                agent="cloudformation.amazonaws.com",
                extra={"invokedBy": "cloudformation.amazonaws.com"},
                direct=False,
            )

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, account.id, self.role, name, since)
            make = assume_role(
                self.company, account.id, self.role, name, key_id=key, at=since, by_service=True
            )
            return aws_service(service, persona=self.id), make

        stack = f"StackSet-kr-baseline-{self.company.uuid('stack', account.id, region)}"
        calls = [
            read("cloudformation", "DescribeStacks", stackName=stack),
            read("cloudformation", "DescribeStackResources", stackName=stack),
            read("cloudformation", "GetTemplate", stackName=stack),
        ]
        sessions = Sessions(session, lifetime=4 * HOUR, phase=self.lasting.whole(0, HOUR - 1))
        return Beat(1, account, region, sessions, calls, opening)


class Containers(Machine):
    """ECS pulls images and starts tasks for the order platform."""

    id = "ecs-tasks"
    kind: ClassVar[Kind] = "workload"
    description = "Container tasks on ECS: image pulls, log streams, task roles of the order platform"
    share = 5
    rhythm = CUSTOMERS
    gap = (20, 220)
    weekend = 0.7
    mishaps = ((0.002, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return the pulls of images and the calls of tasks, in production and development."""
        return [
            beat
            for account, weight in ((PROD, 5.0), (DEV, 1.0))
            for beat in (self._pulls(account, weight), self._tasks(account, weight))
        ]

    def _task(self, account: Account, role: str, since: int) -> Actor:
        number = since // HOUR % 24
        return role_session(
            self.company,
            account.id,
            role,
            self.company.token(32, "ecs-task", account.id, f"{number:02d}"),
            persona=self.id,
            since=since,
            address="203.0.113.12",
            agent=ECS_AGENT if role.endswith("execution") else TASK_AGENT,
        )

    def _pulls(self, account: Account, weight: float) -> Beat:
        repository = "kr/order-router"

        def layer(draw: Draw) -> Call:
            request: Json = {
                "registryId": account.id,
                "repositoryName": repository,
                "layerDigest": f"sha256:{draw.hex(64)}",
            }
            return Call("ecr", "GetDownloadUrlForLayer", request)

        def image(draw: Draw) -> Call:
            request: Json = {
                "registryId": account.id,
                "repositoryName": repository,
                "imageIds": [{"imageTag": f"1.{draw.whole(40, 60)}.{draw.whole(0, 9)}"}],
                "acceptedMediaTypes": ["application/vnd.oci.image.manifest.v1+json"],
            }
            return Call("ecr", "BatchGetImage", request)

        calls: list[Make] = [read("ecr", "GetAuthorizationToken"), image, layer, layer, layer]
        sessions = Sessions(
            lambda since: self._task(account, "kr-task-execution", since),
            phase=self.lasting.whole(0, HOUR - 1),
        )
        return Beat(weight, account, HOME, sessions, calls)

    def _tasks(self, account: Account, weight: float) -> Beat:
        queue = f"https://sqs.{HOME}.amazonaws.com/{account.id}/kr-events"
        calls = [
            read("sqs", "GetQueueAttributes", queueUrl=queue, attributeNames=["ApproximateNumberOfMessages"]),
            read("dynamodb", "DescribeTable", tableName="kr-sessions"),
            read("secretsmanager", "GetSecretValue", secretId="prod/orders/postgres"),
        ]
        sessions = Sessions(
            lambda since: self._task(account, "kr-order-task", since), phase=self.lasting.whole(0, HOUR - 1)
        )
        return Beat(weight, account, HOME, sessions, calls)


class LakeJobs(Machine):
    """Glue jobs of the data engineers turn yesterday's events into tables, at night."""

    id = "glue-jobs"
    kind: ClassVar[Kind] = "workload"
    description = "Glue jobs of the data lake at night: catalogue, partitions, objects (data events)"
    share = 6
    rhythm = NIGHT
    gap = (20, 260)
    mishaps = ((0.002, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return one job per table."""
        return [self._job(table) for table in TABLES]

    def _job(self, table: str) -> Beat:
        before = self.company.day - timedelta(days=1)

        def session(since: int) -> Actor:
            return role_session(
                self.company,
                DATA.id,
                "kr-glue-jobs",
                "GlueJobRunnerSession",
                persona=self.id,
                since=since,
                address="10.30.10.34",
                agent="aws-sdk-java/2.31.7 md/io#sync ua/2.1 os/Linux lang/java#17.0.17 AWSGlue",
            )

        curated = f"{table}/dt={before}/part-{{n}}.snappy.parquet"
        calls = [
            read("glue", "GetPartitions", databaseName="lake_curated", tableName=table, catalogId=DATA.id),
            read("glue", "GetTables", databaseName="lake_curated", catalogId=DATA.id, expression=table),
            list_objects("kr-lake-raw", f"{table}/", DATA.id, HOME),
            *[get_object("kr-lake-raw", [f"{table}/{before:%Y/%m/%d}/{{n}}.json.gz"], DATA.id, HOME)] * 3,
            put_object("kr-lake-curated", [curated], DATA.id, HOME, mean=3_000_000),
        ]
        sessions = Sessions(session, lifetime=2 * HOUR, phase=self.lasting.whole(0, HOUR - 1))
        return Beat(1, DATA, HOME, sessions, calls)
