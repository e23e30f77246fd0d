"""A query that was translated once, to be run on many parts of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidewaiter.kql.reads import Reads
from tidewaiter.kql.results import Limits
from tidewaiter.kql.text import QueryText
from tidewaiter.kql.translation import Statement

Parts = Mapping[str, str]
"""Table -> a SELECT (SQL, of whoever owns the file) whose rows stand in for it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `Executor.prepare` returns and `Executor.run_prepared` takes; good while the tables stay.

    `columns` are those of its result with their KQL types.
    """

    text: QueryText
    statement: Statement
    limits: Limits
    reads: Reads
    columns: Mapping[str, str]
