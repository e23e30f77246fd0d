"""Expressions as Python source text: one `Scope` per generated function.

A scope hands out local variables: each path into the record, and each operator that is used more than
once, is computed once. Everything else is written inline, so that `case` stays lazy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tidewaiter.asim.mapping import operators as meaning
from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, alternatives, lookups, members, walk
from tidewaiter.asim.mapping.record import RecordType, Shape, attribute
from tidewaiter.core.errors import ContentError


def local(member: str) -> str:
    """Return the variable that holds a member in generated code; no other name there begins so."""
    return f"m_{member}"


class Scope:
    """Local variables and statements of one generated function.

    `values[member]` is the Python expression that holds a top-level member: its value for scalars, its
    decoded struct (or None) for objects, its struct of needed names (or None) for json members; for those
    named in `dicts`, the whole decoded value. Raw bytes, for `json()`, are in `local(member)`. `extra` gives
    the type of names that are no members.
    """

    def __init__(
        self,
        record: RecordType,
        values: Mapping[str, str],
        exprs: Iterable[Expr],
        *,
        extra: Mapping[str, str] | None = None,
        dicts: Iterable[str] = (),
    ) -> None:
        self.record = record
        self.values = values
        self.extra = extra or {}
        self.dicts = frozenset(dicts)
        self.lines: list[str] = []
        self.tried = 0
        self._locals: dict[Expr, str] = {}
        self._texts: dict[Expr, str] = {}
        self._paths: dict[tuple[str | int, ...], tuple[str, str]] = {}
        self._opened: dict[str, str] = {}
        uses = Counter(node for expr in exprs for node in walk(expr) if isinstance(node, Op))
        self._shared = {node for node, count in uses.items() if count > 1}

    def value(self, expr: Expr) -> str:
        """Python text whose value is that of `expr`."""
        if isinstance(expr, Const):
            return repr(expr.value)
        if isinstance(expr, Field):
            return self._path(expr.path)[0]
        if not members(expr) and not lookups(expr):
            return repr(evaluate(expr, {}, {}))
        if expr in self._locals:
            return self._locals[expr]
        written = self._op(expr)
        if expr in self._shared:
            written = self.assign(written)
            self._locals[expr] = written
        return written

    def pieces(self, expr: Expr, prefix: bytes) -> str | None:
        """Python text of ready JSON for a `case` whose values are all literals; None for any other."""
        if isinstance(expr, Const) and (expr.value is None or isinstance(expr.value, str)):
            return repr(prefix + msgspec.json.encode(expr.value) + b"," if expr.value else b"")
        if not (isinstance(expr, Op) and expr.name == "case"):
            return None
        leaves = [self.pieces(arg, prefix) for arg in (*expr.args[1::2], expr.args[-1])]
        if any(leaf is None for leaf in leaves):
            return None
        written = str(leaves[-1])
        for cond, leaf in reversed(list(zip(expr.args[:-1:2], leaves, strict=False))):
            written = f"({leaf} if {self.truth(cond)} else {written})"
        return written

    def text(self, expr: Expr) -> str:
        """Python text whose value is `expr` read as text."""
        if isinstance(expr, Const):
            return repr(meaning.text(expr.value))
        if self.kind(expr) in ("text", "time"):
            return self.value(expr)
        if not isinstance(expr, Field):
            return f"_text({self.value(expr)})"
        if expr not in self._texts:
            value = self.value(expr)
            self._texts[expr] = self.assign(f"{value} if type({value}) is str else _text({value})")
        return self._texts[expr]

    def kind(self, expr: Expr) -> str:
        """Static type: text, int, bool, time, json or any."""
        if isinstance(expr, Const):
            return {str: "text", int: "int", bool: "bool"}.get(type(expr.value), "text")
        if isinstance(expr, Field):
            return self._path(expr.path)[1]
        if expr.name in ("first", "case"):
            branches = expr.args if expr.name == "first" else (*expr.args[1::2], expr.args[-1])
            kinds = {self.kind(arg) for arg in branches if not (isinstance(arg, Const) and arg.value is None)}
            kinds = {"text" if kind == "time" else kind for kind in kinds} if len(kinds) > 1 else kinds
            return kinds.pop() if len(kinds) == 1 else "any"
        return meaning.OPERATORS[expr.name].result

    def assign(self, written: str) -> str:
        """Put a value into a local variable; return its name."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {written}")
        return name

    def _path(self, path: tuple[str | int, ...]) -> tuple[str, str]:
        if path in self._paths:
            return self._paths[path]
        found = self._member(str(path[0])) if len(path) == 1 else self._step(path)
        self._paths[path] = found
        return found

    def _member(self, name: str) -> tuple[str, str]:
        if name in self.extra:
            return self.values[name], self.extra[name]
        kind = {attribute(member): kind for member, kind in self.record.kinds.items()}.get(name)
        if kind is None:
            raise ContentError(f"unknown member or let {name!r}")
        return self.values[name], "any" if name in self.dicts else kind

    def _step(self, path: tuple[str | int, ...]) -> tuple[str, str]:
        shape = self._shape(path[:-1])
        parent, parent_kind = self._path(path[:-1])
        step = path[-1]
        if shape is not None and isinstance(step, str):
            if step not in shape:
                raise ContentError(f"unknown member {'.'.join(map(str, path))!r}")
            below = shape[step]
            written = f"None if {parent} is None else {parent}.{attribute(step)}"
            return self.assign(written), below if isinstance(below, str) else "object"
        if len(path) == 2 and parent_kind == "json" and isinstance(step, str) and path[0] not in self.dicts:
            return self.assign(f"None if {parent} is None else {parent}.{attribute(step)}"), "any"
        if parent_kind not in ("any", "json"):
            raise ContentError(f"{'.'.join(map(str, path[:-1]))!r} has no members")
        if len(path) == 2:
            parent = self._held(parent)
        if isinstance(step, str):
            return self.assign(f"{parent}.get({step!r}) if type({parent}) is dict else None"), "any"
        size = f"-{-step}" if step < 0 else str(step)
        inside = f"len({parent}) > {step}" if step >= 0 else f"len({parent}) >= {-step}"
        return self.assign(f"{parent}[{size}] if type({parent}) is list and {inside} else None"), "any"

    def _held(self, member: str) -> str:
        """Return the name of what a member holds where it is a text that holds JSON, else of its value."""
        if member not in self._opened:
            self._opened[member] = self.assign(f"_held({member}) if type({member}) is str else {member}")
        return self._opened[member]

    def _shape(self, path: tuple[str | int, ...]) -> Shape | None:
        shape: Shape | str | None = {attribute(k): v for k, v in self.record.shapes.items()}
        for step in path:
            if shape is None or isinstance(shape, str) or not isinstance(step, str):
                return None
            shape = shape.get(step)
        return None if isinstance(shape, str) else shape

    def _op(self, expr: Op) -> str:
        args = expr.args
        match expr.name:
            case "case":
                written = self.value(args[-1])
                for cond, then in reversed(list(zip(args[:-1:2], args[1::2], strict=True))):
                    written = f"({self.value(then)} if {self.truth(cond)} else {written})"
                return written
            case "all" | "any" as quantifier:
                word = " and " if quantifier == "all" else " or "
                return "(" + word.join(self.truth(arg) for arg in args) + ")"
            case "not":
                return f"(not {self.truth(args[0])})"
            case "eq":
                return self._equal(args[0], args[1])
            case "ne":
                return f"(not {self._equal(args[0], args[1])})"
            case "first":
                if all(self.kind(arg) in ("text", "time") for arg in args):
                    return "(" + " or ".join(self.value(arg) for arg in args) + " or None)"
                return self._first(args)
            case "exists":
                value = self.value(args[0])
                return f"(not not {value})" if self.kind(args[0]) in ("text", "time") else f"_exists({value})"
            case "json":
                raise ContentError("json() is the whole of a column")
        return self._text_op(expr)

    def json(self, expr: Expr, *, text: bool) -> str:
        """Python text whose value is a column's JSON bytes, or with `text` that JSON as a text; else None.

        A member that is still bytes is not decoded.
        """
        value, raw = ("_json_text", "_text_of_raw") if text else ("_dynamic", "_dynamic_of_raw")
        parts = []
        for part in alternatives(expr):
            if isinstance(part, Field) and len(part.path) == 1 and self.is_raw(part.member):
                parts.append(f"{raw}({local(part.member)})")
            else:
                parts.append(f"{value}({self.value(part)})")
        return "(" + " or ".join(parts) + ")"

    def is_raw(self, member: str) -> bool:
        """Whether a member is left as raw bytes by the record's decoder."""
        kinds = {attribute(name): kind for name, kind in self.record.kinds.items()}
        return kinds.get(member) in ("object", "json")

    def _first(self, args: Sequence[Expr]) -> str:
        """Lazily: a later argument is only looked at when the earlier ones are absent."""
        written = "None"
        for arg in reversed(args):
            self.tried += 1
            name = f"w{self.tried}"
            written = f"({name} if ({name} := {self.value(arg)}) is not None and {name} != '' else {written})"
        return written

    def truth(self, expr: Expr) -> str:
        """Python text that is true exactly when the condition is."""
        if not members(expr) and not lookups(expr):
            return repr(evaluate(expr, {}, {}) is True)
        value = self.value(expr)
        always = isinstance(expr, Op) and expr.name not in ("first", "case", "bit")
        return value if always and self.kind(expr) == "bool" else f"({value} is True)"

    def _equal(self, left: Expr, right: Expr) -> str:
        pairs = ((left, right), (right, left))
        if Const(None) in (left, right):
            return "False"
        for one, other in pairs:
            if isinstance(one, Const) and type(one.value) is bool:
                return f"({self.value(other)} is {one.value})"
            if isinstance(one, Const) and type(one.value) is int:
                return f"_same_int({self.value(other)}, {one.value})"
        for one, other in pairs:
            if isinstance(one, Const):
                return f"({self.text(other)} == {one.value!r})"
        return f"_equal({self.text(left)}, {self.text(right)})"

    def _bind(self, written: str) -> str:
        """Return a name for a value that is used more than once in one expression."""
        return written if written.isidentifier() else self.assign(written)

    def _template(self, args: Sequence[Expr]) -> str:
        names = [self._bind(self.text(arg)) for arg in args[1:]]
        form = args[0]
        pieces = form.value.split("{}") if isinstance(form, Const) and isinstance(form.value, str) else []
        parts = [repr(pieces[0])] if pieces[0] else []
        for name, piece in zip(names, pieces[1:], strict=True):
            parts += [name, repr(piece)] if piece else [name]
        return f"({' + '.join(parts)} if {' and '.join(names)} else None)"

    def _text_op(self, expr: Op) -> str:
        name, args = expr.name, expr.args
        first = self.text(args[0]) if name in meaning.TEXT_ARGUMENTS else self.value(args[0])
        rest = [self.value(arg) for arg in args[1:]]
        match name:
            case "lookup":
                return f"_lookups[{rest[0]}].get({first})"
            case "in":
                return f"({first} in {rest[0]})"
            case "startswith" | "endswith" | "contains" if args[1] == Const(""):
                return f"({first} is not None)"
            case "startswith" | "endswith":
                return f"(({first} or '').{name}({rest[0]}))"
            case "contains":
                return f"({rest[0]} in ({first} or ''))"
            case "member":
                return f"_member({self.value(args[0])}, _ranks[{rest[0]}])"
            case "concat":
                rest = [self.text(arg) for arg in args[1:]]
            case "template":
                return self._template(args)
            case "split" if rest[1] in ("0", "-1"):
                cut, part = ("partition", 0) if rest[1] == "0" else ("rpartition", 2)
                name = self._bind(first)
                return f"(None if {name} is None else {name}.{cut}({rest[0]})[{part}])"
            case "sub" | "mul" | "bit":
                first, *rest = [
                    f"_int_only({value})" if not value.isdigit() else value for value in (first, *rest)
                ]
        return f"_{name}({', '.join((first, *rest))})"
