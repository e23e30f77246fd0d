"""What could not be read, and the records set aside because of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "unreadable",  # the file cannot be opened or read
    "truncated",  # the object ends in the middle of a record or of its gzip stream
    "corrupt",  # the gzip stream is damaged
    "over_limit",  # decompresses to more than the limit; read up to it
    "encoding",  # not UTF-8
    "malformed",  # a record that is not valid JSON or text of its format
    "wrong_type",  # a record with a member of the wrong type
    "too_deep",  # a record nested deeper than the decoder allows
    "invalid",  # a record that lacks what its source must have (a time, a name)
    "unknown_format",  # the object was taken for this source by its path, its content is not
]

OBJECT_FAULTS: frozenset[FaultKind] = frozenset(
    {"unreadable", "truncated", "corrupt", "over_limit", "encoding", "unknown_format"}
)
"""Kinds that mean input is missing from the result; `run` ends with exit code 5 on any of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in one source object, with what to do about it.

    `position` is the record's index in the object (JSON) or its line number (text), from 0; -1 when
    the fault is of the object as a whole.
    """

    object_id: str
    kind: FaultKind
    message: str
    hint: str = ""
    position: int = -1


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One record set aside, with its bytes as they were: nothing is thrown away."""

    object_id: str
    position: int
    kind: FaultKind
    reason: str
    raw: bytes
