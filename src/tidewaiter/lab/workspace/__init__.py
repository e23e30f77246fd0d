"""A Log Analytics workspace in one DuckDB file: its tables with their real columns, filled and queried.

    with Workspace.open(path) as workspace:
        workspace.ingest("batch-1", [StagedRows("ASimAuditEventLogs", staged, "json")])
        result = workspace.executor().run("ASimAuditEventLogs | count", now=workspace.stream_time())

One process at a time may write; any number may read while none writes.
"""

from __future__ import annotations

from tidewaiter.lab.workspace.arrivals import Receipt
from tidewaiter.lab.workspace.catalog import STANDARD_COLUMNS, Definition
from tidewaiter.lab.workspace.loading import LAB_TENANT_ID, Layout, StagedRows
from tidewaiter.lab.workspace.searches import SavedSearch
from tidewaiter.lab.workspace.store import Row, Workspace
from tidewaiter.lab.workspace.watchlists import Item, Watchlist

__all__ = [
    "LAB_TENANT_ID",
    "STANDARD_COLUMNS",
    "Definition",
    "Item",
    "Layout",
    "Receipt",
    "Row",
    "SavedSearch",
    "StagedRows",
    "Watchlist",
    "Workspace",
]
