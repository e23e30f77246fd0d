"""What stands below an incident and is read and written one by one: comments, relations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, guarded
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import PROVIDER, check

Draft = TypeVar("Draft", bound=msgspec.Struct)
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Parts(Generic[Draft, Part]):
    """A collection below an incident, and what is done with it; `listed` and `shown` give what is answered.

    `put` and `delete` give the HTTP status with which they ended well; `name` is the item's in paths.
    """

    name: str
    draft: type[Draft]
    listed: Callable[[Lab, Request], dict[str, object]]
    get: Callable[[Lab, Request], Part]
    put: Callable[[Lab, Request, Draft], tuple[int, Part]]
    delete: Callable[[Lab, Request], int]
    shown: Callable[[Lab, Part], dict[str, object]]

    def routes(self, lab: Lab) -> list[BaseRoute]:
        """Return the routes of the collection and of its items."""

        async def every(request: Request) -> Response:
            check(lab, request)
            return JSONResponse(await lab.run(partial(self.listed, lab, request)))

        async def one(request: Request) -> Response:
            check(lab, request)
            if request.method == "PUT":
                draft = await read_json(request, self.draft)
                status, part = await lab.run(partial(self.put, lab, request, draft))
                return JSONResponse(self.shown(lab, part), status)
            if request.method == "DELETE":
                return Response(status_code=await lab.run(partial(self.delete, lab, request)))
            return JSONResponse(self.shown(lab, await lab.run(partial(self.get, lab, request))))

        manage = partial(guarded, lab, Audience.MANAGEMENT)
        path = f"{PROVIDER}/incidents/{{incident}}/{self.name}s"
        return [
            Route(path, manage(every), methods=["GET"]),
            Route(f"{path}/{{{self.name}}}", manage(one), methods=["GET", "PUT", "DELETE"]),
        ]
