"""Write the project's ASIM data files from a folder of gathered facts.

    python tools/asim_data.py ../shared/facts/asim

reads `asim_schema.json` (what Microsoft's ASIM pages and the rows of its ASimTester.csv say of every
field) and `la_tables_aws_asim.json` (the columns of Log Analytics tables), and writes `schemas.json`
and `tables.json` to `src/tidewaiter/asim/data/`. The output is sorted and has one line per field or
column, so that a change of the facts reads well as a diff. Nothing is corrected here: what the pages
mean where their extraction misleads is in `corrections.json`, which is written by hand.

What is brought to one form: type names (`boolean` -> `bool`, `double` -> `real`), the spellings of the
logical types for addresses, lists that are written with `|`, repeated and blank list members. A field
without a row of its own in the tester gets the tester's row for the schema `Common`, as the tester
itself does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "src" / "tidewaiter" / "asim" / "data"

TYPES = {
    "bool": "bool",
    "boolean": "bool",
    "double": "real",
    "enumerated": "string",
    "integer": "int",
}
LOGICAL = {
    "ip address": "IP Address",
    "mac": "MAC Address",
    "mac address": "MAC Address",
    "string": "",
}


def build(facts: Path) -> dict[str, str]:
    """Return the text of each data file by its name; the same facts always give the same text."""
    schema_facts = json.loads((facts / "asim_schema.json").read_text(encoding="utf-8"))
    table_facts = json.loads((facts / "la_tables_aws_asim.json").read_text(encoding="utf-8"))
    schemas = schema_facts["schemas"]
    return {
        "schemas.json": lines(
            {
                "logical_types": {x["name"]: logical_type(x) for x in schema_facts["logical_types"]},
                "schemas": {name: fields(schemas[name], schemas["Common"]) for name in schemas},
            }
        ),
        "tables.json": lines(
            {
                "columns": {name: table["columns"] for name, table in table_facts.items()},
                "schemas": {name: schema_of(name, schemas) for name in table_facts if is_asim(name)},
            }
        ),
    }


def logical_type(facts: Mapping[str, str]) -> dict[str, Any]:
    """Return a logical type's column type and, for an enumeration, its values."""
    return without_empty(
        {
            "type": column_type(facts["physical_type"]),
            "allowed": members(facts["allowed_values"].split("|")),
        }
    )


def fields(of_schema: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a schema as both authorities, docs and tester, describe them."""
    found = {}
    for name, facts in of_schema.items():
        tester = facts["tester"] or common.get(name, {}).get("tester")
        found[name] = described(facts) | ({"tester": described(tester)} if tester else {})
    return found


def described(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one authority says of a field; what it leaves empty is left out."""
    return without_empty(
        {
            "class": facts["class"],
            "type": column_type(facts["type"]),
            "logical": LOGICAL.get(facts["logical"].lower(), facts["logical"]),
            "allowed": members(facts["allowed"]),
            "alias_of": members(facts["alias_of"].split("|")),
            "conditional_on": facts.get("conditional_on", ""),
        }
    )


def is_asim(table: str) -> bool:
    """Tell whether a table is one of the native ASIM tables."""
    return table.startswith("ASim")


def schema_of(table: str, schemas: Iterable[str]) -> str:
    """Return the schema whose rows a native ASIM table holds (ASimDnsActivityLogs -> Dns)."""
    stem = table.removeprefix("ASim").removesuffix("Logs").removesuffix("Activity")
    for name in (stem, stem.removesuffix("Event")):
        if name in schemas:
            return name
    raise SystemExit(f"no ASIM schema for table {table}: give it a rule in {__file__}")


def column_type(written: str) -> str:
    """Return the KQL type for a type as a page writes it."""
    return TYPES.get(written.lower(), written.lower())


def members(values: Iterable[str]) -> list[str]:
    """Return the members of a list in their order, each once, without blanks."""
    return list(dict.fromkeys(stripped for value in values if (stripped := value.strip())))


def without_empty(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that hold something."""
    return {name: value for name, value in entry.items() if value}


def lines(document: Mapping[str, Mapping[str, Any]]) -> str:
    """Return JSON with its blocks in order and one line per field, column, or logical type."""
    return f"{block(document)}\n"


def block(entries: Mapping[str, Any]) -> str:
    """Return an object whose members stand on lines of their own, and so do those of their objects."""
    inner = (f"{json.dumps(name)}: {line_or_block(entry)}" for name, entry in sorted(entries.items()))
    return "{\n" + ",\n".join(inner) + "\n}"


def line_or_block(entry: object) -> str:
    """Return what holds objects or column types as a block, and the rest as one line."""
    if isinstance(entry, dict) and "type" not in entry and "class" not in entry:
        return block(entry)
    return json.dumps(entry)


def main() -> None:
    """Write the data files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("facts", type=Path, help="folder with asim_schema.json and la_tables_aws_asim.json")
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    for name, text in build(arguments.facts).items():
        (arguments.out / name).write_text(text, encoding="utf-8")
        print(f"{arguments.out / name}: {len(text):,} characters")


if __name__ == "__main__":
    main()
