"""Column types and logical types, value by value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.asim import logical

Cases = Mapping[str, Sequence[object]]

GOOD_TYPES: Cases = {
    "string": ["x", "é", " "],
    "bool": [True, False],
    "int": [0, -(2**31), 2**31 - 1],
    "long": [2**31, -(2**63), 2**63 - 1],
    "real": [1.5, -3, 0.0],
    "datetime": [
        datetime(2026, 1, 2, tzinfo=UTC),
        datetime(2026, 1, 2),
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.1234567Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05+02:00",
    ],
    "dynamic": [{}, {"a": [1]}, [], [1, "x"], '{"a": {"b": null}}', " [1]", b'{"a":1}', msgspec.Raw(b"[]")],
}
BAD_TYPES: Cases = {
    "string": [1, True, b"x", {"a": 1}, "\ud800"],
    "bool": ["true", 1, 0],
    "int": [True, "5", 5.0, 2**31, -(2**31) - 1],
    "long": [False, "5", 2**63, 1.0],
    "real": ["1.5", True, float("nan"), float("inf"), 10**400, Decimal("1")],
    "datetime": [
        "2026-01-02",
        "2026-13-02T03:04:05Z",
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05Z\n",
        1767322800,
        date(2026, 1, 2),
    ],
    "dynamic": ["x", "5", "{a:1}", "{", '{"a":1}}', 5, b"\xff", {"a": object()}, "[" * 3000],
}
GOOD_LOGICAL: Cases = {
    "IP Address": ["192.0.2.1", "::1", "2001:db8::7", "::ffff:192.0.2.1"],
    "MAC Address": ["06:10:9f:EB:8f:14"],
    "FQDN": ["learn.microsoft.com", "_x.example.org"],
    "Domain": ["Contoso", "microsoft.com"],
    "DnsDomain": ["_tcp.example.org"],
    "Hostname": ["DESKTOP-1", "10.0.0.1", "::1", "a" * 61],
    "GUID": ["46ad544b-eaf0-47ef-827c-266030f545a6"],
    "RiskLevel": [0, 100],
    "ConfidenceLevel": [55],
    "Latitude": [-90.0, 44.47],
    "Longitude": [180, -73.6],
    "SchemaVersion": ["0.1", "0.1.4"],
    "NetworkProtocol": ["TCP", "IPv6-ICMP", "ARGUS (deprecated)"],
    "MD5": ["a" * 32],
    "SHA1": ["A" * 40],
    "SHA256": ["0" * 64],
    "SHA512": ["f" * 128],
    "URL": ["https://console.aws.amazon.com/?a=b", "ftp://x"],
    "DnsQueryClassName": ["IN", "CLASS17"],
    "DnsQueryTypeName": ["AAAA", "ANY", "NSAP-PTR", "TYPE65534"],
}
BAD_LOGICAL: Cases = {
    "IP Address": ["cloudtrail.amazonaws.com", "10.0.0.256", "10.0.0.0/8", "fe80::1%eth0", "-"],
    "MAC Address": ["06-10-9f-eb-8f-14", "06:10:9f:eb:8f"],
    "FQDN": ["host", "Contoso\\host", "a..b.com", "x.com\n"],
    "Domain": ["a b", "-x.com", "10.0.0.1"],
    "DnsDomain": ["a b"],
    "Hostname": ["a.b", "a" * 62, "under_score"],
    "GUID": ["46ad544b", "46ad544b-eaf0-47ef-827c-266030f545ag"],
    "RiskLevel": [-1, 101],
    "ConfidenceLevel": [101],
    "Latitude": [90.1],
    "Longitude": [-181],
    "SchemaVersion": ["1", "v0.1", "0.1.2.3"],
    "NetworkProtocol": ["tcp", "6", "ICMPv6"],
    "MD5": ["g" * 32, "a" * 33],
    "SHA1": ["a" * 39],
    "SHA256": ["a" * 65],
    "SHA512": ["a" * 127],
    "URL": ["console.aws.amazon.com", "https://a b"],
    "DnsQueryClassName": ["in", "CLASS"],
    "DnsQueryTypeName": ["aaaa", "AAAAA", "TYPE", "*"],
}


def _pairs(cases: Cases) -> list[tuple[str, object]]:
    return [(name, value) for name, values in cases.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), _pairs(GOOD_TYPES))
def test_a_column_type_takes_its_values(kind: str, value: object) -> None:
    assert logical.type_check(kind)(value)


@pytest.mark.parametrize(("kind", "value"), _pairs(BAD_TYPES))
def test_a_column_type_refuses_other_values(kind: str, value: object) -> None:
    assert not logical.type_check(kind)(value)


@pytest.mark.parametrize(("name", "value"), _pairs(GOOD_LOGICAL))
def test_a_logical_type_takes_its_values(name: str, value: object) -> None:
    check = logical.logical_check(name)
    assert check is not None
    assert check(value)


@pytest.mark.parametrize(("name", "value"), _pairs(BAD_LOGICAL))
def test_a_logical_type_refuses_other_values(name: str, value: object) -> None:
    check = logical.logical_check(name)
    assert check is not None
    assert not check(value)


def test_a_logical_type_that_restricts_nothing_has_no_check() -> None:
    assert logical.logical_check("City") is None
    assert logical.type_check("some new type")("anything")


def test_a_bag_is_an_object() -> None:
    assert logical.is_bag({})
    assert logical.is_bag(b' {"a": 1}')
    assert not logical.is_bag([])
    assert not logical.is_bag("[1]")


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=offsets | st.none()))
def test_a_time_and_its_text_are_the_same_moment(time: datetime) -> None:
    assert logical.moment(time.isoformat()) == logical.moment(time)
