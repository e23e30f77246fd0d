"""OData's `$filter` and `$orderby` on resources as they are shown, as far as incidents take them.

Source: OData 4.01 URL conventions, 5.1.1 (OASIS, 2020): comparison, `and`, `or`, `not`, parentheses, `in`,
`contains`, `startswith`, `endswith`, `tolower`, `toupper`, and `any` over a list. Text is compared without
regard to case, as the service does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

Shown = Mapping[str, object]
Predicate = Callable[[Shown], bool]
_Value = Callable[[Shown], object]
T = TypeVar("T")

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w/]*)|(?P<sign>[(),:]))"
)
_DEPTH = 50


class BadExpression(ValueError):
    """An expression that is none, or uses what is not known here."""


def predicate(text: str) -> Predicate:
    """Return the condition that a `$filter` states.

    Raises:
        BadExpression: it cannot be read.
    """
    parser = _Parser(text)
    found = parser.either()
    parser.end()
    return found


def ordered(items: Sequence[T], text: str, show: Callable[[T], Shown]) -> list[T]:
    """Return items in the order of an `$orderby`: paths, each with `asc` or `desc`; what is absent is first.

    Raises:
        BadExpression: it cannot be read.
    """
    result = list(items)
    for part in reversed(text.split(",")):
        words = part.split()
        if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
            raise BadExpression(f"'{part.strip()}' is no path with asc or desc")
        path = words[0]
        result.sort(key=lambda item: _rank(_at(show(item), path)), reverse=words[-1].lower() == "desc")
    return result


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._depth = 0

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise BadExpression(f"'{self._tokens[self._place][1]}' stands where an end was expected")

    def either(self) -> Predicate:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEPTH:
            raise BadExpression("it is nested too deeply")
        try:
            if self._take("not"):
                inner = self._one()
                return lambda item: not inner(item)
            if self._take("("):
                inner = self.either()
                self._expect(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Predicate:
        kind, word = self._peek()
        if kind == "name" and word.lower() in _TESTS and self._peek(1)[1] == "(":
            return self._test(word.lower())
        if kind == "name" and word.lower().endswith("/any") and self._peek(1)[1] == "(":
            return self._any(word[: -len("/any")])
        left = self._value()
        kind, word = self._next()
        if word.lower() == "in":
            return self._among(left)
        compare = _COMPARISONS.get(word.lower())
        if compare is None:
            raise BadExpression(f"'{word}' is no comparison")
        right = self._value()
        return lambda item: compare(_folded(left(item)), _folded(right(item)))

    def _test(self, name: str) -> Predicate:
        test = _TESTS[name]
        self._next()
        self._expect("(")
        left = self._value()
        self._expect(",")
        right = self._value()
        self._expect(")")
        return lambda item: test(_text(left(item)), _text(right(item)))

    def _any(self, path: str) -> Predicate:
        self._next()
        self._expect("(")
        _, variable = self._next()
        self._expect(":")
        inner = self.either()
        self._expect(")")

        def holds(item: Shown) -> bool:
            members = _at(item, path)
            several = members if isinstance(members, list | tuple) else ()
            return any(inner({**item, variable: each}) for each in several)

        return holds

    def _among(self, left: _Value) -> Predicate:
        self._expect("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        return lambda item: _folded(left(item)) in [_folded(value(item)) for value in values]

    def _value(self) -> _Value:
        kind, word = self._next()
        if kind == "text":
            text = word[1:-1].replace("''", "'")
            return lambda _: text
        if kind == "time":
            return lambda _: word
        if kind == "number":
            number = float(word)
            return lambda _: number
        if kind != "name":
            raise BadExpression(f"'{word}' is no value")
        if word.lower() in _CONSTANTS:
            constant = _CONSTANTS[word.lower()]
            return lambda _: constant
        if word.lower() in ("tolower", "toupper") and self._take("("):
            inner = self._value()
            self._expect(")")
            return inner  # case makes no difference here
        return lambda item: _at(item, word)

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end":
            raise BadExpression("it ends too early")
        self._place += 1
        return token

    def _take(self, word: str) -> bool:
        kind, found = self._peek()
        if kind != "text" and found.lower() == word:
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise BadExpression(f"'{word}' is missing before '{self._peek()[1]}'")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise BadExpression(f"'{text[place : place + 20]}' cannot be read")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return found


def _at(item: object, path: str) -> object:
    for name in path.split("/"):
        if not isinstance(item, Mapping):
            return None
        found = next((each for each in item if str(each).lower() == name.lower()), None)
        item = item[found] if found is not None else None
    return item


def _text(value: object) -> str:
    return "" if value is None else str(value).lower()


def _folded(value: object) -> object:
    """Return a value that compares: times as such, numbers as float, text without case."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return _time(value) or value.lower()
    return str(value)


def _time(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        at = datetime.fromisoformat(text[:26] + "+00:00" if re.search(r"\.\d{7}Z$", text) else text)
    except ValueError:
        return None
    return at if at.tzinfo else datetime.fromisoformat(f"{text}T00:00:00+00:00")


def _compare(compare: Callable[[object, object], bool]) -> Callable[[object, object], bool]:
    def safe(left: object, right: object) -> bool:
        return type(left) is type(right) and compare(left, right)

    return safe


def _rank(value: object) -> tuple[int, str, float, str]:
    folded = _folded(value)
    if folded is None:
        return 0, "", 0.0, ""
    if isinstance(folded, datetime):
        return 1, "time", folded.timestamp(), ""
    if isinstance(folded, float):
        return 1, "number", folded, ""
    return 1, "text", 0.0, str(folded)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda left, right: right in left,
    "startswith": lambda left, right: left.startswith(right),
    "endswith": lambda left, right: left.endswith(right),
}
_COMPARISONS: Mapping[str, Callable[[object, object], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": _compare(lambda left, right: left > right),  # type: ignore[operator]
    "ge": _compare(lambda left, right: left >= right),  # type: ignore[operator]
    "lt": _compare(lambda left, right: left < right),  # type: ignore[operator]
    "le": _compare(lambda left, right: left <= right),  # type: ignore[operator]
}
_CONSTANTS: Mapping[str, object] = {"null": None, "true": True, "false": False}
