"""Looks at a query token by token, before it is parsed: what must not run is refused here, by name.

Tokens come from the lexer of duckdb-kql (Microsoft's Kql.g4), so that text in strings and comments never
counts. String literals are decoded by Kusto's rules here, because the library knows only some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from antlr4 import InputStream  # type: ignore[import-untyped]
from duckdb_kql._antlr.KqlLexer import KqlLexer

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.text import Place, QueryText, did_you_mean

MAX_TOKENS = 20_000
"""Parsing costs about 0.3 ms per token; a query beyond this is refused instead of hanging."""

RUNS = frozenset(
    {
        "where", "filter", "project", "project-away", "project-rename", "extend", "summarize", "distinct",
        "top", "sort", "order", "take", "limit", "count", "join", "lookup", "union", "mv-expand", "mvexpand",
        "parse", "parse-where", "getschema", "render", "invoke", "mv-apply", "partition", "project-keep",
        "project-reorder", "sample-distinct", "serialize", "as", "make-series", "evaluate", "sample",
    }
)  # fmt: skip
"""Tabular operators that the executor runs, as they stand after a pipe."""

REFUSED = frozenset(
    {
        "assert-schema", "consume", "facet", "find", "fork", "graph-mark-components",
        "graph-match", "graph-merge", "graph-shortest-paths", "graph-to-table", "graph-where-edges",
        "graph-where-nodes", "macro-expand", "make-graph", "parse-kv",
        "project-by-names", "project-smart", "reduce", "scan", "search", "top-hitters",
        "top-nested",
    }
)  # fmt: skip
"""Tabular operators that Kusto knows and the executor does not run ("Tabular operators", 2026-11)."""

PLUGINS = frozenset({"bag_unpack", "ipv4_lookup", "pivot"})
"""Plugins of `evaluate` that run."""

_ONE_WORKSPACE = "the local lab holds one workspace: write the table's name alone"
_NOTHING_OUTSIDE = "a query reads the lab's tables and nothing outside them"
PLACES = {
    **dict.fromkeys(("cluster", "database", "workspace", "app", "adx", "arg", "resource"), _ONE_WORKSPACE),
    **dict.fromkeys(
        ("externaldata", "external_data", "external_table", "inline_externaldata"), _NOTHING_OUTSIDE
    ),
    **dict.fromkeys(("materialized_view", "stored_query_result"), "write the table's name alone"),
}
"""Names that, when called, lead out of the lab's own tables (DESIGN section 14)."""

_LIBRARY_ESCAPES = frozenset("nrt\\'\"")
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))", re.DOTALL
)
_FENCES = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class Token:
    """A token that counts (no white space, no comment); `start` and `end` are character offsets."""

    kind: str
    text: str
    start: int
    end: int
    line: int
    column: int

    @property
    def place(self) -> Place:
        """Line and column, both from 1."""
        return self.line, self.column


def lex(query: QueryText) -> list[Token]:
    """Split a query into tokens.

    Raises:
        QueryError: a character or string that KQL does not know; an empty or overlong query.
    """
    if any("\ud800" <= char <= "\udfff" for char in query.text):
        raise QueryError("the query is not valid Unicode text: it holds a lone surrogate")
    tokens, wrong = _lexed(query.text)
    if wrong is not None:
        raise _unreadable(query, wrong)
    if not tokens:
        raise query.misread("the query is empty", None)
    if len(tokens) > MAX_TOKENS:
        raise query.misread(f"the query has {len(tokens):,} tokens; the limit is {MAX_TOKENS:,}", None)
    return list(tokens)


@lru_cache(maxsize=100)
def _lexed(text: str) -> tuple[tuple[Token, ...], Place | None]:
    """Return the tokens of a text and where it is wrong; functions of a workspace come by again and again."""
    listener = _FirstError()
    lexer = KqlLexer(InputStream(text))
    lexer.removeErrorListeners()
    lexer.addErrorListener(listener)
    tokens = []
    for found in lexer.getAllTokens():
        if found.channel != 0:
            continue
        kind = lexer.symbolicNames[found.type]
        if kind in ("WHITESPACE", "COMMENT"):
            continue
        tokens.append(Token(kind, found.text, found.start, found.stop + 1, found.line, found.column + 1))
    return tuple(tokens), listener.place


class _FirstError:
    """An ANTLR error listener that keeps the place of the first error."""

    def __init__(self) -> None:
        self.place: Place | None = None

    def syntaxError(self, _lexer: Any, _symbol: Any, line: int, column: int, _msg: str, _e: Any) -> None:  # noqa: N802
        if self.place is None:
            self.place = (line, column + 1)


def _unreadable(query: QueryText, place: Place) -> QueryError:
    rest = query.text[query.offset(place) :]
    if rest[:1] in "\"'@hH":
        return query.misread("a string that does not end, or with an escape that KQL does not know", place)
    return query.misread(f"KQL does not know the character {rest[:1]!r}", place)


def refuse(query: QueryText, tokens: list[Token]) -> None:
    """Refuse what must not run or cannot run, as far as tokens show it.

    Raises:
        NotExecutable: management commands, `evaluate`, `externaldata`, other clusters, databases or
            workspaces, operators out of the executor's reach, decimals, assignment to several names.
        QueryError: an operator after a pipe that KQL does not know.
    """
    if tokens[0].kind == "DOT":
        name = "." + (tokens[1].text if len(tokens) > 1 else "")
        raise query.refused(name, tokens[0].place, hint="management commands are not run, only queries")
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.kind == "BAR":
            _check_operator(query, tokens, index)
        elif following is not None and following.kind == "OPENPAREN" and token.text.lower() in PLACES:
            hint = PLACES[token.text.lower()]
            raise query.refused(token.text, token.place, hint=hint)
        elif token.text in REFUSED and "-" in token.text:
            raise query.refused(token.text, token.place)
        elif token.kind == "DECIMALLITERAL":
            raise query.refused("decimal", token.place, hint="use real()")
        elif token.text == "evaluate" and _starts_a_query(tokens, index):
            raise _plugin(query, tokens, index)
        elif token.text == "*" and _opens_a_schema(tokens, index):
            raise query.refused("evaluate with * in its output schema", token.place, hint="name the columns")
        elif token.kind == "EQUAL" and _closes_a_tuple(tokens, index - 1):
            raise query.refused("assignment to several names", token.place, hint="assign one name at a time")


def _check_operator(query: QueryText, tokens: list[Token], bar: int) -> None:
    if bar + 1 == len(tokens):
        raise query.misread("no operator after '|'", tokens[bar].place)
    first = tokens[bar + 1]
    name = _operator_name(tokens, bar + 1)
    if name == "evaluate" and _plugin_name(tokens, bar + 1) not in PLUGINS:
        raise _plugin(query, tokens, bar + 1)
    if name in RUNS:
        return
    if name in REFUSED:
        raise query.refused(name, first.place)
    hint = did_you_mean(name, RUNS | REFUSED)
    raise query.misread(f"KQL has no operator '{name}'", first.place, hint=hint)


def _operator_name(tokens: list[Token], index: int) -> str:
    """Join tokens that touch: an operator that the lexer does not know comes in pieces."""
    name, end = tokens[index].text, tokens[index].end
    for token in tokens[index + 1 :]:
        if token.start != end or not (token.text == "-" or name.endswith("-")):
            break
        name, end = name + token.text, token.end
    return name


def _plugin_name(tokens: list[Token], index: int) -> str:
    """Return the name that is called behind `evaluate`, whatever hints stand before it."""
    opening = next((at for at in range(index, len(tokens)) if tokens[at].kind == "OPENPAREN"), index + 1)
    return tokens[opening - 1].text if opening > index + 1 else ""


def _plugin(query: QueryText, tokens: list[Token], index: int) -> QueryError:
    construct = f"evaluate {_plugin_name(tokens, index)}".rstrip()
    return query.refused(construct, tokens[index].place, hint="this plugin is not run locally")


def _starts_a_query(tokens: list[Token], index: int) -> bool:
    before = tokens[index - 1].kind if index else "SEMICOLON"
    if before not in ("SEMICOLON", "OPENPAREN", "EQUAL", "OPENBRACE"):
        return False
    return [token.kind for token in tokens[index + 1 : index + 3]] == ["IDENTIFIER", "OPENPAREN"]


def _opens_a_schema(tokens: list[Token], index: int) -> bool:
    """Say whether `plugin(…) : (` stands before a token."""
    before = [token.kind for token in tokens[max(0, index - 3) : index]]
    return before == ["CLOSEPAREN", "COLON", "OPENPAREN"]


def _closes_a_tuple(tokens: list[Token], index: int) -> bool:
    """Say whether the tokens up to `index` read `(name, name, …)`."""
    if index < 0 or tokens[index].kind != "CLOSEPAREN":
        return False
    expects_name = True
    for token in reversed(tokens[:index]):
        if token.kind == "OPENPAREN":
            return not expects_name
        if (token.kind == "COMMA") is expects_name:
            return False
        expects_name = not expects_name
    return False


@dataclass(frozen=True, slots=True)
class Canonical:
    """A query whose string literals the library decodes as Kusto does, and the way back to the original."""

    original: QueryText
    text: str
    splices: tuple[tuple[int, int], ...] = ()
    """(end offset in `text`, offset there minus offset in the original), in order."""

    def original_place(self, line: int, column: int) -> Place:
        """Return the place in the original for a place (from 1, 1) in `text`."""
        offset = QueryText(self.text).offset((line, column))
        shift = 0
        for end, delta in self.splices:
            if end > offset:
                break
            shift = delta
        return self.original.place(max(offset - shift, 0))


@dataclass(frozen=True, slots=True)
class Edit:
    """What the library is to read instead of the text from `start` to `end` (character offsets)."""

    start: int
    end: int
    written: str


def legacy_paths(tokens: list[Token]) -> list[Edit]:
    """Return what to write for `Data.[0]`, an older way to write `Data[0]`: nothing for the dot."""
    return [
        Edit(a.start, a.end, "") for a, b in pairwise(tokens) if a.kind == "DOT" and b.kind == "OPENBRACKET"
    ]


SERIALIZED = "tidewaiter serialized"
"""A column that stands for none: the grammar wants one behind `serialize`, where Kusto does not."""


def bare_serialize(tokens: list[Token]) -> list[Edit]:
    """Return what to write for a `serialize` without columns."""
    ends = {"BAR", "CLOSEPAREN", "SEMICOLON", "CLOSEBRACE"}
    following = [*(token.kind for token in tokens[1:]), "SEMICOLON"]
    bare = [t for t, after in zip(tokens, following, strict=True) if t.text == "serialize" and after in ends]
    return [Edit(t.end, t.end, f" ['{SERIALIZED}'] = 0") for t in bare]


TABLE = "tidewaiter_table"
"""What the library reads for `table`, which its grammar keeps for another purpose."""


def table_calls(tokens: list[Token]) -> list[Edit]:
    """Return what to write for the name of `table(…)`."""
    return [
        Edit(a.start, a.end, TABLE)
        for a, b in pairwise(tokens)
        if a.text == "table" and b.kind == "OPENPAREN"
    ]


def named_series(tokens: list[Token]) -> list[Edit]:
    """Return what to write for the first name of `make-series n = sum(x)`, which could be a parameter's."""
    return [
        Edit(name.start, name.end, f"['{name.text}']")
        for operator, name, equal in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if operator.text == "make-series" and equal.kind == "EQUAL" and name.text.isidentifier()
        if name.text not in ("kind", "hint")
    ]


def canonical(query: QueryText, tokens: list[Token], edits: Iterable[Edit] = ()) -> Canonical:
    """Rewrite what the library would read wrongly: `edits`, and the string literals outside them.

    The library knows neither `\\u`, `\\x`, octal and the rarer escapes, nor h"…" (obfuscated) and fenced
    strings; it would keep their letters as text.
    """
    edits = list(edits)
    strings = [
        Edit(token.start, token.end, _encode(decoded(token.text)))
        for token in tokens
        if token.kind == "STRINGLITERAL" and _misread(token.text)
    ]
    apart = [each for each in strings if not any(e.start <= each.start < e.end for e in edits)]
    parts: list[str] = []
    splices: list[tuple[int, int]] = []
    position = length = 0
    for edit in sorted([*edits, *apart], key=lambda edit: edit.start):
        kept = query.text[position : edit.start]
        parts += (kept, edit.written)
        length += len(kept) + len(edit.written)
        position = edit.end
        splices.append((length, length - position))
    parts.append(query.text[position:])
    return Canonical(query, "".join(parts), tuple(splices))


def _misread(text: str) -> bool:
    if text.startswith(_FENCES) or text[0] in "hH":
        return True
    if text.startswith("@"):
        return False
    return any(escape[1] not in _LIBRARY_ESCAPES for escape in _escapes(text))


def _escapes(text: str) -> Iterator[str]:
    return (match.group() for match in _ESCAPE.finditer(text))


def decoded(text: str) -> str:
    """Return the value of a string literal (Kusto docs "The string data type", 2026-11)."""
    if text.startswith(_FENCES):
        return text[3:-3]
    text = text.lstrip("hH")
    if text.startswith("@"):
        return text[2:-1].replace(text[1] * 2, text[1])
    return _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    short, long, byte, octal, other = match.groups()
    if other is not None:
        return _SIMPLE_ESCAPES.get(other, other)
    code = int(octal, 8) if octal else int(short or long or byte, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return chr(code)


def _encode(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
