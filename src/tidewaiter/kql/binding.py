"""Binds a lowered query to the workspace: names are checked as KQL does, and absent strings become ''.

duckdb-kql leaves names to DuckDB, which folds case: `actorusername` would read `ActorUsername`, and
`project-rename x = nosuch` would pass. `absent` has the rest of what would be a wrong answer without a word,
`tabular` the operators that the library lacks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from duckdb_kql import ir
from duckdb_kql.schema import Schema, output_columns
from duckdb_kql.schema import _operator_columns as operator_columns
from duckdb_kql.schema import _source_columns as source_columns

from tidewaiter.kql import dialect, kinds, received
from tidewaiter.kql.absent import Absent, Describe
from tidewaiter.kql.functions import Library, Text
from tidewaiter.kql.names import HIDDEN, Arrived
from tidewaiter.kql.results import Schemas
from tidewaiter.kql.rewriting import Rewriter
from tidewaiter.kql.scope import Scope, replace_queries, walk
from tidewaiter.kql.tabular import nodes, plugins, ranges, rendered, series
from tidewaiter.kql.tabular.lowering import OWN
from tidewaiter.kql.tabular.order import Order
from tidewaiter.kql.tabular.plain import for_each, plain
from tidewaiter.kql.text import Place, QueryText, did_you_mean


@dataclasses.dataclass(frozen=True, slots=True)
class Each:
    """The rows of one record or partition, told apart by `column`; `whole` is the relation with all."""

    column: str
    whole: str = ""


Asking = Callable[[ir.Query, Schema, str], list[tuple[Any, ...]]]


class Binder:
    """Binds one query; `describe` asks DuckDB for types, `is_datetime` whether a literal is readable.

    `arrived` are the tables that know when each of their rows was received; `ask` runs a SELECT on the rows
    of a bound query, which stand in it as {rows}; without it nothing that asks for rows can be bound.
    """

    def __init__(
        self,
        text: Text,
        library: Library,
        describe: Describe,
        is_datetime: Callable[[ir.Literal], bool],
        arrived: Container[str] = (),
        ask: Asking | None = None,
    ) -> None:
        self._ask = ask
        self._arrived = arrived
        self._exposed = received.Exposed(frozenset())
        self._text = text
        self._library = library
        self._describe = describe
        self._absent = Absent(describe)
        self._is_datetime = is_datetime
        self._numbers = count(1)
        self._order = Order()

    def bind(self, query: ir.Query, schemas: Schemas) -> ir.Query:
        """Check every name of `query` and return it with absent strings filled.

        Raises:
            QueryError: an unknown table, column or function; an aggregate outside summarize; a datetime
                literal that is none.
            NotExecutable: another database, a graph, a function or union out of the executor's reach.
        """
        self._exposed = received.Exposed.of(query)
        columns = {name: list(columns) for name, columns in schemas.items()}
        known = {name: kinds.of_table(columns) for name, columns in schemas.items()}
        return self._query_in(query, Scope(columns, known))

    def _query_in(self, query: ir.Query, scope: Scope, *, exposed: bool = False) -> ir.Query:
        """Bind a query; `exposed` lets its rows keep the time at which they were received."""
        lets: list[tuple[str, ir.Query | ir.Expr]] = []
        for name, bound in query.lets:
            if isinstance(bound, ir.Query):
                with self._within(name):
                    bound = self._query_in(bound, scope, exposed=name in self._exposed.names)
                scope = scope.with_let(name, bound)
            lets.append((name, bound))
        query = self._without_missing_branches(query, scope)
        self._check_source(query.source, scope)
        source = self._expressions_of(query.source, [], scope, frozenset())
        source, operators = self._piped(source, query.operators, scope, exposed=exposed)
        return ir.Query(source, operators, lets, query.parameters)

    def _piped(
        self,
        source: ir.Source,
        written: Sequence[ir.Operator],
        scope: Scope,
        each: Each | None = None,
        *,
        exposed: bool = False,
    ) -> tuple[ir.Source, list[ir.Operator]]:
        """Bind the operators behind a source, one after the other; with `each`, for its rows alone."""
        until = received.needed(written, exposed=exposed)
        source = self._with_arrival(source, scope) if until else source
        columns = source_columns(source, scope.columns)
        known = kinds.of_source(source, scope.kinds)
        operators: list[ir.Operator] = []
        ordered = self._order.of_source(source)
        for place, one in enumerate(written, 1):
            ordered = ordered or isinstance(one, nodes.Serialize)
            if HIDDEN in columns and (place > until or not received.carries(one)):
                operators, columns = _without_arrival(operators, columns)
            for operator in self._made_plain(one, ir.Query(source, operators), columns, scope, each):
                head = ir.Query(source, operators)
                operator = self._operator(operator, head, columns, scope, exposed=place < until)
                operator = received.carried(operator) if HIDDEN in columns else operator
                operator = self._order.checked(operator, self._query, ordered=ordered and each is None)
                operator = kinds.written(operator, known)
                if isinstance(operator, ir.Union):
                    head, operator = self._absent.typed_union(head, operator, scope)
                    source, columns = head.source, output_columns(head, scope.columns)
                after = operator_columns(operator, columns, scope.columns)
                fills = self._absent.fills(head, operator, after, scope)
                operators, columns = [*head.operators, operator, *fills], after
                for made in (operator, *fills):
                    known = kinds.after(made, known)
            ordered = self._order.after(one, ordered=ordered)
        if HIDDEN in columns and not exposed:
            operators, _ = _without_arrival(operators, columns)
        return source, operators

    def _with_arrival(self, source: ir.Source, scope: Scope) -> ir.Source:
        """Let a table give the time at which each of its rows was received."""
        if isinstance(source, ir.WildcardTableRef):
            hint = "name the tables"
            raise self._query.refused(f"{received.FUNCTION} of a wildcard", None, hint=hint)
        if not isinstance(source, ir.TableRef) or source.name not in self._arrived:
            return source
        bound = any(name == source.name for name, _ in scope.lets)
        return source if bound else Arrived(source.name)

    # Operators of ours

    def _made_plain(
        self, written: ir.Operator, head: ir.Query, columns: list[str], scope: Scope, each: Each | None
    ) -> Iterator[ir.Operator]:
        """Yield what a written operator means; each is asked for when those before it are bound."""
        if isinstance(written, nodes.MvApply):
            yield self._applied(written, head, columns, scope)
            return
        if isinstance(written, nodes.Partition):
            yield from self._partitioned(written)
            return
        if isinstance(written, nodes.Plugin):
            yield from self._plugged(written, head, columns, scope)
            return
        if isinstance(written, nodes.MakeSeries):
            kind = self._rewriter(head, columns, scope).type_of(written.axis.expr)
            yield from series.series(written, columns, kind, self._query)
            return
        own = [name for name in columns if name != HIDDEN and (each is None or name != each.column)]
        for operator in plain(written, own, self._query, self._unknown_column(own)):
            if each is None:
                yield operator
            else:
                yield from for_each(operator, each.column, each.whole, self._query)

    def _applied(
        self, written: nodes.MvApply, head: ir.Query, columns: list[str], scope: Scope
    ) -> rendered.Applied:
        """Bind `mv-apply`: its columns are those of the record and, in their places or behind, the body's."""
        number = f"mv-apply {next(self._numbers)}"
        elements = f"{number} elements"
        operators: list[ir.Operator] = [*head.operators, rendered.Numbered(number)]
        inner, expand = [*columns, number], list[ir.Operator]()
        for operator in plain(written.expand, columns, self._query, self._unknown_column(columns)):
            before = ir.Query(head.source, [*operators, *expand])
            expand.append(self._operator(operator, before, inner, scope))
            inner = operator_columns(expand[-1], inner, scope.columns)
        within = scope.with_let(elements, ir.Query(head.source, [*operators, *expand]))
        each = Each(number, elements)
        body = ir.Query(*self._piped(ir.TableRef(elements), written.body.operators, within, each))
        made = [name for name in output_columns(body, within.columns) if name != number]
        replaced = _expanded_names(expand)
        listed = [name for name in columns if name in made or name not in replaced]
        listed += [name for name in made if name not in columns]
        return rendered.Applied(
            number, f"{number} rows", elements, tuple(expand), body, tuple(listed), frozenset(made)
        )

    def _plugged(
        self, written: nodes.Plugin, head: ir.Query, columns: list[str], scope: Scope
    ) -> list[ir.Operator]:
        """Return what a plugin means; for its columns the rows before it are looked at."""

        def ask(expression: ir.Expr, sql: str) -> list[tuple[Any, ...]]:
            if self._ask is None:
                hint = "give its output schema: evaluate …(…) : (Name: string)"
                raise self._query.refused(f"evaluate {written.name} in a rule", None, hint=hint)
            named = ir.Project((ir.NamedExpr(expression, "value"),))
            self._expressions_of(named, columns, scope, frozenset())
            query = ir.Query(head.source, [*head.operators, named], [*scope.lets, *head.lets])
            return self._ask(query, scope.columns, sql)

        return plugins.PLUGINS[written.name](written, columns, ask, self._query)

    def _partitioned(self, written: nodes.Partition) -> Iterator[ir.Operator]:
        """Yield the body's operators, each for the rows of one key; the result has the body's columns."""
        key = f"partition {next(self._numbers)}"
        yield ir.Extend((ir.NamedExpr(written.key, key),))
        for one in written.body.operators:
            if isinstance(one, OWN):
                raise self._query.refused("an operator in partition", None)
            yield from for_each(one, key, "", self._query)
        yield ir.ProjectAway((key,))

    @contextmanager
    def _within(self, name: str) -> Iterator[None]:
        """Look for names in a function's text while its body, which is a let `F()#1`, is bound."""
        before = self._text
        self._text = self._library.text_of(name.rpartition("()#")[0]) or before
        try:
            yield
        finally:
            self._text = before

    @property
    def _query(self) -> QueryText:
        return self._text.query

    # Names

    def _check_source(self, source: ir.Source, scope: Scope) -> None:
        if isinstance(source, ir.TableRef | ir.WildcardTableRef) and source.database is not None:
            raise self._query.refused("database()", None, hint="write the table's name alone")
        if isinstance(source, ir.CommandSource | ir.GraphSource):
            raise self._query.refused(type(source).__name__.removesuffix("Source").lower(), None)
        if isinstance(source, ir.TableRef) and source.name not in scope.columns:
            raise self._unknown("table", source.name, scope.columns)

    def _without_missing_branches(self, query: ir.Query, scope: Scope) -> ir.Query:
        """Drop branches of `union isfuzzy=true` whose table does not exist, the first included."""
        fuzzy = (i for i, op in enumerate(query.operators) if isinstance(op, ir.Union) and op.isfuzzy)
        index = next(fuzzy, None)
        if index is None:
            return query
        union = query.operators[index]
        assert isinstance(union, ir.Union)
        head = ir.Query(query.source, query.operators[:index])
        branches = [b for b in (head, *union.branches) if not self._missing_tables(b, scope)]
        if not branches:
            return query
        first, *others = branches
        rest = dataclasses.replace(union, branches=tuple(others))
        operators = [*first.operators, rest, *query.operators[index + 1 :]]
        return ir.Query(first.source, operators, [*query.lets, *first.lets], query.parameters)

    def _missing_tables(self, query: ir.Query, scope: Scope) -> bool:
        known = set(scope.columns) | {name for name, _ in query.lets}
        return any(
            isinstance(node, ir.TableRef) and node.database is None and node.name not in known
            for node in walk(query, into_queries=True)
        )

    def _operator(
        self,
        operator: ir.Operator,
        head: ir.Query,
        columns: list[str],
        scope: Scope,
        *,
        exposed: bool = False,
    ) -> ir.Operator:
        operator = self._rewriter(head, columns, scope).operator(operator)
        aggregates = frozenset[int]()
        if isinstance(operator, ir.Summarize | rendered.SummarizeEach):
            aggregates = frozenset(id(node) for named in operator.aggregates for node in walk(named))
        if not isinstance(operator, rendered.Applied):
            exposed = exposed and isinstance(operator, ir.Union)
            operator = self._expressions_of(operator, columns, scope, aggregates, exposed=exposed)
        for name in _plain_names(operator):
            self._check_column(name, columns)
        if isinstance(operator, ranges.Ipv4Lookup):
            for name in (operator.address, *operator.extra):
                self._check_column(name, columns)
            for name in (operator.network, *operator.extra):
                self._check_column(name, output_columns(operator.table, scope.columns))
        if isinstance(operator, ir.Join | ir.Lookup):
            right = output_columns(operator.right, scope.columns)
            for key in operator.keys:
                self._check_column(key.left, columns)
                self._check_column(key.right, right)
        return operator

    def _rewriter(self, head: ir.Query, columns: list[str], scope: Scope) -> Rewriter:
        def type_of(expression: ir.Expr) -> str:
            named = ir.Project((ir.NamedExpr(expression, "value"),))
            self._expressions_of(named, columns, scope, frozenset())
            query = ir.Query(head.source, [*head.operators, named], [*scope.lets, *head.lets])
            return self._describe(query, scope.columns)["value"]

        inner = ("mv-apply ", "partition ", HIDDEN)
        seen = [name for name in columns if " " not in name or not name.startswith(inner)]
        return Rewriter(seen, type_of, self._query, arrival=HIDDEN in columns)

    def _expressions_of(
        self,
        node: Any,
        columns: list[str],
        scope: Scope,
        aggregates: frozenset[int],
        *,
        exposed: bool = False,
    ) -> Any:
        """Check the names in `node` and bind the queries nested in it."""
        for part in walk(node):
            if isinstance(part, ir.ColumnRef):
                self._check_column(part.name, columns)
            elif isinstance(part, ir.FunctionCall):
                self._check_function(part, aggregate_place=id(part) in aggregates)
            elif isinstance(part, ir.Literal) and part.kind == "datetime" and not self._is_datetime(part):
                hint = "write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ"
                raise self._query.refused(f"datetime({part.value})", None, hint=hint)
        return replace_queries(node, lambda nested: self._query_in(nested, scope, exposed=exposed))

    def _check_column(self, name: str, columns: list[str]) -> None:
        if name not in columns:
            raise self._unknown("column", name, columns)

    def _check_function(self, call: ir.FunctionCall, *, aggregate_place: bool) -> None:
        name, given = call.name, len(call.args)
        if dialect.is_internal(name):
            return
        if name == received.FUNCTION and not given:
            raise self._query.wrong(f"{name}() is of a table's row, and here is none", self._find(name))
        if name in dialect.scalars():
            takes = dialect.arities(name)
            if takes and given not in takes:
                numbers = " or ".join(map(str, takes))
                raise self._query.wrong(f"{name}() takes {numbers} arguments, not {given}", self._find(name))
            return
        if name in dialect.aggregates() and aggregate_place:
            return
        if name in dialect.aggregates():
            message = f"{name}() is an aggregate function: it works in summarize only"
            raise self._query.wrong(message, self._find(name))
        runs = dialect.scalars() | dialect.aggregates()
        # Only a slip of the pen: `hash` must not be answered with `hash_md5`.
        hint = did_you_mean(name, runs, cutoff=0.85)
        if name.lower() in runs:
            raise self._query.wrong(f"unknown function '{name}'", self._find(name), hint=hint)
        raise self._query.refused(name, self._find(name), hint=hint)

    def _unknown_column(self, columns: Sequence[str]) -> Callable[[str], Exception]:
        return lambda name: self._unknown("column", name, columns)

    def _unknown(self, what: str, name: str, known: Sequence[str] | Schema) -> Exception:
        return self._query.wrong(f"unknown {what} '{name}'", self._find(name), hint=did_you_mean(name, known))

    def _find(self, name: str) -> Place | None:
        """Return where `name` first stands as a name of its own; the lowered query has no places."""
        before = ""
        for token in self._text.tokens:
            escaped = before == "OPENBRACKET" and token.kind == "STRINGLITERAL" and token.text[1:-1] == name
            if escaped or (token.text == name and before != "DOT"):
                return token.place
            before = token.kind
        return None


def _without_arrival(
    operators: Sequence[ir.Operator], columns: Sequence[str]
) -> tuple[list[ir.Operator], list[str]]:
    return [*operators, ir.ProjectAway((HIDDEN,))], [name for name in columns if name != HIDDEN]


def _plain_names(operator: ir.Operator) -> tuple[str, ...]:
    """Return input columns that an operator names outside expressions."""
    if isinstance(operator, ir.ProjectAway):
        return operator.columns
    if isinstance(operator, ir.ProjectRename):
        return tuple(old for old, _ in operator.renames)
    if isinstance(operator, ir.MvExpand):
        return tuple(target.column for target in operator.targets)
    return ()


def _expanded_names(expand: Sequence[ir.Operator]) -> frozenset[str]:
    """Return the columns that the elements of `mv-apply` stand in."""
    targets = [t for op in expand if isinstance(op, ir.MvExpand) for t in op.targets]
    return frozenset(target.name or target.column for target in targets)
