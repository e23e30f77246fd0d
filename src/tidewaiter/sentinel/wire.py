"""What the wire shapes of this room have in common: camelCase names, and what is absent is not written."""

from __future__ import annotations

from typing import TypeVar

import msgspec

D = TypeVar("D", bound=msgspec.Struct)

SENTINEL = "2024-09-01"
"""The stable version of Microsoft.SecurityInsights: incidents, comments, watchlists."""
PREVIEW = "2025-10-01-preview"
"""The version with hunts and NRT rules, that of azure-mgmt-securityinsight 2.0.0b4."""
INSIGHTS = "2025-07-01"
"""The version of Microsoft.OperationalInsights: tables, saved searches (azure-mgmt-loganalytics 14.0)."""


class Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A wire shape; members that it does not name are ignored when read."""


def narrowed(value: msgspec.Struct, kind: type[D]) -> D:
    """Return the part of `value` that `kind`, one of its bases, has: what may be written of what was read."""
    return kind(**{name: getattr(value, name) for name in kind.__struct_fields__})
