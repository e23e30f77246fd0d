"""Functions that a function or transformation defines for itself, where it needs them, and lookup tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tidewaiter.asim.mapping.evaluate import Lookups
from tidewaiter.asim.mapping.kql.dialect import Dialect
from tidewaiter.asim.mapping.operators import EARLIEST, LATEST, QUOTED, ranks
from tidewaiter.core.kql_literals import literal, verbatim

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
_H = "[0-9A-Fa-f]{1,4}"
_V6 = "^(?:" + "|".join(
    [
        f"(?:{_H}:){{7}}{_H}",
        f"(?:{_H}:){{1,7}}:",
        *(f"(?:{_H}:){{1,{7 - n}}}(?::{_H}){{1,{n}}}" for n in range(1, 7)),
        f":(?:(?::{_H}){{1,7}}|:)",
    ]
) + ")$"  # fmt: skip
"""An IPv6 address whose last two groups are not written as an IPv4 address."""

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,7})?"
_TIME = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
LEAST, MOST = -(2**63), 2**63 - 1
_INT = "^-?[0-9]{1,19}$"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BACKSLASH = "\\"
_ASCII = r"^[\x00-\x7F]*$"

_NEEDS: Mapping[str, tuple[str, ...]] = {"moment": ("epoch", "time")}


def _lower(dialect: Dialect) -> str:
    if dialect.applies:
        return f'(t:string) {{ translate("{_LETTERS}", "{_LETTERS.lower()}", t) }}'
    text = "t"
    for letter in _LETTERS:
        text = f'replace("{letter}", "{letter.lower()}", {text})'
    return f"(t:string) {{ iif(t matches regex {verbatim(_ASCII)}, tolower(t), {text}) }}"


def _unquote(dialect: Dialect) -> str:
    text = "t"
    for escape, sign in QUOTED.items():
        if dialect.applies:
            text = f"replace_string({text}, {literal(escape)}, {literal(sign)})"
        else:
            text = f"replace({literal(escape)}, {literal(sign.replace(_BACKSLASH, 2 * _BACKSLASH))}, {text})"
    return f"(t:string) {{ {text} }}"


def _ip() -> str:
    tail = f'extract("([^:]*)$", 1, t) matches regex {verbatim(_V4)}'
    groups = f'iif(t contains_cs ".", iif({tail}, strcat(extract("^(.*:)", 1, t), "0:0"), ""), t)'
    four = f"t matches regex {verbatim(_V4)}"
    return f'(t:string) {{ iif({four} or {groups} matches regex {verbatim(_V6)}, t, "") }}'


def _bodies(dialect: Dialect) -> Mapping[str, str]:
    edge = 10**15
    plain = "tostring(toreal(v))"
    digits = f'iif({plain} contains "e", "", {plain})'
    whole = "iif(toreal(tolong(toreal(v))) == toreal(v), tostring(tolong(toreal(v))), " + digits + ")"
    number = f'iif(toreal(v) > -{edge} and toreal(v) < {edge}, {whole}, "")'
    seconds = f"n >= long({EARLIEST}) and n <= {LATEST}"
    fine = f"n >= long({EARLIEST * 1000}) and n <= {LATEST * 1000 + 999}"
    fits = f"(b >= 0 and a >= long({LEAST}) + b) or (b < 0 and a <= {MOST} + b)"
    whole_number = 'gettype(v) in ("long", "int")'
    return {
        "text": '(v:dynamic) { iif(gettype(v) in ("array", "dictionary", "double", "null"), "", tostring(v)) }',  # noqa: E501
        "long": '(v:dynamic) { iif(gettype(v) in ("long", "int"), tolong(v), long(null)) }',
        "bool": '(v:dynamic) { iif(gettype(v) == "bool", tobool(v), bool(null)) }',
        "real": '(v:dynamic) { iif(gettype(v) in ("long", "int", "double", "real"), toreal(v), real(null)) }',
        "held": '(v:dynamic) { iif(gettype(v) == "string", parse_json(tostring(v)), v) }',
        "int": f"(t:string) {{ iif(t matches regex {verbatim(_INT)}, tolong(t), long(null)) }}",
        "epoch": f"(n:long) {{ iif({seconds}, datetime(1970-01-01) + n * 1s, datetime(null)) }}",
        "millis": f"(n:long) {{ iif({fine}, datetime(1970-01-01) + n * 1ms, datetime(null)) }}",
        "difference": f"(a:long, b:long) {{ iif({fits}, a - b, long(null)) }}",
        "product": "(a:long, n:long, low:long, high:long) { iif(a >= low and a <= high, a * n, long(null)) }",
        "time": f"(t:string) {{ iif(t matches regex {verbatim(_TIME)}, todatetime(t), datetime(null)) }}",
        "earlier": "(a:datetime, b:datetime) { iif(isnull(a) or b < a, b, a) }",
        "moment": f"(v:dynamic) {{ iif({whole_number}, tw_epoch(tolong(v)), tw_time(tostring(v))) }}",
        "number": f'(v:dynamic) {{ iif(gettype(v) in ("long", "int", "double", "real"), {number}, "") }}',
        "ip": _ip(),
        "first": "(a:string, b:string) { iif(isnotempty(a), a, b) }",
        "lower": _lower(dialect),
        "unquote": _unquote(dialect),
    }  # fmt: skip


def definitions(
    dialect: Dialect, helpers: Collection[str], tables: Collection[str], lookups: Lookups
) -> Iterator[str]:
    """Yield the `let` statements of helpers and lookup tables; a table's key that is empty finds nothing."""
    for name in sorted(tables):
        table = lookups.get(name)
        if table is not None:
            values: Mapping[str, str | int] = {key: value for key, value in table.items() if key}
        else:
            values = ranks(lookups[name.removesuffix("_ranks")])
        yield f"let tw_{name} = {dialect.bag(values)};"
    bodies = _bodies(dialect)
    needed = {*helpers, *(each for name in helpers for each in _NEEDS.get(name, ()))}
    for name in bodies:
        if name in needed:
            yield f"let tw_{name} = {bodies[name]};"
