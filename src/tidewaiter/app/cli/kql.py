"""`tidewaiter kql`: queries over the lab's workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir

app = typer.Typer(help="KQL over the lab's workspace.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def kql() -> None:
    """KQL over the lab's workspace."""


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
    """Run a query and print its rows (with --json one JSON object per row).

    What the local executor cannot run is refused by name, never answered with an empty result.
    """
    from tidewaiter.app.cli.query import print_result, run_query

    text = sys.stdin.read() if query == "-" else query
    print_result(run_query(text, Path(state), now=now, timeout=timeout), json=json)
