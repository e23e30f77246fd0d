"""The parts of a translated query's nodes: how a tree is rebuilt where a part has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


def with_parts(node: Any, visit: Callable[[Any], Any]) -> Any:
    """Return a node with its parts as `visit` returns them; the node itself when none has changed."""
    if isinstance(node, tuple):
        items = tuple(visit(item) for item in node)
        return items if any(a is not b for a, b in zip(items, node, strict=True)) else node
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        return node
    changes = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if (new := visit(value)) is not value:
            changes[field.name] = new
    return dataclasses.replace(node, **changes) if changes else node
