"""Comments on incidents. Source: Microsoft Sentinel REST API, Incident Comments (2024-09-01)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import SENTINEL, Wire


class Author(Wire, frozen=True):
    """Who wrote a comment."""

    name: str | None = None
    email: str | None = None
    object_id: str | None = None
    user_principal_name: str | None = None


class CommentProperties(Wire, frozen=True):
    """A comment's text, as Markdown or HTML, and what the service adds."""

    message: str
    created_time_utc: datetime | None = None
    last_modified_time_utc: datetime | None = None
    author: Author | None = None


class Comment(Wire, frozen=True):
    """A comment as read."""

    name: str
    properties: CommentProperties
    id: str = ""
    etag: str | None = None


class _Body(Wire, frozen=True):
    properties: CommentProperties


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments on the incidents of one workspace; encoding of hostile text is the caller's."""

    arm: Arm
    workspace: WorkspacePath

    def list(self, incident: str, *, page: int = 200) -> AsyncIterator[Comment]:
        """Yield the comments on an incident, by the incident's name."""
        params = {"$top": str(page)}
        return self.arm.list(self._all(incident), Comment, version=SENTINEL, params=params)

    async def put(
        self, incident: str, name: str, message: str, *, permit: Permit, source: str = "*"
    ) -> Comment:
        """Write the comment `name`; the same name again overwrites it: a repeat makes no second one."""
        self._enforce(permit, source)
        body = _Body(CommentProperties(message))
        return await self.arm.put(self._path(incident, name), body, Comment, version=SENTINEL)

    async def delete(self, incident: str, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a comment; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(incident, name), version=SENTINEL)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_INCIDENTS, source=source, now=self.arm.session.now())

    def _all(self, incident: str) -> str:
        return f"{self.workspace.sentinel}/incidents/{segment(incident)}/comments"

    def _path(self, incident: str, name: str) -> str:
        return f"{self._all(incident)}/{segment(name)}"
