"""The lab itself: a workspace, a tenant, a clock, and one thread that works on them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from tidewaiter.core.errors import Location, StateError
from tidewaiter.lab.server.clock import ClockName, LabClock
from tidewaiter.lab.server.faults import Faults
from tidewaiter.lab.server.files import write_private
from tidewaiter.lab.server.ingestion.quota import Quota
from tidewaiter.lab.server.query.limits import QueryLimits
from tidewaiter.lab.server.requests import RequestLog
from tidewaiter.lab.server.rules import Rules
from tidewaiter.lab.server.sentinel.service import RulesReport, Sentinel
from tidewaiter.lab.server.tenant import Client, Tenant
from tidewaiter.lab.server.tokens import LIFETIME, SigningKey, claims_of
from tidewaiter.lab.workspace import Workspace

T = TypeVar("T")

CLIENT_ID = "7ab00000-0000-4000-8000-00000000000c"
"""The app registration that every lab has; its secret is the lab's own."""


class Lab:
    """Everything behind the app; a context manager, closed with the workspace.

    Whatever touches `workspace`, `rules` or `sentinel` runs through `run` (or `work`), which keeps to one
    thread: the writer and the KQL executor share the file.

    `clients` are the app registrations (add to it), `role_delay` is how long after the creation of a DCR its
    senders are refused, `faults` the planned answers, `requests` the last requests for ingestion.
    """

    def __init__(self, folder: Path, workspace: Workspace, clock: LabClock, tenant: Tenant) -> None:
        self.folder = folder
        self.workspace = workspace
        self.clock = clock
        self.tenant = tenant
        self.endpoint = "https://127.0.0.1"
        self.clients = {CLIENT_ID: _client(folder)}
        self.role_delay = timedelta()
        self.quota: Quota | None = Quota(clock.present) if clock.name == "wall" else None
        self.query_limits = QueryLimits()
        self.faults = Faults()
        self.requests = RequestLog()
        self.rules = Rules(folder / "data-collection-rules.json", workspace, clock)
        self.sentinel = Sentinel(folder, workspace, clock, tenant)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lab")

    @classmethod
    def open(cls, folder: Path, *, clock: ClockName | LabClock = "wall", tenant: Tenant | None = None) -> Lab:
        """Open the lab in `folder`, or make one there.

        On the stream's clock there are no limits per minute: a day passes in seconds.

        Raises:
            StateError: the folder or the workspace in it cannot be used.
        """
        workspace = Workspace.open(folder / "workspace.duckdb")
        its_clock = clock if isinstance(clock, LabClock) else LabClock(clock)
        try:
            its_clock.saw(workspace.stream_time())
            return cls(folder, workspace, its_clock, tenant or Tenant())
        except BaseException:
            workspace.close()
            raise

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what runs, then let go of the workspace."""
        self._thread.shutdown()
        self.workspace.close()

    def now(self) -> datetime:
        """Return the lab's time, aware in UTC."""
        return self.clock.now()

    def run_rules(self, *, until: datetime | None = None) -> RulesReport:
        """Run the analytics rules that are due by the lab's time, or by `until` if that is later.

        Raises:
            DeliveryError: alerts cannot be stored.
        """
        return self.work(lambda: self.sentinel.run_rules(until))

    def billed(self) -> dict[str, int]:
        """Return the bytes that Log Analytics would bill, by table."""
        return self.work(self.workspace.billed)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the lab's thread, after what was asked for earlier."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def work(self, work: Callable[[], T]) -> T:
        """Run `work` on the lab's thread and wait for it; for callers without an event loop."""
        return self._thread.submit(work).result()

    @cached_property
    def key(self) -> SigningKey:
        """The key that signs tokens; made when first needed."""
        return SigningKey.open(self.folder / "tls" / "token-key.pem")

    def token(self, audience: str, *, client: str = CLIENT_ID, lifetime: timedelta = LIFETIME) -> str:
        """Return an access token for `audience`, as the token endpoint would; for callers in this process.

        Raises:
            KeyError: no such client.
        """
        its = self.clients[client]
        claims = claims_of(
            client=its.id,
            object_id=its.object_id,
            tenant=self.tenant.id,
            audience=audience,
            now=self.clock.present(),
            lifetime=lifetime,
        )
        return self.key.sign(claims)


def _client(folder: Path) -> Client:
    path = folder / "client.json"
    if not path.exists():
        made = Client(CLIENT_ID, "7ab00000-0000-4000-8000-00000000000d", secrets.token_urlsafe(30))
        write_private(path, msgspec.json.encode(made))
    try:
        return msgspec.json.decode(path.read_bytes(), type=Client)
    except msgspec.DecodeError:
        hint = "remove it: the lab makes another one, and another secret"
        raise StateError("is no client of a lab", at=Location(str(path)), hint=hint) from None
