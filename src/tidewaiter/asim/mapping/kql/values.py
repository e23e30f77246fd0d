"""Expressions written in KQL, by what is wanted of them.

What is wanted decides how a value is read, because KQL has no null text and no values of several types:

    text     the value read as text, "" for none
    long     the whole number, null for any other value
    bool     true or false, null for any other value
    cond     a condition: anything but true means that it does not hold
    present  whether it is neither null nor empty; never null itself
    time     a datetime
    real     a number
    json     the value as a dynamic

An empty text is absent: two absent values are not equal, and no condition on an absent text holds.
"""

from __future__ import annotations

from tidewaiter.asim.mapping import patterns
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.kql.binding import Bound
from tidewaiter.asim.mapping.kql.fragments import (
    LEAST,
    MOST,
    asked,
    atom,
    definite_condition,
    literal_argument,
    never_empty,
    one_of_texts,
    towards_zero,
    words,
)
from tidewaiter.asim.mapping.kql.reading import TEXTS, WHOLE, Reading, Wanted
from tidewaiter.core.errors import ContentError
from tidewaiter.core.kql_literals import literal, verbatim

NO_TEXT = '""'
_NULLS = {"long": "long(null)", "bool": "bool(null)", "time": "datetime(null)", "real": "real(null)"}
_CONDITIONS = frozenset(
    {"eq", "ne", "in", "all", "any", "not", "exists", "startswith", "endswith", "contains", "within"}
)


class Values(Reading):
    """Writes expressions over one binding in one dialect."""

    def write(self, expr: Expr, wanted: Wanted) -> str:
        """Return the KQL of an expression; what it consists of is written by `use`."""
        match wanted:
            case "text":
                return self.text(expr)
            case "cond" | "bool":
                return self.condition(expr) if wanted == "cond" else self.boolean(expr)
            case "present":
                return self.present(expr)
            case "json":
                return self.dynamic(expr)
            case _:
                return self.scalar(expr, wanted)

    # Texts

    def text(self, expr: Expr) -> str:
        """Return the KQL of an expression read as text."""
        match expr:
            case Const(value=None):
                return NO_TEXT
            case Const(value=bool() as value):
                return literal("true" if value else "false")
            case Const(value=int() | str() as value):
                return literal(str(value))
            case Field():
                return self.text_of(self.bound(expr), expr)
            case Op(name="first", args=args):
                return self.first(args, "text")
            case Op(name="case", args=args):
                return self.case(args, "text")
            case Op(name="json", args=(inner,)):
                whole = self.kind(inner) == "dynamic"
                return f"tostring({self.use(inner, 'json')})" if whole else self.use(inner, "text")
            case Op(name=name) if name in TEXTS:
                return self.text_operator(expr)
            case Op(name=name) if name in WHOLE:
                return f"tostring({self.use(expr, 'long')})"
            case Op(name="time" | "earlier" | "millis"):
                raise ContentError("a time is not read as text in KQL", hint="its form would be KQL's own")
        return words(self.use(expr, "bool"), self.use(expr, "bool"))

    def text_of(self, bound: Bound, expr: Field) -> str:
        """Return the KQL of a column or a place in one, read as text."""
        if bound.kind == "string":
            return bound.kql
        if bound.kind == "dynamic" and bound.only != "text":
            return self.helper("text", bound.kql if self.dialect.applies else self.use(expr, "json"))
        if bound.kind == "dynamic" and not self.dialect.applies:
            return self.helper("plain", bound.kql)
        if bound.kind == "bool":
            return words(bound.kql, bound.kql)
        return f"tostring({bound.kql})"

    def text_operator(self, expr: Op) -> str:
        """Return the KQL of an operator whose result is a text."""
        args = expr.args
        if expr.name in ("member", "joined"):
            raise ContentError(f"{expr.name} is written by stages alone")
        if expr.name == "number":
            return self.helper("number", self.named(args[0], "json"))
        if expr.name == "template":
            return self.template(str(literal_argument(args[0])), args[1:])
        if expr.name == "concat":
            return f"strcat({', '.join(self.use(arg, 'text') for arg in args)})"
        match expr.name:
            case "lookup":
                text = self.use(args[0], "text")
                table = str(literal_argument(args[1]))
                self.tables.add(table)
                if not self.dialect.applies:  # a function, which reads its key several times
                    return f"tw_{table}({self.use(args[0], 'text')})"
                return f"tostring(tw_{table}[{text}])"
            case "split":
                separator = literal(str(literal_argument(args[1])))
                return (
                    f"tostring(split({self.use(args[0], 'text')}, {separator})[{literal_argument(args[2])}])"
                )
            case "regex":
                group = literal_argument(args[2]) if len(args) > 2 else 1
                source = verbatim(patterns.kql(str(literal_argument(args[1]))))
                return f"extract({source}, {group}, {self.use(args[0], 'text')})"
        return self.helper(expr.name, self.named(args[0], "text"))  # ip, lower, unquote

    def template(self, form: str, parts: tuple[Expr, ...]) -> str:
        """Return the KQL of a form that is filled when no part is empty."""
        pieces: list[str] = []
        for between, part in zip(form.split("{}"), [*parts, None], strict=True):
            pieces += [literal(between)] if between else []
            pieces += [self.use(part, "text")] if part is not None else []
        filled = " and ".join(self.filled(part) for part in parts)
        return f"iif({filled}, strcat({', '.join(pieces)}), {NO_TEXT})"

    def filled(self, expr: Expr) -> str:
        """Return the KQL of whether a value's text is not empty: a list is there and has no text."""
        texts = self.kind(expr) in ("string", "dynamic")
        return f"isnotempty({self.use(expr, 'text')})" if texts else self.use(expr, "present")

    # Choices

    def first(self, args: tuple[Expr, ...], wanted: Wanted) -> str:
        """Return the KQL of the first value that is present, read as what is wanted."""
        if wanted == "text" and not self.dialect.applies:
            return self.first_text(args)
        if wanted == "json" and not self.dialect.applies and all(map(self.is_member, args)):
            found = self.use(args[-1], "json")
            for arg in reversed(args[:-1]):
                found = self.helper("either", self.use(arg, "json"), found)
            return found
        exact = {"text": "string", "long": "long", "time": "datetime", "bool": "bool", "real": "real"}
        alike = all(self.kind(arg) in (exact.get(wanted), "null") for arg in args)
        if alike and self.dialect.applies:
            return self.dialect.first([self.use(arg, wanted) for arg in args])
        pairs = [(self.use(arg, "present"), self.use(arg, wanted)) for arg in args[:-1]]
        return self.dialect.first_present(pairs, self.use(args[-1], wanted))  # of what is absent: nothing

    def first_text(self, args: tuple[Expr, ...]) -> str:
        """Return the KQL of the first value that is present, read as text, for a dialect without coalesce."""
        args = self.joined_members(args)
        if len(args) == 1:
            return self.helper("text", self.named(args[0], "json"))
        found = self.use(args[-1], "text")  # of what is absent: nothing
        pairs: list[tuple[str, str]] = []
        for arg in reversed(args[:-1]):
            kind = self.kind(arg)
            if kind != "string" and not self.is_member(arg):
                pairs.insert(0, (self.use(arg, "present"), self.use(arg, "text")))
                continue
            found, pairs = self.dialect.first_present(pairs, found), []
            if kind == "string":
                found = self.helper("first", self.use(arg, "text"), found)
            else:
                found = self.helper("read", self.named(arg, "json"), found)
        return self.dialect.first_present(pairs, found)

    def case(self, args: tuple[Expr, ...], wanted: Wanted) -> str:
        """Return the KQL of a case; every value is read as what is wanted."""
        pairs = [
            (self.use(cond, "cond"), self.use(value, wanted))
            for cond, value in zip(args[:-1:2], args[1::2], strict=True)
        ]
        last = self.use(args[-1], wanted)
        if wanted == "cond" and not all(self.definite(value) for value in (*args[1::2], args[-1])):
            pairs = [(cond, definite_condition(value)) for cond, value in pairs]
            last = definite_condition(last)
        while pairs and pairs[-1][1] == last:
            pairs.pop()
        return self.dialect.first_present(pairs, last)

    # Numbers, times, values

    def scalar(self, expr: Expr, wanted: Wanted) -> str:
        """Return the KQL of a whole number, a time or a real number."""
        nothing = _NULLS[wanted]
        match expr:
            case Const(value=int() as value) if wanted in ("long", "real") and not isinstance(value, bool):
                return literal(value) if wanted == "long" else f"toreal({literal(value)})"
            case Const():
                return nothing
            case Field():
                return self.scalar_of(self.bound(expr), wanted)
            case Op(name="first", args=args):
                return self.first(args, wanted)
            case Op(name="case", args=args):
                return self.case(args, wanted)
            case Op(name="json", args=(inner,)):
                return self.use(inner, wanted)
            case Op(name="time", args=(inner,)) if wanted == "time":
                return self.time(inner)
            case Op(name="earlier", args=(left, right)) if wanted == "time":
                return self.helper("earlier", self.use(left, "time"), self.use(right, "time"))
            case Op(name="millis", args=(inner,)) if wanted == "time":
                return self.helper("millis", self.use(inner, "long"))
            case Op(name="int", args=(inner,)) if wanted == "long":
                if self.kind(inner) == "long":
                    return self.use(inner, "long")
                return self.helper("int", self.named(inner, "text"))
            case Op(name="sub" | "mul" as name, args=(left, right)) if wanted == "long":
                return self.arithmetic(name, left, right)
        if wanted == "real" and self.kind(expr) == "long":
            return f"toreal({self.use(expr, 'long')})"
        return nothing

    def scalar_of(self, bound: Bound, wanted: Wanted) -> str:
        """Return the KQL of a column or a place in one, read as a number or a time."""
        kind = "long" if bound.only == "int" else bound.kind
        if wanted == "time":
            return bound.kql if bound.kind == "datetime" else "datetime(null)"
        if kind == "dynamic" and not bound.only:
            return self.helper("long" if wanted == "long" else "real", bound.kql)
        if wanted == "long" and kind == "long":
            return f"tolong({bound.kql})" if bound.kind == "dynamic" else bound.kql
        if wanted == "real" and kind in ("long", "real"):
            return bound.kql if bound.kind == "real" else f"toreal({bound.kql})"
        return _NULLS[wanted]

    def time(self, inner: Expr) -> str:
        """Return the KQL of a time from a text or from seconds."""
        kind = self.kind(inner)
        if kind == "datetime":
            return self.use(inner, "time")
        if kind == "long":
            return self.helper("epoch", self.use(inner, "long"))
        if kind == "string":
            return self.helper("time", self.named(inner, "text"))
        if kind == "dynamic":
            return self.helper("moment", self.named(inner, "json"))
        return "datetime(null)"

    def arithmetic(self, name: str, left: Expr, right: Expr) -> str:
        """Return the KQL of a difference or product; null beyond 64 bits, which KQL would wrap around."""
        if name == "sub":
            return self.helper("difference", self.named(left, "long"), self.named(right, "long"))
        if isinstance(left, Const):
            left, right = right, left
        if not isinstance(right, Const) or type(right.value) is not int:
            raise ContentError("a product in KQL has a number as one of its factors")
        factor = right.value
        if factor == 0:
            return f"{atom(self.use(left, 'long'))} * 0"
        bounds = sorted((towards_zero(LEAST, factor), towards_zero(MOST, factor)))
        return self.helper("product", self.use(left, "long"), *map(literal, (factor, *bounds)))

    def dynamic(self, expr: Expr) -> str:
        """Return the KQL of a value as a dynamic."""
        match expr:
            case Field():
                bound = self.bound(expr)
                return bound.kql if bound.kind == "dynamic" else f"todynamic({bound.kql})"
            case Op(name="first", args=args):
                return self.first(args, "json")
            case Op(name="case", args=args):
                return self.case(args, "json")
            case Op(name="json", args=(inner,)):
                return self.use(inner, "json")
            case Const(value=None):
                return self.dialect.nothing
        raise ContentError("a dynamic in KQL is a member of the record, or one of several")

    # Conditions

    def boolean(self, expr: Expr) -> str:
        """Return the KQL of true, false, or null for any other value."""
        match expr:
            case Const(value=value):
                return literal(value) if isinstance(value, bool) else "bool(null)"
            case Field():
                bound = self.bound(expr)
                if bound.kind == "bool":
                    return bound.kql
                if bound.kind == "dynamic" and bound.only in ("", "bool"):
                    return self.helper("bool", bound.kql)
                return "bool(null)"
            case Op(name="first", args=args):
                return self.first(args, "bool")
            case Op(name="case", args=args):
                return self.case(args, "bool")
            case Op(name="json", args=(inner,)):
                return self.use(inner, "bool")
            case Op(name="bit", args=(inner, mask)):
                has = f"binary_and({self.use(inner, 'long')}, {literal_argument(mask)}) > 0"
                return f"iif(isnull({self.use(inner, 'long')}), bool(null), {has})"
            case Op(name=name) if name in _CONDITIONS:
                found = self.use(expr, "cond")
                return found if self.definite(expr) else definite_condition(found)
        return "bool(null)"

    def condition(self, expr: Expr) -> str:
        """Return the KQL of a condition."""
        match expr:
            case Const(value=value):
                return "true" if value is True else "false"
            case Op(name="eq" | "ne" as name, args=(left, right)):
                return self.equality(left, right, negated=name == "ne")
            case Op(name="in", args=(inner, listed)):
                return self.one_of(inner, listed)
            case Op(name="all" | "any" as name, args=args):
                word = " and " if name == "all" else " or "
                return "(" + word.join(self.use(arg, "cond") for arg in args) + ")"
            case Op(name="not", args=(inner,)):
                return self.negated(inner)
            case Op(name="exists", args=(inner,)):
                return self.use(inner, "present")
            case Op(name="startswith" | "endswith" | "contains" as name, args=(inner, part)):
                text = self.use(inner, "text")
                found = str(literal_argument(part))
                return f"{atom(text)} {name}_cs {literal(found)}" if found else f"isnotempty({text})"
            case Op(name="within", args=(inner, limit)):
                return f"abs({self.use(inner, 'real')}) <= {literal_argument(limit)}"
            case Op(name="case", args=args):
                return self.case(args, "cond")
        kind = self.kind(expr)
        return self.use(expr, "bool") if kind in ("bool", "dynamic") else "false"

    def negated(self, inner: Expr) -> str:
        """Return the KQL of what holds when a condition does not; KQL's `not` of null is null."""
        if isinstance(inner, Op) and inner.name == "exists":
            present = self.use(inner, "cond")
            if present.startswith("isnotempty(") and present.count("(") == present.count(")") == 1:
                return present.replace("isnotempty", "isempty", 1)
        match inner:
            case Op(name="eq", args=(left, Const(value=str() as value))) if (
                value and not self.dialect.applies
            ):
                return self.equality(left, Const(value), negated=True)
        found = self.use(inner, "cond")
        return f"not({found})" if self.definite(inner) else f"iif({found}, false, true)"

    def equality(self, left: Expr, right: Expr, *, negated: bool) -> str:
        """Return the KQL of an equality: by type where a side is a number or a boolean, else as texts."""
        if isinstance(left, Const) and not isinstance(right, Const):
            left, right = right, left
        value = right.value if isinstance(right, Const) else None
        if isinstance(value, bool) or type(value) is int:
            found = (
                f"{atom(self.use(left, 'bool' if isinstance(value, bool) else 'long'))} == {literal(value)}"
            )
            return f"iif({found}, false, true)" if negated else found
        if isinstance(value, str):
            if not value:
                return "true" if negated else "false"
            return f"{self.use(left, 'text')} {'!=' if negated else '=='} {literal(value)}"
        filled, a, b = self.use(left, "text"), self.use(left, "text"), self.use(right, "text")
        found = f"(isnotempty({filled}) and {a} == {b})"
        return f"not{found}" if negated else found

    def one_of(self, inner: Expr, listed: Expr) -> str:
        """Return the KQL of membership in a list of texts."""
        values = literal_argument(listed)
        wanted = [value for value in values if value] if isinstance(values, tuple) else []
        if not wanted:
            return "false"
        text = self.use(inner, "text")
        if len(wanted) == 1:
            return f"{text} == {literal(wanted[0])}"
        asks = f"in ({', '.join(map(literal, wanted))})"
        if not self.dialect.applies:
            asks = min(asks, f"matches regex {verbatim(one_of_texts(wanted))}", key=len)
        return f"{text} {asks}"

    def definite(self, expr: Expr) -> bool:
        """Say whether the KQL of a condition is never null."""
        match expr:
            case Const():
                return True
            case Op(name="exists" | "in" | "not" | "startswith" | "endswith" | "contains" | "ne"):
                return True
            case Op(name="eq", args=args):
                values = [arg.value for arg in args if isinstance(arg, Const)]
                return not any(isinstance(value, bool) or type(value) is int for value in values)
            case Op(name="all" | "any", args=args):
                return all(map(self.definite, args))
            case Op(name="case"):
                return True
        return False

    def present(self, expr: Expr) -> str:
        """Return the KQL of whether a value is neither null nor empty."""
        match expr:
            case Const(value=value):
                return "false" if value in (None, "") else "true"
            case Op(name="first", args=args):
                if not self.dialect.applies:
                    args = self.joined_members(args)
                    if len(args) == 1:
                        return self.helper("there", self.use(args[0], "json"))
                return "(" + " or ".join(self.use(arg, "present") for arg in args) + ")"
            case Op(name="case", args=args):
                return self.case(args, "present")
            case Op(name="json", args=(inner,)):
                return self.use(inner, "present")
            case Op(name=name) if name in _CONDITIONS:
                return "true"
        kind = self.kind(expr)
        if isinstance(expr, Op) and not self.dialect.applies:
            if expr.name == "lookup" and not self.listed(expr):
                keys = self.lookups[str(literal_argument(expr.args[1]))]
                return f"{atom(self.use(expr.args[0], 'text'))} matches regex {verbatim(one_of_texts(keys))}"
            if expr.name == "regex" and never_empty(*expr.args[1:]):
                pattern = verbatim(patterns.kql(asked(str(literal_argument(expr.args[1])))))
                return f"{atom(self.use(expr.args[0], 'text'))} matches regex {pattern}"
        if kind == "string":
            return f"isnotempty({self.use(expr, 'text')})"
        if kind == "dynamic" and not self.dialect.applies:
            return self.helper("there", self.use(expr, "json"))
        if kind == "dynamic":
            return f"isnotempty(tostring({self.use(expr, 'json')}))"
        wanted: Wanted = {"long": "long", "datetime": "time", "real": "real"}.get(kind, "bool")  # type: ignore[assignment]
        return f"isnotnull({self.use(expr, wanted)})"
