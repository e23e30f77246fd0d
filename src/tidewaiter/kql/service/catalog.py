"""What a query may name: tables, stored functions, watchlists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import msgspec

from tidewaiter.asim import schemas, tables
from tidewaiter.kql.results import Functions, Schemas

_HIDDEN: Mapping[str, str] = {
    "TenantId": "string",
    "Type": "string",
    "_BilledSize": "real",
    "_IsBillable": "string",
    "_ItemId": "string",
    "_ResourceId": "string",
    "_SubscriptionId": "string",
    "_TimeReceived": "datetime",
}
"""Columns that every table has, listed or not ("Standard columns in Azure Monitor Logs", 2024-05-26)."""


@dataclass(frozen=True)
class Catalog:
    """The names of a workspace.

    `returns` are functions of which only the columns of the result are known, and perhaps not all of them:
    ASIM's unifying parsers, which Microsoft deploys. `watchlists` are the columns of their items by alias;
    None where they are not known. `complete` says that what is not in here does not exist, as in the lab.
    """

    tables: Schemas
    functions: Functions = field(default_factory=dict)
    returns: Schemas = field(default_factory=dict)
    watchlists: Schemas | None = None
    complete: bool = False

    @cached_property
    def encoded(self) -> bytes:
        """The members of the request that gives this catalog to the service, but for its key."""
        functions = {
            name: {"parameters": each.parameters, "body": each.body} for name, each in self.functions.items()
        }
        return msgspec.json.encode(
            {
                "op": "catalog",
                "tables": {name: {**columns, **_HIDDEN, **columns} for name, columns in self.tables.items()},
                "functions": functions,
                "returns": self.returns,
                "watchlists": self.watchlists,
            }
        )

    @cached_property
    def key(self) -> str:
        """What names this catalog to the service: a hash of all that is in it."""
        return hashlib.sha256(self.encoded).hexdigest()[:32]

    def names(self) -> frozenset[str]:
        """Return all names of tables and functions."""
        return frozenset({*self.tables, *self.functions, *self.returns})


@lru_cache(maxsize=1)
def standard() -> Catalog:
    """Return what every Sentinel workspace has, as far as we know: Azure's tables, and ASIM's parsers."""
    return Catalog({name: table.columns for name, table in tables().items()}, returns=asim_parsers())


@lru_cache(maxsize=1)
def asim_parsers() -> Schemas:
    """Return the columns of ASIM's unifying parsers by the names under which a workspace has them.

    `_Im_Dns` and `_ASim_Dns` are built in, `imDns` and `ASimDns` deployed ("Use Advanced Security Information
    Model (ASIM) parsers", 2025).
    """
    found: dict[str, dict[str, str]] = {}
    for name, schema in schemas().items():
        columns = {column: each.type for column, each in schema.fields.items() if each.type}
        columns |= {"TimeGenerated": "datetime", "Type": "string"}
        for prefix in ("_Im_", "_ASim_", "im", "ASim"):
            found[prefix + name] = columns
    return found
