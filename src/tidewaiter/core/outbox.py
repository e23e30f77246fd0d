"""What waits in the outbox: one request body for one table, with whose rows it holds."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True):
    """`rows` consecutive rows of a batch that came from one version of one source object.

    Rows that no object brought (alerts) have an empty `object_id` and `digest`. `copies`: the rows are second
    rows of events that another table has as well; no event is counted by them.
    """

    source: str
    object_id: str
    digest: str
    rows: int
    copies: bool = False


class OutboxBatch(msgspec.Struct, frozen=True):
    """A body for the Logs Ingestion API: a gzipped JSON array of the rows of one table.

    `batch_id` is a hash of the table and the rows, so that the same rows make the same batch. `size` is the
    serialised array in bytes, uncompressed (<= 1,000,000); `billed` what Log Analytics bills for it, in
    bytes. `spans` tell in order whose rows they are; their rows sum up to `rows`.
    """

    batch_id: str
    table: str
    rows: int
    size: int
    billed: int
    body: bytes
    spans: tuple[Span, ...]
