"""`tidewaiter mapping`: which sources are known, how they are mapped, and whether that holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tidewaiter.app.cli.options import Json
from tidewaiter.app.cli.terminal import emit, output, plain, say, some, table
from tidewaiter.core.errors import UsageError

if TYPE_CHECKING:
    from tidewaiter.content import SourceSpec

app = typer.Typer(help="Sources and their mappings to ASIM.", no_args_is_help=True, rich_markup_mode=None)
Source = Annotated[str, typer.Argument(help="A source's id; see `mapping list`.")]


@app.callback()
def mapping() -> None:
    """Sources and their mappings to ASIM."""


@app.command("list")
def list_(json: Json = False) -> None:
    """List every source with its schemas, tables, targets and coverage."""
    from tidewaiter.content import sources
    from tidewaiter.pipeline.normalize.coverage import coverage

    specs = sources()
    found = [coverage(spec) for spec in specs.values()]
    if json:
        listed = [
            {
                "id": item.source,
                "schemas": [part.schema for part in item.schemas],
                "tables": item.destinations,
                "native": specs[item.source].native_tables,
                "destinations": specs[item.source].destinations,
                "targets": item.targets,
                "coverage": round(item.share, 4),
                "missing": {part.schema: part.missing for part in item.schemas},
            }
            for item in found
        ]
        emit([msgspec.json.encode(listed) + b"\n"])
        return
    rows = [
        (
            item.source,
            ", ".join(s.schema for s in item.schemas),
            ", ".join(specs[item.source].destinations),
            ", ".join(item.targets),
            f"{item.share:.0%}",
        )
        for item in found
    ]
    columns = ("source", "schemas", "destinations", "targets", "coverage")
    output().print(table(columns, rows, right=("coverage",)))
    say("coverage: mandatory and recommended columns filled, of those that the tables have")


@app.command("show")
def show(
    source: Source,
    schema: Annotated[str, typer.Option("--schema", help="Only this ASIM schema.")] = "",
) -> None:
    """Show a source's columns with the expression behind each."""
    spec = known_source(source)
    asim = zip(spec.mapping.routes, spec.file.routes, strict=True)
    shown = [(route.mapping, file.when) for route, file in asim if schema in ("", route.mapping.schema)]
    if not shown:
        schemas = ", ".join(dict.fromkeys(route.mapping.schema for route in spec.mapping.routes))
        raise UsageError(f"{source} has no mapping to {schema!r}", hint=f"it maps to {schemas}")
    if spec.native and not schema:
        own = zip(spec.native.routes, spec.file.native, strict=True)
        shown += [(route.mapping, file.when) for route, file in own]
    console = output()
    console.print(f"{spec.title}: {plain(spec.description)}\n", soft_wrap=True)
    for made, when in shown:
        name = made.schema or "native"
        console.print(f"{name} -> {made.table}: {plain(made.description)}", soft_wrap=True)
        console.print(f"when {plain(' '.join(when.split()))}\n", markup=False, soft_wrap=True)
        rows = [(column, " ".join(text.split())) for column, text in made.text.items()]
        console.print(table(("column", "expression"), rows))
        if made.additional:
            console.print(f"\nAdditionalFields: {', '.join(made.additional)}", markup=False, soft_wrap=True)
        console.print()


@app.command("kql")
def kql(
    source: Source,
    schema: Annotated[str, typer.Option("--schema", help="Only this ASIM schema.")] = "",
    vim: Annotated[bool, typer.Option("--vim", help="Only the functions that filter.")] = False,
    json: Json = False,
) -> None:
    """Print a source's ASIM functions over Sentinel's own tables. They are ready to be saved as functions.

    Which columns the tables cannot fill is told on stderr (with --json in `missing`).
    """
    from tidewaiter.app.cli import targets

    targets.print_functions(known_source(source), schema, vim=vim, json=json)


@app.command("transform")
def transform(
    source: Source,
    schema: Annotated[str, typer.Option("--schema", help="Only this ASIM schema.")] = "",
    json: Json = False,
) -> None:
    """Print a source's transformations for data collection rules. There is one for each data flow.

    What a transformation leaves out is told on stderr (with --json beside it).
    """
    from tidewaiter.app.cli import targets

    targets.print_transforms(known_source(source), schema, json=json)


def known_source(name: str) -> SourceSpec:
    """Return a source.

    Raises:
        UsageError: there is none of that name.
    """
    from tidewaiter.content import sources

    known = sources()
    if name not in known:
        raise UsageError(f"no source {name!r}", hint=f"known are {', '.join(known)}")
    return known[name]


@app.command("expect")
def expect(source: Source) -> None:
    """Write what a source's samples become, for review. It goes into the source's folder `expected/`.

    `mapping test` fails from then on when a row is another. Prints the files that changed.
    """
    from tidewaiter.pipeline.normalize.check import write_expected

    root = known_source(source).folder.root
    if not isinstance(root, Path):
        raise UsageError(f"{source} lies within an archive", hint="unpack the package that brings it")
    changed = write_expected(known_source(source), root / "expected")
    for name in changed:
        output().print(plain(root / "expected" / name), soft_wrap=True)
    say(
        f"{some(len(changed), 'file')} changed: read every row as its reviewer"
        if changed
        else "nothing changed"
    )


@app.command("test")
def run_samples(
    source: Annotated[
        str, typer.Argument(help="A source's id; all sources when left out.", show_default=False)
    ] = "",
    records: Annotated[
        int, typer.Option("--records", min=0, help="Generated records of each source; 0: samples alone.")
    ] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed generates the same records.")] = 0,
    first: Annotated[
        int, typer.Option("--first", min=0, help="The number of the first generated record.")
    ] = 0,
    targets: Annotated[
        str,
        typer.Option(
            "--targets", help="Of python, kql and transform, those to run generated records through."
        ),
    ] = "python,kql,transform",
    kql_records: Annotated[
        int | None,
        typer.Option(
            "--kql-records",
            min=1,
            help="Run no more of the generated records through KQL, the slow part; all when left out.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run samples and generated records through every target. Exit code 3 when one is not what it must be.

    Samples: the rows are compared with the reviewed ones, with the mapping's reference meaning, with the
    source's bytes, and with the rules of ASIM. Generated records recombine and damage the samples and a
    generated day: their rows, those of Sentinel's own tables, and what the KQL functions and transformations
    make of them in the local executor are compared with the reference meaning, column by column. A record
    that differs is named by its number: --seed S --first NUMBER --records 1 makes it again.
    """
    from tidewaiter.app.cli.mapping_test import asked_for, check_sources
    from tidewaiter.content import sources

    known = sources()
    if source and source not in known:
        raise UsageError(f"no source {source!r}", hint=f"known are {', '.join(known)}")
    asked = asked_for(records, seed, first, targets, kql_records)
    ok = check_sources([spec for name, spec in known.items() if source in ("", name)], asked, json=json)
    raise typer.Exit(0 if ok else 3)
