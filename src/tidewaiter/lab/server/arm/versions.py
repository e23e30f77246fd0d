"""The api-versions that resource providers have, and what Azure Resource Manager says of others."""

from __future__ import annotations

import re

from tidewaiter.lab.server.errors import ServiceError

VERSIONS = {
    "Microsoft.Insights/dataCollectionRules": (
        "2021-04-01", "2021-09-01-preview", "2022-06-01", "2023-03-11", "2024-03-11",
    ),
    "Microsoft.OperationalInsights/workspaces": (
        "2020-08-01", "2020-10-01", "2021-06-01", "2021-12-01-preview", "2022-10-01", "2023-09-01",
        "2025-02-01", "2025-07-01",
    ),
}  # fmt: skip
"""Type of a resource -> versions; what lies below it has the same (azure-rest-api-specs, read 2026-11).

Those of Microsoft.SecurityInsights are with its resources."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(-\w+)?")


def check_version(path: str, version: str, location: str) -> None:
    """Check the api-version of a request for the resource at `path`.

    Raises:
        ServiceError: 400: none is given, it is no version, or the provider does not have it.
    """
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ServiceError(400, "MissingApiVersionParameter", message)
    if _DATE.fullmatch(version) is None:
        message = f"The api-version '{version}' is invalid. It must be of the form 'YYYY-MM-DD[-preview]'."
        raise ServiceError(400, "InvalidApiVersionParameter", message)
    kind = _type_of(path)
    versions = next((found for base, found in VERSIONS.items() if f"{kind}/".startswith(f"{base}/")), None)
    if versions is None or version in versions:
        return
    message = (
        f"No registered resource provider found for location '{location}' and API version '{version}' for "
        f"type '{kind.partition('/')[2]}'. The supported api-versions are '{', '.join(versions)}'. The "
        f"supported locations are '{location}'."
    )
    raise ServiceError(400, "NoRegisteredProviderFound", message)


def _type_of(path: str) -> str:
    """Return the type of the resource at a path: its provider, and every other segment behind it."""
    provider, *rest = path.rpartition("/providers/")[2].split("/")
    return "/".join([provider, *rest[::2]])
