"""Sentences with places, filled from a record whose texts are hostile."""

from __future__ import annotations

import unicodedata

from tidewaiter.asim.mapping import operators
from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.content.detection_specs import Statement
from tidewaiter.pipeline.detect.scope import Scope

LONGEST = 160
"""Characters that one value may take in a sentence."""
_UNKNOWN = "(unknown)"


def fill(statement: Statement, scope: Scope) -> str:
    """Return the sentence; a place without a value reads `(unknown)`."""
    parts = []
    for part in statement.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            parts.append(clean(operators.text(evaluate(part, scope, {}))) or _UNKNOWN)
    return "".join(parts)


def clean(value: str | None, longest: int = LONGEST) -> str:
    """One line of visible characters: control, format and line-breaking characters become spaces."""
    if not value:
        return ""
    shown = value[: 4 * longest]
    plain = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in shown)
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest and len(value) == len(shown) else f"{plain[: longest - 1]}…"
