"""Azure REST and query clients for one Sentinel workspace; every change takes a permit.

`connect(...)` gives a `Sentinel` with a client for each noun. All methods are async, raise the typed errors
of `sentinel.errors`, and check their permit with `govern.enforce` before anything is sent.
"""

from tidewaiter.sentinel.arm import WorkspacePath
from tidewaiter.sentinel.comments import Comment, Comments
from tidewaiter.sentinel.dcr import DataCollectionRules, Dcr, DcrDraft, output_stream, render_dcr
from tidewaiter.sentinel.errors import (
    CloudError,
    Conflict412,
    Refused,
    Throttled,
    TooLarge,
    Uncertain,
    Unreachable,
    Unreadable,
    Untrusted,
)
from tidewaiter.sentinel.functions import Functions, SavedSearch, StoredSearch
from tidewaiter.sentinel.hunts import Hunt, HuntDraft, Hunts
from tidewaiter.sentinel.incidents import Incident, IncidentDraft, Incidents, Label, Owner
from tidewaiter.sentinel.ingestion import LogsIngestion, capability_of
from tidewaiter.sentinel.query import Answer, LogsQuery, QueryTable
from tidewaiter.sentinel.rules import EntityMapping, FieldMapping, NrtRule, Rule, Rules, ScheduledRule
from tidewaiter.sentinel.session import Retries, Session
from tidewaiter.sentinel.tables import StoredTable, TableProperties, Tables, render_table
from tidewaiter.sentinel.watchlists import Watchlist, WatchlistDraft, WatchlistItem, Watchlists
from tidewaiter.sentinel.workspace import Endpoints, Sentinel, connect

__all__ = [
    "Answer",
    "CloudError",
    "Comment",
    "Comments",
    "Conflict412",
    "DataCollectionRules",
    "Dcr",
    "DcrDraft",
    "Endpoints",
    "EntityMapping",
    "FieldMapping",
    "Functions",
    "Hunt",
    "HuntDraft",
    "Hunts",
    "Incident",
    "IncidentDraft",
    "Incidents",
    "Label",
    "LogsIngestion",
    "LogsQuery",
    "NrtRule",
    "Owner",
    "QueryTable",
    "Refused",
    "Retries",
    "Rule",
    "Rules",
    "SavedSearch",
    "ScheduledRule",
    "Sentinel",
    "Session",
    "StoredSearch",
    "StoredTable",
    "TableProperties",
    "Tables",
    "Throttled",
    "TooLarge",
    "Uncertain",
    "Unreachable",
    "Unreadable",
    "Untrusted",
    "Watchlist",
    "WatchlistDraft",
    "WatchlistItem",
    "Watchlists",
    "WorkspacePath",
    "capability_of",
    "connect",
    "output_stream",
    "render_dcr",
    "render_table",
]
