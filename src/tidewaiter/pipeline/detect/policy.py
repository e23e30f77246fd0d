"""Policy documents (IAM trust, bucket and session policies) as plain statements.

Grammar: AWS IAM User Guide, "Grammar of the IAM JSON policy language", read 2026-11-22. Element names and
effects are compared without regard to case; what does not fit the grammar is left out, since AWS refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote

import msgspec

from tidewaiter.asim.mapping.operators import Value

LONGEST = 65_536
"""Characters of a policy document that are read; AWS's own limits are a third of it or less."""

_POSITIVE = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})


class Unreadable(ValueError):
    """There is a policy document, but not one that can be read."""


@dataclass(frozen=True, slots=True)
class Principals:
    """Who a statement names: AWS principals (`*`, ids, ARNs), services, federated providers."""

    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `limits` holds what its positive conditions demand, by condition key in lower case.

    `conditional` tells whether there is any condition at all. Actions are in lower case.
    """

    allow: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: Principals
    limits: Mapping[str, tuple[str, ...]]
    conditional: bool

    def covers(self, action: str) -> bool:
        """Whether the statement is about `action` (lower case, such as `sts:assumerole`)."""
        if self.not_actions:
            return not any(fnmatchcase(action, pattern) for pattern in self.not_actions)
        return any(fnmatchcase(action, pattern) for pattern in self.actions)


def statements(document: Value) -> list[Statement]:
    """Read a document: JSON text, URL-encoded JSON text, or the object itself.

    Raises:
        Unreadable: not JSON, not an object, or longer than `LONGEST`.
    """
    body = _fold(_decode(document))
    return [_statement(_fold(item)) for item in _items(body.get("statement")) if isinstance(item, dict)]


def _decode(document: Value) -> dict[str, Value]:
    if isinstance(document, str):
        if len(document) > LONGEST:
            raise Unreadable("the policy document is too long")
        try:
            document = _json(document)
        except Unreadable:
            document = _json(unquote(document))
    if not isinstance(document, dict):
        raise Unreadable("the policy document is not an object")
    return document


def _json(text: str) -> Value:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise Unreadable("the policy document is not JSON") from None


def _statement(body: Mapping[str, Value]) -> Statement:
    named = body.get("principal")
    if body.get("notprincipal") is not None:
        named = "*"  # everyone but those named: for our purpose, everyone
    conditions = body.get("condition")
    return Statement(
        str(body.get("effect")).lower() == "allow",
        tuple(text.lower() for text in _texts(body.get("action"))),
        tuple(text.lower() for text in _texts(body.get("notaction"))),
        tuple(_texts(body.get("resource"))),
        _principals(named),
        _limits(conditions),
        bool(conditions),
    )


def _principals(value: Value) -> Principals:
    if not isinstance(value, dict):
        return Principals(aws=tuple(text for text in _texts(value) if text == "*"))
    kinds = _fold(value)
    return Principals(
        tuple(_texts(kinds.get("aws"))),
        tuple(_texts(kinds.get("service"))),
        tuple(_texts(kinds.get("federated"))),
    )


def _limits(conditions: Value) -> dict[str, tuple[str, ...]]:
    """Keep the conditions that must match for the statement to apply, and demand something.

    `…IfExists` and `ForAllValues:` hold for a request without the key, `…Not…` holds for all but a few, and
    a lone wildcard demands nothing: none of these keeps a stranger out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for operator, keys in (conditions if isinstance(conditions, dict) else {}).items():
        if operator.lower().removeprefix("foranyvalue:") not in _POSITIVE or not isinstance(keys, dict):
            continue
        for key, value in keys.items():
            values = tuple(_texts(value))
            if values and all(text.strip("*?") for text in values):
                found[key.lower()] = values
    return found


def _items(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


def _texts(value: Value) -> Iterator[str]:
    return (item for item in _items(value) if isinstance(item, str))


def _fold(body: Mapping[str, Value]) -> dict[str, Value]:
    return {name.lower(): value for name, value in body.items()}
