"""Records of sources that are lines elsewhere, as JSON objects: a member for each field.

Data Firehose, Athena and shippers write flow logs so. A hyphen of a field's name is an underscore there, or
the name is that of a column of AWSVPCFlow (`SrcAddr`, `LogStatus`). As lines they go the way that all go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from tidewaiter.content.recognition import TextShape
from tidewaiter.pipeline.sources.codecs.lines import are_fields
from tidewaiter.pipeline.sources.codecs.parquet_lines import NO_VALUE

_WORD = re.compile(r"[a-z][a-z0-9-]*")
_SCALAR = msgspec.json.Decoder(str | bool | int | float | None)


def fields_of(names: Iterable[str], shape: TextShape) -> dict[str, str] | None:
    """Return the field that each member stands for; None if they are not those of the source's lines.

    Sources whose lines hold quotes or begin with a marked header are not read so.
    """
    return None if shape.header or shape.quoted else _fields(tuple(names), shape)


@lru_cache(maxsize=64)
def _fields(names: tuple[str, ...], shape: TextShape) -> dict[str, str] | None:
    known = {field.replace("-", ""): field for field in shape.fields}
    found = {name: known.get(_bare(name), name.lower().replace("_", "-")) for name in names}
    return found if are_fields(tuple(found.values()), shape) else None


def line_of(members: Mapping[str, msgspec.Raw], fields: Mapping[str, str], separator: str) -> tuple[str, str]:
    """Return the header and the line that a record would be.

    Raises:
        ValueError: a value holds what would break its line.
    """
    written: dict[str, str] = {}
    for name, field in fields.items():
        try:
            value = _SCALAR.decode(members[name])
        except msgspec.ValidationError:  # an object or a list is no field's value
            continue
        if _WORD.fullmatch(field):
            written[field] = _text(value)
    broken = next((name for name, text in written.items() if re.search(f"[{separator}\\s\0]", text)), None)
    if broken:
        raise ValueError(f"{broken} holds white space or control characters")
    return separator.join(written), separator.join(written.values())


def _bare(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _text(value: str | bool | int | float | None) -> str:
    """Write a value as a line has it; some writers make every number one with a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return NO_VALUE if value in (None, "") else str(value)
