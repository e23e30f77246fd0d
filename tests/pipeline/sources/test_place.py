"""Account and region by the path of an object."""

from __future__ import annotations

import pytest

from tidewaiter.pipeline.sources.place import place_of, region_of_zone


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("AWSLogs/o-a/210987654321/CloudTrail/eu-west-1/x.gz", ("210987654321", "eu-west-1")),
        ("210987654321_vpcflowlogs_us-gov-east-1_fl-0a_1f.log.gz", ("210987654321", "us-gov-east-1")),
        ("AWSLogs/111122223333/to/210987654321/x", ("210987654321", "")),
        ("harbour-logs/2026-03-01-00-05-12-AB006803573310CD", ("", "")),
        ("x/111122223333/us-east-1/0c1d2e3f-1111-4222-8333-444455556666", ("111122223333", "us-east-1")),
        ("in/202603011005.json.gz", ("", "")),
        ("AWSLogs/111122223333/CloudTrail/eusc-de-east-1/x", ("111122223333", "eusc-de-east-1")),
        ("logs/1234567890123/eu-west-12/x", ("", "")),
        ("", ("", "")),
    ],
)  # fmt: skip
def test_a_path_tells_account_and_region_or_nothing(path, place):
    assert place_of(path) == place


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("eu-west-1", "eu-west-1"),
        ("eu-west-1b", "eu-west-1"),
        ("use1-az2", ""),
        ("", ""),
        ("on-premises", ""),
    ],
)
def test_a_zone_is_in_a_region(zone, region):
    assert region_of_zone(zone) == region
