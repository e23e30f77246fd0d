"""Comparisons of strings that cannot use the index, where others could."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidewaiter.kql.lint.findings import Hit, Rule, Subject
from tidewaiter.kql.lint.flow import bare
from tidewaiter.kql.service import Node, walk

_CONTAINS = {
    "ContainsExpression": ("contains", "has"),
    "NotContainsExpression": ("!contains", "!has"),
    "ContainsCsExpression": ("contains_cs", "has_cs"),
    "NotContainsCsExpression": ("!contains_cs", "!has_cs"),
}
_TERM = re.compile(r"[A-Za-z0-9]{3,}(?:[ ._/\\-][A-Za-z0-9]+)*")
"""Text of terms of the index, which are letters and digits, three or more ("String operators", 2025)."""

_PLAIN = re.compile(r"[\w @:/-]+")
_EQUALS = {"EqualExpression": "=~", "NotEqualExpression": "!~"}


def literal(node: Node | None) -> str | None:
    """Return the text of a plain string literal without escapes, or None."""
    if node is None:
        return None
    node = bare(node)
    if node.kind != "StringLiteralExpression":
        return None
    text = node.text.lstrip("hH")
    if not text.startswith("@") and "\\" in text:
        return None
    return text.removeprefix("@")[1:-1]


def _contains(subject: Subject) -> Iterator[Hit]:
    for node in walk(subject.root):
        word, instead = _CONTAINS.get(node.kind, ("", ""))
        text = literal(node.part("Right")) if word else None
        if text is not None and _TERM.fullmatch(text):
            message = f"{word} looks through the text of every row"
            yield node, message, f"if {_quoted(text)} stands as a word of its own: {instead} {_quoted(text)}"


def _regex(subject: Subject) -> Iterator[Hit]:
    for node in walk(subject.root):
        text = literal(node.part("Right")) if node.kind == "MatchesRegexExpression" else None
        instead = _without_regex(text) if text is not None else ""
        if instead:
            yield node, "a regular expression is run on the text of every row", f"write {instead}"


def _without_regex(pattern: str) -> str:
    """Return the operator that does what a simple pattern does, or ''."""
    insensitive = pattern.startswith("(?i)")
    pattern = pattern.removeprefix("(?i)")
    suffix = "" if insensitive else "_cs"
    at_start, at_end = pattern.startswith("^"), pattern.endswith("$")
    body = pattern.removeprefix("^").removesuffix("$")
    if not at_start and not at_end and re.fullmatch(r"\(?[\w @:/-]+(?:\|[\w @:/-]+)+\)?", body):
        words = ", ".join(_quoted(each) for each in body.strip("()").split("|"))
        return f"has_any ({words}), if they stand as words of their own"
    if not at_start:
        body = body.removeprefix(".*")
    if not at_end:
        body = body.removesuffix(".*")
    if not _PLAIN.fullmatch(body):
        return ""
    if at_start and at_end:
        return f"{'=~' if insensitive else '=='} {_quoted(body)}"
    if at_start or at_end:
        return f"{'startswith' if at_start else 'endswith'}{suffix} {_quoted(body)}"
    return f"contains{suffix} {_quoted(body)}, or has{suffix} if it stands as a word of its own"


def _folded(subject: Subject) -> Iterator[Hit]:
    for node in walk(subject.root):
        if node.kind not in _EQUALS:
            continue
        call, other = node.part("Left"), literal(node.part("Right"))
        if call is None or other is None or call.kind != "FunctionCallExpression":
            continue
        name, arguments = call.part("Name"), call.part("ArgumentList")
        if (
            name is None
            or name.name not in ("tolower", "toupper")
            or arguments is None
            or not arguments.children
        ):
            continue
        column = subject.text(arguments.children[0])
        message = f"{name.name}() is computed for every row before it is compared"
        yield node, message, f"compare without case: {column} {_EQUALS[node.kind]} {_quoted(other)}"


def _quoted(text: str) -> str:
    return f"@'{text}'" if "\\" in text else f"'{text}'"


CONTAINS = Rule(
    "contains-for-has",
    "suggestion",
    "has looks a word up in the index of terms (letters and digits, three or more); contains reads the "
    "text of every row. They differ where the word is a part of a longer one: contains 'admin' also finds "
    "'administrator'.",
    _contains,
)
REGEX = Rule(
    "regex-for-string",
    "suggestion",
    "A regular expression is run on every row. The string operators give the same answer for a plain "
    "text, its beginning or its end, and cost less.",
    _regex,
)
FOLDED = Rule(
    "folded-compare",
    "suggestion",
    "=~ compares without case by itself, and can use the index; a computed value cannot.",
    _folded,
)
