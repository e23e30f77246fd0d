"""`tidewaiter kql`: queries over the lab's workspace, and a check of queries for any workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.options import DEFAULT_STATE, Config, Json, StateDir

app = typer.Typer(
    help="KQL: run it on the lab's workspace, or check it for any.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def kql() -> None:
    """KQL: run it on the lab's workspace, or check it for any."""


@app.command("run")
def run(
    query: Annotated[str, typer.Argument(help="A KQL query, or - to read it from stdin.")],
    state: StateDir = DEFAULT_STATE,
    json: Json = False,
    now: Annotated[
        str,
        typer.Option(
            "--now", help="What now() and ago() mean: 'stream' (newest row), 'wall', or a UTC time."
        ),
    ] = "stream",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds before the query is given up.")
    ] = 60.0,
) -> None:
    """Run a query and print its rows. A table on a terminal; else, or with --json, one JSON object per row.

    What the local executor cannot run is refused by name, never answered with an empty result.
    """
    from tidewaiter.app.cli.query import print_result, run_query

    text = sys.stdin.read() if query == "-" else query
    print_result(run_query(text, Path(state), now=now, timeout=timeout), json=json or not sys.stdout.isatty())


@app.command("check")
def check(
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...", help="A query, a file, a folder, or - for stdin. Files: .kql, .md, .yaml."
        ),
    ],
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Check against this lab's tables, functions and watchlists alone."),
    ] = None,
    schema: Annotated[
        list[Path] | None,
        typer.Option("--schema", help="JSON with the columns of more tables: {table: {column: type}}."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="Let a construct pass, such as workspace or evaluate; see kql.allow."),
    ] = None,
    cost: Annotated[bool, typer.Option("--cost/--no-cost", help="Look for what costs too much.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Suggestions count for the exit code.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check KQL with Microsoft's own parser, and what it costs. Told, too: what leads out of the workspace.

    Prints path:line:column, severity, rule and what to do (with --json one JSON object per finding). Nothing
    is run. Exit code 3 means errors or warnings.
    """
    from tidewaiter.app.cli import kql_check
    from tidewaiter.core.settings import load

    allowed = kql_check.allowed_names([*load(config).settings.kql.allow, *(allow or ())])
    catalog = kql_check.catalog_of(state, schema or ())
    found = kql_check.given_documents(queries)
    counts = kql_check.run_check(found, catalog, allowed=allowed, cost=cost, json=json)
    kql_check.summarize(counts)
    if kql_check.has_findings(counts, strict=strict):
        raise typer.Exit(3)
