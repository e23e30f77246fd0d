"""Random expressions of the mapping language and random records for them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, members, parse
from tidewaiter.asim.mapping.operators import OPERATORS

SHAPE: dict[str, Any] = {
    # Names that generated code could trip over if it were not careful.
    "type": "text",
    "c": "text",
    "dash-ed": "text",
    "v0": "int",
    "len": "bool",
    "a": "any",
    "who": {"name": "text", "k": "int", "deep": {"x": "text", "in": "any"}},
    "params": "json",
    "class": "json",
}
LOOKUPS = {
    "L": {
        "a": "alpha",
        "a/b": "slash",
        "7": "seven",
        "-5": "minus",
        "007": "agent",
        "true": "yes",
        "": "void",
    },
    "M": dict.fromkeys(["x", "p", "q", "list"], ""),
}
REPEATS: st.SearchStrategy[list[tuple[str, ...]]] = st.sampled_from(
    [[], [("type", "c")], [("who",), ("type", "v0", "len")], [("params",), ("c", "class")]]
)

_TEXTS = [
    "",
    "a",
    "A",
    "a/b",
    "a/b:c",
    "/",
    "É",
    "İx",
    "ROOT\n",
    "root",
    "x\r",
    "10.0.0.1",
    "010.0.0.1",
    "2001:db8::1",
    "a%20b%2520%5C%zz%0A%c3%A9%",
    "fe80::1%e",
    "007",
    "-5",
    "7",
    "+7",
    "9" * 25,
    "-9223372036854775808",
    "9223372036854775808",
    "1.0",
    "true",
    "\uff11",
    "2026-03-04T09:12:44Z",
    "2026-03-04T09:12:44.5+02:00",
    "0001-01-01T00:00:00+14:00",
    "2026-03-04",
    "{}",
    '"\\',
    "\u2028\x00",
    '{"p": "a/b", "list": [{"x": 7}], "q r": {}}',
    '[1, {"p": "x"}, [true]]',
    '{"p": 1} and more',
]
texts = st.sampled_from(_TEXTS) | st.text(max_size=12)
ints = st.sampled_from(
    [0, 1, -1, 7, 255, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 253402300800]
) | st.integers(-(2**63), 2**63 - 1)
big_ints = ints | st.integers()
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | big_ints | floats | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["p", "q r", "x", "list"]), inner, max_size=4)
    ),
    max_leaves=8,
)

# Expressions


def texts_of(*fields: Field) -> st.SearchStrategy[Expr]:
    return st.sampled_from(fields) | texts.map(Const)


_JSON_TEXTS = (
    Field(("type",)),
    Field(("c",)),
    Field(("dash_ed",)),
    Field(("who", "name")),
    Field(("who", "deep", "x")),
    Field(("event_id",)),
)
_JSON_ANY = (
    Field(("a",)),
    Field(("a", "p")),
    Field(("a", 0)),
    Field(("who", "deep", "in")),
    Field(("who",)),
    Field(("params",)),
    Field(("params", "p")),
    Field(("params", "q r")),
    Field(("params", "list", 0, "x")),
    Field(("params", "list", -1)),
    Field(("m_class", 1)),
    Field(("m_class", -2, "p")),
    Field(("m_class",)),
)
JSON_FIELDS = (*_JSON_ANY, *_JSON_TEXTS)
_JSON_INTS = (Field(("v0",)), Field(("who", "k")))
_JSON_BOOLS = (Field(("len",)),)
_PATTERNS = [
    "(a)",
    "^([^/]+)/",
    "([0-9]+)",
    r"(\d+)$",
    r"^(\w*)\s?",
    r"([a-z.]+)\b",
    "(a|b)+?",
    r"(\S{2,3})",
    "^(.*)$",
]
_SEPARATORS = st.sampled_from(["/", ":", "a", "::", "\n"])


def _case(conditions: st.SearchStrategy[Expr], values: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pairs = st.lists(st.tuples(conditions, values), min_size=1, max_size=3)
    return st.builds(
        lambda found, last: Op("case", (*(x for pair in found for x in pair), last)), pairs, values
    )


def _op(name: str, *args: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.tuples(*args).map(lambda parts: Op(name, parts))


def _many(name: str, values: st.SearchStrategy[Expr], least: int) -> st.SearchStrategy[Expr]:
    return st.lists(values, min_size=least, max_size=3).map(lambda parts: Op(name, tuple(parts)))


def _consts(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Expr]:
    return values.map(Const)


LEVELS = 2
Of = dict[str, st.SearchStrategy[Expr]]


class Grammar:
    """Strategies of expressions by result; `loose` lets any kind stand where another is wanted."""

    def __init__(self, fields: dict[str, tuple[Field, ...]], *, loose: bool) -> None:
        self.loose = loose
        self.any = fields.get("any", ())
        leaves = {
            "text": texts_of(*fields["text"]) | st.just(Const(None)),
            "int": st.sampled_from(fields["int"]) | _consts(ints),
            "bool": st.sampled_from(fields["bool"]) | _consts(st.booleans())
            if fields["bool"]
            else _consts(st.booleans()),
        }
        grown = leaves
        for _ in range(LEVELS):
            grown = self._grow(leaves, grown)
        number = self._wanted(grown)["int"]
        times = _op("time", number) | _op("millis", number)
        self.of = grown | {"time": times | _op("earlier", times, times)}
        self.mixed = self._mixed(grown)

    def _mixed(self, of: Of) -> st.SearchStrategy[Expr]:
        return st.one_of(*of.values(), *([st.sampled_from(self.any)] if self.any else []))

    def _wanted(self, of: Of) -> Of:
        return dict.fromkeys(of, self._mixed(of)) if self.loose else of

    def _grow(self, leaves: Of, of: Of) -> Of:
        wanted, mixed = self._wanted(of), self._mixed(of)
        return {
            "text": leaves["text"] | self._texts(wanted),
            "int": leaves["int"] | self._ints(wanted),
            "bool": leaves["bool"] | self._bools(wanted, mixed),
        }

    def _texts(self, of: dict[str, st.SearchStrategy[Expr]]) -> st.SearchStrategy[Expr]:
        text = of["text"]
        found = [
            _op("lower", text),
            _op("split", text, _consts(_SEPARATORS), _consts(st.integers(-3, 3))),
            _op("regex", text, _consts(st.sampled_from(_PATTERNS))),
            _op("regex", text, _consts(st.sampled_from(_PATTERNS)), _consts(st.integers(0, 1))),
            _op("ip", text),
            _op("unquote", text),
            _op("lookup", text, st.just(Const("L"))),
            _many("concat", text, 2),
            _many("first", text, 1),
            _op("template", st.just(Const("{}/{}!")), text, text),
            _case(of["bool"], text),
        ]
        if self.any:
            found.append(_op("member", st.sampled_from(self.any), st.just(Const("M"))))
            found.append(_op("number", st.sampled_from(self.any)))
            found.append(
                _op("joined", st.sampled_from(self.any), *(_consts(st.sampled_from("pxq")) for _ in range(3)))
            )
        return st.one_of(found)

    def _ints(self, of: dict[str, st.SearchStrategy[Expr]]) -> st.SearchStrategy[Expr]:
        number = of["int"]
        return st.one_of(
            _op("int", of["text"]),
            _op("sub", number, number),
            _op("mul", number, number),
            _many("first", number, 1),
            _case(of["bool"], number),
        )

    def _bools(
        self, of: dict[str, st.SearchStrategy[Expr]], mixed: st.SearchStrategy[Expr]
    ) -> st.SearchStrategy[Expr]:
        found = [
            _op("exists", mixed),
            _op("in", of["text"], st.lists(texts, max_size=3).map(lambda found: Const(tuple(found)))),
            *(_op(name, of["text"], _consts(texts)) for name in ("startswith", "endswith", "contains")),
            *(_op(name, mixed, mixed) for name in ("eq", "ne")),
            *(_many(name, of["bool"], 2) for name in ("all", "any")),
            _op("not", of["bool"]),
            _op("bit", of["int"], _consts(st.sampled_from([1, 2, 8, 2**40]))),
            _op("within", mixed, _consts(st.sampled_from([0, 7, 180]))),
            _case(of["bool"], of["bool"]),
        ]
        return st.one_of(found)


json_grammar = Grammar(
    {"text": _JSON_TEXTS, "int": _JSON_INTS, "bool": _JSON_BOOLS, "any": _JSON_ANY}, loose=True
)

TEXT_SHAPE = {"type": "text", "dash-ed": "text", "c": "text", "v0": "int", "n": "int"}
text_grammar = Grammar(
    {
        "text": tuple(Field((name,)) for name in ("type", "dash_ed", "c", "event_id")),
        "int": (Field(("v0",)), Field(("n",))),
        "bool": (),
    },
    loose=False,
)


def reads_something(expr: Expr) -> bool:
    return bool(members(expr)) or isinstance(expr, Const)


# Records


def _object(shape: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: _member(kind) for name, kind in shape.items()})


def _member(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, dict):
        return st.none() | _object(kind)
    return (
        st.none()
        | {"text": texts, "int": big_ints, "bool": st.booleans(), "any": json_values, "json": json_values}[
            kind
        ]
    )


records = _object(SHAPE)
rows_of_text = st.fixed_dictionaries(
    {name: st.none() | (texts if kind == "text" else ints) for name, kind in TEXT_SHAPE.items()}
)


def encoded(record: dict[str, Any], *, spaced: bool, ascii_only: bool) -> bytes:
    """JSON bytes of a record in one of the forms that a writer may choose."""
    separators = (" , ", " : ") if spaced else (",", ":")
    text = json.dumps(record, ensure_ascii=ascii_only, separators=separators)
    return text.encode("utf-8", "surrogatepass")


def written(expr: Expr) -> str:
    """An expression in short, for messages."""
    match expr:
        case Const(value=value):
            return repr(value)
        case Field(path=path):
            return ".".join(map(str, path))
        case Op(name=name, args=args):
            return f"{name}({', '.join(map(written, args))})"


EVERY_OPERATOR = [
    *(f"{name}(type)" for name in ("lower", "ip", "unquote", "int", "exists")),
    *(f"split(type, '{sep}', {place})" for sep in ("/", "::") for place in (0, 1, -1, -2)),
    *(f"regex(type, {pattern!r})".replace("\\\\", "\\") for pattern in _PATTERNS),
    *(
        f"{name}(type, '{part}')"
        for name in ("startswith", "endswith", "contains")
        for part in ("", "a", "É")
    ),
    "lookup(type, 'L')",
    "lookup(v0, 'L')",
    "concat(type, c)",
    "concat(type, v0, 'x')",
    "template('<{}|{}>', type, c)",
    "template('{}', v0)",
    "first(type, c)",
    "first(type, c, 'x')",
    "first(type)",
    "first(v0, 7)",
    "case(type == c, 'same', type != c, 'other', 'never')",
    "case(exists(type) and not exists(c), type, c)",
    "case(exists(type) or exists(c), v0, None)",
    "case(type, 'a text is no condition', 'else')",
    *(
        f"type {sign} {other}"
        for sign in ("==", "!=")
        for other in ("c", "'a'", "''", "None", "7", "True", "v0")
    ),
    *(f"v0 {sign} {other}" for sign in ("==", "!=") for other in ("v0", "7", "'7'", "True", "None", "type")),
    "type in ('a', '', '007')",
    "type not in ('a',)",
    "v0 in ('7', '-5')",
    "not type == c",
    "v0 - 1",
    "v0 - v0",
    "v0 * v0",
    "v0 * -1",
    "type - 1",
    "bit(v0, 1)",
    "bit(v0, 4)",
    "bit(type, 1)",
    "within(v0, 7)",
    "not within(v0, 5)",
    "within(type, 7)",
    "int(v0)",
    "time(v0)",
    "millis(v0)",
]
"""Each operator on plain members of the kinds text and int; both compilers have to know them all."""

AWKWARD = [
    (text, other, number)
    for text in (None, *_TEXTS)
    for other, number in ((None, None), ("a", 7), (text, -5))
]
"""Pairs of texts, equal and not, and a number."""
AWKWARD += [("a", "", number) for number in (0, 1, 2**31, 2**63 - 1, -(2**63), 253402300799, 253402300800)]
AWKWARD += [
    ("a", "", number) for number in (1679548657700, -1, -62135596800000, 253402300799999, 253402300800000)
]


def column_kind(text: str) -> str:
    """The Log Analytics type of a column for the result of one of EVERY_OPERATOR."""
    name = getattr(parse(text), "name", "")
    if name in ("first", "case"):
        return "long" if "v0" in text else "string"
    return {"text": "string", "int": "long", "time": "datetime"}.get(OPERATORS[name].result, "bool")
