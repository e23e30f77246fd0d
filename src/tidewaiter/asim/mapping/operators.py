"""The operators of the mapping language, and their meaning as plain Python functions.

Null and the empty string: `exists` and `first` treat both as absent, and so does every column (an empty
text is not written). A comparison with null is false, `!=` included in its mirror: `x != 'a'` is true
when x is null. Every other operator gives null when a needed argument is null.

A member of a polymorphic JSON value is read as text when it is a string; whole numbers and booleans are
read as their JSON text; anything else (fractions, objects, arrays) is null, so nothing is reformatted.
A path goes through a member of the record whose value is a text that holds an object or a list as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Literal

from tidewaiter.asim.mapping import patterns, runtime

Type = Literal["text", "int", "bool", "any", "json", "time"]
Value = Any
"""A value at run time: str, int, bool, None, or (from JSON members) anything that JSON can hold."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Arity, result type and documentation of one operator; `literal` lists arguments that are constants."""

    name: str
    least: int
    most: int
    result: Type
    meaning: str
    literal: tuple[int, ...] = ()

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words."""
        if self.least == self.most:
            return f"{self.least} argument{'s' if self.least != 1 else ''}"
        return (
            f"{self.least} or more arguments" if self.most > 90 else f"{self.least} to {self.most} arguments"
        )


_MANY = 99
OPERATORS: Mapping[str, Operator] = {
    spec.name: spec
    for spec in (
        Operator("first", 1, _MANY, "any", "the first argument that is neither null nor empty"),
        Operator(
            "case", 3, _MANY, "any", "case(cond, value, …, otherwise): the first value whose cond is true"
        ),
        Operator(
            "lookup",
            2,
            2,
            "text",
            "the text that the table named second gives for the first; else null",
            (1,),
        ),
        Operator("lower", 1, 1, "text", "in lower case (ASCII letters only, so that all targets agree)"),
        Operator(
            "split", 3, 3, "text", "part number n (from 0; negative from the end) of x cut at sep", (1, 2)
        ),
        Operator(
            "regex", 2, 3, "text", "group 1 (or n) of the first match (see patterns.py), else null", (1, 2)
        ),
        Operator("ip", 1, 1, "text", "x when it is an IPv4 or IPv6 address, else null"),
        Operator("time", 1, 1, "time", "ISO 8601 text or epoch seconds as UTC; null when it is neither"),
        Operator("earlier", 2, 2, "time", "the earlier of two times; the other one when one is null"),
        Operator("millis", 1, 1, "time", "a whole number of milliseconds since 1970 as UTC, else null"),
        Operator(
            "unquote",
            1,
            1,
            "text",
            "with %20, %22, %23, %25 … read back: the ASCII signs that CloudFront escapes",
        ),
        Operator("within", 2, 2, "bool", "whether x is a number from -n to n; a text is none", (1,)),
        Operator("int", 1, 1, "int", "the whole number that the text spells, else null"),
        Operator("bit", 2, 2, "bool", "whether bit n (1, 2, 4 …) is set in the number; null for null", (1,)),
        Operator(
            "member",
            2,
            2,
            "text",
            "of an object's members that are texts, the one whose name comes first in the table named second",
            (1,),
        ),
        Operator("number", 1, 1, "text", "a JSON number in plain digits, 8.0 as 8 and 5.5 as 5.5; else null"),
        Operator(
            "joined",
            4,
            4,
            "text",
            "joined(list, 'key', 'name', 'values'): of a list of objects, the texts under `values` of the"
            " first whose `key` is `name`, with ', ' between; null when there are none",
            (1, 2, 3),
        ),
        Operator(
            "json",
            1,
            1,
            "json",
            "the JSON value, as the whole of a column: a dynamic column holds it, and what a text holds as an"
            " object or a list; a string column holds its text, compact, and a text as it stands; null and"
            " the empty text are none",
        ),
        Operator("concat", 2, _MANY, "text", "the texts joined; null counts as empty; null when all are"),
        Operator(
            "template", 2, _MANY, "text", "template('{}/{}', a, b); null when a part is null or empty", (0,)
        ),
        Operator("exists", 1, 1, "bool", "true when x is neither null nor empty"),
        Operator("startswith", 2, 2, "bool", "x begins with the literal (case-sensitive)", (1,)),
        Operator("endswith", 2, 2, "bool", "x ends with the literal (case-sensitive)", (1,)),
        Operator("contains", 2, 2, "bool", "the literal occurs in x (case-sensitive)", (1,)),
        Operator("eq", 2, 2, "bool", "equal"),
        Operator("ne", 2, 2, "bool", "not equal"),
        Operator("in", 2, 2, "bool", "one of a list"),
        Operator("all", 2, _MANY, "bool", "and"),
        Operator("any", 2, _MANY, "bool", "or"),
        Operator("not", 1, 1, "bool", "not"),
        Operator("sub", 2, 2, "int", "difference of whole numbers; null beyond 64 bits"),
        Operator("mul", 2, 2, "int", "product of whole numbers; null beyond 64 bits"),
    )
}
_TEXT_LITERALS = {
    "lookup": (1,), "split": (1,), "regex": (1,), "member": (1,), "template": (0,),
    "startswith": (1,), "endswith": (1,), "contains": (1,), "joined": (1, 2, 3),
}  # fmt: skip
_NUMBER_LITERALS = {"split": (2,), "regex": (2,), "bit": (1,), "within": (1,)}


def literal_problem(name: str, literals: Mapping[int, object], count: int) -> str:
    """Say what is wrong with the literals of an operator with `count` arguments; "" when nothing is."""
    for kind, places, words in ((str, _TEXT_LITERALS, "a text"), (int, _NUMBER_LITERALS, "a whole number")):
        for place in places.get(name, ()):
            if place in literals and type(literals[place]) is not kind:
                return f"argument {place + 1} of {name} is {words}"
    if name == "split" and not literals[1]:
        return "split needs a separator"
    if name == "regex":
        source = str(literals[1])
        group = literals.get(2, 1)
        return patterns.problem(source) or (
            "" if group in range(patterns.compiled(source).groups + 1) else f"{source!r} has no group {group}"
        )
    if name == "template":
        holes = len(re.findall(r"\{\}", str(literals[0])))
        if holes != count - 1 or set(str(literals[0]).replace("{}", "")) & set("{}"):
            return f"the form has {holes} holes {{}} and {count - 1} values"
    return ""


COMPARISONS = frozenset({"eq", "ne", "in", "all", "any", "not", "sub", "mul"})
"""Operators that are written with signs or words (`==`, `and`), not as calls."""


def text(value: Value) -> str | None:
    """Read a JSON value as text (see the module's docstring)."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value) if type(value) is int else None


def first(*values: Value) -> Value:
    """Return the first value that is neither null nor empty."""
    for value in values:
        if value is not None and value != "":
            return value
    return None


_LOWER = {c: c + 32 for c in range(65, 91)}  # not str.lower: see the operator's meaning


def lower(value: str | None) -> str | None:
    """ASCII lower case."""
    return None if value is None else value.translate(_LOWER)


def split(value: str | None, sep: str, place: int) -> str | None:
    """Part `place` of `value` cut at `sep`; null when there are fewer parts."""
    if value is None:
        return None
    parts = value.split(sep)
    return parts[place] if -len(parts) <= place < len(parts) else None


def regex(value: str | None, source: str, group: int = 1) -> str | None:
    """Group of the first match."""
    found = None if value is None else patterns.compiled(source).search(value)
    return found.group(group) if found else None


_LONGEST_ADDRESS = 45  # eight groups, the last two in dotted form


def ip(value: str | None) -> str | None:
    """The text itself when it is an IP address without a zone."""
    return _address(value) if value and len(value) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=16384)
def _address(value: str) -> str | None:
    if "%" in value:
        return None
    try:
        ip_address(value)
    except ValueError:
        return None
    return value


_UTC_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")
_THREE_DIGITS = re.compile(r":\d{3}", re.ASCII)  # Python 3.11 passes over the third of 19:20:177Z
EARLIEST, LATEST = -62135596800, 253402300799  # years 1 and 9999, datetime's own range


def time(value: Value) -> str | None:
    """UTC as ISO 8601 text ending in Z; a text in that form already is returned as it stands."""
    if type(value) is int:
        if not EARLIEST <= value <= LATEST:
            return None
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    if type(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if len(value) == 20 and value[4] == value[7] == "-" and value[10] == "T" and value[19] == "Z":
        return value  # what AWS writes; the pattern below says the same, slower
    if _UTC_TEXT.fullmatch(value):
        return value
    if moment.tzinfo is None or len(value) < 19 or _THREE_DIGITS.search(value):
        return None
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:  # before year 1 or after 9999 in UTC
        return None


def earlier(left: str | None, right: str | None) -> str | None:
    """The earlier of two times; they end in Z, before which a longer fraction is the later one."""
    if left is None or right is None:
        return right if left is None else left
    return left if left[:-1] <= right[:-1] else right


def millis(value: Value) -> str | None:
    """UTC as ISO 8601 text with three decimals; null for what is no whole number of milliseconds."""
    if type(value) is not int or not EARLIEST * 1000 <= value < (LATEST + 1) * 1000:
        return None
    seconds, rest = divmod(value, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment.rjust(19, '0')}.{rest:03}Z"


QUOTED = {f"%{ord(sign):02X}": sign for sign in " \"#'<>[\\]^`{|}~%"}
"""Escapes that `unquote` reads back, the one of the sign itself last. CloudFront escapes these signs and all
that is not printable ASCII (Amazon CloudFront Developer Guide, "Standard logging reference", read 2026-11).
An escape of anything else stays, so that no control character and no broken UTF-8 comes out.
"""
_ESCAPE = re.compile("|".join(QUOTED))


def unquote(value: str | None) -> str | None:
    """Read back the escapes of `QUOTED`, once."""
    return value if value is None or "%" not in value else _ESCAPE.sub(lambda found: QUOTED[found[0]], value)


_INT = re.compile(r"-?\d{1,19}", re.ASCII)


def whole(value: Value) -> int | None:
    """The number itself, or the one that a text spells in decimal (up to 64 bits)."""
    if type(value) is int:
        number = value
    elif type(value) is str and _INT.fullmatch(value):
        number = int(value)
    else:
        return None
    return _long(number)


def _long(number: int) -> int | None:
    return number if -(2**63) <= number < 2**63 else None


def spelled(key: str) -> int | None:
    """The number whose JSON text is `key`."""
    number = whole(key)
    return number if number is not None and str(number) == key else None


def ranks(table: Iterable[str]) -> dict[str, int]:
    """The places of a table's keys, which is what `member` goes by."""
    return {name: rank for rank, name in enumerate(table)}


def member(value: Value, ranks: Mapping[str, int]) -> str | None:
    """Of an object's members (or those of a text that holds one), the filled text of lowest rank."""
    value = runtime.held(value)
    if type(value) is not dict:
        return None
    best, found = len(ranks), None
    for name, held in value.items():
        rank = ranks.get(name, best)
        if rank < best and type(held) is str and held:
            best, found = rank, held
    return found


_EXACT = 10**15  # below it a JSON number's digits are those of its float


def number(value: Value) -> str | None:
    """The digits of a number that a float holds exactly enough; null for any other value."""
    if type(value) is int:
        return str(value) if -_EXACT < value < _EXACT else None
    if type(value) is not float or not -_EXACT < value < _EXACT:
        return None
    digits = repr(value + 0.0).removesuffix(".0")  # which makes 0 of -0, as KQL does
    return None if "e" in digits else digits


def joined(value: Value, key: str, name: str, values: str) -> str | None:
    """The texts, joined, of the first object in a list (or in a text that holds one) that is of that name."""
    value = runtime.held(value)
    for item in value if type(value) is list else ():
        if type(item) is dict and item.get(key) == name:
            found = item.get(values)
            texts = [found] if type(found) is str else found if type(found) is list else []
            return ", ".join(each for each in texts if type(each) is str and each) or None
    return None


def bit(value: int | None, mask: int) -> bool | None:
    """Whether a bit is set."""
    return None if value is None else bool(value & mask)


def within(value: Value, limit: int) -> bool:
    """Whether it is a number that is no further from zero than the limit."""
    return type(value) in (int, float) and -limit <= value <= limit


def concat(*values: str | None) -> str | None:
    """Join; null counts as empty, all null gives null."""
    return None if all(value is None for value in values) else "".join(value or "" for value in values)


def template(form: str, *values: str | None) -> str | None:
    """Fill the `{}` of `form` in order; null when a part is null or empty."""
    return form.format(*values) if all(values) else None


def exists(value: Value) -> bool:
    """Neither null nor empty."""
    return value is not None and value != ""


def sub(left: int | None, right: int | None) -> int | None:
    """Difference; null when a side is, or when it needs more than 64 bits."""
    return None if left is None or right is None else _long(left - right)


def mul(left: int | None, right: int | None) -> int | None:
    """Product; null when a side is, or when it needs more than 64 bits."""
    return None if left is None or right is None else _long(left * right)


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "first": first,
    "lower": lower,
    "split": split,
    "regex": regex,
    "ip": ip,
    "time": time,
    "earlier": earlier,
    "millis": millis,
    "unquote": unquote,
    "int": whole,
    "bit": bit,
    "within": within,
    "member": member,
    "number": number,
    "joined": joined,
    "concat": concat,
    "template": template,
    "exists": exists,
    "sub": sub,
    "mul": mul,
}
"""Operators that are plain functions of their arguments' values; the rest need their own evaluation."""

TEXT_ARGUMENTS = frozenset(
    {
        "lookup",
        "lower",
        "split",
        "regex",
        "ip",
        "unquote",
        "concat",
        "template",
        "startswith",
        "endswith",
        "contains",
        "in",
    }
)
"""Operators whose arguments are read as text."""
