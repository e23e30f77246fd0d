"""The root command, and what every command shares: errors with a next step become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidewaiter import __version__
from tidewaiter.app.cli.demo import demo
from tidewaiter.app.cli.incidents import incidents
from tidewaiter.app.cli.kql import app as kql
from tidewaiter.app.cli.lab import app as lab
from tidewaiter.app.cli.mapping import app as mapping
from tidewaiter.app.cli.normalize import normalize
from tidewaiter.app.cli.run import run
from tidewaiter.app.cli.terminal import say
from tidewaiter.core.errors import ContentErrors, TidewaiterError

app = typer.Typer(
    name="tidewaiter",
    help="The AI layer between AWS logs and Microsoft Sentinel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo)
app.command("run")(run)
app.command("normalize")(normalize)
app.command("incidents")(incidents)
app.add_typer(kql, name="kql")
app.add_typer(lab, name="lab")
app.add_typer(mapping, name="mapping")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The AI layer between AWS logs and Microsoft Sentinel."""


def main() -> None:
    """Run the command line; called by the `tidewaiter` script."""
    try:
        app()
    except TidewaiterError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _explain(error: TidewaiterError) -> None:
    each = error.errors if isinstance(error, ContentErrors) else (error,)
    for item in each:
        where = f"{item.at}: " if item.at else ""
        say(f"tidewaiter: {where}{item.message}")
        if item.hint:
            say(f"  next: {item.hint}")
    if error.retry:
        say("  a retry is safe and may help")
