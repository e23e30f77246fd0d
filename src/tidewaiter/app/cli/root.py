"""The root command, and what every command shares: errors with a next step become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tidewaiter import __version__
from tidewaiter.app.cli.assess import assess
from tidewaiter.app.cli.audit import app as audit
from tidewaiter.app.cli.config import app as config
from tidewaiter.app.cli.demo import demo
from tidewaiter.app.cli.doctor import doctor
from tidewaiter.app.cli.drift import drift
from tidewaiter.app.cli.incidents import incidents
from tidewaiter.app.cli.init import init
from tidewaiter.app.cli.kql import app as kql
from tidewaiter.app.cli.lab import app as lab
from tidewaiter.app.cli.mapping import app as mapping
from tidewaiter.app.cli.normalize import normalize
from tidewaiter.app.cli.run import run
from tidewaiter.app.cli.terminal import explain
from tidewaiter.core.errors import DeliveryError, TidewaiterError

app = typer.Typer(
    name="tidewaiter",
    help="The AI layer between AWS logs and Microsoft Sentinel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo)
app.command("assess")(assess)
app.command("init")(init)
app.command("run")(run)
app.command("normalize")(normalize)
app.command("incidents")(incidents)
app.add_typer(kql, name="kql")
app.add_typer(lab, name="lab")
app.add_typer(mapping, name="mapping")
app.add_typer(audit, name="audit")
app.command("drift")(drift)
app.command("doctor")(doctor)
app.add_typer(config, name="config")


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
        try:
            app(prog_name="tidewaiter")
        finally:
            sys.stdout.flush()
    except TidewaiterError as error:
        explain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _leave(0)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        hint = "check the path, its permissions and the space left on its disk"
        explain(DeliveryError(f"{place}{error.strerror or error}", hint=hint))
        _leave(DeliveryError.exit_code)
    except SystemExit as stop:
        # The reader of stdout (head, less) has seen enough; Typer and Rich make that a failure.
        if isinstance(stop.__context__, BrokenPipeError):
            _leave(0)
        raise


def _leave(code: int) -> None:
    """Exit without another attempt at writing what stdout still holds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
