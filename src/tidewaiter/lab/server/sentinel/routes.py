"""Routes of Sentinel's own contracts."""

from __future__ import annotations

from starlette.routing import BaseRoute

from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel import hunts, watchlists
from tidewaiter.lab.server.sentinel.incidents import comment_routes, relation_routes
from tidewaiter.lab.server.sentinel.incidents import routes as incidents
from tidewaiter.lab.server.sentinel.rules import routes as alert_rules


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes."""
    return [
        *alert_rules.routes(lab),
        *watchlists.routes(lab),
        *incidents.routes(lab),
        *comment_routes.routes(lab),
        *relation_routes.routes(lab),
        *hunts.routes(lab),
    ]
