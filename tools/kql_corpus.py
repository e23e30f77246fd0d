"""Measures how many public KQL queries the executor runs, and why the others are refused.

    python tools/kql_corpus.py CORPORA [--part seen|kept|all] [--list REASON] [--json]

CORPORA is a folder with KQL in .kql files, in fences of Markdown, in `query:` of YAML and in JSON lines (the
files are read, and nothing is kept of them). Each query runs twice, on all tables of the schema without rows
and with a few rows. Every third file is kept aside (`kept`), so that nobody tunes to it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from tidewaiter.asim import tables
from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import RECEIVED, Executor, Limits, Schemas

GROUPS = (
    "AWSCloudTrail", "AWSGuardDuty", "AWSVPCFlow", "SigninLogs", "AuditLogs", "AzureActivity",
    "SecurityAlert",
)  # fmt: skip
"""Tables by which the shares are told apart; the first four have a bound (issue 4)."""

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
_SQL_TYPES = {
    "string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "real": "DOUBLE", "bool": "BOOLEAN",
    "datetime": "TIMESTAMP", "dynamic": "JSON", "guid": "VARCHAR",
}  # fmt: skip
_VALUES = {
    "string": ("'203.0.113.7'", """'{"a": [{"b": "x"}], "type": "IAMUser"}'""", "''"),
    "long": ("4", "NULL", "0"),
    "int": ("4", "NULL", "0"),
    "real": ("0.5", "NULL", "0"),
    "bool": ("true", "NULL", "false"),
    "datetime": ("TIMESTAMP '2026-03-17 11:00:00'", "TIMESTAMP '2026-03-16 10:30:00'", "NULL"),
    "dynamic": ("""'{"a": [{"b": "x"}], "c": 1}'""", """'["x", "y"]'""", "NULL"),
    "guid": ("'6f9619ff-8b86-d011-b42d-00cf4fc964ff'", "''", "''"),
}
_NET_TYPES = {
    "System.String": "string", "System.DateTime": "datetime", "System.Int64": "long", "System.Int32": "int",
    "System.Double": "real", "System.SByte": "bool", "System.Boolean": "bool", "System.Object": "dynamic",
    "System.Guid": "string", "Boolean": "bool", "Double": "real",
}  # fmt: skip
_FENCE = re.compile(
    r"^```[ \t]*(?:kql|kusto|KQL|Kusto|C#|csharp|)[ \t]*\n(.*?)^```", re.DOTALL | re.MULTILINE
)
_YAML = re.compile(r"^(\s*)query:\s*(?:[|>]-?[ \t]*\n)?(.*?)(?=^\1?\w[\w ]*:|\Z)", re.DOTALL | re.MULTILINE)
_LOOKS_LIKE_KQL = re.compile(r"^\s*\|\s*[a-z]|^\s*(let|union|search)\b", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A query of the corpus and the file that holds it."""

    file: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """What became of a query: `reason` is '' where it runs."""

    found: Found
    groups: tuple[str, ...]
    reason: str
    message: str = ""


def queries(corpora: Path, part: str) -> Iterator[Found]:
    """Yield the queries of the files of a part, each text once."""
    seen = set[str]()
    files = sorted(
        path for path in corpora.rglob("*") if path.suffix in (".kql", ".md", ".yaml", ".jsonl", "")
    )
    for number, path in enumerate(path for path in files if path.is_file()):
        if part != "all" and (number % 3 == 2) is not (part == "kept"):
            continue
        for text in _texts(path):
            text = text.strip()
            if text and text not in seen:
                seen.add(text)
                yield Found(str(path.relative_to(corpora)), text)


def _texts(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n")
    if path.suffix == ".kql":
        yield from _separate(text)
    elif path.suffix == ".jsonl":
        for line in text.splitlines():
            row = json.loads(line)
            yield str(row.get("baseline") or row.get("query") or "")
    elif path.suffix == ".yaml":
        yield from (
            match.group(2) for match in _YAML.finditer(text) if _LOOKS_LIKE_KQL.search(match.group(2))
        )
    else:
        for match in _FENCE.finditer(text):
            if _LOOKS_LIKE_KQL.search(match.group(1)):
                yield from _separate(match.group(1))


def _separate(text: str) -> Iterator[str]:
    """Split at empty lines where a query ends there, as the portal's editor does."""
    whole: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text):
        code = re.sub(r"(?m)^\s*//.*$", "", block).strip()
        begins = bool(re.match(r"(let\s+\w+\s*=|[A-Za-z_]\w*\s*(\n\s*\||$)|union\b|search\b)", code))
        before = re.sub(r"(?m)(^|\s)//.*$", "", "\n\n".join(whole)).strip()
        if begins and before and not before.endswith((";", "(", ",", "|")) and _balanced(before):
            yield "\n\n".join(whole)
            whole = []
        whole.append(block)
    if re.sub(r"(?m)^\s*//.*$", "", "\n\n".join(whole)).strip():
        yield "\n\n".join(whole)


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")") and text.count("{") == text.count("}")


def schemas(corpora: Path) -> dict[str, dict[str, str]]:
    """Return the product's tables, and those that the corpus describes (the schema files of NL2KQL)."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(corpora.glob("nl2kql/data/schema/*.json")):
        for described in json.loads(path.read_text(encoding="utf-8"))[0]["Tables"]:
            columns = {each["Name"]: _NET_TYPES.get(each["Type"], "string") for each in described["Columns"]}
            found.setdefault(described["Table"], {}).update(columns)
    for columns in found.values():
        if "Timestamp" in columns:  # as Sentinel stores the tables of Defender
            columns["TimeGenerated"] = "datetime"
    found |= {name: {**found.get(name, {}), **table.columns} for name, table in tables().items()}
    return {name: _apart(columns) for name, columns in found.items()}


def _apart(columns: Mapping[str, str]) -> dict[str, str]:
    """Keep one of the columns that differ only in case: DuckDB cannot hold both."""
    folded = {name.casefold(): name for name in columns}
    return {name: columns[name] for name in folded.values()}


def build(path: Path, known: Schemas, *, rows: bool) -> None:
    """Make a workspace with all tables, empty or with a few rows."""
    with duckdb.connect(str(path)) as connection:
        for name, columns in known.items():
            columns = {**columns, RECEIVED: "datetime"}
            listed = ", ".join(f'"{column}" {_SQL_TYPES[kind]}' for column, kind in columns.items())
            connection.execute(f'CREATE TABLE "{name}" ({listed})')
            for number in range(3 if rows else 0):
                values = ", ".join(_VALUES[kind][number] for kind in columns.values())
                connection.execute(f'INSERT INTO "{name}" VALUES ({values})')


def outcomes(corpora: Path, part: str, only: Collection[str] = ()) -> list[Outcome]:
    """Run every query of a part on both workspaces; with `only`, those that name one of these tables."""
    known = schemas(corpora)
    limits = Limits(rows=1000, seconds=20)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "empty.duckdb", Path(folder) / "rows.duckdb"]
        build(paths[0], known, rows=False)
        build(paths[1], known, rows=True)
        empty, filled = (Executor(path, known, received=known) for path in paths)
        with empty, filled:
            chosen = (found for found in queries(corpora, part) if not only or set(only) & _words(found.text))
            return [_outcome(found, (empty, filled), limits) for found in chosen]


def _outcome(found: Found, executors: tuple[Executor, ...], limits: Limits) -> Outcome:
    groups = tuple(name for name in GROUPS if name in _words(found.text))
    try:
        for executor in executors:
            executor.run(found.text, now=NOW, limits=limits)
    except NotExecutable as error:
        return Outcome(found, groups, error.construct, str(error))
    except QueryError as error:
        return Outcome(found, groups, _kind(error), str(error))
    return Outcome(found, groups, "")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", re.sub(r"//.*", "", text)))


def _kind(error: QueryError) -> str:
    first = error.message.splitlines()[0]
    for known in ("unknown table", "unknown column", "syntax error"):
        if first.startswith(known):
            return known
    return f"{type(error).__name__}: {first[:90]}"


def shares(found: list[Outcome]) -> dict[str, dict[str, Any]]:
    """Return, for all queries and by table, how many there are, run, and lack a table of the schema."""
    by_group: Mapping[str, list[Outcome]] = defaultdict(list)
    for each in found:
        for group in ("all", *each.groups):
            by_group[group].append(each)
    return {
        group: {
            "queries": len(each),
            "run": sum(not o.reason for o in each),
            "table_not_in_schema": sum(o.reason == "unknown table" for o in each),
            "no_kql": sum(o.reason == "syntax error" for o in each),
        }
        for group, each in by_group.items()
    }


def main() -> int:
    """Print the shares and the reasons."""
    parser = argparse.ArgumentParser(description="how many public KQL queries the executor runs")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--part", choices=("seen", "kept", "all"), default="seen")
    parser.add_argument("--list", default="", help="show the queries that are refused for this reason")
    parser.add_argument("--group", default="", help="only queries on these tables (A,B)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = outcomes(asked.corpora, asked.part, asked.group.split(",") if asked.group else ())
    if asked.json:
        print(json.dumps(shares(found)))
        return 0
    for each in found:
        if asked.list and each.reason.startswith(asked.list):
            print(f"--- {each.found.file}\n{each.message}\n")
    for group, count in shares(found).items():
        inside = count["queries"] - count["table_not_in_schema"] - count["no_kql"]
        print(
            f"{group:<14} {count['run']:>4} of {count['queries']:>4} run"
            f" = {count['run'] / count['queries']:.1%};"
            f" of those on known tables {count['run'] / max(inside, 1):.1%}"
        )
    for reason, times in Counter(each.reason for each in found if each.reason).most_common(70):
        print(f"{times:>5}  {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
