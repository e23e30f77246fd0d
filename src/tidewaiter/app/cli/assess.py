"""`tidewaiter assess`: what lies in a folder of logs, and what Sentinel would bill for it."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.options import Config, Json, Workers
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import emit
from tidewaiter.core.errors import UsageError


def assess(
    folder: Annotated[Path, typer.Argument(metavar="DIR", readable=False, help="Folder (or file) of logs.")],
    price: Annotated[
        float | None,
        typer.Option("--price", min=0, help="Price of a GB in Sentinel; else billing.price_per_gb."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Output of `aws cloudtrail list-public-keys`, for digests' signatures."),
    ] = None,
    workers: Workers = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell what lies in a folder of logs and what it would cost. No Azure, no state: nothing is sent or kept.

    Sources, accounts, regions, times; log files that are gone or changed, and silences; what Sentinel would
    bill, and for what; how much of it maps to ASIM; what could not be read. Exit codes as of `run`, and 3
    when log files or digests are not as they should be.
    """
    from tidewaiter.app.cli.assess_page import page
    from tidewaiter.app.engine import assess as engine
    from tidewaiter.app.engine.destination import utc_now
    from tidewaiter.app.engine.pool import default_workers
    from tidewaiter.core.settings import load
    from tidewaiter.pipeline.sources.integrity import load_public_keys

    if "://" in str(folder) or str(folder).startswith("s3:/"):
        raise UsageError(f"{folder}: only folders are read", hint="copy it first: aws s3 sync s3://… DIR")
    if price is not None and not isfinite(price):
        raise UsageError(f"--price {price} is no price", hint="give what a GB costs, such as --price 4.30")
    billing = load(config).settings.billing
    rate = billing.price_per_gb if price is None else price
    known = load_public_keys(keys) if keys else None
    with Bar("reading") as bar:
        made = engine.assess(
            folder, workers=workers or default_workers(), now=utc_now, progress=bar, keys=known
        )
    if json:
        from tidewaiter.app.cli.assess_json import assessment_json

        emit([assessment_json(made, rate, billing.currency)])
    else:
        page(made, folder, rate, billing.currency, with_keys=known is not None)
    raise typer.Exit(3 if any(trail.wrong for trail in made.trails) else made.exit_code)
