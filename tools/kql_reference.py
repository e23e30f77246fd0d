# ruff: noqa: E501  (lines of the page)
"""Writes docs/reference/kql.md: what the local executor runs, and what it refuses by name.

python tools/kql_reference.py

The lists come from the executor's own registries; tests/docs/test_kql_page.py fails when the page is old.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tidewaiter.kql import dialect, tokens

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "kql.md"

KNOWN_REFUSED = (
    "buildschema", "current_principal", "datetime_local_to_utc", "datetime_utc_to_local",
    "geo_distance_2points", "geo_info_from_ip_address", "hash", "hll", "ipv6_compare",
    "ipv6_is_in_any_range", "ipv6_is_in_range", "ipv6_is_match", "new_guid", "parse_command_line", "parse_path",
    "parse_urlquery", "parse_user_agent", "parse_version", "parse_xml", "percentilew", "rand", "row_rank_dense",
    "row_rank_min", "row_window_session", "series_decompose_anomalies", "series_stats", "tdigest",
    "treepath", "unicode_codepoints_from_string",
)  # fmt: skip
"""Functions that queries often call and that are refused; a test holds that they are."""

_HEAD = """\
# KQL that runs locally

`tidewaiter kql run`, the lab's query API and the lab's rules run KQL on an embedded DuckDB. What they run
answers as Kusto documents it; what they cannot run is refused by name, with its place in the query:

```text
query:3:3: not locally executable: make-series
```

A refused query is never an empty answer. Nothing of a query leaves the lab: no file, no network, no other
workspace.
"""

_NOTES = """\
## Where Kusto leaves room, and what is done here

- `ResultType == 0` on a column of strings compares with the text `"0"`; Microsoft's language service takes such
  a comparison for `==`, `!=` and `in` only, and so does this.
- A string is never null: outer joins, unions, and aggregates of no rows give `""`.
- `mv-expand` of an empty array gives no row, of null one row. `mv-apply` runs its subquery on each record that
  `mv-expand` would keep, so that `summarize` without `by` has a row also where `where` has dropped all elements.
- `row_number()`, `prev()`, `next()` and `row_cumsum()` need rows in an order: behind `sort`, `top`, `serialize`
  or `range`. Their forms with a restart are refused.
- `bin()` of a datetime counts from 0001-01-01, so that bins of 7 days begin on Mondays.
- `dcount()` counts exactly, where Kusto estimates. `make_set()` sorts its elements.
- `take`, `take_any()`, `sample` and `sample-distinct` give any rows, the same ones each time.
- `make-series` takes `from … to … step …` on a time or a number; `in range(…)` and `kind=nonempty` are refused,
  and so is `series_decompose_anomalies()`.
- Of the plugins, `evaluate` runs `bag_unpack`, `pivot` and `ipv4_lookup`. The first two ask the rows for their
  columns, so that a rule has to give the output schema (`evaluate bag_unpack(x) : (Name: string)`). What they make
  stands in the order of names; the documentation leaves the order open. A `pivot` calls the column of an empty value `Column1`.
- `table()` takes a string, or a `let` or a parameter that is one.
- A function that a query declares may give a table (`let f = (n: long) { T | where … }; f(3)`) or take one
  (`let f = (T: (*)) { … }; f(T)`). The argument is a table's name or a query in parentheses.
- `column_ifexists()` takes a literal name, or a `let` of one.
- A timespan or a datetime keeps microseconds; a literal of 100 ns is refused.
- `ingestion_time()`, and the column `_TimeReceived` where a query names it, are the time at which the lab took a
  row in. Rows that no request brought (those of a run with a lab of its own) came when they happened, on the
  stream's clock: their TimeGenerated. Behind `summarize`, `distinct` and the like it is null.
"""


def render() -> str:
    """Return the page."""
    dialect.install()
    places = sorted(tokens.PLACES)
    return "\n".join(
        [
            _HEAD,
            "## Operators\n",
            _listed(tokens.RUNS),
            "\n`join` has the kinds innerunique (the default), inner, leftouter, rightouter, fullouter, leftsemi,",
            "rightsemi, leftanti and rightanti; `lookup` leftouter and inner; `union` `kind=`, `withsource=`,",
            "`isfuzzy=true` and wildcards; `parse` and `parse-where` the kinds simple, relaxed and regex.\n",
            "A query may begin with a table, `print`, `range`, `datatable`, `union`, or a query in parentheses.\n",
            "Refused by name:\n",
            _listed(tokens.REFUSED),
            "\nand what leads out of the workspace:\n",
            _listed(f"{name}()" for name in places),
            "\n## Functions\n",
            _listed(f"{name}()" for name in sorted(dialect.scalars() | dialect.REWRITTEN)),
            "\n## Aggregates\n",
            _listed(f"{name}()" for name in sorted(dialect.aggregates() | {"percentiles"})),
            "\n## Often asked for, and refused\n",
            _listed(f"{name}()" for name in KNOWN_REFUSED),
            "",
            _NOTES,
        ]
    )


def _listed(names: Iterable[str]) -> str:
    lines, line = [], ""
    for name in sorted(names):
        part = f"`{name}`"
        if line and len(line) + len(part) + 2 > 108:
            lines.append(line + ",")
            line = ""
        line = f"{line}, {part}" if line else part
    return "\n".join([*lines, line])


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
