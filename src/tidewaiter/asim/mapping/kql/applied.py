"""What looks at the elements of a value: `mv-apply`, which no transformation has.

An empty list, and what is no list or bag, gets one element that is nothing: without an element `mv-apply`
would drop the row.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.core.kql_literals import literal


def member(name: str, bag: str, ranks: str) -> Iterator[str]:
    """Yield the operators that give `name` the text in a bag whose key has the lowest rank."""
    keys = f'iif(gettype({bag}) == "dictionary", array_concat(bag_keys({bag}), dynamic([""])), dynamic([""]))'
    yield f"""mv-apply tw_key = {keys} to typeof(string) on (
    extend tw_rank = toint({ranks}[tw_key]), tw_member = {bag}[tw_key]
    | where isnotnull(tw_rank) and gettype(tw_member) == "string" and isnotempty(tostring(tw_member))
    | summarize arg_min(tw_rank, tw_member))"""
    yield f"extend {name} = tostring(tw_member)"
    yield "project-away tw_rank, tw_member"


def texts_joined(name: str, value: str, key: str, wanted: str, values: str) -> Iterator[str]:
    """Yield the operators that give `name` the texts of a list's first object whose `key` is `wanted`."""
    yield f"extend tw_list = {value}"
    yield f"""mv-apply with_itemindex=tw_at tw_item = {_elements("tw_list")} on (
    where tostring(tw_item[{literal(key)}]) == {literal(wanted)}
    | summarize arg_min(tw_at, tw_item))"""
    yield f"extend tw_list = tw_item[{literal(values)}]"
    one = f'iif(gettype(tw_list) == "string", pack_array(tw_list), {_elements("tw_list")})'
    yield f"""mv-apply tw_text = {one} on (
    where gettype(tw_text) == "string" and isnotempty(tostring(tw_text))
    | summarize tw_texts = make_list(tostring(tw_text)))"""
    yield f'extend {name} = strcat_array(tw_texts, ", ")'
    yield "project-away tw_list, tw_at, tw_item, tw_texts"


def _elements(value: str) -> str:
    return f'iif(gettype({value}) == "array" and array_length({value}) > 0, {value}, dynamic([{{}}]))'
