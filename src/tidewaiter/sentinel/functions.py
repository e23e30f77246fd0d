"""Saved searches: KQL functions and hunting queries of the workspace.

Source: Log Analytics REST API, Saved Searches (2025-07-01). A saved search with a `function_alias` is a
function; one in the category `Hunting Queries` is a hunting query of Sentinel. The service answers 200.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import INSIGHTS, Wire

HUNTING = "Hunting Queries"


class Tag(Wire, frozen=True):
    """A tag; hunting queries keep `description`, `tactics` and `techniques` in theirs."""

    name: str
    value: str | None = None


class SavedSearch(Wire, frozen=True):
    """A stored query; `function_parameters` as in KQL: `since:datetime=datetime(null), pack:bool=false`."""

    category: str
    display_name: str
    query: str
    function_alias: str | None = None
    function_parameters: str | None = None
    version: int | None = None
    tags: tuple[Tag, ...] | None = None


class StoredSearch(Wire, frozen=True):
    """A saved search as read."""

    properties: SavedSearch
    name: str = ""
    id: str = ""
    etag: str | None = None


class _Body(Wire, frozen=True):
    properties: SavedSearch
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Functions:
    """The saved searches of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> StoredSearch:
        """Return a saved search by its id; Refused with status 404 when there is none."""
        return await self.arm.get(self._path(name), StoredSearch, version=INSIGHTS)

    def list(self) -> AsyncIterator[StoredSearch]:
        """Yield all saved searches."""
        return self.arm.list(f"{self.workspace.insights}/savedSearches", StoredSearch, version=INSIGHTS)

    async def put(
        self,
        name: str,
        search: SavedSearch,
        *,
        permit: Permit,
        source: str = "*",
        etag: str | None = "*",
    ) -> StoredSearch:
        """Create a saved search, or change the one that is there.

        The service asks for an ETag to change one: `*` overwrites whatever is there, the one that was read
        only that.

        Raises:
            Conflict412: somebody changed it since.
        """
        self._enforce(permit, source)
        body = _Body(search, etag)
        return await self.arm.put(self._path(name), body, StoredSearch, version=INSIGHTS)

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a saved search; none of that id is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=INSIGHTS)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_FUNCTIONS, source=source, now=self.arm.session.now())

    def _path(self, name: str) -> str:
        return f"{self.workspace.insights}/savedSearches/{segment(name)}"
