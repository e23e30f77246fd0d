"""Hunts, their comments and what belongs to them.

Source: Microsoft Sentinel REST API, Hunts (2025-10-01-preview).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.incidents import Owner
from tidewaiter.sentinel.wire import PREVIEW, Wire


class HuntDraft(Wire, frozen=True):
    """A hunt: a hypothesis and how far its proof has come.

    `status` is New, Active, Closed, Backlog or Approved; `hypothesis_status` Unknown, Invalidated, Validated.
    """

    display_name: str
    description: str
    status: str | None = None
    hypothesis_status: str | None = None
    attack_tactics: tuple[str, ...] | None = None
    attack_techniques: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    owner: Owner | None = None


class Hunt(Wire, frozen=True):
    """A hunt as read."""

    name: str
    properties: HuntDraft
    id: str = ""
    etag: str | None = None


class _Message(Wire, frozen=True):
    message: str


class HuntComment(Wire, frozen=True):
    """A comment on a hunt as read."""

    name: str
    properties: _Message
    etag: str | None = None


class _Related(Wire, frozen=True):
    related_resource_id: str
    related_resource_name: str | None = None
    related_resource_kind: str | None = None
    labels: tuple[str, ...] | None = None


class HuntRelation(Wire, frozen=True):
    """What belongs to a hunt (a saved search, a bookmark), as read."""

    name: str
    properties: _Related
    etag: str | None = None


class _Body(Wire, frozen=True):
    properties: HuntDraft | _Message | _Related
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Hunts:
    """The hunts of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> Hunt:
        """Return a hunt; Refused with status 404 when there is none of that name."""
        return await self.arm.get(self._path(name), Hunt, version=PREVIEW)

    def list(self) -> AsyncIterator[Hunt]:
        """Yield all hunts."""
        return self.arm.list(f"{self.workspace.sentinel}/hunts", Hunt, version=PREVIEW)

    def comments(self, name: str) -> AsyncIterator[HuntComment]:
        """Yield the comments on a hunt."""
        return self.arm.list(f"{self._path(name)}/comments", HuntComment, version=PREVIEW)

    def relations(self, name: str) -> AsyncIterator[HuntRelation]:
        """Yield what belongs to a hunt."""
        return self.arm.list(f"{self._path(name)}/relations", HuntRelation, version=PREVIEW)

    async def put(
        self, name: str, draft: HuntDraft, *, permit: Permit, source: str = "*", etag: str | None = None
    ) -> Hunt:
        """Create a hunt, or change the one that is there; with `etag` only if nobody changed it since."""
        self._enforce(permit, source)
        return await self.arm.put(self._path(name), _Body(draft, etag), Hunt, version=PREVIEW, etag=etag)

    async def put_comment(
        self, name: str, comment: str, message: str, *, permit: Permit, source: str = "*"
    ) -> HuntComment:
        """Write the comment with the id `comment`; the same id again overwrites it."""
        self._enforce(permit, source)
        path = f"{self._path(name)}/comments/{segment(comment)}"
        return await self.arm.put(path, _Body(_Message(message)), HuntComment, version=PREVIEW)

    async def put_relation(
        self, name: str, relation: str, resource_id: str, *, permit: Permit, source: str = "*"
    ) -> HuntRelation:
        """Attach a resource, by its ARM id, under the id `relation`."""
        self._enforce(permit, source)
        path = f"{self._path(name)}/relations/{segment(relation)}"
        return await self.arm.put(path, _Body(_Related(resource_id)), HuntRelation, version=PREVIEW)

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a hunt; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=PREVIEW)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_HUNTS, source=source, now=self.arm.session.now())

    def _path(self, name: str) -> str:
        return f"{self.workspace.sentinel}/hunts/{segment(name)}"
