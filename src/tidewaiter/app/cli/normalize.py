"""`tidewaiter normalize`: files to ASIM files."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.options import Workers
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import errors, say, table
from tidewaiter.core.errors import DeliveryError, UsageError


class Form(StrEnum):
    """File formats of `--out`."""

    NDJSON = "ndjson"
    PARQUET = "parquet"


def normalize(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders of logs.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for one file per table; else NDJSON on stdout.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="Format of the files under --out.")] = Form.NDJSON,
    workers: Workers = 0,
) -> None:
    """Map logs to ASIM rows, with no state and no workspace.

    Without --out every row is one JSON line on stdout, with its table in `Type`.
    """
    from tidewaiter.app.engine.files import normalize_files
    from tidewaiter.app.engine.pool import default_workers
    from tidewaiter.asim import column_types, tables
    from tidewaiter.pipeline.deliver.files import AsimFiles, ndjson_lines

    if out is None and form is Form.PARQUET:
        raise UsageError("Parquet needs a folder to go to", hint="add --out DIR")
    with Bar("normalizing") as bar:
        if out is None:
            write = sys.stdout.buffer
            result = normalize_files(
                paths,
                lambda segment: write.writelines(ndjson_lines(segment, with_type=True)),
                workers=workers or default_workers(),
                progress=bar,
            )
            written = []
        else:
            files = AsimFiles(_folder(out), form.value, {name: column_types(name) for name in tables()})
            try:
                result = normalize_files(paths, files.add, workers=workers or default_workers(), progress=bar)
                written = files.close()
            except OSError as error:
                hint = "free disk space or choose another --out, then run again"
                raise DeliveryError(f"cannot write under {out}: {error.strerror}", hint=hint) from None
    columns = ("source", "objects", "records", "rows", "quarantined", "faults")
    rows = [
        (s, c.objects, c.records, c.valid, c.quarantined, c.faults) for s, c in sorted(result.sources.items())
    ]
    errors().print(table(columns, rows, right=columns[1:]))
    notes = [(f.object_id, f.kind, f.message) for f in result.faults]
    notes += [(q.object_id, q.kind, q.reason) for q in result.quarantined]
    for object_id, kind, text in notes[:10]:
        say(f"  {object_id} [{kind}] {text}")
    if result.unrecognized:
        say(f"{len(result.unrecognized):,} files are of no known source, {result.unrecognized[0][0]} for one")
    for path in written:
        say(f"wrote {path}")
    raise typer.Exit(result.exit_code)


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot use {out}: {error.strerror}", hint="give --out a folder") from None
    return out
