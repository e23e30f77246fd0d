"""Findings that are in Sentinel already: rows of its own tables, read by the query API, become objects."""

from __future__ import annotations

from tidewaiter.pipeline.sources.pull.objects import FINDINGS, Pulled, object_id, pulled_objects, write_page
from tidewaiter.pipeline.sources.pull.pages import FIRST, LAST, Page, TooDense, pages

__all__ = [
    "FINDINGS",
    "FIRST",
    "LAST",
    "Page",
    "Pulled",
    "TooDense",
    "object_id",
    "pages",
    "pulled_objects",
    "write_page",
]
