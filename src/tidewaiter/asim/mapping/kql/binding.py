"""How the values of a record are read in KQL: from the columns of a native table, or of a stream.

A native table's file says how each column is made of the record (`UserIdentityArn: userIdentity.arn`). Read
backwards, it says where a value of the record is found. Where a column is `first(a, b)`, both a and b are
read from it: the row no longer tells which of two forms the record had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, walk
from tidewaiter.asim.mapping.record import RecordType, Shape, attribute
from tidewaiter.core.errors import ContentError
from tidewaiter.core.kql_literals import literal

Kind = Literal["string", "long", "bool", "datetime", "real", "dynamic"]
Path = tuple[str | int, ...]
MADE = " made"
"""First step of the path that stands for an expression which a column holds the value of."""

_KINDS: Mapping[str, Kind] = {
    "string": "string",
    "guid": "string",
    "int": "long",
    "long": "long",
    "real": "real",
    "bool": "bool",
    "datetime": "datetime",
    "dynamic": "dynamic",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """KQL that reads a value. `only` narrows a dynamic that holds that or nothing: text, int or bool.

    `column` is where the value's parts are read from, and `parse` what an `extend` has to put there before;
    `below` says that this is such a part. `filled` says that the value is never null; `native` names the
    column when the value is that column as it stands, `of` the one from which it is made otherwise.
    """

    kql: str
    kind: Kind
    only: str = ""
    column: str = ""
    parse: str = ""
    filled: bool = False
    native: str = ""
    below: bool = False
    of: str = ""


@dataclass(slots=True)
class Binding:
    """Where the record's paths and some whole expressions are found."""

    record: RecordType
    paths: dict[Path, Bound] = field(default_factory=dict)
    made: dict[Expr, Bound] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    known: dict[Expr, Const] = field(default_factory=dict)

    def path(self, path: Path) -> Bound | None:
        """Return how a path is read, None when no column holds it."""
        if path[0] == MADE:
            return self._made_by_key(str(path[1]))
        for length in range(len(path), 0, -1):
            found = self.paths.get(path[:length])
            if found is None:
                continue
            rest = path[length:]
            if not rest:
                return found
            return _below(found, rest, kind_of(self.record, path)) if found.kind == "dynamic" else None
        return None

    def fill(self, column: str) -> None:
        """Note that a column is never null."""
        for known in (self.paths, self.made):
            for key, bound in known.items():
                if bound.native == column:
                    known[key] = replace(bound, filled=True)  # type: ignore[index]

    def canonical(self, path: Path) -> Path:
        """Return the path that stands for all that are read from the same place."""
        bound = self.path(path)
        return path if bound is None else self.places.setdefault(f"{bound.kind}:{bound.kql}", path)

    def marker(self, expr: Expr) -> Field | None:
        """Return the field that stands for an expression which a column holds, None when none does."""
        bound = self.made.get(expr)
        if bound is None:
            return None
        key = f"{bound.kind}:{bound.kql}"
        return Field(self.places.setdefault(key, (MADE, key)))

    def _made_by_key(self, key: str) -> Bound | None:
        return next((b for b in self.made.values() if f"{b.kind}:{b.kql}" == key), None)


def stream_binding(record: RecordType, without: Collection[str] = ()) -> tuple[Binding, dict[str, str]]:
    """Return how a transformation reads a record whose members are a stream's columns, and those columns.

    `without` are members that the stream does not have.

    Raises:
        ContentError: two columns differ in case alone; Azure takes them for one.
    """
    binding = Binding(record)
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for name, kind in record.kinds.items():
        column = attribute(name)
        if name in without:
            continue
        if column.lower() in taken:
            raise ContentError(f"a stream cannot have {column!r} in two spellings")
        taken.add(column.lower())
        columns[column] = {"text": "string", "int": "long", "bool": "bool"}.get(kind, "dynamic")
        bound_kind = _KINDS[columns[column]]
        quoted = quoted_name(column)
        if kind in ("json", "any"):
            binding.paths[(column,)] = Bound(
                quoted, "dynamic", column=f"j_{column}", parse=f"tw_held({quoted})"
            )
        else:
            binding.paths[(column,)] = Bound(quoted, bound_kind, native=column)
    return binding, columns


def native_binding(
    record: RecordType, when: Expr, fields: Mapping[str, Expr], types: Mapping[str, str]
) -> Binding:
    """Return how a function reads a record from the columns of a native table.

    `when` is the condition on the records that the table takes: an expression that must equal a constant is
    one here. `fields` says how each column is made, `types` gives the columns' types in the table.
    """
    binding = Binding(record)
    match when:
        case Op(name="eq", args=(known, Const() as value)):
            binding.known[known] = value
    columns = [(expr, _column(name, types[name], expr)) for name, expr in fields.items()]
    for expr, bound in columns:  # what a column holds as it stands comes before what it holds among others
        _bind(binding, expr, bound)
    _bind_whole(binding)
    others = [(variant, bound) for expr, bound in columns for variant in _variants(expr)]
    others.sort(key=lambda other: other[1].kind != "dynamic")
    for variant, bound in others:
        path = next((node.path for node in walk(variant) if isinstance(node, Field)), ())
        if not any(path[:length] in binding.paths for length in range(1, len(path))):
            _bind(binding, variant, bound)
    return binding


def _column(name: str, type: str, expr: Expr) -> Bound:
    quoted = quoted_name(name)
    kind = _KINDS[type]
    filled = name == "TimeGenerated"
    if kind == "string" and isinstance(expr, Op) and expr.name == "json":
        parse = f"tw_held(parse_json({quoted}))"
        return Bound(f"j_{name}", "dynamic", column=f"j_{name}", parse=parse, native=name)
    if kind == "dynamic":
        return Bound(quoted, kind, column=f"j_{name}", parse=f"tw_held({quoted})", native=name)
    return Bound(quoted, kind, filled=filled, native=name)


def _bind_whole(binding: Binding) -> None:
    """Read what no column holds from the one that holds the whole record, if there is one."""
    whole = binding.record.whole
    place = binding.paths.get((attribute(whole.name),)) if whole else None
    if whole is None or place is None:
        return
    for name, kind in binding.record.kinds.items():
        if name != whole.name:
            binding.paths.setdefault((attribute(name),), _below(place, (whole.list, 0, name), kind))


def _variants(expr: Expr) -> Iterator[Expr]:
    """Yield the expression with each alternative of a `first` in it in the place of that `first`."""
    if not isinstance(expr, Op):
        return
    if expr.name == "first":
        yield from expr.args
        return
    if expr.args:
        for variant in _variants(expr.args[0]):
            yield Op(expr.name, (variant, *expr.args[1:]))


def _bind(binding: Binding, expr: Expr, bound: Bound) -> None:
    """Read one column backwards, where nothing was found for that before."""
    match expr:
        case Field(path=path):
            binding.paths.setdefault(path, bound)
        case Op(name="json", args=(Field(path=path),)):
            binding.paths.setdefault(path, bound)
        case Op(name="time", args=(Field(path=path),)):
            binding.made.setdefault(expr, bound)
            if kind_of(binding.record, path) == "int":
                epoch = f"datetime_diff('second', {bound.kql}, datetime(1970-01-01))"
                binding.paths.setdefault(path, Bound(epoch, "long", of=bound.native))
        case Op(name="int", args=(inner,)):
            binding.made.setdefault(expr, bound)
            digits = Bound(f"tostring({bound.kql})", "string", of=bound.native)
            if isinstance(inner, Field):
                binding.paths.setdefault(inner.path, digits)
            else:
                binding.made.setdefault(inner, digits)
        case Op(name="case", args=(
            Op(name="eq", args=(word, Const(value="true"))), Const(value=True),
            Op(name="eq", args=(other, Const(value="false"))), Const(value=False), Const(value=None),
        )) if word == other:  # fmt: skip
            for node in walk(word):  # a truth, or its word: the column has the truth
                if isinstance(node, Field):
                    binding.paths.setdefault(node.path, bound)
        case Op():
            binding.made.setdefault(expr, bound)


def _below(bound: Bound, rest: Path, only: str) -> Bound:
    base = bound.kql if bound.below else bound.column or bound.kql
    strict = only if only in ("text", "int", "bool") else ""
    return Bound(
        base + "".join(map(_step, rest)),
        "dynamic",
        strict,
        bound.column,
        bound.parse,
        below=True,
        of=bound.native or bound.of,
    )


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = step.isascii() and step.replace("_", "a").isalnum() and step[0].isalpha()
    return f".{step}" if plain and step not in _WORDS else f"[{literal(step)}]"


_KEYWORDS = """
    and as between by contains count extend false filter for from has has_all has_any has_cs in invoke is
    join kind let limit lookup materialize matches not null of on or order parse print project range search
    sort step summarize take to top true type typeof union where with case bool date datetime decimal double
    dynamic guid int long real string time timespan access table title version pattern data declare default
    external fork database cluster consume execute facet find getschema graph hot into like link list macro
    app asc cluster desc make nodes partition policy reduce render resource sample workspace
    scan serialize set show toscalar view
"""
_WORDS = frozenset(_KEYWORDS.split())
"""Words of KQL: as a name after a dot some need brackets, so all get them."""


def quoted_name(name: str) -> str:
    """Return a column's name as KQL refers to it."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if plain and name.lower() not in _WORDS else f"[{literal(name)}]"


def kind_of(record: RecordType, path: Path) -> str:
    """Return what the record's shape says of a path: text, int, bool, or any."""
    originals = {attribute(name): name for name in record.kinds}
    name = originals.get(str(path[0]))
    if name is None:
        return "any"
    if len(path) == 1:
        return record.kinds[name]
    shape: str | Shape = record.shapes.get(name, record.kinds[name])
    for step in path[1:]:
        if isinstance(shape, str) or not isinstance(step, str) or step not in shape:
            return "any"
        shape = shape[step]
    return shape if isinstance(shape, str) else "object"
