"""Routes of Sentinel's own contracts."""

from __future__ import annotations

from starlette.routing import BaseRoute

from tidewaiter.lab.server.lab import Lab


def routes(lab: Lab) -> list[BaseRoute]:  # noqa: ARG001 (LAB-SENTINEL fills it)
    """Return the routes."""
    return []
