"""What all of Sentinel's resources share: versions, ETags, pages, and how a resource is shown.

Source: Azure Resource Manager's common contracts, and azure-mgmt-securityinsight 2.0.0b4 as client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode
from uuid import uuid4

from starlette.requests import Request

from tidewaiter.lab.server.arm.resources import WORKSPACE, check_scope
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab

T = TypeVar("T")

PROVIDER = WORKSPACE + "/providers/Microsoft.SecurityInsights"
STABLE = (
    "2021-10-01", "2022-08-01", "2022-11-01", "2023-02-01", "2023-11-01", "2024-03-01", "2024-09-01",
    "2025-03-01", "2025-06-01", "2025-09-01",
)  # fmt: skip
"""Stable versions of Microsoft.SecurityInsights that the lab answers to; of previews, any since 2021."""

_PREVIEW = re.compile(r"202[1-9]-\d\d-\d\d-preview")
_PAGE = 100
_MOST = 1_000


def check(lab: Lab, request: Request, *, preview: bool = False) -> None:
    """Check the scope and the api-version of a request; `preview` when no stable version has the resource.

    Raises:
        ServiceError: 400 for a version that the provider does not have, and what `check_scope` raises.
    """
    check_scope(lab, request)
    if is_preview(request) or (not preview and request.query_params["api-version"] in STABLE):
        return
    known = "any preview since 2021" if preview else ", ".join(STABLE)
    message = (
        f"No registered resource provider found for location '{lab.tenant.location}' and API version "
        f"'{request.query_params['api-version']}'. The supported api-versions are '{known}'."
    )
    raise ServiceError(400, "NoRegisteredProviderFound", message)


def is_preview(request: Request) -> bool:
    """Say whether the request is of a preview version."""
    return _PREVIEW.fullmatch(request.query_params["api-version"]) is not None


def new_etag() -> str:
    """Return an ETag as the service makes them, with its quotes."""
    return f'"{uuid4()}"'


def check_etag(request: Request, in_body: str | None, current: str | None, what: str) -> None:
    """Check the ETag of a change: the header's first, else the body's; without any the change is made.

    `current` is None for what is not there.

    Raises:
        ServiceError: 412 when `If-Match` does not match, 409 when the body's etag does not.
    """
    header = request.headers.get("if-match")
    bare = (current or "").strip('"')
    if header and (current is None or header.strip('"') not in ("*", bare)):
        message = f"The condition 'If-Match' is not met for {what}: it is of another version."
        raise ServiceError(412, "PreconditionFailed", message)
    given = in_body.strip('"') if in_body and not header else ""
    if given not in ("", "*", bare):
        message = (
            f"Newer instance of {what} exists. If you'd like to rewrite, please retry using the appropriate "
            "Etag."
        )
        raise ServiceError(409, "Conflict", message)


def page(
    request: Request, items: Sequence[T], show: Callable[[T], object], *, size: int = _PAGE
) -> dict[str, object]:
    """Return a page of a list: `$top` items, at most 1,000 (`size` unless asked), and a `nextLink` to more.

    Raises:
        ServiceError: 400 for a `$top` or `$skipToken` that is none.
    """
    asked = request.query_params.get("$top", str(size))
    token = request.query_params.get("$skipToken", "0")
    if not asked.isdecimal() or not token.isdecimal() or int(asked) < 1:
        raise ServiceError(400, "BadRequest", "$top and $skipToken must be those of a list.")
    start, most = int(token), min(int(asked), _MOST)
    answer: dict[str, object] = {"value": [show(item) for item in items[start : start + most]]}
    if start + most < len(items):
        kept = {name: value for name, value in request.query_params.items() if name != "$skipToken"}
        query = urlencode({**kept, "$skipToken": start + most})
        answer["nextLink"] = f"{request.url.scheme}://{request.url.netloc}{request.url.path}?{query}"
    return answer


def resource(
    lab: Lab, path: str, name: str, etag: str, properties: object, **more: object
) -> dict[str, object]:
    """Return a resource as it is shown; `path` leads to it below the provider, such as `incidents`."""
    return {
        "id": f"{resource_id(lab)}/{path}/{name}",
        "name": name,
        "etag": etag,
        "type": f"Microsoft.SecurityInsights/{_type(path)}",
        **more,
        "properties": properties,
    }


def resource_id(lab: Lab) -> str:
    """Return the ARM path of what Sentinel keeps in the workspace."""
    return f"{lab.tenant.workspace_path}/providers/Microsoft.SecurityInsights"


def missing(what: str, name: str) -> ServiceError:
    """Return the answer for what is not there."""
    return ServiceError(404, "NotFound", f"{what} '{name}' was not found.")


def stamp(at: datetime) -> str:
    """Return a time as the service writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _type(path: str) -> str:
    """Return the type of a path: every other segment of it."""
    return "/".join(path.split("/")[::2])
