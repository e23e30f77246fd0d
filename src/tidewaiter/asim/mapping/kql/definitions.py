"""Functions that a function or transformation defines for itself, where it needs them, and lookup tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tidewaiter.asim.mapping.evaluate import Lookups
from tidewaiter.asim.mapping.kql.dialect import Dialect
from tidewaiter.asim.mapping.kql.tables import table_function
from tidewaiter.asim.mapping.operators import EARLIEST, LATEST, QUOTED, ranks
from tidewaiter.core.kql_literals import literal, verbatim

_OCTET = "(?:25[0-5]|(?:2[0-4]|1[0-9]|[1-9]?)[0-9])"
_V4 = rf"(?:{_OCTET}(?:\.\b|$)){{4}}$"
"""An IPv4 address up to the end: a dot that ends it stands at no word's edge."""
_GROUP = "[0-9A-Fa-f]{1,4}"
_V6 = "^(?:(?:0:){7}0|(?:0(?::0)*)?::(?:0(?::0)*)?)$"
"""An IPv6 address whose groups are all 0: eight, or fewer around a gap, which at most 15 characters hold."""

_TIME = (
    r"^[0-9]{4}(?:-[0-9]{2}){2}T(?:[01][0-9]|2[0-3])(?::[0-9]{2}){2}(?:\.[0-9]{1,7})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})$"
)
LEAST, MOST = -(2**63), 2**63 - 1
_INT = "^-?[0-9]{1,19}$"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BACKSLASH = "\\"
_ASCII = r"^[\x00-\x7F]*$"

_NEEDS: Mapping[str, tuple[str, ...]] = {"moment": ("epoch", "time"), "read": ("text",), "ip": ("groups",)}


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


def _ip(dialect: Dialect) -> str:
    """An address as IPv6 has an IPv4 address in place of its last two groups, or is one."""
    tail, group = verbatim(f":{_V4}"), verbatim(_GROUP)
    if dialect.applies:
        alike = f'replace_regex(replace_regex(t, {tail}, ":0:0"), {group}, "0")'
    else:
        alike = f'replace({group}, "0", replace({tail}, ":0:0", t))'
    return f'(t:string) {{ iif(t matches regex {verbatim(f"^{_V4}")} or tw_groups({alike}), t, "") }}'


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
        "plain": "(v:dynamic) { tostring(v) }",
        "there": "(v:dynamic) { isnotempty(tostring(v)) }",
        "either": "(a:dynamic, b:dynamic) { iif(isnotempty(tostring(a)), a, b) }",
        "read": "(v:dynamic, b:string) { iif(isnotempty(tostring(v)), tw_text(v), b) }",
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
        "groups": f"(s:string) {{ strlen(s) < 16 and s matches regex {verbatim(_V6)} }}",
        "ip": _ip(dialect),
        "begun": '(a:string, b:string) { iif(isempty(b), "", strcat(a, b)) }',
        "first": "(a:string, b:string) { iif(isnotempty(a), a, b) }",
        "lower": _lower(dialect),
        "unquote": _unquote(dialect),
    }  # fmt: skip


def definitions(
    dialect: Dialect, helpers: Collection[str], tables: Collection[str], lookups: Lookups
) -> Iterator[str]:
    """Yield the `let` statements of helpers and lookup tables; a table's key that is empty finds nothing."""
    written = list(_tables(dialect, tables, lookups))
    bodies = _bodies(dialect)
    needed = {*helpers, *(each for name in helpers for each in _NEEDS.get(name, ()))}
    needed |= {"begun"} if any("tw_begun(" in each for each in written) else set()
    lets = [f"let tw_{name} = {bodies[name]};" for name in bodies if name in needed]
    yield from (*written, *lets) if dialect.applies else (*lets, *written)


def _tables(dialect: Dialect, tables: Collection[str], lookups: Lookups) -> Iterator[str]:
    for name in sorted(tables):
        table = lookups.get(name)
        if table is None:
            yield f"let tw_{name} = {dialect.bag(ranks(lookups[name.removesuffix('_ranks')]))};"
        elif dialect.applies:
            yield f"let tw_{name} = {dialect.bag({key: value for key, value in table.items() if key})};"
        else:
            yield from table_function(f"tw_{name}", table)
