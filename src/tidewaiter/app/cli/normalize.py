"""`tidewaiter normalize`: files to ASIM files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.app.cli.options import Workers
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.strangers import say_unrecognized
from tidewaiter.app.cli.terminal import emit, errors, say, table
from tidewaiter.core.errors import UsageError

if TYPE_CHECKING:
    from tidewaiter.app.engine.files import FilesResult


_SHOWN = 8


class Form(StrEnum):
    """File formats of `--out`."""

    NDJSON = "ndjson"
    PARQUET = "parquet"


def normalize(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", readable=False, help="Files or folders of logs.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for one file per table; else NDJSON on stdout.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="Format of the files under --out.")] = Form.NDJSON,
    workers: Workers = 0,
) -> None:
    """Map logs to ASIM rows, with no state and no workspace.

    Without --out every row is one JSON line on stdout, with its table in `Type`. Exit codes as of `run`.
    """
    from tidewaiter.app.engine.files import normalize_files
    from tidewaiter.app.engine.pool import default_workers
    from tidewaiter.asim import column_types, tables
    from tidewaiter.pipeline.deliver.files import AsimFiles, ndjson_lines

    if out is None and form is Form.PARQUET:
        raise UsageError("Parquet needs a folder to go to", hint="add --out DIR")
    with Bar("normalizing") as bar:
        if out is None:
            result = normalize_files(
                paths,
                lambda segment: emit(ndjson_lines(segment, with_type=True)),
                workers=workers or default_workers(),
                progress=bar,
            )
            written = []
        else:
            types = {name: column_types(name) for name in tables()}
            with AsimFiles(_folder(out), form.value, types) as files:
                result = normalize_files(paths, files.add, workers=workers or default_workers(), progress=bar)
                written = files.close()
    _say_result(result)
    for path in written:
        say(f"wrote {path}")
    raise typer.Exit(result.exit_code)


def _say_result(result: FilesResult) -> None:
    columns = ("source", "objects", "records", "rows", "quarantined", "faults")
    rows = [
        (s, c.objects, c.records, c.valid, c.quarantined, c.faults) for s, c in sorted(result.sources.items())
    ]
    errors().print(table(columns, rows, right=columns[1:]))
    for fault in result.faults[:_SHOWN]:
        say(f"  {fault.object_id} [{fault.kind}] {fault.message}")
        if fault.hint:
            say(f"    next: {fault.hint}")
    for record in result.quarantined:
        say(f"  {record.object_id} record {record.position} [{record.kind}] {record.reason}")
    say_unrecognized(result.unrecognized, known=result.known)


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot use {out}: {error.strerror}", hint="give --out a folder") from None
    return out
