"""Where data comes in: objects are found and recognised, and codecs read their records."""

from __future__ import annotations

from tidewaiter.pipeline.sources.codecs import (
    DEFAULT_LIMITS,
    Digest,
    Limits,
    NonEvent,
    read,
    read_non_event,
)
from tidewaiter.pipeline.sources.folder import Found, Unreadable, Unrecognized, discover

__all__ = [
    "DEFAULT_LIMITS",
    "Digest",
    "Found",
    "Limits",
    "NonEvent",
    "Unreadable",
    "Unrecognized",
    "discover",
    "read",
    "read_non_event",
]
