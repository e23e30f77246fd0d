"""Azure Resource Manager below one workspace: paths, paging, ETags and long-running operations.

Source: Track asynchronous Azure operations (Microsoft, read 2026-11-23): 201 or 202 with
`Azure-AsyncOperation` (poll until a final `status`) or `Location` (poll until not 202).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tidewaiter.clouds import Reply
from tidewaiter.clouds.retry_after import retry_after
from tidewaiter.sentinel.errors import Refused, Unreadable
from tidewaiter.sentinel.session import Session, decode

T = TypeVar("T")

MOST_PAGES = 1_000
MOST_POLLS = 120
_PAUSE = 2.0
_LONGEST = 60.0
_FINAL = {"succeeded", "failed", "canceled", "cancelled"}


@dataclass(frozen=True, slots=True)
class WorkspacePath:
    """Where a workspace is in Azure."""

    subscription_id: str
    resource_group: str
    name: str

    @property
    def group(self) -> str:
        """The ARM id of its resource group."""
        return f"/subscriptions/{segment(self.subscription_id)}/resourceGroups/{segment(self.resource_group)}"

    @property
    def insights(self) -> str:
        """The ARM path of what Log Analytics keeps in it, and the workspace's own id."""
        return f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/{segment(self.name)}"

    @property
    def sentinel(self) -> str:
        """The ARM path of what Sentinel keeps in it."""
        return f"{self.insights}/providers/Microsoft.SecurityInsights"


def segment(name: str) -> str:
    """Return a name as one segment of a path; slashes and dots in it cannot lead elsewhere.

    Raises:
        Refused: the name is empty or only dots, which no resource is called.
    """
    if not name.strip("."):
        raise Refused(400, "InvalidName", f"'{name}' names no resource", where="the request")
    return quote(name, safe="")


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    value: list[msgspec.Raw] = []
    next_link: str | None = None


class _Words(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Operation(msgspec.Struct, frozen=True):
    status: str = ""
    error: _Words | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """Requests to the management endpoint of one cloud."""

    session: Session
    endpoint: str
    scope: str

    async def get(self, path: str, kind: type[T], *, version: str) -> T:
        """Read one resource; tried again after passing failures."""
        what = f"GET {path}"
        return decode((await self._read(self._url(path), {"api-version": version}, what)).body, kind, what)

    async def put(
        self, path: str, body: object, kind: type[T], *, version: str, etag: str | None = None
    ) -> T:
        """Create or replace a resource and return it; once. `etag` makes it conditional (`If-Match`).

        A long-running operation is followed to its end, and the resource read anew.
        """
        return await self._change("PUT", path, body, kind, version=version, etag=etag)

    async def patch(self, path: str, body: object, kind: type[T], *, version: str) -> T:
        """Change a resource in part and return it; once."""
        return await self._change("PATCH", path, body, kind, version=version, etag=None)

    async def delete(self, path: str, *, version: str) -> None:
        """Delete a resource; one that is not there is no error. Once."""
        what = f"DELETE {path}"
        try:
            reply = await self._send("DELETE", path, version=version, what=what)
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise
        if reply.status == HTTPStatus.ACCEPTED:
            await self._finished(reply, what)

    async def list(
        self, path: str, kind: type[T], *, version: str, params: dict[str, str] | None = None
    ) -> AsyncIterator[T]:
        """Yield the resources of all pages; each page is tried again after passing failures.

        A `nextLink` to another host than the endpoint is refused: the token would go with it.
        """
        what = f"GET {path}"
        url, query = self._url(path), {**(params or {}), "api-version": version}
        seen: set[str] = set()
        while len(seen) < MOST_PAGES:
            seen.add(url)
            page = decode((await self._read(url, query, what)).body, _Page, what)
            for raw in page.value:
                yield decode(bytes(raw), kind, what)
            if not page.next_link:
                return
            url, query = self._own(page.next_link, what), {}
            if url in seen:
                break
        raise Unreadable(f"{what} has no last page", hint="the service repeats a nextLink")

    async def _change(
        self,
        method: str,
        path: str,
        body: object,
        kind: type[T],
        *,
        version: str,
        etag: str | None,
    ) -> T:
        what = f"{method} {path}"
        headers = {"If-Match": etag} if etag else {}
        content = msgspec.json.encode(body)
        reply = await self._send(method, path, version=version, what=what, content=content, headers=headers)
        if await self._finished(reply, what):
            return await self.get(path, kind, version=version)
        return decode(reply.body, kind, what)

    async def _finished(self, reply: Reply, what: str) -> bool:
        """Follow a long-running operation to its end; return whether there was one."""
        operation = reply.headers.get("azure-asyncoperation")
        location = reply.headers.get("location") if reply.status == HTTPStatus.ACCEPTED else None
        link = operation or location
        if not link:
            return reply.status == HTTPStatus.ACCEPTED
        url = self._own(link, what)
        for _ in range(MOST_POLLS):
            pause = retry_after(reply.headers.get("retry-after", ""), now=self.session.now())
            await self.session.sleep(_PAUSE if pause is None else min(pause, _LONGEST))
            reply = await self._read(url, {}, what)
            if operation:
                said = decode(reply.body, _Operation, what)
                if said.status.lower() in _FINAL:
                    return _succeeded(said, what)
            elif reply.status != HTTPStatus.ACCEPTED:
                return True
        raise Unreadable(f"{what} did not come to an end", hint="look at its state in the Azure portal")

    async def _read(self, url: str, params: dict[str, str], what: str) -> Reply:
        return await self.session.read(
            lambda: self.session.send("GET", url, scope=self.scope, what=what, params=params or None)
        )

    async def _send(
        self,
        method: str,
        path: str,
        *,
        version: str,
        what: str,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        typed = {"Content-Type": "application/json"} if content is not None else {}
        return await self.session.send(
            method,
            self._url(path),
            scope=self.scope,
            what=what,
            params={"api-version": version},
            headers={**typed, **(headers or {})},
            content=content,
        )

    def _url(self, path: str) -> str:
        return self.endpoint.rstrip("/") + path

    def _own(self, link: str, what: str) -> str:
        here, there = httpx.URL(self.endpoint), httpx.URL(link)
        if (here.scheme, here.host, here.port) != (there.scheme, there.host, there.port):
            raise Unreadable(
                f"{what} leads to another host ({there.host})", hint="such links are not followed"
            )
        return link


def _succeeded(said: _Operation, what: str) -> bool:
    if said.status.lower() == "succeeded":
        return True
    error = said.error or _Words()
    raise Refused(200, error.code or said.status, error.message, where=what)
