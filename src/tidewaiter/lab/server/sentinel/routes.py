"""Routes of Sentinel's own contracts."""

from __future__ import annotations

from starlette.routing import BaseRoute

from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.rules import routes as alert_rules


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes."""
    return [
        *alert_rules.routes(lab),
    ]
