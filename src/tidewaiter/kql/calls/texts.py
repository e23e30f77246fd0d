"""Strings and times (their pages in the Kusto documentation, 2026-11)."""

from __future__ import annotations

from duckdb_kql.translate.functions import term_match_sql

from tidewaiter.kql.calls.forms import Form, form, value_of

_ENCODED_PLUS = "error('url_decode() of a text with + is not run locally')"


def _string_size(text: str) -> str:
    return f"strlen(coalesce(CAST({text} AS VARCHAR), ''))"


def _has_any_index(text: str, wanted: str) -> str:
    """The place, from 0, of the first element that the text has as a term; -1 for none."""
    terms = f"list_transform(json_extract(to_json({wanted}), '$[*]'), lambda _t: coalesce(_t ->> '$', ''))"
    found = f"list_transform({terms}, lambda _t: {term_match_sql(text, '_t')})"
    place = f"CAST(coalesce(list_position({found}, true), 0) - 1 AS BIGINT)"
    return f"CASE WHEN json_type(to_json({wanted})) = 'ARRAY' THEN {place} END"


def _strcmp(left: str, right: str) -> str:
    return f"CASE WHEN {left} < {right} THEN CAST(-1 AS BIGINT) WHEN {left} > {right} THEN 1 ELSE 0 END"


def _url_decode(text: str) -> str:
    return f"CASE WHEN contains({text}, '+') THEN {_ENCODED_PLUS} ELSE url_decode({text}) END"


def _translate(letters: str, others: str, text: str) -> str:
    """Each letter of the first text becomes the one in its place in the second, which must be as long."""
    refusal = "error('translate() of letters to fewer or more letters is not run locally')"
    done = f"translate({text}, {letters}, {others})"
    return f"CASE WHEN length({letters}) = length({others}) THEN {done} ELSE {refusal} END"


def _unix(scale: int) -> object:
    def body(value: str) -> str:
        micros = f"CAST(trunc(CAST({value} AS DOUBLE) * {1_000_000 / scale!r}) AS BIGINT)"
        whole = f"CAST({value} AS BIGINT) * {1_000_000 // scale}" if scale <= 1_000_000 else micros
        exact = f"CASE WHEN typeof({value}) IN ('BIGINT', 'INTEGER') THEN {whole} ELSE {micros} END"
        return f"make_timestamp({exact})"

    return body


def _parse_urlquery(text: str) -> str:
    """A bag with the bag `Query Parameters`; of a repeated name the last value counts."""
    parts = f"list_filter(str_split(regexp_replace({text}, '^\\?', ''), '&'), lambda _s: _s <> '')"
    pairs = (
        f"list_transform({parts}, lambda _s: "
        "{'k': CASE WHEN contains(_s, '=') THEN split_part(_s, '=', 1) ELSE _s END, "
        "'v': CASE WHEN contains(_s, '=') THEN substr(_s, position('=' IN _s) + 1) ELSE '' END})"
    )
    listed = (
        "array_to_string(list_transform(list_filter(_q, lambda _x, _i: "
        "NOT list_contains(list_transform(list_slice(_q, _i + 1, len(_q)), lambda _y: _y.k), _x.k)), "
        "lambda _x: CAST(to_json(_x.k) AS VARCHAR) || ':' || CAST(to_json(_x.v) AS VARCHAR)), ',')"
    )
    return value_of(pairs, "_q", f"""CAST('{{"Query Parameters":{{' || {listed} || '}}}}' AS JSON)""")


TEXTS: dict[str, Form] = {
    each.name: each
    for each in (
        form("string_size", _string_size),
        form("has_any_index", _has_any_index, 2),
        form("strcmp", _strcmp, 2),
        form("translate", _translate, 3),
        form("url_decode", _url_decode),
        form("url_encode_component", lambda text: f"url_encode({text})"),
        form("unixtime_seconds_todatetime", _unix(1)),  # type: ignore[arg-type]
        form("unixtime_milliseconds_todatetime", _unix(1_000)),  # type: ignore[arg-type]
        form("unixtime_microseconds_todatetime", _unix(1_000_000)),  # type: ignore[arg-type]
    )
}
