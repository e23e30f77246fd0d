"""The ASGI app: every contract's routes on one host."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tidewaiter.core.errors import DeliveryError
from tidewaiter.lab.server import entra, errors, faults
from tidewaiter.lab.server.arm import rules, searches, tables
from tidewaiter.lab.server.ingestion import endpoint
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.query import endpoint as queries
from tidewaiter.lab.server.sentinel.routes import routes as sentinel_routes


class LabApp(Starlette):
    """The app with what happens before routing: planned answers, and ARM's paths in any case."""

    def __init__(self, lab: Lab, routes: list[BaseRoute]) -> None:
        super().__init__(
            routes=routes,
            exception_handlers={
                errors.ServiceError: errors.answer,
                DeliveryError: errors.unavailable,
                404: errors.not_found,
            },
        )
        self.state.lab = lab
        self._lab = lab
        self._spelled = {part.lower(): part for part in _literal_parts(routes)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope = {**scope, "path": self._path(scope["path"])}
        fault = self._lab.faults.take(scope["path"])
        if fault is None:
            await super().__call__(scope, receive, send)
        else:
            await faults.answer(fault, super().__call__, scope, receive, send)

    def _path(self, path: str) -> str:
        """Return an ARM path with its fixed parts as the routes spell them: ARM does not mind the case."""
        if not path.lower().startswith("/subscriptions/"):
            return path
        return "/".join(self._spelled.get(part.lower(), part) for part in path.split("/"))


def create_app(lab: Lab) -> Starlette:
    """Return the app that serves `lab`; closing the lab is the caller's."""
    routes: list[BaseRoute] = [
        *endpoint.routes(lab),
        *rules.routes(lab),
        *tables.routes(lab),
        *searches.routes(lab),
        *queries.routes(lab),
        *sentinel_routes(lab),
        *entra.routes(lab),
    ]
    return LabApp(lab, routes)


def _literal_parts(routes: Iterable[BaseRoute]) -> set[str]:
    paths = [route.path for route in routes if isinstance(route, Route)]
    arm = [path for path in paths if path.startswith("/subscriptions/")]
    return {part for path in arm for part in path.split("/") if part and "{" not in part}
