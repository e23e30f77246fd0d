"""The text of a transformation made shorter where it must be, meaning the same: names, paths, spaces, calls.

It works on the tokens of KQL that this room wrote itself, and leaves texts as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

_TOKEN = re.compile(
    r"""@"[^"]*" | @'[^']*' | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | \w+ | [=!<>]= | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
_MADE = re.compile(r"tw_\w+|j_\w+|t[0-9]+_*")
"""Names that this room gives: of helpers and tables, of parsed columns, of stages."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALIASES = {"isnotempty": ("tw_filled", "(s:string) { isnotempty(s) }")}
_AROUND = frozenset(",=(){}|<>:;+-*[].") | {"==", "!=", "<=", ">="}


def tight(lets: Sequence[str], lines: Sequence[str], columns: Collection[str], most: int) -> str:
    """Return a query of these statements and lines that has at most `most` characters, if there is one.

    As it stands if it fits; else with short names, a column on each line; else without those ends of lines.
    `columns` are the names of its source, which the first of the lines is.
    """
    plain = "\n".join([*lets, *lines])
    if len(plain) <= most:
        return plain
    definitions = [_tokens(each) for each in lets]
    definitions, body = _aliased(definitions, _hoisted([_tokens(each) for each in lines], columns))
    names = _names([*definitions, *body], columns)
    written = [_renamed(line, names) for line in (*definitions, *body)]
    broken = "\n".join("".join(_broken(line)) for line in written)
    return broken if len(broken) <= most else "\n".join("".join(_spaced(line)) for line in written)


def _tokens(kql: str) -> list[str]:
    return [token for token in _TOKEN.findall(kql) if not token.isspace()]


# Paths: what many of them begin with is read once


def _hoisted(body: list[list[str]], columns: Collection[str]) -> list[list[str]]:
    parsed = {line[i] for line in body for i in range(len(line)) if line[i].startswith("j_")}
    number = 0
    early: list[str] = []
    late: list[str] = []
    while best := _best_path(body, {*columns, *parsed}):
        name = f"tw_path{number}"
        number += 1
        stage = late if best[0] in parsed else early
        stage += [",", name, "=", *best]
        body = [_replaced(line, best, name) for line in body]
    if early:
        at = next((n for n, line in enumerate(body) if line[:2] == ["|", "extend"]), None)
        if at is not None and any(token.startswith("j_") for token in body[at][2:3]):
            body[at] += early
        else:
            body.insert(1, ["|", "extend", *early[1:]])
    if late:
        body.insert(2, ["|", "extend", *late[1:]])
    return body


def _best_path(body: list[list[str]], bases: Collection[str]) -> tuple[str, ...] | None:
    counts: Counter[tuple[str, ...]] = Counter()
    for line in body:
        for path in _paths(line, bases):
            for length in range(3, len(path) + 1):
                if path[length - 1] not in (".", "["):
                    counts[path[:length]] += 1
    best = max(counts, key=lambda path: (_saved(path, counts[path]), path), default=None)
    return best if best is not None and _saved(best, counts[best]) > 0 else None


def _saved(path: tuple[str, ...], uses: int) -> int:
    if path[-1] != "]" and path.count("[") != path.count("]"):
        return 0
    length = 2 + len("".join(path[1:]))
    return uses * (length - 2) - length - 4


def _paths(line: list[str], bases: Collection[str]) -> Iterator[tuple[str, ...]]:
    at = 0
    while at < len(line):
        end = _end(line, at) if line[at] in bases and (at == 0 or line[at - 1] != ".") else at
        if end > at + 1:
            yield tuple(line[at:end])
        at = max(end, at + 1)


def _end(line: list[str], at: int) -> int:
    """Return where a path ends that begins here."""
    at += 1
    while at + 1 < len(line):
        if line[at] == "." and line[at + 1][0].isalpha():
            at += 2
        elif line[at] == "[" and line[at + 2] == "]":
            at += 3
        else:
            break
    return at


def _replaced(line: list[str], path: tuple[str, ...], name: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(line):
        here = tuple(line[at : at + len(path)]) == path and (at == 0 or line[at - 1] != ".")
        found.append(name if here else line[at])
        at += len(path) if here else 1
    return found


# Calls: a long name that is called often gets a short one


def _aliased(definitions: list[list[str]], body: list[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    for name, (short, function) in _ALIASES.items():
        uses = sum(line.count(name) for line in body)
        made = ["let", short, "=", *_tokens(function), ";"]
        if uses * (len(name) - 1) > len("".join(_spaced(made))) - len(short) + 2:
            body = [[short if token == name else token for token in line] for line in body]
            definitions = [*definitions, made]
    return definitions, body


# Names: those used most are the shortest


def _names(lines: list[list[str]], columns: Collection[str]) -> Mapping[str, str]:
    uses = Counter(
        token
        for line in lines
        for before, token in pairwise(("", *line))
        if before != "." and _MADE.fullmatch(token) and token not in columns
    )
    taken = {token.lower() for line in lines for token in line} | {each.lower() for each in columns}
    free = (name for name in _short_names() if name.lower() not in taken)
    return dict(zip(sorted(uses, key=lambda name: (-uses[name], name)), free, strict=False))


def _renamed(line: list[str], names: Mapping[str, str]) -> list[str]:
    """Return a line with its short names; what follows a dot, a member, keeps its own."""
    return [token if before == "." else names.get(token, token) for before, token in pairwise(("", *line))]


def _short_names() -> Iterator[str]:
    yield from _LETTERS.upper()
    for first in _LETTERS.upper():
        for second in "0123456789" + _LETTERS:
            yield first + second


# Spaces: only between words


def _spaced(tokens: Iterable[str]) -> Iterator[str]:
    before = ""
    for token in tokens:
        if before and before not in _AROUND and token not in _AROUND:
            yield " "
        yield token
        before = token


def _broken(tokens: Sequence[str]) -> Iterator[str]:
    """Yield a line's parts with a new line after each column that it makes."""
    depth = 0
    part: list[str] = []
    for token in tokens:
        part.append(token)
        depth += (token in "([{") - (token in ")]}")
        if token == "," and depth == 0:
            yield from _spaced(part)
            yield "\n"
            part = []
    yield from _spaced(part)
