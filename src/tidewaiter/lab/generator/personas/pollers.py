"""Those who ask all day: the monitoring vendor, AWS Config, the posture scanner, the scaling service."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Call, Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import (
    change_state,
    describe,
    instance_status,
    instances,
    run_instance,
    wrapped,
)
from tidewaiter.lab.generator.calls.signin import assume_role
from tidewaiter.lab.generator.calls.storage import SUB_RESOURCES, bucket_setting, list_buckets
from tidewaiter.lab.generator.company import (
    ACCOUNTS,
    BUCKETS,
    CORE,
    DATA,
    DEV,
    EDGE,
    FUNCTIONS,
    GROUPS,
    HOME,
    LOGS,
    MONITORING_VENDOR,
    PROD,
    REGIONS,
    SECURITY,
    SPARE,
    Account,
)
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import (
    Actor,
    Sessions,
    linked_role,
    outside_account,
    role_session,
    session_key,
)
from tidewaiter.lab.generator.persona import Beat, Kind, Machine
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE

VENDOR_AGENT = "observa-collector/8.4.1 aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.25.5 md/GOARCH#arm64"
SCANNER_AGENT = (
    "Boto3/1.42.11 md/Botocore#1.42.11 ua/2.1 os/linux#6.1.158 lang/python#3.13.9 exec-env/AWS_ECS_FARGATE"
)
_SCANNED = ((PROD, 3), (DATA, 2), (DEV, 2), (CORE, 1), (LOGS, 1), (SECURITY, 1))
VENDOR_ADDRESSES = ("198.51.100.40", "198.51.100.41", "198.51.100.42")


class MonitoringVendor(Machine):
    """Observa, a monitoring service, assumes a role with an external id and reads inventory and metrics."""

    id = "observa"
    kind: ClassVar[Kind] = "saas"
    description = "Monitoring service of a vendor: assumes a role by external id, polls every few minutes"
    share = 13
    pace = 3 * MINUTE
    mishaps = ((0.006, "throttled"), (0.003, "denied"))
    role: ClassVar[str] = "ObservaIntegrationRole"

    def routines(self) -> list[Beat]:
        """Return one poll per account and region."""
        places = [(PROD, HOME, 5), (PROD, EDGE, 3), (DEV, HOME, 2), (DATA, HOME, 2), (CORE, HOME, 1)]
        return [self._poll(account, region, weight) for account, region, weight in places]

    def _session(self, account: Account, region: str, since: int) -> Actor:
        return role_session(
            self.company,
            account.id,
            self.role,
            f"observa-{region}",
            persona=self.id,
            since=since,
            address=VENDOR_ADDRESSES[since // HOUR % 3],
            agent=VENDOR_AGENT,
        )

    def _poll(self, account: Account, region: str, weight: float) -> Beat:
        name = f"observa-{region}"

        def metrics(draw: Draw) -> Call:
            namespace = draw.pick(("AWS/EC2", "AWS/ApplicationELB", "AWS/Lambda", "AWS/RDS", "AWS/SQS"))
            statistic = {"metric": {"namespace": namespace}, "period": 60, "stat": "Average"}
            request: Json = {
                "metricDataQueries": [{"id": "m1", "metricStat": statistic}],
                "startTime": self.company.stamp(draw.now - 10 * MINUTE),
                "endTime": self.company.stamp(draw.now),
            }
            return Call("monitoring", "GetMetricData", request, data=True)

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, account.id, self.role, name, since)
            external = self.company.uuid("external-id", account.id)
            make = assume_role(
                self.company, account.id, self.role, name, key_id=key, at=since, external_id=external
            )
            vendor = outside_account(
                self.company,
                MONITORING_VENDOR,
                persona=self.id,
                address=VENDOR_ADDRESSES[since // HOUR % 3],
                agent=VENDOR_AGENT,
            )
            return vendor, make

        sessions = Sessions(
            lambda since: self._session(account, region, since), phase=self.lasting.whole(0, HOUR - 1)
        )
        calls = [describe("DescribeInstances"), metrics, metrics, list_buckets(), metrics]
        return Beat(weight, account, region, sessions, calls, opening)


class ConfigRecorder(Machine):
    """AWS Config records the configuration of everything, over and over."""

    id = "aws-config"
    kind: ClassVar[Kind] = "service"
    description = (
        "AWS Config's recorder (service-linked role): reads the settings of buckets, roles, networks"
    )
    share = 17
    gap = (40, 260)
    mishaps = ((0.002, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return one sweep over the buckets, one over networks and one over identities per account."""
        beats = []
        for account in ACCOUNTS:
            size = 8 if account is PROD else 3 if account in {DATA, DEV} else 1
            storage = [
                bucket_setting(name, BUCKETS[account.id], account.id, HOME) for name in sorted(SUB_RESOURCES)
            ]
            beats.append(self._sweep(account, HOME, 2 * size, "ConfigResourceCompositionSession", storage))
            beats.append(self._sweep(account, EDGE, size, "AWSConfig-Describe", self._identities(account)))
            for region in REGIONS:
                part = size * {HOME: 1, EDGE: 0.5, SPARE: 0.25}[region]
                beats.append(self._sweep(account, region, part, "AWSConfig-Describe", self._network()))
        return beats

    def _sweep(self, account: Account, region: str, weight: float, session: str, calls: list[Make]) -> Beat:
        def actor(since: int) -> Actor:
            role, service = "AWSServiceRoleForConfig", "config.amazonaws.com"
            return linked_role(self.company, account.id, role, service, session, persona=self.id, since=since)

        sessions = Sessions(actor, phase=self.lasting.whole(0, HOUR - 1))
        return Beat(weight, account, region, sessions, calls)

    @staticmethod
    def _network() -> list[Make]:
        return [
            describe("DescribeInstances"),
            describe("DescribeVolumes"),
            describe("DescribeSecurityGroups"),
            describe("DescribeSubnets"),
            describe("DescribeVpcs"),
            describe("DescribeRouteTables"),
            describe("DescribeNetworkInterfaces"),
            describe("DescribeAddresses"),
            wrapped("DescribeNatGateways"),
            wrapped("DescribeEgressOnlyInternetGateways"),
            read("elasticloadbalancing", "DescribeLoadBalancers"),
            read("rds", "DescribeDBInstances"),
            read("autoscaling", "DescribeAutoScalingGroups"),
        ]

    @staticmethod
    def _identities(account: Account) -> list[Make]:
        roles = ("kr-terraform-deploy", "kr-web-instance", "kr-lake-ingest", "kr-vendor-readonly")

        def role(name: str) -> Make:
            return lambda draw: Call("iam", name, {"roleName": draw.pick(roles)})

        policy = f"arn:aws:iam::{account.id}:policy/kr-baseline"
        return [
            read("iam", "ListRoles"),
            role("GetRole"),
            role("ListAttachedRolePolicies"),
            role("ListRolePolicies"),
            read("iam", "GetPolicy", policyArn=policy),
            read("iam", "GetPolicyVersion", policyArn=policy, versionId="v7"),
            read("iam", "ListUsers"),
            read("iam", "GetAccountPasswordPolicy"),
        ]


class PostureScanner(Machine):
    """The security team's scanner assumes a role in each account from its own account, every half hour."""

    id = "posture-scanner"
    kind: ClassVar[Kind] = "workload"
    description = "Security team's posture scanner in the security account: a read-only role in every account"
    share = 4
    gap = (60, 400)
    pace = 30 * MINUTE
    mishaps = ((0.012, "denied"), (0.01, "throttled"))
    role: ClassVar[str] = "kr-security-audit"

    def routines(self) -> list[Beat]:
        """Return a scan of identities, trails and storage per account."""
        return [self._scan(account, weight) for account, weight in _SCANNED]

    def _runner(self, since: int) -> Actor:
        return role_session(
            self.company,
            SECURITY.id,
            "kr-posture-scanner",
            "scan",
            persona=self.id,
            since=since,
            address="203.0.113.199",
            agent=SCANNER_AGENT,
        )

    def _scan(self, account: Account, weight: float) -> Beat:
        def session(since: int) -> Actor:
            runner = self._runner(since)
            return role_session(
                self.company,
                account.id,
                self.role,
                "posture-scan",
                persona=self.id,
                since=since,
                address=runner.address,
                agent=runner.agent,
            )

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, account.id, self.role, "posture-scan", since)
            make = assume_role(
                self.company, account.id, self.role, "posture-scan", key_id=key, at=since, lifetime=4 * HOUR
            )
            return self._runner(since), make

        buckets = BUCKETS[account.id]
        calls: list[Make] = [
            read("iam", "GetAccountSummary"),
            read("iam", "ListUsers", maxItems=1000),
            read("iam", "ListVirtualMFADevices", assignmentStatus="Assigned"),
            read("cloudtrail", "DescribeTrails"),
            read("cloudtrail", "GetEventSelectors", trailName="kr-org-trail"),
            bucket_setting("GetBucketPolicyStatus", buckets, account.id, HOME),
            bucket_setting("GetBucketPublicAccessBlock", buckets, account.id, HOME),
            read("guardduty", "ListDetectors"),
            read("config", "DescribeConfigurationRecorderStatus"),
            read("kms", "ListKeys", limit=1000),
            describe("DescribeSecurityGroups"),
        ]
        sessions = Sessions(session, lifetime=4 * HOUR, phase=self.lasting.whole(0, HOUR))
        return Beat(weight, account, HOME, sessions, calls, opening)


class ScalingService(Machine):
    """EC2 Auto Scaling watches target groups and changes the number of workers in the morning and evening."""

    id = "autoscaling"
    kind: ClassVar[Kind] = "service"
    description = "EC2 Auto Scaling (service-linked role): health checks, instances added and removed"
    share = 7
    gap = (80, 700)
    mishaps = ((0.001, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return the checks of every group, and launches and terminations of workers."""
        fleet = self.company.fleet(*GROUPS)
        worker = self.company.fleet("worker")[0]
        image = self.company.hex_id("ami", "worker")
        old = self.company.hex_id("i", "worker-of-yesterday")
        changes: list[Make] = [
            run_instance(PROD.id, image, worker.subnet, "kr-worker"),
            change_state("TerminateInstances", old, (16, "running"), (32, "shutting-down")),
        ]
        sessions = Sessions(self._actor, phase=self.lasting.whole(0, HOUR - 1))
        checks = [self._health(), instance_status(fleet), self._health(), instances(fleet, 2)]
        return [
            Beat(40, PROD, HOME, sessions, checks),
            Beat(12, PROD, EDGE, sessions, [self._health(EDGE), instance_status(self.company.fleet("edge"))]),
            Beat(1, PROD, HOME, sessions, changes),
        ]

    def _actor(self, since: int) -> Actor:
        role, service = "AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com"
        return linked_role(self.company, PROD.id, role, service, "AutoScaling", persona=self.id, since=since)

    def _health(self, region: str = HOME) -> Make:
        base = f"arn:aws:elasticloadbalancing:{region}:{PROD.id}:targetgroup"
        groups = [f"{base}/kr-{name}/{self.company.token(16, name)}" for name in GROUPS]

        def make(draw: Draw) -> Call:
            request: Json = {"targetGroupArn": draw.pick(groups), "targets": []}
            return Call("elasticloadbalancing", "DescribeTargetHealth", request, api_version="2015-12-01")

        return make


class DeploymentWatcher(Machine):
    """The deployment dashboard in the core account asks Lambda and ECR what is released where."""

    id = "release-board"
    kind: ClassVar[Kind] = "workload"
    description = "Release dashboard of the development team: reads functions and images every few minutes"
    share = 2
    pace = 10 * MINUTE
    mishaps = ((0.01, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return one round over functions and images."""

        def function(draw: Draw) -> Call:
            return Call("lambda", "GetFunction20150331v2", {"functionName": draw.pick(FUNCTIONS)})

        calls: list[Make] = [
            read("lambda", "ListFunctions20150331"),
            function,
            read("ecr", "DescribeRepositories", maxResults=100),
            read("ecr", "DescribeImages", repositoryName="kr/order-router", maxResults=10),
            read("cloudformation", "DescribeStacks"),
        ]
        sessions = Sessions(self._session, phase=self.lasting.whole(0, HOUR - 1))
        return [Beat(1, DEV, HOME, sessions, calls)]

    def _session(self, since: int) -> Actor:
        return role_session(
            self.company,
            DEV.id,
            "kr-release-board",
            "release-board",
            persona=self.id,
            since=since,
            address="203.0.113.171",
            agent="aws-sdk-js/3.957.0 ua/2.1 os/linux#6.1.158 lang/js md/nodejs#22.21.1 api/lambda#3.957.0",
        )
