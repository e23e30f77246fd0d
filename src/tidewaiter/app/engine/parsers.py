"""Microsoft's ASIM parsers that would count an event twice, where ASIM and native tables both have it.

The unifying parsers leave out what the watchlist `ASimDisabledParsers` names. For those that are built in,
both columns name a parser behind `Exclude`, without its version (Manage ASIM parsers, Microsoft, read
2026-11). Those that were deployed into a workspace go by names without underscores, and ask under names that
differ from schema to schema (Azure/Azure-Sentinel, Parsers, read 2026-11): `Any` is asked for by all of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from io import StringIO
from uuid import UUID, uuid5

from tidewaiter.content import sources
from tidewaiter.core.permit import Permit
from tidewaiter.core.settings import Destination
from tidewaiter.sentinel import Refused, Sentinel, WatchlistDraft

WATCHLIST = "ASimDisabledParsers"
CONTEXT, PARSER = "CallerContext", "SourceSpecificParser"
_ITEMS = UUID("2f0f5a0e-4f2c-5a0c-9d6b-6b6f1c9f2a11")

Item = tuple[str, str]
"""The context that asks, and the parser that it is to leave out."""


def disabled_parsers(wanted: Mapping[str, Destination]) -> list[Item]:
    """Return what the watchlist has to name for the sources that go into both kinds of tables."""
    both = [spec for name, spec in sources().items() if wanted.get(name) == "both"]
    return list(dict.fromkeys(item for spec in both for pair in spec.file.parsers for item in _items(*pair)))


def render_watchlist(items: Sequence[Item]) -> WatchlistDraft:
    """Return the watchlist with these items, to be made by one call."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([(CONTEXT, PARSER), *items])
    return WatchlistDraft(
        display_name=WATCHLIST,
        items_search_key=CONTEXT,
        source=f"{WATCHLIST}.csv",
        description="ASIM parsers that are left out: their tables have second rows of events",
        raw_content=text.getvalue(),
    )


async def exclude(sentinel: Sentinel, items: Sequence[Item], permit: Permit) -> None:
    """Make sure that the watchlist names the parsers; what it names besides stays.

    Raises:
        Refused, Throttled, Uncertain, Unreachable: the service did not do it.
    """
    if not items:
        return
    try:
        await sentinel.watchlists.get(WATCHLIST)
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        await sentinel.watchlists.put(WATCHLIST, render_watchlist(items), permit=permit)
        return
    there = {
        (item.values.get(CONTEXT), item.values.get(PARSER))
        async for item in sentinel.watchlists.items(WATCHLIST)
    }
    for context, parser in items:
        if (context, parser) not in there:
            name = str(uuid5(_ITEMS, f"{context} {parser}"))
            values = {CONTEXT: context, PARSER: parser}
            await sentinel.watchlists.put_item(WATCHLIST, name, values, permit=permit)


def _items(schema: str, parser: str) -> Iterator[Item]:
    for form in ("_Im", "_ASim"):
        yield f"Exclude{form}_{schema}", f"Exclude{form}_{schema}_{parser}"
    for form in ("vim", "ASim"):
        yield "Any", f"Exclude{form}{schema}{parser}"
