"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StateDir = Annotated[
    Path,
    typer.Option(
        "--state", envvar="TIDEWAITER_STATE", help="State directory: claims, lab, report, incidents."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Worker processes; 0 means one per core.", show_default=True)
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="TIDEWAITER_CONFIG",
        help="Settings file; else tidewaiter.toml here, if there is one.",
    ),
]
DEFAULT_STATE = Path("tidewaiter-state")
