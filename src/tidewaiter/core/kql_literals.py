"""KQL literals: the one encoder for values that go into a query. `tidewaiter.kql.literal` is the same."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime

Scalar = str | int | float | bool | datetime
"""What `literal` writes, apart from lists."""

Element = str | int | float | bool | None
"""What a list may hold."""

_LONG = range(-(1 << 63), 1 << 63)
_NAMED_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: Scalar | list[Element] | tuple[Element, ...]) -> str:
    r"""Write `value` as a KQL literal that reads back as exactly that value.

    str -> "…" with \\, \", \n, \r, \t and \uXXXX for other control and line-breaking characters;
    int -> long; float -> real(…); bool; datetime -> datetime(…Z) in UTC, to the microsecond;
    a list or tuple -> dynamic([…]).
    (Kusto "Scalar data types" pages, 2026-11.)

    Raises:
        ValueError: a str with a lone surrogate (no UTF-8 form), an int outside 64 bits, a datetime
            without time zone, NaN or infinity in a list.
        TypeError: a value of another type.
    """
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _long(value)
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, list | tuple):
        return f"dynamic([{', '.join(map(_element, value))}])"
    raise TypeError(f"no KQL literal for {type(value).__name__}")


def verbatim(value: str) -> str:
    """Write a text as the literal of KQL that needs no escapes for it, where there is one; else as `literal`.

    It is for regular expressions and JSON, which a reader would not recognize with all their escapes escaped.
    """
    plain = value.isascii() and value.isprintable()
    for quote in ('"', "'"):
        if plain and quote not in value:
            return f"@{quote}{value}{quote}" if "\\" in value else f"{quote}{value}{quote}"
    return _string(value)


def bag(values: Mapping[str, str | int]) -> str:
    """Write a dynamic bag.

    Raises:
        ValueError: a text with a lone surrogate, an int outside 64 bits.
    """
    parts = [f"{_string(name)}:{_element(value)}" for name, value in values.items()]
    return f"dynamic({{{','.join(parts)}}})"


def _string(value: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(f"a lone surrogate has no UTF-8 form: {value!r}")
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    named = _NAMED_ESCAPES.get(char)
    if named is not None:
        return named
    if char < " " or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029":
        return f"\\u{ord(char):04x}"
    return char


def _long(value: int) -> str:
    if value not in _LONG:
        raise ValueError(f"outside 64 bits: {value}")
    return str(value) if value >= 0 else f"long({value})"


def _real(value: float) -> str:
    if math.isnan(value):
        return "real(nan)"
    if math.isinf(value):
        return "real(+inf)" if value > 0 else "real(-inf)"
    return f"real({value!r})"


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"a datetime without time zone: {value.isoformat()}")
    utc = value.astimezone(UTC).replace(tzinfo=None)
    return f"datetime({utc.isoformat(timespec='microseconds')}Z)"


def _element(value: Element) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        if value not in _LONG:
            raise ValueError(f"outside 64 bits: {value}")
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"not a JSON number: {value}")
        return repr(value)
    raise TypeError(f"no KQL literal for {type(value).__name__} in a list")
