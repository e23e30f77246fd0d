"""Bodies into columns: every row with the columns of its stream, converted, and what it is billed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import astuple

from tidewaiter.core.billing import billed_size
from tidewaiter.lab.server.errors import TOO_DEEP, ServiceError
from tidewaiter.lab.server.ingestion.values import CONVERSIONS, FIELD_LIMIT, truncated
from tidewaiter.lab.workspace.frames import POLARS_TYPES

_STRICT: Mapping[str, object] = {
    "string": str | None,
    "guid": str | None,
    "dynamic": msgspec.Raw,
    "int": int | None,
    "long": int | None,
    "real": float | None,
    "bool": bool | None,
    "datetime": str | None,
}
_NULL = msgspec.Raw(b"null")
_INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ"
_DECODERS = 64
_records = msgspec.json.Decoder(list[msgspec.Raw])
_names = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a stream: a column for each that it declares and any row has, and the billed bytes by row."""

    frame: pl.DataFrame
    billed: list[int]


class StreamReader:
    """Reads bodies of one stream; `columns` are its declared columns with their KQL types.

    Most bodies fit their stream exactly, and are decoded by msgspec at once, with a type made for the columns
    that they have; one value of another type, or too long, sends the body through the conversions.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = dict(columns)
        self._strict: dict[tuple[str, ...], msgspec.json.Decoder[list[Any]]] = {}

    def read(self, body: bytes) -> Decoded:
        """Return the rows of a body.

        Raises:
            ServiceError: 400, the body is not a JSON array of objects in UTF-8, or too deeply nested.
        """
        try:
            return self._read(body)
        except RecursionError:
            raise _malformed(TOO_DEEP) from None

    def _read(self, body: bytes) -> Decoded:
        records = _split(body)
        try:
            billed = [billed_size(record) for record in records]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _malformed("an item is not an object") from None
        if len(body) > FIELD_LIMIT and any(len(record) > FIELD_LIMIT for record in records):
            records = [_shortened(record) for record in records]
            return Decoded(self._converted(records), [billed_size(record) for record in records])
        sent = set().union(*_names.decode(body))
        present = tuple(name for name in self.columns if name in sent)
        try:
            return Decoded(self._fitting(body, present, len(records)), billed)
        except (msgspec.ValidationError, pl.exceptions.PolarsError, OverflowError, TypeError):
            return Decoded(self._converted(records), billed)

    def _fitting(self, body: bytes, names: tuple[str, ...], height: int) -> pl.DataFrame:
        if not names:
            return pl.DataFrame(height=height)
        found = []
        rows = map(astuple, self._decoder(names).decode(body))
        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            kind = self.columns[name]
            values: Sequence[object] = cells
            if kind == "dynamic":
                values = [None if raw == b"null" else str(raw, "utf-8") for raw in cells]
            if kind == "datetime":
                series = pl.Series(name, values, dtype=pl.String).str.to_datetime(_INSTANT, time_unit="us")
            else:
                series = pl.Series(name, values, dtype=POLARS_TYPES[kind], strict=True)
            if series.null_count() < height:
                found.append(series)
        return pl.DataFrame(found) if found else pl.DataFrame(height=height)

    def _decoder(self, names: tuple[str, ...]) -> msgspec.json.Decoder[list[Any]]:
        """Return the decoder for rows with these columns; a sender has few such sets."""
        if names not in self._strict:
            if len(self._strict) >= _DECODERS:
                self._strict.clear()
            kinds = [self.columns[name] for name in names]
            fields = [
                (f"c{at}", _STRICT[kind], _NULL if kind == "dynamic" else None)
                for at, kind in enumerate(kinds)
            ]
            rename = {f"c{at}": name for at, name in enumerate(names)}
            row = msgspec.defstruct("Row", fields, rename=rename, gc=False)
            self._strict[names] = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
        return self._strict[names]

    def _converted(self, records: Sequence[bytes]) -> pl.DataFrame:
        rows = [_members.decode(record) for record in records]
        found = []
        for name, kind in self.columns.items():
            convert = CONVERSIONS[kind]
            values = [None if (raw := row.get(name)) is None else convert(bytes(raw)) for row in rows]
            if any(value is not None for value in values):
                found.append(pl.Series(name, values, dtype=POLARS_TYPES[kind]))
        return pl.DataFrame(found, height=len(rows)) if found else pl.DataFrame(height=len(rows))


def _split(body: bytes) -> list[bytes]:
    try:
        body.decode()
        return [bytes(record) for record in _records.decode(body)]
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise _malformed(str(error)) from None


def _malformed(why: str) -> ServiceError:
    return ServiceError(400, "InvalidPayload", f"The request body must be a JSON array of objects: {why}.")


def _shortened(record: bytes) -> bytes:
    if len(record) <= FIELD_LIMIT:
        return record
    members = _members.decode(record)
    return msgspec.json.encode({name: msgspec.Raw(truncated(bytes(raw))) for name, raw in members.items()})
