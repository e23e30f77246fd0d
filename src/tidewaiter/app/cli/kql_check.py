"""`tidewaiter kql check`: which queries, against which tables, and what is printed of them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import emit, output, plain, say
from tidewaiter.app.engine.paths import Paths
from tidewaiter.core.errors import ContentError, Location, QueryError, StateError, UsageError
from tidewaiter.kql.documents import SUFFIXES, Document, documents
from tidewaiter.kql.lint import CONSTRUCTS, Finding
from tidewaiter.kql.lint.files import check_document
from tidewaiter.kql.service import Catalog, standard
from tidewaiter.lab.workspace import Workspace

QUERY = "query"
"""What stands for the path of a query that was given as an argument or on stdin."""

_TYPES = {"bool", "datetime", "decimal", "dynamic", "guid", "int", "long", "real", "string", "timespan"}
_WORDS = {"error": "errors", "warning": "warnings", "suggestion": "suggestions", "note": "notes"}
_STRICT = {"error", "warning", "suggestion"}


def catalog_of(state: Path | None, schemas: Sequence[Path]) -> Catalog:
    """Return the tables and functions to check against: a lab's, or every workspace's, and the given ones.

    Raises:
        StateError: there is no lab. ContentError: a file of schemas is wrong.
    """
    given = {name: columns for path in schemas for name, columns in _schemas(path).items()}
    catalog = standard()
    if state is not None:
        path = Paths(state).workspace
        if not path.is_file():
            hint = f"run `tidewaiter run --from DIR --state {state}` first, or leave --state out"
            raise StateError(f"no workspace at {state}", hint=hint)
        with Workspace.open(path, read_only=True) as workspace:
            catalog = Catalog(
                {name: dict(table.columns) for name, table in workspace.tables().items()},
                dict(workspace.searches.functions),
                catalog.returns,
                {
                    alias: dict.fromkeys(each.columns, "string")
                    for alias, each in workspace.watchlists.items()
                },
                complete=True,
            )
    return replace(catalog, tables={**catalog.tables, **given})


def _schemas(path: Path) -> dict[str, dict[str, str]]:
    """Read {"Table": {"Column": "type"}}."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])
    except msgspec.DecodeError as error:
        hint = 'write {"MyTable_CL": {"TimeGenerated": "datetime", "Name": "string"}}'
        raise ContentError(f"not a file of schemas: {error}", at=Location(str(path)), hint=hint) from None
    for table, columns in found.items():
        for column, kind in columns.items():
            if kind not in _TYPES:
                message = f"{table}.{column} has the unknown type {kind!r}"
                hint = f"types are {', '.join(sorted(_TYPES))}"
                raise ContentError(message, at=Location(str(path)), hint=hint)
    return found


def allowed_names(names: Collection[str]) -> frozenset[str]:
    """Return what may be used, after a look at the names.

    Raises:
        UsageError: a name that allows nothing.
    """
    for name in names:
        if name not in CONSTRUCTS and not name.startswith("evaluate."):
            hint = f"known are {', '.join(CONSTRUCTS)}, and evaluate.NAME for one plugin"
            raise UsageError(f"nothing is allowed by the name {name!r}", hint=hint)
    return frozenset(names)


def given_documents(words: Sequence[str]) -> list[Document]:
    """Return the queries that the arguments mean: `-` for stdin, a file, a folder, or the query itself.

    Raises:
        UsageError: a path that is not there, or without a query in it.
    """
    found: list[Document] = []
    for word in words:
        path = Path(word)
        if word == "-":
            found.append(Document(QUERY, sys.stdin.read()))
        elif _exists(path):
            inside = list(documents(path))
            if not inside:
                hint = f"read are {', '.join(sorted(SUFFIXES))}; of Markdown, fences marked kql or kusto"
                raise UsageError(f"no query in {word}", hint=hint)
            found += inside
        elif path.suffix.lower() in SUFFIXES and "|" not in word:
            raise UsageError(f"no such file: {word}")
        else:
            found.append(Document(QUERY, word))
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a query, which is too long for a path or holds what no path can
        return False


def run_check(
    found: Sequence[Document], catalog: Catalog, *, allowed: Collection[str], cost: bool, json: bool
) -> Counter[str]:
    """Check and print; return how many findings there are of each severity, and the queries as `queries`.

    Tables that are not known are told for a person once, behind all else: they are no fault of the queries.
    """
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    with Bar("checking", unit="queries") as bar:
        advance = bar.counter(len(found))
        for document in found:
            queries, findings = _findings(document, catalog, allowed)
            shown = [each for each in findings if cost or each.kind != "cost"]
            counts["queries"] += queries
            counts.update(each.severity for each in shown)
            if json:
                emit(msgspec.json.encode({"path": document.path, **_members(each)}) + b"\n" for each in shown)
            else:
                unknown.update(document.text[each.start : each.end] for each in shown if _is_strange(each))
                _print(document.path, [each for each in shown if not _is_strange(each)])
            advance(1)
    _say_unknown(unknown)
    return counts


def _is_strange(finding: Finding) -> bool:
    return finding.kind == "unknown" and finding.severity == "note"


def _say_unknown(names: Counter[str]) -> None:
    if names:
        shown = [f"{name} ({count})" if count > 1 else name for name, count in names.most_common(12)]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        say(f"not known here, so their columns were not checked: {', '.join(shown)}{more}")
        say("  next: give their columns with --schema FILE, or take them from a lab with --state DIR")


def _findings(document: Document, catalog: Catalog, allowed: Collection[str]) -> tuple[int, list[Finding]]:
    try:
        return check_document(document, catalog, allowed=allowed)
    except QueryError as error:
        line = document.line + 1
        return 1, [Finding("syntax", "unreadable", "error", error.message, error.hint, 0, 0, line, 1)]


def _print(path: str, findings: Sequence[Finding]) -> None:
    console = output()
    for line in _lines(path, findings):
        console.print(line, soft_wrap=True)


def _members(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.line,
        "column": finding.column,
        "length": finding.end - finding.start,
        "severity": finding.severity,
        "kind": finding.kind,
        "rule": finding.rule,
        "message": finding.message,
        "hint": finding.hint,
    }


def _lines(path: str, findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings:
        yield plain(f"{path}:{each.line}:{each.column}: {each.severity} {each.rule}: {each.message}")
        if each.hint:
            yield plain(f"    {each.hint}")


def summarize(counts: Counter[str]) -> None:
    """Say in one line what was found."""
    queries = counts["queries"]
    told = ", ".join(
        f"{counts[name]:,} {name if counts[name] == 1 else many}"
        for name, many in _WORDS.items()
        if counts[name]
    )
    say(f"{queries:,} {'query' if queries == 1 else 'queries'}: {told or 'nothing to say'}")


def has_findings(counts: Counter[str], *, strict: bool) -> bool:
    """Say whether the exit code is 3: errors or warnings; with `strict` suggestions, too."""
    return any(counts[name] for name in (_STRICT if strict else ("error", "warning")))
