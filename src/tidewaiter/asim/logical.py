"""Checks of single values: the KQL types of columns and the logical types of ASIM.

The rules are those of Microsoft's ASimDataTester 1.0.0 (March 2026) where it has one, and of the page
"ASIM schemas: logical types" otherwise. Where the two differ the narrower form counts, because it
satisfies both: a hostname has at most 61 characters as the tester wants it (63 in the docs), a hash is
the whole value (the tester takes a hash anywhere in it).
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from tidewaiter.asim.schema import network_protocols

Check = Callable[[object], bool]
"""Tells whether a value, which is present (neither None nor ''), is as it should be."""

INT_BITS = {"int": 32, "long": 64}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_RECORD_TYPES = (
    "A|NS|MD|MF|CNAME|SOA|MB|MG|MR|NULL|WKS|PTR|HINFO|MINFO|MX|TXT|RP|AFSDB|X25|ISDN|RT|NSAP|"
    "NSAP-PTR|SIG|KEY|PX|GPOS|AAAA|LOC|NXT|EID|NIMLOC|SRV|ATMA|NAPTR|KX|CERT|A6|DNAME|SINK|"
    "OPT|APL|DS|SSHFP|IPSECKEY|RRSIG|NSEC|DNSKEY|DHCID|NSEC3|NSEC3PARAM|TLSA|SMIMEA|HIP|"
    "NINFO|RKEY|TALINK|CDS|CDNSKEY|OPENPGPKEY|CSYNC|ZONEMD|SVCB|HTTPS|SPF|UINFO|UID|GID|"
    "UNSPEC|NID|L32|L64|LP|EUI48|EUI64|TKEY|TSIG|IXFR|AXFR|MAILB|MAILA|ANY|URI|CAA|AVC|DOA|"
    "AMTRELAY|TA|DLV|"
    r"TYPE\d+"
)
"""IANA, "Domain Name System (DNS) Parameters", Resource Record (RR) TYPEs, read 2026-11."""
_TEXT = {
    "MAC Address": r"[a-fA-F0-9]{2}(?::[a-fA-F0-9]{2}){5}",
    "FQDN": r"(?:[_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)+[a-zA-Z]{2,63}",
    "RecommendedFQDN": r"(?:[_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)+[a-zA-Z]{2,63}",
    "Domain": r"(?:[_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)*[a-zA-Z]{2,63}",
    "DnsDomain": r"(?:[_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)*[a-zA-Z]{2,63}",
    "RecommendedDnsDomain": r"(?:[_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)*[a-zA-Z]{2,63}",
    "GUID": r"[a-fA-F0-9]{8}(?:-?[a-fA-F0-9]{4}){3}-?[a-fA-F0-9]{12}",
    "MD5": r"[a-fA-F0-9]{32}",
    "SHA1": r"[a-fA-F0-9]{40}",
    "SHA256": r"[a-fA-F0-9]{64}",
    "SHA512": r"[a-fA-F0-9]{128}",
    "SchemaVersion": r"\d+\.\d+(?:\.\d+)?",
    "URL": r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+",
    "DnsQueryTypeName": _RECORD_TYPES,
    "DnsQueryClassName": r"Reserved|IN|Unassigned|CH|HS|None|Any|CLASS\d+",
}
_HOSTNAME = re.compile(r"[a-zA-Z0-9-]{1,61}")
_RANGES = {
    "RiskLevel": (0, 100),
    "ConfidenceLevel": (0, 100),
    "Latitude": (-90, 90),
    "Longitude": (-180, 180),
}
_RAW_JSON = msgspec.json.Decoder(msgspec.Raw)


def type_check(column_type: str) -> Check:
    """Return the check of a KQL column type; an unknown one accepts everything."""
    return _TYPE_CHECKS.get(column_type, _anything)


def logical_check(logical: str) -> Check | None:
    """Return the check of a logical type; None for those that restrict nothing, such as City."""
    return _LOGICAL_CHECKS.get(logical)


def is_text(value: object) -> bool:
    """Accept text that can be written as UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def is_datetime(value: object) -> bool:
    """Accept a datetime, or ISO 8601 text with date and time; text without an offset is UTC."""
    return isinstance(value, datetime) or moment(value) is not None


def moment(value: object) -> datetime | None:
    """Return the time in UTC that a datetime or an ISO 8601 text stands for; None for anything else."""
    if isinstance(value, str):
        return _moment_of_text(value)
    return _in_utc(value) if isinstance(value, datetime) else None


@lru_cache(maxsize=1024)  # the time columns of a row mostly hold the same text
def _moment_of_text(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _in_utc(time: datetime) -> datetime | None:
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        return None


def is_dynamic(value: object) -> bool:
    """Accept an object or an array, or JSON text (or bytes) that holds one."""
    if isinstance(value, (dict, list, tuple)):
        return _is_encodable(value)
    text = json_text(value)
    if text is None or not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return False
    try:
        _RAW_JSON.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_bag(value: object) -> bool:
    """Accept a dynamic value that is an object: key-value pairs."""
    text = json_text(value)
    return isinstance(value, dict) if text is None else text.lstrip(" \t\r\n").startswith("{")


def json_text(value: object) -> str | None:
    """Return the text of a str, bytes or msgspec.Raw; None for other values and for bad UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, msgspec.Raw)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return None
    return None


def is_ip(value: object) -> bool:
    """Accept an IPv4 or IPv6 address, without a prefix length and without a zone."""
    if not isinstance(value, str) or "%" in value:
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_hostname(value: object) -> bool:
    """Accept a hostname without its domain, or an address, which ASIM allows in its place."""
    return isinstance(value, str) and (_HOSTNAME.fullmatch(value) is not None or is_ip(value))


def is_network_protocol(value: object) -> bool:
    """Accept a keyword of IANA's protocol numbers, spelled as IANA does."""
    return value in network_protocols().values()


def at_least_one(value: object) -> bool:
    """Accept a number that is 1 or more."""
    return isinstance(value, (int, float)) and value >= 1


def _is_encodable(value: object) -> bool:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True


def _anything(_: object) -> bool:
    return True


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _integer(bits: int) -> Check:
    limit = 1 << (bits - 1)

    def check(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit

    return check


def _pattern(expression: str) -> Check:
    match = re.compile(expression, re.ASCII).fullmatch

    def check(value: object) -> bool:
        return isinstance(value, str) and match(value) is not None

    return check


def _range(lowest: int, highest: int) -> Check:
    def check(value: object) -> bool:
        return isinstance(value, (int, float)) and lowest <= value <= highest

    return check


_TYPE_CHECKS: Mapping[str, Check] = {
    "string": is_text,
    "bool": _is_bool,
    "int": _integer(INT_BITS["int"]),
    "long": _integer(INT_BITS["long"]),
    "real": _is_real,
    "datetime": is_datetime,
    "dynamic": is_dynamic,
}
_LOGICAL_CHECKS: Mapping[str, Check] = {
    "IP Address": is_ip,
    "Hostname": is_hostname,
    "NetworkProtocol": is_network_protocol,
    **{name: _pattern(expression) for name, expression in _TEXT.items()},
    **{name: _range(*bounds) for name, bounds in _RANGES.items()},
}
