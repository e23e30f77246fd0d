"""Deterministic event ids for records whose source gives none (DESIGN section 3)."""

from __future__ import annotations

from hashlib import blake2b


def object_prefix(source: str, object_id: str) -> str:
    """Return 16 hex characters that stand for one source object; the same on every run."""
    return blake2b(f"{source}\0{object_id}".encode(), digest_size=8).hexdigest()


def positional_id(prefix: str, position: int) -> str:
    """Return the id of the record at `position` of the object with that prefix."""
    return f"{prefix}-{position}"
