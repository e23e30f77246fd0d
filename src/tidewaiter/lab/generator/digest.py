"""CloudTrail's files beside its log files: hourly digests, and one Insights file.

Digest after "CloudTrail digest file structure" (AWS CloudTrail User Guide, read 2026-11): hashes are those of
the uncompressed content, digests form a chain per account and region. Signatures here are noise: the day
has no key.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.company import HOME, ORGANIZATION, TRAIL, TRAIL_BUCKET, Company
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.trail import LogFile, write_gzip

HOURS = 2
"""Beside those of the days: the hour before midnight, and that in which the last files arrive."""


def write_digests(out: Path, company: Company, files: list[LogFile], days: int = 1) -> int:
    """Write a digest per hour for every account and region that has log files; return how many.

    `company` is that of the first day; times of the files count from its midnight.
    """
    hours = 24 * days + HOURS
    places: dict[tuple[str, str], list[LogFile]] = {}
    for file in files:
        places.setdefault((file.account, file.region), []).append(file)
    for account, region in sorted(places):
        _chain(out, company, account, region, places[account, region], hours)
    return hours * len(places)


def _chain(out: Path, company: Company, account: str, region: str, files: list[LogFile], hours: int) -> None:
    draw = company.stream("digest", account, region)
    offset = draw.whole(2 * MINUTE, 57 * MINUTE)
    fingerprint = draw.hex(32)
    previous: Json = {
        "previousDigestS3Bucket": None,
        "previousDigestS3Object": None,
        "previousDigestHashValue": None,
        "previousDigestHashAlgorithm": None,
        "previousDigestSignature": None,
    }
    for hour in range(hours):
        end = hour * HOUR + offset
        start = end - HOUR
        moment = company.moment(end)
        name = f"{account}_CloudTrail-Digest_{region}_{TRAIL}_{HOME}_{moment:%Y%m%dT%H%M%SZ}.json.gz"
        key = f"AWSLogs/{ORGANIZATION}/{account}/CloudTrail-Digest/{region}/{moment:%Y/%m/%d}/{name}"
        covered = [file for file in files if start < file.delivered <= end]
        body: Json = {
            "awsAccountId": account,
            "digestStartTime": company.stamp(start),
            "digestEndTime": company.stamp(end),
            "digestS3Bucket": TRAIL_BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": company.stamp(max(file.newest for file in covered)) if covered else None,
            "oldestEventTime": company.stamp(min(file.oldest for file in covered)) if covered else None,
            **previous,
            "logFiles": [_entry(company, file) for file in covered],
        }
        text = msgspec.json.encode(body)
        write_gzip(out / key, text)
        previous = {
            "previousDigestS3Bucket": TRAIL_BUCKET,
            "previousDigestS3Object": key,
            "previousDigestHashValue": sha256(text).hexdigest(),
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": draw.hex(512),
        }


def _entry(company: Company, file: LogFile) -> Json:
    return {
        "s3Bucket": TRAIL_BUCKET,
        "s3Object": file.key,
        "hashValue": file.digest,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": company.stamp(file.newest),
        "oldestEventTime": company.stamp(file.oldest),
    }


def write_insight(
    out: Path, company: Company, account: str, region: str, at: int, principal: str
) -> tuple[str, ...]:
    """Write one Insights file: start and end of an unusual rate of refused IAM calls; return their ids."""
    draw = company.stream("insight")
    shared = draw.uuid()
    statistics = {
        "baseline": {"average": 0.0007},
        "insight": {"average": 1.0},
        "insightDuration": 3,
        "baselineDuration": 10_080,
    }
    usual = [{"value": f"arn:aws:sts::{account}:assumed-role/kr-terraform-deploy", "average": 0.0005}]
    attribution = {
        "attribute": "userIdentityArn",
        "insight": [{"value": principal, "average": 1.0}],
        "baseline": usual,
    }
    records = []
    for state, moment in (("Start", at), ("End", at + 3 * MINUTE)):
        details: Json = {
            "state": state,
            "eventSource": "iam.amazonaws.com",
            "eventName": "GetAccountAuthorizationDetails",
            "insightType": "ApiErrorRateInsight",
            "errorCode": "AccessDenied",
            "insightContext": {"statistics": statistics, "attributions": [attribution]},
        }
        record: Json = {
            "eventVersion": "1.09",
            "eventTime": company.stamp(moment // MINUTE * MINUTE),
            "awsRegion": region,
            "eventID": draw.uuid(),
            "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": account,
            "sharedEventID": shared,
            "insightDetails": details,
            "eventCategory": "Insight",
        }
        records.append(record)
    delivered = company.moment(-(-(at + 33 * MINUTE) // (5 * MINUTE)) * 5 * MINUTE)
    name = f"{account}_CloudTrail-Insight_{region}_{delivered:%Y%m%dT%H%MZ}_{draw.code(16)}.json.gz"
    folder = f"AWSLogs/{ORGANIZATION}/{account}/CloudTrail-Insight/{region}/{delivered:%Y/%m/%d}"
    write_gzip(out / folder / name, msgspec.json.encode({"Records": records}))
    return tuple(str(record["eventID"]) for record in records)
