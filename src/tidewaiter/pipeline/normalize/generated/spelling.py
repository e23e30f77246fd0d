"""JSON while it is changed: a number with a fraction keeps the digits that it was written with."""

from __future__ import annotations

import json
import re
from typing import Any

_MARK = "\x00#"
_MARKED = re.compile(r'"(?:\\u0000|\x00)#([-+.0-9eE]+)(?:\\u0000|\x00)#"')
_STRAY = re.compile(r"(?:\\u0000|\x00)#")


def loads(text: str) -> Any:
    """Decode JSON; a number with a fraction becomes a text with marks about it."""
    return json.loads(text, parse_float=lambda digits: f"{_MARK}{digits}{_MARK}")


def dumps(value: Any) -> str:
    """Encode what `loads` gave, numbers still marked."""
    return json.dumps(value, ensure_ascii=False)


def spelt(text: str) -> str:
    """Return JSON with every marked number as it was written, and without marks elsewhere."""
    return _STRAY.sub("", _MARKED.sub(r"\1", text))
