"""The last requests for ingestion, refused ones too; the acknowledged ones are also in the ledger."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class IngestionRequest:
    """One request: what was asked and answered. `rows` and `billed` are 0 when it was refused."""

    at: datetime
    request_id: str
    rule: str
    stream: str
    status: int
    code: str = ""
    rows: int = 0
    body_bytes: int = 0
    json_bytes: int = 0
    billed: int = 0


class RequestLog:
    """The last 10,000 requests, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[IngestionRequest] = deque(maxlen=KEPT)

    def add(self, request: IngestionRequest) -> None:
        """Note a request."""
        self._kept.append(request)

    def all(self) -> list[IngestionRequest]:
        """Return what is kept, oldest first."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
