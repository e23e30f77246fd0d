"""Parts of a GuardDuty finding: the resource it is about and the action it saw.

After "GuardDuty finding format" and "Finding details" (Amazon GuardDuty User Guide, read 2026-11).
"""

from __future__ import annotations

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import Company, Machine
from tidewaiter.lab.generator.cost.fleet import instance_type
from tidewaiter.lab.generator.draw import fixed_code
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.others import Finding

Json = dict[str, object]

_PORTS = {22: "SSH", 23: "Telnet", 53: "DNS", 80: "HTTP", 443: "HTTPS", 3389: "RDP", 8080: "HTTP Proxy"}
_PLACES = (
    ("Bucharest", "Romania", "RO", 44.4323, 26.1063, "64505", "Carpathia Hosting"),
    ("Jakarta", "Indonesia", "ID", -6.2114, 106.8446, "64507", "Selat Network"),
    ("Ashburn", "United States", "US", 39.0469, -77.4903, "64504", "Potomac Cloud"),
    ("Moscow", "Russia", "RU", 55.7386, 37.6068, "64508", "Volna Telecom"),
    ("Amsterdam", "Netherlands", "NL", 52.3759, 4.8975, "64509", "Polder Servers"),
)
"""Invented providers, with AS numbers for documentation (RFC 5398)."""

_COUNTRIES = {
    "DE": "Germany", "DK": "Denmark", "PT": "Portugal", "IE": "Ireland", "ES": "Spain", "IN": "India",
    "US": "United States",
}  # fmt: skip


def remote(company: Company, address: str) -> Json:
    """Return where an address is: at home for the company's people, else always at the same place."""
    kind = "ipAddressV6" if ":" in address else "ipAddressV4"
    number = int(fixed_code(4, "0123456789", "where", address)) % len(_PLACES)
    city, country, code, latitude, longitude, system, name = _PLACES[number]
    home = next((each.place for each in people(company) if each.address == address), None)
    if home is not None:
        city, code, latitude, longitude = home.city, home.country, home.latitude, home.longitude
        country, system, name = _COUNTRIES[code], str(home.system), f"{city} Broadband"
    return {
        kind: address,
        "organization": {"asn": system, "asnOrg": name, "isp": name, "org": name},
        "country": {"countryName": country, "countryCode": code},
        "city": {"cityName": city},
        "geoLocation": {"lat": latitude, "lon": longitude},
    }


def port(number: int) -> Json:
    """Return a port with its name."""
    return {"port": number, "portName": _PORTS.get(number, "Unknown")}


def machine_of(company: Company, name: str) -> Machine:
    """Return the machine of that id or name.

    Raises:
        UsageError: there is none.
    """
    for machine in company.machines:
        if name in {machine.id, machine.name}:
            return machine
    raise UsageError(f"no machine {name!r}", hint="give an instance id or name of the company")


def resource(company: Company, finding: Finding) -> Json:
    """Return the `resource` of a finding: an instance, or an access key with the bucket it reached."""
    if finding.resource.startswith("arn:"):
        details: Json = {"accessKeyDetails": access_key(company, finding)}
        if finding.bucket:
            details["s3BucketDetails"] = [bucket(company, finding)]
        return {"resourceType": "S3Bucket" if finding.bucket else "AccessKey", **details}
    if finding.bucket:
        return {"resourceType": "S3Bucket", "s3BucketDetails": [bucket(company, finding)]}
    return {"resourceType": "Instance", "instanceDetails": instance(company, finding.resource)}


def access_key(company: Company, finding: Finding) -> Json:
    """Return the principal of a finding, from its ARN."""
    path = finding.resource.split(":", 5)[-1].split("/")
    kind, name = {"assumed-role": "AssumedRole", "root": "Root"}.get(path[0], "IAMUser"), path[-1]
    if kind == "AssumedRole":
        name = path[1]
        principal = f"{company.unique_id('AROA', finding.account, name)}:{path[-1]}"
    else:
        principal = company.unique_id("AIDA", finding.account, name)
    return {"accessKeyId": finding.key_id, "principalId": principal, "userType": kind, "userName": name}


def bucket(company: Company, finding: Finding) -> Json:
    """Return a bucket that nobody outside may read."""
    owner = fixed_code(64, "0123456789abcdef", company.seed, "canonical", finding.account)
    closed = {"allowsPublicReadAccess": False, "allowsPublicWriteAccess": False}
    blocks = {
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
    }
    return {
        "owner": {"id": owner},
        "arn": f"arn:aws:s3:::{finding.bucket}",
        "name": finding.bucket,
        "type": "Destination",
        "defaultServerSideEncryption": {"encryptionType": "SSEKMS"},
        "publicAccess": {
            "permissionConfiguration": {
                "bucketLevelPermissions": {
                    "accessControlList": closed,
                    "bucketPolicy": closed,
                    "blockPublicAccess": blocks,
                },
                "accountLevelPermissions": {"blockPublicAccess": blocks},
            },
            "effectivePermission": "NOT_PUBLIC",
        },
    }


def public_address(machine: Machine) -> str:
    """Return the address by which the internet knows a machine that stands at the edge, else ""."""
    if machine.name.split("-")[1] not in {"edge", "bastion", "web"}:
        return ""
    return f"203.0.113.{160 + int(machine.ip.rsplit('.', 1)[-1]) % 60}"


def instance(company: Company, name: str) -> Json:
    """Return an instance as GuardDuty describes it."""
    machine = machine_of(company, name)
    host = f"ip-{machine.ip.replace('.', '-')}.{machine.region}.compute.internal"
    group = machine.name.rsplit("-", 1)[0]
    interface: Json = {
        "networkInterfaceId": machine.eni,
        "privateIpAddress": machine.ip,
        "privateIpAddresses": [{"privateIpAddress": machine.ip, "privateDnsName": host}],
        "privateDnsName": host,
        "ipv6Addresses": [],
        "subnetId": machine.subnet,
        "vpcId": machine.vpc,
        "securityGroups": [{"groupId": company.hex_id("sg", group), "groupName": group}],
    }
    outside = public_address(machine)
    if outside:
        interface["publicIp"] = outside
        interface["publicDnsName"] = f"ec2-{outside.replace('.', '-')}.{machine.region}.compute.amazonaws.com"
    profile = f"arn:aws:iam::{machine.account}:instance-profile/{machine.role}"
    return {
        "instanceId": machine.id,
        "instanceType": instance_type(machine),
        "launchTime": "2026-01-14T05:12:33.000Z",
        "platform": None,
        "productCodes": [],
        "iamInstanceProfile": {
            "arn": profile,
            "id": company.unique_id("AIPA", machine.account, machine.role),
        },
        "networkInterfaces": [interface],
        "outpostArn": None,
        "tags": [{"key": "Name", "value": machine.name}],
        "instanceState": "running",
        "availabilityZone": f"{machine.region}{'ab'[int(machine.az[-1]) - 1]}",
        "imageId": company.hex_id("ami", group),
        "imageDescription": "Amazon Linux 2023",
    }


def action(company: Company, finding: Finding) -> Json | None:
    """Return the `action` of a finding, None for findings without one."""
    if finding.act == "api":
        return {"actionType": "AWS_API_CALL", "awsApiCallAction": _call(company, finding)}
    if finding.act == "dns":
        request = {
            "domain": finding.domain,
            "protocol": "UDP",
            "blocked": False,
            "domainWithSuffix": ".".join(finding.domain.split(".")[-2:]),
        }
        return {"actionType": "DNS_REQUEST", "dnsRequestAction": request}
    if finding.act == "network":
        return {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": _connection(company, finding)}
    if finding.act == "probe":
        detail = {
            "localPortDetails": port(finding.port),
            "localIpDetails": {"ipAddressV4": machine_of(company, finding.resource).ip},
            "remoteIpDetails": remote(company, finding.address),
        }
        probe = {"blocked": False, "portProbeDetails": [detail]}
        return {"actionType": "PORT_PROBE", "portProbeAction": probe}
    return None


def _call(company: Company, finding: Finding) -> Json:
    return {
        "api": finding.api,
        "serviceName": finding.service,
        "callerType": "Remote IP",
        "remoteIpDetails": remote(company, finding.address),
        "affectedResources": (
            {"AWS::S3::Bucket": f"arn:aws:s3:::{finding.bucket}"} if finding.bucket else {}
        ),
    }


def _connection(company: Company, finding: Finding) -> Json:
    """The connection: inward for guessed passwords, outward for all else."""
    inward = "BruteForce" in finding.type
    passing = (49_152 if not inward else 32_768) + finding.at % 16_000
    near, far = (finding.port, passing) if inward else (passing, finding.port)
    return {
        "connectionDirection": "INBOUND" if inward else "OUTBOUND",
        "localIpDetails": {"ipAddressV4": machine_of(company, finding.resource).ip},
        "remoteIpDetails": remote(company, finding.address),
        "localPortDetails": port(near),
        "remotePortDetails": port(far),
        "protocol": "TCP",
        "blocked": False,
    }
