"""Sentinel's functions over watchlists, which a workspace keeps as tables.

`_GetWatchlist('alias')` has the columns of that watchlist, so it is no function with one schema: it becomes
the table that holds its items. The tables' names have a dot, which keeps them out of `union *`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.kql.results import Schemas
from tidewaiter.kql.text import QueryText
from tidewaiter.kql.tokens import Edit, Token, decoded

FUNCTION = "_GetWatchlist"
ALIASES = "_GetWatchlistAlias"


def table_of(alias: str) -> str:
    """Return the name of the table with a watchlist's items; of '' the one without items or columns."""
    return f"{FUNCTION}.{alias}"


def watchlist_calls(query: QueryText, tokens: Sequence[Token], schemas: Schemas) -> list[Edit]:
    """Return what to write for the calls of these functions; nothing where the workspace has no watchlists.

    An alias that no watchlist has gives an empty table with the columns that every watchlist has, as in
    Sentinel; parsers of ASIM ask for a watchlist that most workspaces do not have.

    Raises:
        NotExecutable: an alias that is no literal, or further arguments.
    """
    if table_of("") not in schemas:
        return []
    edits = []
    for index, token in enumerate(tokens):
        following = [each.kind for each in tokens[index + 1 : index + 4]]
        if token.text == ALIASES and following[:2] == ["OPENPAREN", "CLOSEPAREN"]:
            edits.append(Edit(token.start, tokens[index + 2].end, f"['{table_of(ALIASES)}']"))
        elif token.text == ALIASES:
            edits.append(Edit(token.start, token.end, f"['{table_of(ALIASES)}']"))
        elif token.text == FUNCTION and following == ["OPENPAREN", "STRINGLITERAL", "CLOSEPAREN"]:
            table = _named(decoded(tokens[index + 2].text), schemas)
            edits.append(Edit(token.start, tokens[index + 3].end, f"['{table}']"))
        elif token.text == FUNCTION:
            hint = "write its alias as a string: _GetWatchlist('alias')"
            raise query.refused(f"{FUNCTION} with an alias that is no literal", token.place, hint=hint)
    return edits


def _named(alias: str, schemas: Schemas) -> str:
    """Return the table of the watchlist with that alias; ARM, which made it, does not mind the case."""
    by_folded = {name.casefold(): name for name in schemas if name.startswith(f"{FUNCTION}.")}
    return by_folded.get(table_of(alias).casefold(), table_of(""))
