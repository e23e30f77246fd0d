"""The company's own machines: instances, functions, the lake's ingestion, the management agents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from tidewaiter.lab.generator.calls import Call, Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.signin import assume_role
from tidewaiter.lab.generator.calls.storage import (
    data_key,
    decrypt,
    get_object,
    get_parameters,
    get_secret,
    list_objects,
    put_object,
)
from tidewaiter.lab.generator.company import DATA, DEV, EDGE, FUNCTIONS, HOME, PROD, TABLES, Account, Machine
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import (
    Actor,
    Sessions,
    aws_service,
    role_session,
    session_key,
)
from tidewaiter.lab.generator.persona import Beat, Kind
from tidewaiter.lab.generator.persona import Machine as Routine
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY, HOUR, MINUTE

INSTANCE_AGENT = "Boto3/1.42.3 md/Botocore#1.42.3 ua/2.1 os/linux#6.1.158 md/arch#aarch64 lang/python#3.12.12"
AGENT_OF_SSM = "aws-sdk-go/1.55.5 (go1.24.9; linux; arm64) amazon-ssm-agent/3.3.3270.0"
FUNCTION_AGENT = (
    "Boto3/1.42.3 md/Botocore#1.42.3 ua/2.1 os/linux#5.10.245 lang/python#3.13.9 "
    "exec-env/AWS_Lambda_python3.13"
)
NAT = "203.0.113.10"
ACCOUNT_OF: dict[str, Account] = {each.id: each for each in (PROD, DATA, DEV)}


class Fleet(Routine):
    """Instances read labels, parameters and secrets with the credentials of their instance roles."""

    id = "instances"
    kind: ClassVar[Kind] = "workload"
    description = "Instances of the order platform: instance roles, sessions named after the instance"
    share = 10
    rhythm = CUSTOMERS
    weekend = 0.75
    gap = (20, 600)
    mishaps = ((0.002, "throttled"), (0.001, "denied"))

    def routines(self) -> list[Beat]:
        """Return one routine per instance."""
        return [self._instance(machine) for machine in self.company.fleet("web", "api", "worker", "edge")]

    def _instance(self, machine: Machine) -> Beat:
        def session(since: int) -> Actor:
            return instance_session(self, machine, since, INSTANCE_AGENT)

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, machine.account, machine.role, machine.id, since)
            make = assume_role(
                self.company,
                machine.account,
                machine.role,
                machine.id,
                key_id=key,
                at=since,
                by_service=True,
                lifetime=6 * HOUR,
            )
            return aws_service("ec2.amazonaws.com", persona=self.id), make

        account = ACCOUNT_OF[machine.account]
        labels = get_object("kr-parcel-labels", ["zpl/2026/{n}.zpl"], account.id, HOME, mean=6000)
        names = ["/kr/api/feature-flags", "/kr/api/db-host", "/kr/api/rate-limits", "/kr/web/cdn"]
        calls = [
            labels,
            get_parameters(names, account.id, machine.region),
            labels,
            put_object("kr-parcel-labels", ["zpl/2026/{n}.zpl"], account.id, HOME, mean=6000),
            read("ecr", "GetAuthorizationToken"),
        ]
        sessions = Sessions(session, lifetime=6 * HOUR, phase=self.lasting.whole(0, 6 * HOUR - 1))
        return Beat(1, account, machine.region, sessions, calls, opening)


def instance_session(persona: Routine, machine: Machine, since: int, agent: str) -> Actor:
    """Return an instance's role session, delivered by the instance metadata service version 2."""
    return role_session(
        persona.company,
        machine.account,
        machine.role,
        machine.id,
        persona=persona.id,
        since=since,
        address=NAT if machine.region == HOME else "203.0.113.11",
        agent=agent,
        context={"ec2RoleDelivery": "2.0"},
    )


class ManagementAgents(Routine):
    """The SSM agents report every five minutes, in all environments."""

    id = "ssm-agents"
    kind: ClassVar[Kind] = "workload"
    description = "Systems Manager agents of all instances: UpdateInstanceInformation every few minutes"
    share = 7
    gap = (50, 300)
    pace = 5 * MINUTE
    mishaps = ((0.001, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return the reports of every instance."""
        return [self._agent(machine) for machine in self.company.machines]

    def _agent(self, machine: Machine) -> Beat:
        report: Json = {
            "instanceId": machine.id,
            "agentVersion": "3.3.3270.0",
            "agentStatus": "Active",
            "platformType": "Linux",
            "platformName": "Amazon Linux",
            "platformVersion": "2023",
            "iPAddress": machine.ip,
            "computerName": f"ip-{machine.ip.replace('.', '-')}.{machine.region}.compute.internal",
            "agentName": "amazon-ssm-agent",
        }
        update = Call("ssm", "UpdateInstanceInformation", report, read_only=False)
        calls: list[Make] = [lambda _draw: update] * 5
        calls.append(read("ssm", "ListInstanceAssociations", instanceId=machine.id, maxResults=20))
        sessions = Sessions(
            lambda since: instance_session(self, machine, since, AGENT_OF_SSM),
            lifetime=6 * HOUR,
            phase=self.lasting.whole(0, 6 * HOUR - 1),
        )
        return Beat(1, ACCOUNT_OF[machine.account], machine.region, sessions, calls)


class Functions(Routine):
    """Lambda functions: cold starts, secrets, decryption by the service on their behalf."""

    id = "functions"
    kind: ClassVar[Kind] = "workload"
    description = "Lambda functions of the order platform: secrets, log streams, KMS on their behalf"
    share = 10
    rhythm = CUSTOMERS
    weekend = 0.75
    gap = (15, 250)
    mishaps = ((0.003, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return the function's own calls and the calls of services for it."""
        beats = []
        for number, name in enumerate(FUNCTIONS):
            beats += self._function(name, "prod/" + ("orders/postgres", "labels/printer-api")[number % 2])
        return beats

    def _session(self, name: str, since: int) -> Actor:
        arn = f"arn:aws:lambda:{HOME}:{PROD.id}:function:{name}"
        scope = {
            "sourceArn": arn,
            "sourceAccount": PROD.id,
            "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": arn,
        }
        return role_session(
            self.company,
            PROD.id,
            f"kr-{name}-role",
            name,
            persona=self.id,
            since=since,
            address=NAT,
            agent=FUNCTION_AGENT,
            extra={"inScopeOf": scope},
        )

    def _function(self, name: str, secret: str) -> list[Beat]:
        arn = self.company.secret_arn(secret)

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, PROD.id, f"kr-{name}-role", name, since)
            make = assume_role(
                self.company, PROD.id, f"kr-{name}-role", name, key_id=key, at=since, by_service=True
            )
            return aws_service("lambda.amazonaws.com", persona=self.id), make

        def stream(draw: Draw) -> Call:
            today = f"{self.company.day:%Y/%m/%d}"
            request: Json = {
                "logGroupName": f"/aws/lambda/{name}",
                "logStreamName": f"{today}/[$LATEST]{draw.hex(32)}",
            }
            return Call("logs", "CreateLogStream", request, read_only=False, api_version="20140328")

        labels = put_object("kr-parcel-labels", [f"{name}/{{n}}.json"], PROD.id, HOME, mean=2500)
        phase = self.lasting.whole(0, HOUR - 1)
        own = Sessions(lambda since: self._session(name, since), phase=phase)
        key_arn = self.company.key_arn(PROD.id, HOME, "secrets")
        context: Json = {"SecretARN": arn, "SecretVersionId": self.company.uuid("version", secret)}
        helped = Sessions(
            lambda since: self._session(name, since).through("secretsmanager.amazonaws.com"),
            phase=phase,
        )
        return [
            Beat(3, PROD, HOME, own, [stream, get_secret(arn), labels, labels], opening),
            Beat(1, PROD, HOME, helped, [decrypt(key_arn, PROD.id, context)]),
        ]


class LakeIngestion(Routine):
    """The lake's ingestion copies events into Parquet, all day, with a peak while customers are awake."""

    id = "lake-ingest"
    kind: ClassVar[Kind] = "workload"
    description = "Ingestion jobs of the data lake: S3 object reads and writes (data events)"
    share = 15
    rhythm = CUSTOMERS
    weekend = 0.75
    gap = (8, 120)
    pace = 2 * MINUTE
    mishaps = ((0.001, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return reads of raw objects, writes of curated ones, and the sample for development."""
        today = self.company.day
        raw = [f"{table}/{today:%Y/%m/%d}/{{n}}.json.gz" for table in TABLES]
        curated = [f"{table}/dt={today}/part-{{n}}.snappy.parquet" for table in TABLES]
        sample = [f"sample/dt={today - timedelta(days=1)}/part-{{n}}.parquet"]
        fetch = get_object("kr-lake-raw", raw, DATA.id, HOME, mean=300_000)
        store = put_object("kr-lake-curated", curated, DATA.id, HOME, mean=1_500_000)
        copy = put_object("kr-dev-lake-sample", sample, DEV.id, HOME, mean=400_000)
        jobs = Sessions(lambda since: self._job(DATA, since))
        dev_jobs = Sessions(lambda since: self._job(DEV, since))
        helped = Sessions(lambda since: self._job(DATA, since).through("s3.amazonaws.com"))
        key = self.company.key_arn(DATA.id, HOME, "lake")
        context: Json = {"aws:s3:arn": "arn:aws:s3:::kr-lake-curated"}
        listing = list_objects("kr-lake-raw", f"{TABLES[0]}/", DATA.id, HOME)
        return [
            Beat(12, DATA, HOME, jobs, [listing, fetch, fetch, fetch, store]),
            Beat(2, DATA, HOME, helped, [data_key(key, DATA.id, context)]),
            Beat(1, DEV, HOME, dev_jobs, [copy]),
        ]

    def _job(self, account: Account, since: int) -> Actor:
        actor = role_session(
            self.company,
            account.id,
            "kr-lake-ingest",
            f"airflow-{since // HOUR % 24:02d}",
            persona=self.id,
            since=since,
            address="10.30.10.27",
            agent="Boto3/1.41.5 md/Botocore#1.41.5 ua/2.1 os/linux#6.1.158 lang/python#3.11.14 Airflow/3.1.3",
        )
        return replace(actor, endpoint=self.company.hex_id("vpce", "s3"))


class EdgeCache(Routine):
    """The edge fleet of the second region reads the web assets of the day."""

    id = "edge-cache"
    kind: ClassVar[Kind] = "workload"
    description = "Edge cache in us-east-1: reads web assets when customers ask (data events)"
    share = 3
    rhythm = CUSTOMERS
    weekend = 0.75
    gap = (10, 90)

    def routines(self) -> list[Beat]:
        """Return asset reads."""
        machine = self.company.fleet("edge")[0]
        reads = get_object("kr-web-assets", ["static/app-{n}.js", "img/{n}.webp"], PROD.id, EDGE)
        sessions = Sessions(
            lambda since: instance_session(self, machine, since, INSTANCE_AGENT), lifetime=DAY // 4
        )
        return [Beat(1, PROD, EDGE, sessions, [reads] * 6)]
