"""What a query gives does not depend on whether the types of its columns are known when it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.kql import Executor
from tidewaiter.kql.tables import write_tables

COLUMNS = {
    "Id": "long", "S": "string", "D": "dynamic", "N": "long", "I": "int", "B": "bool", "R": "real",
    "T": "datetime", "G": "guid",
}  # fmt: skip
NOTHING: dict[str, object] = dict.fromkeys(COLUMNS)
ROWS = [
    {**NOTHING, "Id": 0},
    {"Id": 1, "S": "a", "D": "a", "N": 5, "I": 5, "B": True, "R": 1.5, "T": "2026-03-04T01:02:03Z", "G": "x"},
    {**NOTHING, "Id": 2, "S": "5", "D": 5, "N": -7, "I": -7, "B": False, "R": 5.0},
    {**NOTHING, "Id": 3, "S": "true", "D": True, "N": 2**40, "R": -0.25},
    {**NOTHING, "Id": 4, "S": '{"a": 1}', "D": {"a": "x", "b": [1, 2.5, None, "5.7"], "c": {"d": False}}},
    {**NOTHING, "Id": 5, "S": "A b", "D": [1, "a", {"b": None}], "N": 0, "I": 0, "R": 0.0},
    {**NOTHING, "Id": 6, "S": " ", "D": "", "N": 2**62},
    {**NOTHING, "Id": 7, "S": "12", "D": 2.75},
]
CALLS = """
    tostring({}) | gettype({}) | isempty({}) | isnotempty({}) | tolong({}) | toint({}) | todouble({})
    strcat({}, "-", {}) | strlen(tostring({})) | bag_pack("k", {}, "n", Id) | pack_array({}) | isnull({})
    coalesce({}, {}) | iif(isempty({}), "none", tostring({})) | tolong(iif(Id > 3, {}, {}))
    case(Id == 1, tostring({}), Id == 2, "two", gettype({}))
"""
TEXTS = """
    {} == "a" | "a" != {} | {} =~ "A" | {} in ("a", "5", "true") | {} !in~ ("A", "TRUE") | {} contains "a"
    {} startswith "t" | {} has "b" | {} !has_cs "A" | {} has_any ("a", "b") | {} matches regex "^[a0-9]"
    tolower({}) | toupper({}) | substring({}, 1, 1) | split({}, " ")[0] | indexof({}, "a") | tobool({})
    {} == tostring(D) | tostring({}) == S | parse_json(tostring({})).a | coalesce(tostring({}), S, "none")
"""
PATHS = """
    tostring(D.a) | gettype(D.b) | D.a == "x" | tolong(D.b[0]) | tolong(D.b[3]) | tobool(D.c.d) | D["b"][1]
    isempty(D.a) | strcat(D.a, D.b, D[0]) | iif(gettype(D) == "string", parse_json(tostring(D)), D)
    toint(1) | toint(2147483647) | strcat("a", 1, true) | coalesce(D.a, D.b) | coalesce(N, I)
"""


def listed(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


EXPRESSIONS = [
    *(call.replace("{}", column) for call in listed(CALLS) for column in ("S", "D", "N")),
    *(call.replace("{}", column) for call in listed(TEXTS) for column in ("S", "D")),
    *listed(PATHS),
]


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("kinds") / "rows.duckdb"
    write_tables(path, {"Rows": COLUMNS}, {"Rows": ROWS})
    with Executor(path, {"Rows": COLUMNS}) as opened:
        yield opened


@pytest.mark.parametrize("start", range(0, len(EXPRESSIONS), 40))
def test_known_types_change_no_answer(executor: Executor, start: int):
    some = EXPRESSIONS[start : start + 40]
    computed = ", ".join(f"c{place} = {each}" for place, each in enumerate(some))
    tail = f"extend {computed} | project-away {', '.join(list(COLUMNS)[1:])} | order by Id asc"
    known = executor.run(f"Rows | {tail}")
    # Behind `distinct` nothing is known: what stands there is written for every type.
    unknown = executor.run(f"Rows | distinct {', '.join(COLUMNS)} | {tail}")
    for place, each in enumerate(some, 1):
        assert [row[place] for row in known.rows] == [row[place] for row in unknown.rows], each
    assert len(known.rows) == len(ROWS)
    assert known.columns == unknown.columns


@pytest.mark.parametrize("condition", [*listed(TEXTS.replace("{}", "S"))[:11], "gettype(D) == 'string'"])
def test_known_types_let_the_same_rows_pass(executor: Executor, condition: str):
    known = executor.run(f"Rows | where {condition} | order by Id asc | project Id")
    unknown = executor.run(f"Rows | distinct * | where {condition} | order by Id asc | project Id")
    assert known.rows == unknown.rows
    assert len(known.rows) < len(ROWS)


def test_what_is_known_makes_a_query_shorter(executor: Executor):
    tail = "extend c = tostring(S), d = gettype(D), e = S == 'a', f = coalesce(S, 'b')"
    known = executor.prepare(f"Rows | {tail}").statement.sql
    unknown = executor.prepare(f"Rows | distinct * | {tail}").statement.sql
    assert len(known) < len(unknown) / 5
