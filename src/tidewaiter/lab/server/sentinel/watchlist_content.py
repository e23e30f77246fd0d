"""The items that a client uploads: CSV or TSV with a header, or the values of one item.

Source: Microsoft Sentinel REST API, Watchlists (2025-10-01-preview), and "Manage watchlists in Microsoft
Sentinel" (2025): an upload appends to the items that are there; items equal in every column are kept once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.workspace.watchlists import COLUMNS

MOST_BYTES = 3_800_000
"""Of `rawContent` ("content size below 3.8 MB"); larger files come from Azure Storage."""

_DELIMITERS = {"text/csv": ",", "text/tsv": "\t"}
_LONGEST = 128


def read_content(content: str, content_type: str, skipped: int, search_key: str) -> list[dict[str, str]]:
    """Return the items of a file, each with all its columns.

    Raises:
        ServiceError: 400, the file cannot be read, or has no column for the search key.
    """
    delimiter = _DELIMITERS.get(content_type.lower())
    if delimiter is None:
        raise wrong(f"The contentType '{content_type}' is none of {', '.join(_DELIMITERS)}.")
    if len(content.encode()) > MOST_BYTES:
        raise wrong(f"The rawContent is larger than {MOST_BYTES} bytes.")
    lines = content.removeprefix("\ufeff").splitlines(keepends=True)[skipped:]
    try:
        rows = [
            row for row in csv.reader(io.StringIO("".join(lines)), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise wrong(f"The rawContent cannot be read: {error}.") from None
    if not rows:
        raise wrong("The rawContent has no header.")
    header = [name.strip() for name in rows[0]]
    if len(set(header)) < len(header):
        raise wrong("The header of the rawContent names a column twice.")
    if search_key not in header:
        raise wrong(f"The itemsSearchKey '{search_key}' is no column of the rawContent.")
    longer = next((number for number, row in enumerate(rows[1:], 1) if len(row) > len(header)), None)
    if longer is not None:
        raise wrong(f"Item {longer} of the rawContent has more values than there are columns.")
    return [dict.fromkeys(header, "") | dict(zip(header, row, strict=False)) for row in rows[1:]]


def columns_with(known: Sequence[str], items: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return the columns of a watchlist that gets these items.

    Raises:
        ServiceError: 400, a name that is none, or that the lab cannot tell from another.
    """
    found = tuple(dict.fromkeys([*known, *(name for item in items for name in item)]))
    folded: dict[str, str] = {name.casefold(): name for name in COLUMNS}
    for name in found:
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise wrong(f"{name!r} is no name of a column.")
        other = folded.setdefault(name.casefold(), name)
        if other != name or name in COLUMNS:
            message = f"not locally executable: columns {other} and {name}, which differ in case at most"
            raise ServiceError(400, "NotLocallyExecutable", message)
    return found


def wrong(message: str) -> ServiceError:
    """Return the answer to a watchlist or item that is wrong."""
    return ServiceError(400, "BadRequest", message)
