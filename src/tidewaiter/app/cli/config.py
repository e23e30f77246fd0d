"""`tidewaiter config`: what is set, and where it comes from."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
import typer

from tidewaiter.app.cli.options import Config, Json
from tidewaiter.app.cli.terminal import emit, output, table
from tidewaiter.core.settings import REFERENCES, flat, is_reference, load

app = typer.Typer(help="Settings.", no_args_is_help=True)

_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]*@")


@app.callback()
def settings() -> None:
    """Settings."""


@app.command("show")
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Print every setting with its value. With --origin, also file and line, or variable."""
    loaded = load(config)
    rows = [
        (name, shown(name, value), loaded.origins.get(name, "default"))
        for name, value in flat(loaded.settings)
    ]
    if json:
        emit(
            msgspec.json.encode({"setting": name, "value": value, **({"origin": place} if origin else {})})
            + b"\n"
            for name, value, place in rows
        )
        return
    columns = ("setting", "value", "origin") if origin else ("setting", "value")
    output().print(table(columns, [row[: len(columns)] for row in rows]))


def shown(name: str, value: object) -> object:
    """Return a setting's value without the password in a URL, or where a reference should be."""
    if name in REFERENCES and value and not is_reference(value):
        return "(not a reference)"
    if isinstance(value, str):
        return _PASSWORD.sub(r"\1:…@", value)
    return value if isinstance(value, (int, float)) else msgspec.json.encode(value).decode()
