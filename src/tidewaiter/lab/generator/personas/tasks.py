"""What people do in one sitting, as the calls that a console page or a command leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tidewaiter.lab.generator.calls import Call, Make, read, write
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe, instance_status, instances, matching, wrapped
from tidewaiter.lab.generator.calls.storage import (
    bucket_setting,
    decrypt,
    get_object,
    list_buckets,
    list_objects,
)
from tidewaiter.lab.generator.company import (
    BUCKETS,
    FUNCTIONS,
    HOME,
    SECRETS,
    TABLES,
    Account,
    Company,
    Machine,
)
from tidewaiter.lab.generator.draw import Draw


def instance_pages(machines: Sequence[Machine]) -> list[Make]:
    """Return the EC2 console: the list of instances and one instance's page."""
    machine = machines[0]
    return [
        describe("DescribeInstances"),
        instance_status(machines, everything=True),
        describe("DescribeVolumes"),
        read("monitoring", "DescribeAlarms", maxRecords=100),
        wrapped("DescribeLaunchTemplates", MaxResults=1),
        instances(machines),
        describe("DescribeSecurityGroups", filterSet=matching("vpc-id", machine.vpc)),
        read("ec2", "DescribeInstanceAttribute", instanceId=machine.id, attribute="disableApiTermination"),
        describe("DescribeNetworkInterfaces", filterSet=matching("attachment.instance-id", machine.id)),
    ]


def network_pages(machines: Sequence[Machine]) -> list[Make]:
    """Return the VPC console."""
    vpc = matching("vpc-id", machines[0].vpc)
    return [
        describe("DescribeVpcs"),
        describe("DescribeSubnets", filterSet=vpc),
        describe("DescribeRouteTables", filterSet=vpc),
        describe("DescribeInternetGateways"),
        wrapped("DescribeNatGateways", MaxResults=100),
        describe("DescribeNetworkAcls", filterSet=vpc),
        wrapped("DescribeFlowLogs", MaxResults=100),
    ]


def bucket_pages(account: Account, region: str) -> list[Make]:
    """Return the S3 console: the list, then one bucket's settings."""
    buckets = BUCKETS[account.id]
    names = ("GetBucketPublicAccessBlock", "GetBucketPolicyStatus", "GetBucketAcl", "GetBucketVersioning")
    settings = [bucket_setting(name, buckets, account.id, region) for name in names]
    return [list_buckets(), bucket_setting("GetBucketLocation", buckets, account.id, region), *settings]


def alarm_pages() -> list[Make]:
    """Return the CloudWatch console: alarms, dashboards, one log search."""
    groups = [f"/aws/lambda/{name}" for name in FUNCTIONS]

    def search(draw: Draw) -> Call:
        request: Json = {"logGroupName": draw.pick(groups), "filterPattern": '"ERROR"', "limit": 100}
        return Call("logs", "FilterLogEvents", request, api_version="20140328")

    return [
        read("monitoring", "DescribeAlarms", alarmTypes=["MetricAlarm"], stateValue="ALARM", maxRecords=50),
        read("monitoring", "DescribeAlarmHistory", maxRecords=20),
        read("monitoring", "ListDashboards"),
        read("logs", "DescribeLogGroups", limit=50),
        search,
    ]


def function_pages(account: Account, region: str) -> list[Make]:
    """Return the Lambda console: the functions, then one of them."""

    def one(name: str) -> Make:
        def make(draw: Draw) -> Call:
            return Call("lambda", name, {"functionName": draw.pick(FUNCTIONS)})

        return make

    tags = f"arn:aws:lambda:{region}:{account.id}:function:{FUNCTIONS[0]}"
    return [
        read("lambda", "ListFunctions20150331", maxItems=50),
        read("lambda", "GetAccountSettings20160819"),
        one("GetFunction20150331v2"),
        one("GetPolicy20150331v2"),
        read("lambda", "ListTags20170331", resource=tags),
        read("lambda", "ListEventSourceMappings20150331", functionName=FUNCTIONS[0]),
    ]


def publish_function(account: Account, region: str) -> list[Make]:
    """Return a deployment of new function code from the command line."""

    def update(draw: Draw) -> Call:
        name = draw.pick(FUNCTIONS)
        arn = f"arn:aws:lambda:{region}:{account.id}:function:{name}"
        response: Json = {
            "functionName": name,
            "functionArn": arn,
            "runtime": "python3.13",
            "codeSize": draw.whole(40_000, 9_000_000),
            "codeSha256": draw.opaque(32),
            "state": "Active",
            "lastUpdateStatus": "InProgress",
            "revisionId": draw.uuid(),
        }
        request: Json = {"functionName": name, "publish": False, "dryRun": False}
        return Call("lambda", "UpdateFunctionCode20150331v2", request, response, read_only=False)

    name = FUNCTIONS[1]
    return [read("lambda", "GetFunction20150331v2", functionName=name), update]


def cluster_pages() -> list[Make]:
    """Return the database and load balancer pages."""
    return [
        read("rds", "DescribeDBInstances", maxRecords=100),
        read("rds", "DescribeDBClusters", maxRecords=100),
        read("rds", "DescribeEvents", sourceType="db-instance", duration=1440),
        read("elasticloadbalancing", "DescribeLoadBalancers", pageSize=100),
        read("elasticloadbalancing", "DescribeTargetGroups", pageSize=100),
    ]


def query(company: Company, account: Account, region: str) -> list[Make]:
    """Return one Athena query with the catalogue reads before it."""

    def start(draw: Draw) -> Call:
        request: Json = {
            "queryString": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "clientRequestToken": draw.uuid(),
            "queryExecutionContext": {"database": "lake_curated", "catalog": "AwsDataCatalog"},
            "workGroup": "analytics",
        }
        return Call("athena", "StartQueryExecution", request, {"queryExecutionId": draw.uuid()}, False)

    def follow(name: str) -> Make:
        return lambda draw: Call("athena", name, {"queryExecutionId": draw.uuid()})

    def table(draw: Draw) -> Call:
        request: Json = {"databaseName": "lake_curated", "name": draw.pick(TABLES), "catalogId": account.id}
        return Call("glue", "GetTable", request)

    key = company.key_arn(account.id, region, "lake")
    lake: Json = {"aws:s3:arn": "arn:aws:s3:::kr-lake-curated"}
    return [
        read("athena", "GetWorkGroup", workGroup="analytics"),
        table,
        start,
        follow("GetQueryExecution"),
        follow("GetQueryExecution"),
        decrypt(key, account.id, lake),
        follow("GetQueryResults"),
    ]


def lake_reads(company: Company, account: Account, region: str) -> list[Make]:
    """Return the objects of the day before that a query or a download reads."""
    before = company.day - timedelta(days=1)
    keys = [f"{table}/dt={before}/part-{{n}}.snappy.parquet" for table in TABLES]
    reads = get_object("kr-lake-curated", keys, account.id, region, mean=2_400_000)
    return [list_objects("kr-lake-curated", "shipments/", account.id, region), *([reads] * 9)]


def security_review(account: Account) -> list[Make]:
    """Return a security analyst's look at identities and findings."""

    def findings(draw: Draw) -> Call:
        detector = "4ac7f1d20be84f3c9d61"
        request: Json = {"detectorId": detector, "findingIds": [draw.hex(32), draw.hex(32)]}
        return Call("guardduty", "GetFindings", request)

    analyzer = f"arn:aws:access-analyzer:{HOME}:{account.id}:analyzer/kr-organisation"
    return [
        read("iam", "GetAccountSummary"),
        read("iam", "ListUsers", maxItems=100),
        read("iam", "ListRoles", maxItems=100),
        write("iam", "GenerateCredentialReport", response={"state": "COMPLETE"}),
        read("iam", "GetCredentialReport"),
        read("access-analyzer", "ListFindings", analyzerArn=analyzer),
        read("guardduty", "ListFindings", detectorId="4ac7f1d20be84f3c9d61", maxResults=50),
        findings,
    ]


def trail_search() -> list[Make]:
    """Return a look through CloudTrail's event history."""

    def lookup(draw: Draw) -> Call:
        value = draw.pick(("ConsoleLogin", "CreateUser", "AuthorizeSecurityGroupIngress", "PutBucketPolicy"))
        attributes = [{"attributeKey": "EventName", "attributeValue": value}]
        return Call("cloudtrail", "LookupEvents", {"lookupAttributes": attributes, "maxResults": 50})

    return [read("cloudtrail", "DescribeTrails", includeShadowTrails=True), lookup, lookup]


def cost_report(company: Company) -> list[Make]:
    """Return Cost Explorer's pages for the month so far."""
    today = company.day
    first, last = today.replace(day=1), today + timedelta(days=14)
    recent = today - timedelta(days=7)

    def usage(draw: Draw) -> Call:
        dimension = draw.pick(("SERVICE", "LINKED_ACCOUNT", "USAGE_TYPE"))
        request: Json = {
            "TimePeriod": {"Start": f"{first}", "End": f"{today}"},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": dimension}],
        }
        return Call("ce", "GetCostAndUsage", request)

    period = {"Start": f"{today}", "End": f"{last}"}
    return [
        usage,
        usage,
        read("ce", "GetCostForecast", TimePeriod=period, Metric="UNBLENDED_COST", Granularity="MONTHLY"),
        read("ce", "GetAnomalies", DateInterval={"StartDate": f"{recent}"}, MaxResults=20),
        read("organizations", "ListAccounts"),
    ]


def secret_pages() -> list[Make]:
    """Return the Secrets Manager console without a look at any value."""

    def describe_secret(draw: Draw) -> Call:
        return Call("secretsmanager", "DescribeSecret", {"secretId": draw.pick(SECRETS)})

    return [read("secretsmanager", "ListSecrets", maxResults=20), describe_secret]
