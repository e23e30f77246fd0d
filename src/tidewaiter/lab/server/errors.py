"""Errors as Azure's services answer them: `{"error": {"code": …, "message": …}}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidewaiter.core.errors import DeliveryError, Location

TOO_DEEP = "it is nested too deeply"
"""Said of JSON that the lab cannot follow: a thousand levels or so. Services refuse it far earlier."""


class ServiceError(Exception):
    """An answer other than success, raised anywhere in a handler.

    `members` go into the error object beside code and message (`innererror`, `details`, …).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.members = dict(members or {})


async def answer(_: Request, error: Exception) -> Response:
    """Turn a ServiceError into its answer; the app's exception handler."""
    assert isinstance(error, ServiceError)
    body = {"error": {"code": error.code, "message": error.message, **error.members}}
    headers = {"x-ms-error-code": error.code, **error.headers}
    return JSONResponse(body, error.status, headers=headers)


async def not_found(request: Request, _: Exception) -> Response:
    """Answer for a path that the lab does not have."""
    message = f"The lab has nothing at '{request.method} {request.url.path}'."
    return JSONResponse({"error": {"code": "NotFound", "message": message}}, 404)


async def unavailable(_: Request, error: Exception) -> Response:
    """Answer when the lab could not store what it was sent: nothing of it was, and a retry may help."""
    body = {"error": {"code": "ServiceUnavailable", "message": str(error)}}
    return JSONResponse(body, 503, headers={"Retry-After": "5", "x-ms-error-code": "ServiceUnavailable"})


def not_stored(path: Path, error: OSError) -> DeliveryError:
    """Return the error for a change that a file of the lab did not take, and that was not made."""
    hint = "free disk space and try again: nothing was changed"
    message = f"the lab cannot store it: {error.strerror or error}"
    return DeliveryError(message, at=Location(str(path)), hint=hint)
