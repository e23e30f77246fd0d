"""The stage: chunks of one source object in, rows out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tidewaiter.asim.mapping.compile_python import CompiledSource, compile_python
from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.objects import Chunk, JsonChunk
from tidewaiter.pipeline.normalize.json import normalize_json
from tidewaiter.pipeline.normalize.rows import Normalized

if TYPE_CHECKING:
    from tidewaiter.pipeline.normalize.text import TextNormalizer


class Normalizer:
    """The compiled mappings of one source. Compiling takes tens of milliseconds: make one per process.

    With `native` each row has its twin in Sentinel's own table for the source, if there is one.
    """

    def __init__(self, source: SourceSpec, *, native: bool = False) -> None:
        self.source = source
        self.native = source.native if native else None

    @cached_property
    def _json(self) -> CompiledSource:
        return compile_python(self.source.mapping)

    @cached_property
    def _native_json(self) -> CompiledSource | None:
        return compile_python(self.native) if self.native else None

    @cached_property
    def _text(self) -> TextNormalizer:
        from tidewaiter.pipeline.normalize.text import TextNormalizer

        return TextNormalizer(self.source.mapping, self.native)

    def normalize(self, chunk: Chunk, *, object_id: str, prefix: str) -> Normalized:
        """Map every record of `chunk`; `prefix` begins the ids of records that have none."""
        if isinstance(chunk, JsonChunk):
            return normalize_json(
                self._json,
                self.source.identify,
                chunk,
                object_id=object_id,
                prefix=prefix,
                native=self._native_json,
            )
        return self._text.normalize(chunk, object_id=object_id, prefix=prefix)
