"""Records of sources that are lines elsewhere, as JSON objects: a member for each field.

Data Firehose, Athena and shippers write flow logs so. A hyphen of a field's name is an underscore there, or
the name is that of a column of AWSVPCFlow (`SrcAddr`, `LogStatus`). Their values go the way that those of
lines go, under the names that each record has itself; the record stays what it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from tidewaiter.content.recognition import TextShape
from tidewaiter.pipeline.sources.codecs.lines import are_fields
from tidewaiter.pipeline.sources.codecs.parquet_lines import NO_VALUE
from tidewaiter.pipeline.sources.codecs.quoted_lines import CELL

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
    found = {name: known.get(_bare(name)) or _field(name) for name in names}
    return found if are_fields(tuple(found.values()), shape) else None


def values_of(
    members: Mapping[str, msgspec.Raw], fields: Mapping[str, str], shape: TextShape
) -> dict[str, str]:
    """Return the values of a record by field; an object or a list under a name of its own as its JSON.

    Raises:
        TypeError: a field of the source holds an object or a list.
        ValueError: a value holds what no line could, or would break the separated values.
    """
    values: dict[str, str] = {}
    for name, field in fields.items():
        known = field in shape.fields
        try:
            text = _text(_SCALAR.decode(members[name]))
        except msgspec.ValidationError:
            if known:
                raise TypeError(f"{name} holds an object or a list") from None
            text = msgspec.json.format(bytes(members[name]), indent=-1).decode()
        if re.search(f"[{shape.separator}\\s\0]" if known else f"[\\r\\n\0{CELL}]", text):
            raise ValueError(f"{field} holds white space or control characters")
        values[field] = text
    return values


def _field(name: str) -> str:
    """Return a name as AWS would write it in a header, where one could hold it."""
    word = name.lower().replace("_", "-")
    return word if _WORD.fullmatch(word) else name


def _bare(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _text(value: str | bool | int | float | None) -> str:
    """Write a value as a line has it; some writers make every number one with a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return NO_VALUE if value in (None, "") else str(value)
