"""The `render` operator, which changes nothing of the rows: what a client is to draw."""

from __future__ import annotations

from tidewaiter.kql import tokens
from tidewaiter.kql.text import QueryText


def rendering(query: str) -> dict[str, str]:
    """Return what the query's `render` says: `visualization` and the properties in its `with (…)`.

    Empty without one. Property names as they are written, values as text.

    Raises:
        QueryError: the text is no KQL.
    """
    found = tokens.lex(QueryText(query))
    starts = [i for i, each in enumerate(found) if each.text == "render" and i and found[i - 1].kind == "BAR"]
    if not starts or starts[-1] + 1 >= len(found):
        return {}
    rest = found[starts[-1] + 1 :]
    properties = {"visualization": rest[0].text}
    for index, token in enumerate(rest[:-1]):
        if token.kind == "EQUAL" and index:
            value = rest[index + 1]
            written = tokens.decoded(value.text) if value.kind == "STRINGLITERAL" else value.text
            properties[rest[index - 1].text] = written
    return properties
