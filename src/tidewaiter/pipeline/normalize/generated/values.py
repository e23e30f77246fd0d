"""Values that nobody should write into a log, and that somebody does."""

from __future__ import annotations

from random import Random
from typing import Any

TEXTS = [
    " ", "null", "true", "0", "-0", "1e5", '"', "\\", "/", '\\"', "'", "\x1f", "\x7f", "\t\n\r", "é",
    "e\u0301", "🚢",
    "\u202eetad\u202c", "\u2028\u2029", "שלום", "İstanbul", "ß", "\uff21\uff22\uff23", "<script>",
    "=cmd|' /C calc'!A0", "{}", "[1,",
    '{"type":"Root","a":[1.10]}', "[]", "%s%n", "{0}", "../../x", "a:b:c", "x@y@z",
    "arn:aws:iam::900100200301:user/a/b",
    "\ufeff", "\ufffd", "-", "--", "*", "datetime(2026-03-04)", "Ünïcödé", "a b  c", ",", ", ",
]  # fmt: skip
"""Odd texts, made by the project."""

ADDRESSES = [
    "203.0.113.9", "10.4.2.17", "2001:db8::9", "2001:0DB8:0:0:0:0:0:1", "::", "::1", "::ffff:192.0.2.1",
    "::ffff:c000:201", "fe80::1%eth0", "256.1.1.1", "010.0.0.1", "1.2.3", "1.2.3.4.5", "203.0.113.9:443",
    "[2001:db8::9]:1", "2001:db8:::1", "2001:db8::1::2", "0.0.0.0", "255.255.255.255",
    "lambda.amazonaws.com",
    "AWS Internal", " 203.0.113.9", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:192.0.2.1",
    "::1.2.3",
    "12345::", "::g",
]  # fmt: skip
"""Addresses and what looks like one; those of networks are for documentation (RFC 5737, RFC 3849)."""

TIMES = [
    "2026-03-04T09:12:44Z", "2026-03-04T09:12:44.1Z", "2026-03-04T09:12:44.123Z",
    "2026-03-04T09:12:44.1234567Z",
    "2026-03-04T09:12:44+01:00", "2026-03-04T09:12:44.5-09:30", "2014-03-06T21:22:54Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-03-04T24:00:00Z",
    "2026-03-04T09:12:60Z", "2026-03-04", "2026-03-04 09:12:44", "2026-03-04T09:12:44", "yesterday",
    "1772615564",
    "20260304T091244Z", "2026-W10-3T09:12:44Z", "2026-03-04T09:12Z", "2026-03-04t09:12:44z",
    "2024-02-29T12:00:00Z",
]  # fmt: skip
"""Times of a log, odd ones, and what only looks like one."""

NUMBERS = [
    0, 1, -1, 6, 17, 58, 255, 256, 443, 65535, 65536, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1,
    2**63, -(2**63),
    1772615564, 253402300800, 0.5, 5.5, 8.0, -0.0, 1e15, 1e16, 1.5e300, 0.1 + 0.2,
]  # fmt: skip


def long_text(rng: Random) -> str:
    """Return a text of up to 9,000 characters."""
    return rng.choice(["a", "é", "xy ", "🚢", "/p", "a,b;"]) * rng.choice([60, 300, 1500])


def scalar(rng: Random) -> Any:
    """Return a value of any scalar type."""
    kinds = (TEXTS, ADDRESSES, TIMES, NUMBERS, [True, False, None, ""])
    return rng.choice(rng.choice(kinds))


def structure(rng: Random) -> Any:
    """Return a list or an object."""
    kinds: list[Any] = [
        [],
        {},
        [None],
        [scalar(rng), scalar(rng)],
        {"type": scalar(rng), "x": {"y": scalar(rng)}},
    ]
    return rng.choice(
        [*kinds, [{"type": scalar(rng), "ARN": scalar(rng)}, {}], {"": scalar(rng)}, [[scalar(rng)]]]
    )


def other_type(rng: Random, value: Any) -> Any:
    """Return a value that is of another type than `value`, and like it where that is possible."""
    if isinstance(value, str):
        if value.lstrip("-").isdecimal() and value.isascii() and len(value) < 16:
            return int(value)
        return rng.choice([[value], {"value": value}, rng.choice(NUMBERS), True, [], {}])
    if isinstance(value, bool):
        return rng.choice(["true", "True", "false", 1, 0, "", [value]])
    if isinstance(value, (int, float)):
        return rng.choice([str(value), float(value), f" {value}", f"0{value}", True, [value], f"{value}.0"])
    if value is None:
        return scalar(rng)
    return rng.choice(["", "x", 0, 1.5, False, [], {}, [value]])
