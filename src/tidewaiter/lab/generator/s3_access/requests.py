"""The requests to buckets that CloudTrail does not record: visitors, housekeeping, nightly copies, probes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tidewaiter.lab.generator.company import BUCKETS, CORE, DEV, EDGE, HOME, PROD, Company
from tidewaiter.lab.generator.draw import ALNUM, fixed_code
from tidewaiter.lab.generator.rhythm import HOUR
from tidewaiter.lab.generator.s3_access.line import Access
from tidewaiter.lab.generator.s3_access.operations import uri

_ELSEWHERE = {"kr-web-assets": EDGE, "kr-cost-exports": EDGE}
_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:147.0) Gecko/20100101 Firefox/147.0",
)
_PROBES = ("python-requests/2.32.3", "curl/8.5.0", "-", 'Mozilla/5.0 "bucket-stream"')
_BACKUP = "aws-sdk-java/2.31.7 md/io#sync ua/2.1 os/Linux lang/java#21.0.6 AWSBackup"
_RUNNER = "aws-cli/2.33.11 md/awscrt#0.29.2 ua/2.1 os/linux#6.14.0 md/arch#x86_64 lang/python#3.13.9"
_QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F{day}%2F{region}%2Fs3%2Faws4_request"
    "&X-Amz-Expires=900"
)


@dataclass(frozen=True, slots=True)
class Home:
    """Where a bucket lives and who owns it: the canonical user id of its account."""

    account: str
    region: str
    owner: str


def homes(company: Company) -> dict[str, Home]:
    """Return the home of every bucket of the company."""
    return {
        bucket: Home(
            account,
            _ELSEWHERE.get(bucket, HOME),
            fixed_code(64, "0123456789abcdef", company.seed, "canonical", account),
        )
        for account, buckets in BUCKETS.items()
        for bucket in buckets
    }


class Everyday:
    """Makes everyday requests; `make(at)` returns one, by weight."""

    def __init__(self, company: Company) -> None:
        """Open the stream of chance."""
        self._company = company
        self._draw = company.stream("s3-access")
        self._homes = homes(company)
        self._kinds: list[Callable[[int], Access]] = [
            self._visitor, self._copy, self._expiry, self._artifact, self._partner, self._probe,
        ]  # fmt: skip

    def make(self, at: int) -> Access:
        """Return a request at that time of the day; copies are made at night, visits by day."""
        night = 1 * HOUR <= at < 4 * HOUR
        weights = (62, 30 if night else 1, 9, 14, 8, 3)
        return self._draw.random.choices(self._kinds, weights)[0](at)

    def _request(self, bucket: str, operation: str, key: str) -> Access:
        home, draw = self._homes[bucket], self._draw
        took = draw.whole(8, 90)
        return Access(
            owner=home.owner,
            bucket=bucket,
            address="",
            requester="",
            request_id=draw.request(),
            operation=operation,
            key=key,
            uri=uri(operation, key) if operation.startswith("REST.") else "",
            status=200,
            error="",
            sent=None,
            size=None,
            took=took,
            turned=max(1, took - draw.whole(1, 7)),
            agent="",
            host_id=draw.opaque(56),
            host=f"{bucket}.s3.{home.region}.amazonaws.com",
        )

    def _visitor(self, at: int) -> Access:
        del at
        draw = self._draw
        name = draw.pick(("static/app-{n}.js", "img/{n}.webp", "fonts/kr-{n}.woff2", "index.html"))
        key = name.replace("{n}", f"{draw.whole(0, 400):03d}")
        number = draw.whole(1, 44)
        address = (
            f"203.0.113.{100 + number}" if draw.chance(0.75) else f"2001:db8:c0:{number:x}::{draw.hex(3)}"
        )
        size = 900 + int(draw.random.expovariate(1 / 48_000))
        luck = draw.chance_of()
        status, error, sent = (
            (304, "", 0) if luck < 0.22 else (404, "NoSuchKey", 312) if luck < 0.25 else (200, "", size)
        )
        referer = (
            f"https://www.kestrelrowe.example/track/{draw.whole(1, 9999)}" if key != "index.html" else ""
        )
        agent = draw.pick(_BROWSERS)
        return replace(
            self._request("kr-web-assets", "REST.GET.OBJECT", key),
            address=address,
            status=status,
            error=error,
            sent=sent,
            size=None if error else size,
            agent=agent,
            referer=referer,
            way="",
        )

    def _copy(self, at: int) -> Access:
        size = 200_000 + int(self._draw.random.expovariate(1 / 9_000_000))
        role = f"arn:aws:sts::{PROD.id}:assumed-role/AWSBackupDefaultServiceRole/AWSBackup-{at // HOUR:02d}"
        key = f"rds/kr-orders/{self._company.day}/part-{self._draw.whole(0, 9999):04d}.snap"
        return replace(
            self._request("kr-prod-backups", "REST.PUT.PART", key),
            requester=role,
            address="10.20.0.9",
            size=size,
            agent=_BACKUP,
            uri=f"PUT /{key}?partNumber={self._draw.whole(1, 90)}&uploadId={self._draw.code(64)} HTTP/1.1",
            version=self._draw.code(32, ALNUM),
            from_region=HOME,
        )

    def _expiry(self, at: int) -> Access:
        del at
        key = f"primary/{self._draw.uuid()}.csv"
        return replace(
            self._request("kr-athena-results", "S3.EXPIRE.OBJECT", key),
            requester="AmazonS3",
            status=None,
            way="",
            size=self._draw.whole(200, 90_000),
            took=0,
            turned=None,
            host="",
        )

    def _artifact(self, at: int) -> Access:
        run = 21_804_000_000 + self._company.day.toordinal() % 1000 * 1000 + at // (20 * 60_000)
        role = f"arn:aws:sts::{DEV.id}:assumed-role/kr-terraform-deploy/gha-infrastructure-{run}"
        size = 4_000 + int(self._draw.random.expovariate(1 / 700_000))
        key = f"order-router/{self._draw.hex(12)}/bundle.zip"
        up = self._draw.chance(0.4)
        return replace(
            self._request("kr-dev-artifacts", "REST.PUT.OBJECT" if up else "REST.GET.OBJECT", key),
            requester=role,
            address=f"198.51.100.{226 + run % 6}",
            size=size,
            sent=None if up else size,
            agent=_RUNNER,
        )

    def _partner(self, at: int) -> Access:
        """A partner's upload by a link that the partner service signed for it (query string)."""
        del at
        user = f"arn:aws:iam::{PROD.id}:user/svc-partner-sync"
        size = 2_000 + int(self._draw.random.expovariate(1 / 60_000))
        key = f"edi/{self._company.day:%Y/%m/%d}/{self._draw.whole(0, 99_999):05d} manifest.xml"
        day, access = (
            f"{self._company.day:%Y%m%d}",
            self._company.unique_id("AKIA", PROD.id, "svc-partner-sync", "first"),
        )
        query = _QUERY.format(key=access, day=day, region=HOME)
        return replace(
            self._request("kr-partner-inbox", "REST.PUT.OBJECT", key),
            requester=user,
            address="198.51.100.71",
            size=size,
            agent="okhttp/4.12.0",
            uri=uri("REST.PUT.OBJECT", key, query),
            way="QueryString",
            version=self._draw.code(32, ALNUM),
        )

    def _probe(self, at: int) -> Access:
        """Strangers who try bucket names: refused, without an object's name."""
        del at
        bucket = self._draw.pick((*BUCKETS[PROD.id], BUCKETS[CORE.id][-1]))
        address = f"{self._draw.pick(('192.0.2', '198.51.100'))}.{self._draw.whole(236, 254)}"
        return replace(
            self._request(bucket, "REST.GET.BUCKET", ""),
            address=address,
            status=403,
            error="AccessDenied",
            sent=243,
            way="",
            agent=self._draw.pick(_PROBES),
            uri=uri("REST.GET.BUCKET", "", "list-type=2&max-keys=5"),
        )
