"""A folder, or one file, as a source: what lies in it, and which of it is of a known source."""

from __future__ import annotations

from tidewaiter.pipeline.sources.folder.discover import Found, discover
from tidewaiter.pipeline.sources.folder.walk import Unreadable, Unrecognized

__all__ = ["Found", "Unreadable", "Unrecognized", "discover"]
