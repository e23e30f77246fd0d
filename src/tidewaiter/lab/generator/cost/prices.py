"""What things cost: invented prices near AWS's list prices of early 2026, in US dollars.

Service names and categories are those of the FOCUS specification 1.0 ("ServiceCategory", "ServiceName",
finops.org, read 2026-11), units and usage types as AWS spells them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.core.errors import UsageError

REGIONS: dict[str, tuple[str, str, float]] = {
    "us-east-1": ("US East (N. Virginia)", "", 1.0),
    "us-east-2": ("US East (Ohio)", "USE2-", 1.0),
    "us-west-1": ("US West (N. California)", "USW1-", 1.18),
    "us-west-2": ("US West (Oregon)", "USW2-", 1.0),
    "ca-central-1": ("Canada (Central)", "CAN1-", 1.1),
    "eu-central-1": ("EU (Frankfurt)", "EUC1-", 1.15),
    "eu-west-1": ("EU (Ireland)", "EU-", 1.08),
    "eu-west-2": ("EU (London)", "EUW2-", 1.13),
    "eu-north-1": ("EU (Stockholm)", "EUN1-", 1.03),
    "ap-northeast-1": ("Asia Pacific (Tokyo)", "APN1-", 1.25),
    "ap-southeast-1": ("Asia Pacific (Singapore)", "APS1-", 1.22),
    "ap-southeast-2": ("Asia Pacific (Sydney)", "APS2-", 1.24),
    "ap-south-1": ("Asia Pacific (Mumbai)", "APS3-", 1.05),
    "sa-east-1": ("South America (Sao Paulo)", "SAE1-", 1.55),
}
"""Display name, prefix of usage types, and price level of a region."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of something costs at the price level of us-east-1."""

    service: str
    code: str
    category: str
    usage: str
    operation: str
    unit: str
    price: float
    text: str
    kind: str = ""
    """The type of resource that is charged, "" where there is none."""


_EC2 = ("Amazon Elastic Compute Cloud", "AmazonEC2")
_S3 = ("Amazon Simple Storage Service", "AmazonS3", "Storage")
_LOG = ("AmazonCloudWatch", "AmazonCloudWatch", "Management and Governance")
_INSTANCES = {
    "t4g.micro": 0.0084, "t4g.medium": 0.0336, "m7g.large": 0.0816, "m7g.xlarge": 0.1632, "c7g.large": 0.0725,
    "c7g.xlarge": 0.145, "c5.24xlarge": 4.08, "c6i.32xlarge": 5.44, "c7i.48xlarge": 8.568,
                     "g4dn.xlarge": 0.526,
    "g4dn.12xlarge": 3.912, "g5.xlarge": 1.006, "g5.12xlarge": 5.672, "g5.48xlarge": 16.288,
                     "p3.2xlarge": 3.06,
    "p3.16xlarge": 24.48, "p4d.24xlarge": 32.773,
}  # fmt: skip
_SIZES = {"nano": 0.1, "micro": 0.2, "small": 0.4, "medium": 0.8, "large": 1.0, "xlarge": 2.0, "metal": 48.0}

PRICES: dict[str, Price] = {
    "ebs": Price(*_EC2, "Storage", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Months", 0.08,
                 "per GB-month of General Purpose (gp3) provisioned storage", "volume"),
    "nat": Price(*_EC2, "Networking", "NatGateway-Hours", "NatGateway", "Hours", 0.045,
                 "per NAT Gateway Hour", "natgateway"),
    "transfer": Price(*_EC2, "Compute", "DataTransfer-Out-Bytes", "RunInstances", "GB", 0.09,
                      "per GB - data transfer out under the monthly global free tier"),
    "s3:storage": Price(*_S3, "TimedStorage-ByteHrs", "StandardStorage", "GB-Months", 0.023,
                        "per GB - first 50 TB / month of storage used", "bucket"),
    "s3:write": Price(*_S3, "Requests-Tier1", "PutObject", "Requests", 0.000005,
                      "per 1,000 PUT, COPY, POST, or LIST requests", "bucket"),
    "s3:read": Price(*_S3, "Requests-Tier2", "GetObject", "Requests", 0.0000004,
                     "per 10,000 GET and all other requests", "bucket"),
    "kms": Price("AWS Key Management Service", "awskms", "Identity", "KMS-Requests", "", "Requests", 0.000003,
                 "per 10000 KMS requests"),
    "lambda": Price("AWS Lambda", "AWSLambda", "Compute", "Lambda-GB-Second-ARM", "Invoke", "Seconds",
                    0.0000133334, "AWS Lambda - Total Compute", "function"),
    "rds": Price("Amazon Relational Database Service", "AmazonRDS", "Databases", "InstanceUsage:db.r7g.xl",
                 "CreateDBInstance:0021", "Hours", 0.478,
                 "per RDS db.r7g.xlarge Single-AZ instance hour", "db"),
    "elb": Price("Elastic Load Balancing", "AWSELB", "Networking", "LoadBalancerUsage",
                 "LoadBalancing:Application", "Hours", 0.0225, "per Application LoadBalancer-hour",
                 "loadbalancer"),
    "logs": Price(*_LOG, "DataProcessing-Bytes", "PutLogEvents", "GB", 0.5,
                     "per GB custom log data ingested"),
    "metrics": Price(*_LOG, "CW:GMD-Metrics", "GetMetricData", "Metrics", 0.00001,
                     "per 1,000 metrics requested using GetMetricData API"),
    "trail": Price("AWS CloudTrail", "AWSCloudTrail", "Management and Governance", "DataEventsRecorded",
                   "DataEvents", "Events", 0.000001, "per data event recorded"),
    "config": Price("AWS Config", "AWSConfig", "Management and Governance", "ConfigurationItemRecorded", "",
                    "ConfigurationItemRecorded", 0.003, "per Configuration Item Recorded"),
    "guardduty": Price("Amazon GuardDuty", "AmazonGuardDuty", "Security", "PaidEventsAnalyzed",
                       "CloudTrail-Analyzed", "Events", 0.0000046, "per CloudTrail event analyzed"),
    "dns": Price("Amazon Route 53", "AmazonRoute53", "Networking", "DNS-Queries", "A", "Queries", 0.0000004,
                 "per DNS query"),
    "secrets": Price("AWS Secrets Manager", "AWSSecretsManager", "Security",
                     "AWSSecretsManagerAPIRequest", "",
                     "API Requests", 0.000005, "per 10000 API requests"),
    "athena": Price("Amazon Athena", "AmazonAthena", "Analytics", "DataScannedInTB", "", "Terabytes", 5.0,
                    "per Terabyte for DataScannedInTB"),
    "ses": Price("Amazon Simple Email Service", "AmazonSES", "Integration", "Recipients", "SendEmail",
                     "Count",
                 0.0001, "per recipient of outbound email"),
    "bedrock": Price("Amazon Bedrock", "AmazonBedrock", "AI and Machine Learning", "InputTokenCount-LLM", "",
                     "Tokens", 0.000003, "per input token of a hosted language model"),
}  # fmt: skip


def price_of(service: str) -> Price:
    """Return the price of a key of `PRICES`, or of `ec2:<instance type>`; unknown types by their size.

    Raises:
        UsageError: no such service.
    """
    if service.startswith("ec2:"):
        kind = service.removeprefix("ec2:")
        return Price(
            *_EC2,
            "Compute",
            f"BoxUsage:{kind}",
            "RunInstances",
            "Hours",
            _INSTANCES.get(kind) or _by_size(kind),
            f"per On Demand Linux {kind} Instance Hour",
            "instance",
        )
    if service not in PRICES:
        raise UsageError(f"no price for {service!r}", hint=f"known: ec2:<type>, {', '.join(PRICES)}")
    return PRICES[service]


def _by_size(kind: str) -> float:
    size = kind.rsplit(".", 1)[-1]
    times = size.removesuffix("xlarge")
    units = 2.0 * int(times) if size.endswith("xlarge") and times.isdigit() else _SIZES.get(size, 1.0)
    return round(0.085 * units, 4)
