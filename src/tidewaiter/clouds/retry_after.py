"""The `Retry-After` header: seconds, or a date."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 3_600.0


def retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Return the seconds to wait, 0 to an hour; None when there is no such header or it makes no sense.

    Source: RFC 9110, section 10.2.3: delay-seconds or an HTTP date.
    """
    text = value.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), MOST)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    wait = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait, 0.0), MOST)
