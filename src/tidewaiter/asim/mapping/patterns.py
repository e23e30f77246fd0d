"""The regex dialect of the mapping language: what Python, RE2 (KQL) and Rust (Polars) read alike.

Classes, groups, alternation, repeats (greedy or lazy) and `^ $ . \\d \\w \\s \\b`, all ASCII; `$` is the
very end of the text. What one of the engines lacks or reads differently (look-around, back-references,
flags, named groups, set operations) is refused when a mapping is read, not found out on a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_TOKEN = re.compile(r"\\.|\[\^?|\]|\(\?.?|\(|\)|\{[^}]*\}?|[*+?]{1,2}|.", re.DOTALL)
_REPEAT = re.compile(r"\{\d{1,3}(,\d{0,3})?\}", re.ASCII)
_SPACE = r"\t\n\f\r "
_ASCII = {"d": "0-9", "w": "0-9A-Za-z_", "s": _SPACE}
_ESCAPES = frozenset(r"dDwWsSbB.*+?()[]{}|^$\/-'\"&~#@:,;=!<>%")


def problem(source: str) -> str:
    """Say why a pattern is not of the dialect; "" when it is."""
    before = ""
    for token, inside in _tokens(source):
        reason = "escape it" if token == "]" and before in ("[", "[^") else _refused(token, inside=inside)
        if reason:
            return f"{token!r} is not part of the pattern dialect ({reason})"
        before = token
    try:
        re.compile(source)
    except re.error as error:
        return f"not a pattern: {error}"
    return ""


@lru_cache(maxsize=512)
def compiled(source: str) -> re.Pattern[str]:
    """Compile a pattern for Python."""
    return re.compile("".join(_python(token, inside=inside) for token, inside in _tokens(source)), re.ASCII)


def kql(source: str) -> str:
    """Write a pattern for KQL (RE2), whose classes are written out because newer engines read Unicode's."""
    return "".join(
        _classes(token, inside=inside) if token[0] == "\\" and token[1].lower() in _ASCII else token
        for token, inside in _tokens(source)
    )


def rust(source: str) -> str:
    """Write a pattern for Polars, whose classes would otherwise be Unicode's."""
    return "".join(_rust(token, inside=inside) for token, inside in _tokens(source))


def _tokens(source: str) -> Iterator[tuple[str, bool]]:
    """Yield each token and whether it stands inside a class."""
    inside = False
    at = 0
    while found := _TOKEN.match(source, at):
        token = found[0]
        if inside and len(token) > 1 and token[0] != "\\":
            token = token[0]
        at += len(token)
        yield token, inside
        if token[0] == "[" and not inside:
            inside = True
        elif token == "]":
            inside = False


def _refused(token: str, *, inside: bool) -> str:
    if token[0] == "\\":
        if token[1] not in _ESCAPES:
            return "unknown escape"
        return "write the class out" if inside and token[1] in "DWSbB" else ""
    if inside:
        return "escape it" if token in "[&~" else ""
    if token.startswith("(?"):
        return "" if token == "(?:" else "look-around, flags and named groups differ"
    if token[0] == "{":
        return "" if _REPEAT.fullmatch(token) else "a repeat is {n}, {n,} or {n,m} below 1000"
    return "possessive repeat" if len(token) == 2 and token[1] in "+*" else ""


def _python(token: str, *, inside: bool) -> str:
    if token == "$" and not inside:
        return r"\Z"
    return _classes(token, inside=inside) if token in (r"\s", r"\S") else token


def _rust(token: str, *, inside: bool) -> str:
    if token in (r"\b", r"\B"):
        return f"(?-u:{token})"
    return _classes(token, inside=inside) if token[0] == "\\" and token[1].lower() in _ASCII else token


def _classes(token: str, *, inside: bool) -> str:
    members = _ASCII[token[1].lower()]
    if inside:
        return members
    return f"[^{members}]" if token[1].isupper() else f"[{members}]"
