"""A source's mappings compiled to Python: raw JSON records in, JSON rows out, without building dicts.

What makes it fast: members that repeat from record to record (the identity, the call's name, the agent)
are mapped once per distinct value, and the finished pieces of JSON are kept; members that are passed
through are pasted as the bytes they were. The generated source is kept in `CompiledSource.code`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tidewaiter.asim.mapping import operators as meaning
from tidewaiter.asim.mapping import runtime
from tidewaiter.asim.mapping.evaluate import column as value_of_column
from tidewaiter.asim.mapping.evaluate import truth
from tidewaiter.asim.mapping.expression import Expr, Op, looked_into, members
from tidewaiter.asim.mapping.hoist import Hoisted, hoist, kind_of
from tidewaiter.asim.mapping.python_column import write_column
from tidewaiter.asim.mapping.python_text import Scope, local
from tidewaiter.asim.mapping.record import NULL, RecordType, attribute
from tidewaiter.asim.mapping.runtime import InvalidRecord
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec
from tidewaiter.core.billing import billed_size
from tidewaiter.core.errors import ContentError

Row = tuple[int, bytes, bytes, int]
"""Index into `CompiledSource.tables`, the row's columns and AdditionalFields (both JSON objects), and what
the columns are billed with, in bytes (core/billing.py)."""


@dataclass(frozen=True, slots=True)
class CompiledSource:
    """`decode(raw)` gives a typed record (or raises msgspec.ValidationError), `map(record, id)` a row.

    `decode` refuses a record with members beside `members`; `decode_open` passes over them. `objects` are the
    decoders of the members that `map` decodes by itself, by their names in the record.
    """

    tables: tuple[str, ...]
    members: frozenset[str]
    decode: Callable[[bytes | msgspec.Raw], msgspec.Struct]
    decode_open: Callable[[bytes | msgspec.Raw], msgspec.Struct]
    map: Callable[[msgspec.Struct, str], Row]
    objects: Mapping[str, Callable[[bytes], object]]
    code: str


def compile_python(source: SourceMapping) -> CompiledSource:
    """Compile; raises ContentError for a path or column that does not exist."""
    source.check_lookups()
    writer = _Writer(source)
    code = writer.module()
    names = writer.names()
    exec(compile(code, "<tidewaiter mapping>", "exec"), names)
    decode, decode_open = (_decode(source.record, struct) for struct in
                           (source.record.struct, source.record.open_struct))  # fmt: skip
    tables = tuple(route.mapping.table for route in source.routes)
    members = frozenset(source.record.kinds)
    objects = {
        name: msgspec.json.Decoder(struct | None).decode for name, struct in source.record.structs.items()
    }
    return CompiledSource(tables, members, decode, decode_open, names["map_record"], objects, code)


def _decode(
    record: RecordType, struct: type[msgspec.Struct]
) -> Callable[[bytes | msgspec.Raw], msgspec.Struct]:
    """Return the decoder of a record, which also gives it the record itself where the mapping reads that."""
    decode = msgspec.json.Decoder(struct).decode
    whole = record.whole
    if whole is None:
        return decode
    name = attribute(whole.name)

    def with_itself(raw: bytes | msgspec.Raw) -> msgspec.Struct:
        found = decode(raw)
        setattr(found, name, msgspec.Raw(whole.raw(raw)))
        return found

    return with_itself


NOTHING: Mapping[str, str] = {}


class _Writer:
    def __init__(self, source: SourceMapping) -> None:
        self.source = source
        self.repeats = [tuple(attribute(m) for m in group) for group in source.repeats]
        self.joined = len(self.repeats)
        self.repeats += [tuple(attribute(m) for m in source.ticks)] if source.ticks else []
        self.rare = {attribute(m) for m in source.rare}
        self.originals = {attribute(name): name for name in source.record.kinds}
        for name in (*(m for group in source.repeats for m in group), *source.ticks):
            if source.record.kinds.get(name) in (None, "any"):
                raise ContentError(f"{name!r} cannot repeat: no member of a fixed type", hint="make it json")
        self.kinds = {attribute(name): kind for name, kind in source.record.kinds.items()}
        self.decoders: dict[str, Callable[[bytes], object]] = {}
        self.blocks: list[str] = []

    def module(self) -> str:
        """Return the source of the module that defines `map_record(r, event_id)`."""
        for place, route in enumerate(self.source.routes):
            self.mapping(place, route.mapping)
        self.router()
        return "\n\n".join(self.blocks) + "\n"

    def names(self) -> dict[str, Any]:
        """Return the globals of the generated module."""
        functions = {f"_{name}": function for name, function in meaning.FUNCTIONS.items()}
        encode = msgspec.json.Encoder().encode
        return {
            **functions,
            "_text": meaning.text,
            "_equal": runtime.equal,
            "_same_int": runtime.same_int,
            "_octets": runtime.octets,
            "_piece_size": runtime.piece_size,
            "_int_only": runtime.int_only,
            "_held": runtime.held,
            "_real": runtime.real,
            "_dynamic": runtime.dynamic,
            "_dynamic_size": runtime.dynamic_size,
            "_dynamic_of_raw": runtime.dynamic_of_raw,
            "_json_text": runtime.json_text,
            "_text_of_raw": runtime.text_of_raw,
            "_NULL": NULL,
            "_Memo": runtime.Memos().new,
            "_weight": runtime.weight,
            "_lookups": self.source.lookups,
            "_ranks": {name: meaning.ranks(table) for name, table in self.source.lookups.items()},
            "_encode": encode,
            "InvalidRecord": InvalidRecord,
            **self.decoders,
        }

    def group_of(self, deps: frozenset[str]) -> int:
        """Index of the first set of repeating members that holds `deps`; -1 when none does."""
        for place, group in enumerate(self.repeats):
            if deps <= set(group):
                return place
        return -1

    def mapping(self, place: int, mapping: MappingSpec) -> None:
        """Write the group functions and the row function of one mapping."""
        types = self.source.types[mapping.table]
        constants: list[tuple[str, Expr]] = []
        grouped: dict[int, list[tuple[str, Expr]]] = {}
        for column, expr in mapping.columns.items():
            if column not in types:
                raise ContentError(f"{mapping.table} has no column {column!r}")
            deps = members(expr)
            if not deps:
                constants.append((column, expr))
            else:
                grouped.setdefault(self.group_of(deps), []).append((column, expr))
        adds: dict[int, list[str]] = {}
        for member in mapping.additional:
            adds.setdefault(self.group_of(frozenset({attribute(member)})), []).append(attribute(member))
        if place == 0 or self.source.require:
            for expr in self.source.require.values():
                grouped.setdefault(self.group_of(members(expr)), [])
        hoisted: Hoisted = {}
        apart = [
            (column, hoist(expr, self.kinds, self.group_of, self.joined, hoisted))
            for column, expr in grouped.get(-1, [])
        ]
        groups = sorted({*grouped, *adds, *hoisted} - {-1})
        for group in groups:
            named = hoisted.get(group, {})
            self.group(place, group, grouped.get(group, []), adds.get(group, []), types, list(named))
        tail = self.constant_tail(constants, types)
        self.row(place, groups, apart, adds, types, tail, hoisted)

    def constant_tail(self, constants: list[tuple[str, Expr]], types: Mapping[str, str]) -> bytes:
        """JSON of the columns that read nothing of the record, closing the object; empty for none."""
        lookups = self.source.lookups
        known = {name: value_of_column(expr, types[name], {}, lookups) for name, expr in constants}
        values = {name: value for name, value in known.items() if value is not None}
        return msgspec.json.encode(values)[1:] if values else b""

    def group(
        self,
        place: int,
        group: int,
        columns: list[tuple[str, Expr]],
        adds: list[str],
        types: Mapping[str, str],
        hoisted: Sequence[Expr],
    ) -> None:
        """Write `group_<mapping>_<set>(members…) -> (columns, additional, billed, hoisted)` of one set."""
        params = self.repeats[group]
        require = self.required(group)
        exprs = [*(expr for _, expr in (*columns, *require)), *hoisted]
        body, scope = self.opening(place, f"g{group}", params, exprs)
        self.emit_required(scope, require)
        scope.lines.append("c = []; a = []; n = 0")
        for column, expr in columns:
            write_column(scope, column, expr, types[column], "c")
        for member in adds:
            self.emit_additional(scope, member, "a")
        values = "".join(f"{scope.value(expr)}, " for expr in hoisted)
        lines = [*body, *scope.lines, f"return b''.join(c), b''.join(a), n, ({values})"]
        self.blocks.append(_function(f"group_{place}_{group}", ", ".join(map(local, params)), lines))
        self.blocks.append(_memo(f"{place}_{group}"))

    def required(self, group: int) -> list[tuple[str, Expr]]:
        """Return the `require` expressions that belong to one set (-1: those of none)."""
        return [(n, e) for n, e in self.source.require.items() if self.group_of(members(e)) == group]

    def row(
        self,
        place: int,
        groups: list[int],
        columns: list[tuple[str, Expr]],
        adds_of: Mapping[int, list[str]],
        types: Mapping[str, str],
        tail: bytes,
        hoisted: Hoisted,
    ) -> None:
        """Write `map_<mapping>(r, event_id)`, which joins the groups' pieces with the record's own."""
        names = [name for group in groups for name in hoisted.get(group, {}).values()]
        known = {name.member: f"h[{place}]" for place, name in enumerate(names)}
        kinds = {
            name.member: kind_of(expr, self.kinds) for of in hoisted.values() for expr, name in of.items()
        }
        together = [group for group in groups if group < self.joined]
        apart = [group for group in groups if group >= self.joined]
        lines = self.whole(place, together)
        for group in apart:
            lines += self.memo(place, group)
        require = self.required(-1)
        exprs = [expr for _, expr in (*columns, *require)]
        adds = adds_of.get(-1, [])
        read = {m for e in exprs for m in members(e)} - {EVENT_ID, *known}
        params = sorted(read | {m for m in adds if m not in self.rare})
        for m in params:
            lines.append(f"{local(m)} = " + (f"bytes(r.{m})" if self.is_raw(m) and m in read else f"r.{m}"))
        body, scope = self.opening(place, "r", params, exprs, known, kinds)
        scope.lines += ["h = p[3]"] if known else []
        self.emit_required(scope, require)
        scope.lines.append("c = [p[0]" + "".join(f", p{g}[0]" for g in apart) + "]")
        scope.lines.append("a = [p[1]" + "".join(f", p{g}[1]" for g in apart if adds_of.get(g)) + "]")
        billed = billed_size(b"{" + tail) if tail else 0
        scope.lines.append(f"n = {billed} + p[2]" + "".join(f" + p{g}[2]" for g in apart))
        for column, expr in columns:
            write_column(scope, column, expr, types[column], "c")
        for member in adds:
            if member not in self.rare or member in read:
                self.emit_additional(scope, member, "a", fresh=member not in read)
        self.emit_rare(scope, place, [m for m in adds if m in self.rare and m not in read])
        lines += [*body, *scope.lines, f"c.append({tail!r}); a.append(b'}}'); e = b''.join(a)"]
        lines.append("if len(p[1]) == 1: e = b'{' + e[2:] if len(e) > 2 else b'{}'")
        if tail:
            lines.append(f"return {place}, b''.join(c), e, n")
        else:  # no constant closes the row: the last piece ends in a comma
            lines += ["w = b''.join(c)", f"return {place}, w[:-1] + b'}}' if len(w) > 1 else b'{{}}', e, n"]
        self.blocks.append(_function(f"map_{place}", "r, event_id", lines))

    def is_raw(self, member: str) -> bool:
        """Whether a member is left as raw bytes by the record's decoder."""
        return self.source.record.kinds[self.originals[member]] in ("object", "json")

    def whole(self, place: int, groups: Sequence[int]) -> list[str]:
        """Lines that set `p`, the pieces of all sets that repeat together, from one memo.

        On a miss the pieces come from each set's own memo: a known identity in a new call is not mapped
        anew. The memo is keyed by all the sets' members at once, because one look is cheaper than five.
        """
        keys = [member for group in groups for member in self.repeats[group]]
        lines = [line for group in groups for line in self.memo(place, group, fresh=False)]
        columns = "".join(f" + p{group}[0]" for group in groups)
        billed = " + ".join(f"p{group}[2]" for group in groups) or "0"
        adds = " + ".join(f"p{group}[1]" for group in groups) or "b''"
        hoisted = " + ".join(f"p{group}[3]" for group in groups) or "()"
        lines.append(f"a = {adds}")
        lines.append(f"return b'{{'{columns}, b'{{' + a[1:], {billed}, {hoisted}")
        self.blocks.append(_function(f"whole_{place}", ", ".join(map(local, keys)), lines))
        self.blocks.append(_memo(f"whole_{place}"))
        parts = [f"bytes(r.{m})" if self.is_raw(m) else f"r.{m}" for m in keys]
        return [
            f"k = ({', '.join(parts)},)" if parts else "k = ()",
            f"p = known_whole_{place}(k)",
            "if p is None:",
            f"    p = whole_{place}(*k)",
            f"    keep_whole_{place}(k, p, len(p[0]) + len(p[1]))",
        ]

    def memo(self, place: int, group: int, *, fresh: bool = True) -> list[str]:
        """Lines that set `p<group>` from the set's memo, or fill it; `fresh`: from the record `r`."""
        parts = [local(m) for m in self.repeats[group]]
        if fresh:
            parts = [f"bytes(r.{m})" if self.is_raw(m) else f"r.{m}" for m in self.repeats[group]]
        key = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
        call = "k" if len(parts) == 1 else "*k"
        name = f"{place}_{group}"
        return [
            f"k = {key}",
            f"p{group} = known_{name}(k)",
            f"if p{group} is None:",
            f"    p{group} = group_{name}({call})",
            f"    keep_{name}(k, p{group}, len(p{group}[0]) + len(p{group}[1]))",
        ]

    def opening(
        self,
        place: int,
        tag: str,
        params: Sequence[str],
        exprs: list[Expr],
        known: Mapping[str, str] = NOTHING,
        kinds: Mapping[str, str] = NOTHING,
    ) -> tuple[list[str], Scope]:
        """Lines that decode the object and json members which `exprs` look into, and the scope to go on.

        `known` and `kinds`: names in `exprs` that are no members, how they are written, and their types.
        """
        body: list[str] = []
        values = {p: local(p) for p in params} | {EVENT_ID: EVENT_ID} | dict(known)
        inside, wholes = looked_into(exprs)
        dicts = {m for m in wholes if self.source.record.kinds.get(self.originals.get(m, "")) == "json"}
        for member in params:
            if not self.is_raw(member) or (member not in inside and member not in wholes):
                continue
            kind = "any" if member in dicts else self.source.record.kinds[self.originals[member]]
            name = f"_decode_{place}_{tag}_{member}"
            self.decoders[name] = self.decoder(member, kind, inside.get(member, set()))
            values[member] = f"d_{member}"
            raw = local(member)
            body.append(f"d_{member} = None if {raw} == b'null' else {name}({raw})")
        extra = {EVENT_ID: "text"} | dict(kinds)
        return body, Scope(self.source.record, values, exprs, extra=extra, dicts=dicts)

    def decoder(self, member: str, kind: str, inside: set[str | int]) -> Callable[[bytes], object]:
        """Return the decoder of an object member (strict) or json member (lenient: only the names needed)."""
        if kind == "object":
            return msgspec.json.Decoder(self.source.record.structs[self.originals[member]] | None).decode
        if kind == "any" or not all(isinstance(step, str) for step in inside):
            return runtime.decode_any
        return runtime.decoder_of_names(f"{member}_needed", sorted(str(step) for step in inside))

    def emit_required(self, scope: Scope, require: list[tuple[str, Expr]]) -> None:
        """Raise InvalidRecord where a value that the source must have is null or empty."""
        for name, expr in require:
            there = scope.value(Op("exists", (expr,)))
            scope.lines.append(f"if not {there}: raise InvalidRecord({name!r})")

    def emit_additional(self, scope: Scope, member: str, into: str, *, fresh: bool = False) -> None:
        """Append `,"member":value` as it stands in the source, unless it is null.

        `fresh`: the member is still a Raw; most are absent, which is told without copying them.
        """
        key = b"," + msgspec.json.encode(self.originals[member]) + b":"
        raw = local(member)
        if fresh and self.is_raw(member):
            there = f"{raw} is not _NULL and {raw} != _NULL"
            scope.lines.append(f"if {there}: {into} += ({key!r}, {raw})")
        elif self.is_raw(member):
            scope.lines.append(f"if {raw} != b'null': {into} += ({key!r}, {raw})")
        else:
            scope.lines.append(f"if {raw} is not None: {into} += ({key!r}, _encode({raw}))")

    def emit_rare(self, scope: Scope, place: int, adds: Sequence[str]) -> None:
        """Append rare members as `emit_additional` does, after one look that tells that all are absent."""
        if not adds:
            return
        absent = f"absent_{place}"
        values = ", ".join("_NULL" if self.is_raw(m) else "None" for m in adds)
        self.blocks.append(f"{absent} = ({values},)")
        scope.lines.append(f"x = ({', '.join(f'r.{m}' for m in adds)},)")
        scope.lines.append(f"if x != {absent}:")
        scope.lines.append(f"    {', '.join(map(local, adds))}, = x")
        before = len(scope.lines)
        for member in adds:
            self.emit_additional(scope, member, "a", fresh=True)
        scope.lines[before:] = [f"    {line}" for line in scope.lines[before:]]

    def router(self) -> None:
        """Write `map_record`, which picks the mapping by the routes."""
        exprs = [route.when for route in self.source.routes]
        deps = frozenset().union(*(members(expr) for expr in exprs))
        if EVENT_ID in deps:
            raise ContentError(f"a route cannot read {EVENT_ID!r}")
        if not deps and truth(exprs[0], {}, self.source.lookups):  # the one mapping takes every record
            self.blocks.append("map_record = map_0")
            return
        group = self.group_of(deps)
        params = self.repeats[group] if group >= 0 else tuple(sorted(deps))
        body, scope = self.opening(0, "route", params, exprs)
        tests = [f"if {scope.truth(expr)}: return {place}" for place, expr in enumerate(exprs)]
        lines = [*body, *scope.lines, *tests, "raise InvalidRecord('no mapping takes this record')"]
        self.blocks.append(_function("route", ", ".join(map(local, params)), lines))
        targets = "(" + ", ".join(f"map_{place}" for place in range(len(exprs))) + ",)"
        key = ", ".join(f"bytes(r.{p})" if self.is_raw(p) else f"r.{p}" for p in params)
        if group >= 0:
            pick = [f"k = ({key},)", "m = known_route(k)"]
            pick += ["if m is None:", "    m = targets[route(*k)]", "    keep_route(k, m, _weight(k))"]
        else:
            pick = [f"m = targets[route({key})]"]
        self.blocks.append(f"targets = {targets}\n{_memo('route')}")
        self.blocks.append(_function("map_record", "r, event_id", [*pick, "return m(r, event_id)"]))


def _function(name: str, params: str, lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"def {name}({params}):\n{body}"


def _memo(name: str) -> str:
    return f"memo_{name} = _Memo(); known_{name} = memo_{name}.pieces.get; keep_{name} = memo_{name}.keep"


__all__ = ["CompiledSource", "InvalidRecord", "compile_python"]
