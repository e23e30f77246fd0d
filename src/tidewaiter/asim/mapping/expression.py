"""The mapping language: a small subset of Python's expression syntax, parsed into three node types.

    case(userIdentity.type == 'Root', 'root', first(userIdentity.userName, userIdentity.invokedBy))

A name is a member of the source record, or a `let` of the mapping; a dot or a subscript goes one level
down (`resources[0].ARN`, `requestParameters['x-amz-acl']`). Text stands in quotes, and a backslash in it
is a backslash. The operators and what null and the empty string mean to each are listed in `operators.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidewaiter.asim.mapping.operators import COMPARISONS, OPERATORS, literal_problem
from tidewaiter.core.errors import ContentError, Location


@dataclass(frozen=True, slots=True)
class Field:
    """A path into the source record: member name, then names (object) and indexes (array)."""

    path: tuple[str | int, ...]

    @property
    def member(self) -> str:
        """The top-level member that the path starts at."""
        return str(self.path[0])


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: text, a whole number, true or false, a list of texts (right of `in`), or null."""

    value: str | int | bool | tuple[str, ...] | None

    def __eq__(self, other: object) -> bool:
        """Same type and value: in Python `1 == True`, in the language not."""
        if not isinstance(other, Const):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Op:
    """An operator of `operators.OPERATORS` and its arguments."""

    name: str
    args: tuple[Expr, ...]


Expr = Field | Const | Op
Lets = Mapping[str, Expr]

_COMPARE: dict[type[ast.cmpop], str] = {ast.Eq: "eq", ast.NotEq: "ne", ast.In: "in", ast.NotIn: "not_in"}
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Sub: "sub", ast.Mult: "mul"}


def parse(text: str, *, at: Location | None = None) -> Expr:
    """Parse one expression.

    Raises:
        ContentError: not of the language; `at` is moved to the line and column within `text`.
    """
    try:
        tree = ast.parse(text.strip().replace("\n", " ").replace("\\", "\\\\"), mode="eval")
    except SyntaxError as error:
        raise ContentError(f"not an expression: {text!r} ({error.msg})", at=at) from None
    return _Parser(text, at).expr(tree.body)


class _Parser:
    def __init__(self, text: str, at: Location | None) -> None:
        self.text = text
        self.at = at

    def error(self, message: str, *, hint: str = "") -> ContentError:
        return ContentError(f"{message} in {self.text.strip()!r}", at=self.at, hint=hint)

    def expr(self, node: ast.expr) -> Expr:
        match node:
            case ast.Constant(value=None | str() | bool() | int() as value):
                return Const(value)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return Field(self.path(node))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self.call(name, args)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return self.compare(_COMPARE[type(op)], left, right)
            case ast.BoolOp(op=op, values=values):
                name = "all" if isinstance(op, ast.And) else "any"
                return Op(name, tuple(self.expr(value) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Op("not", (self.expr(operand),))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
                return Const(-value)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return Op(_ARITHMETIC[type(op)], (self.expr(left), self.expr(right)))
        raise self.error(f"{ast.unparse(node)!r} is not part of the mapping language")

    def compare(self, name: str, left: ast.expr, right: ast.expr) -> Expr:
        if name not in {"in", "not_in"}:
            return Op(name, (self.expr(left), self.expr(right)))
        match right:
            case ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
                values = tuple(
                    e.value for e in elts if isinstance(e, ast.Constant) and isinstance(e.value, str)
                )
                if len(values) == len(elts):
                    inside = Op("in", (self.expr(left), Const(values)))
                    return inside if name == "in" else Op("not", (inside,))
        raise self.error("the right side of 'in' is a list of texts", hint="write x in ('a', 'b')")

    def path(self, node: ast.expr) -> tuple[str | int, ...]:
        match node:
            case ast.Name(id=name):
                return (name,)
            case ast.Attribute(value=value, attr=attr):
                return (*self.path(value), attr)
            case ast.Subscript(value=value, slice=ast.Constant(value=str() | int() as key)):
                return (*self.path(value), key)
            case ast.Subscript(
                value=value, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as n))
            ):
                return (*self.path(value), -n)
        raise self.error(f"{ast.unparse(node)!r} is not a path")

    def call(self, name: str, args: list[ast.expr]) -> Expr:
        spec = OPERATORS.get(name)
        if spec is None or name in COMPARISONS:
            known = ", ".join(sorted(set(OPERATORS) - COMPARISONS))
            raise self.error(f"unknown operator {name!r}", hint=f"operators: {known}")
        if not spec.least <= len(args) <= spec.most:
            raise self.error(f"{name} takes {spec.arity}, got {len(args)}")
        parsed = tuple(self.expr(arg) for arg in args)
        literals: dict[int, object] = {}
        for place in (place for place in spec.literal if place < len(parsed)):
            arg = parsed[place]
            if not isinstance(arg, Const):
                raise self.error(f"argument {place + 1} of {name} is a literal")
            literals[place] = arg.value
        if problem := literal_problem(name, literals, len(parsed)):
            raise self.error(problem)
        return Op(name, parsed)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and everything below it."""
    yield expr
    if isinstance(expr, Op):
        for arg in expr.args:
            yield from walk(arg)


def members(expr: Expr) -> frozenset[str]:
    """Return the top-level members that `expr` reads."""
    return frozenset(node.member for node in walk(expr) if isinstance(node, Field))


def lookups(expr: Expr) -> frozenset[str]:
    """Return the names of the tables that `expr` looks up in."""
    looks = (node for node in walk(expr) if isinstance(node, Op) and node.name in ("lookup", "member"))
    return frozenset(str(node.args[1].value) for node in looks if isinstance(node.args[1], Const))


def alternatives(expr: Expr) -> tuple[Expr, ...]:
    """Return what `expr` tries in turn: the arguments of `first`, or itself alone."""
    return expr.args if isinstance(expr, Op) and expr.name == "first" else (expr,)


def looked_into(exprs: Iterable[Expr]) -> tuple[dict[str, set[str | int]], set[str]]:
    """Return the steps taken below each member, and the members that are read as a whole."""
    inside: dict[str, set[str | int]] = {}
    wholes: set[str] = set()
    todo = list(exprs)
    while todo:
        node = todo.pop()
        if isinstance(node, Op) and node.name == "json":
            todo += (part for part in alternatives(node.args[0]) if not _is_member(part))
        elif isinstance(node, Op):
            todo += node.args
        elif isinstance(node, Field) and len(node.path) > 1:
            inside.setdefault(node.member, set()).add(node.path[1])
        elif isinstance(node, Field):
            wholes.add(node.member)
    return inside, wholes


def _is_member(expr: Expr) -> bool:
    return isinstance(expr, Field) and len(expr.path) == 1


def inline(expr: Expr, lets: Lets) -> Expr:
    """Replace every name of a `let` in `expr` by what it stands for (lets are already inlined)."""
    match expr:
        case Field(path=(str() as name,)) if name in lets:
            return lets[name]
        case Op(name=name, args=args):
            return Op(name, tuple(inline(arg, lets) for arg in args))
    return expr
