"""Where rows go: the embedded lab or a workspace in Azure, through the same clients."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tidewaiter import asim
from tidewaiter.app.engine.paths import Paths
from tidewaiter.app.engine.provision import (
    OPTIONAL_TABLES,
    delivered_tables,
    native_tables,
    provision,
)
from tidewaiter.clouds import Transport, credential_for
from tidewaiter.content import sources
from tidewaiter.core.errors import ConfigError, DeliveryError, StateError
from tidewaiter.core.permit import Permit, Phase
from tidewaiter.core.settings import Destination as Wanted
from tidewaiter.core.settings import Settings
from tidewaiter.govern import Warden
from tidewaiter.lab.server import Lab, create_app
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.pipeline.deliver.patience import SendSettings
from tidewaiter.pipeline.deliver.routes import Route, check_accepted, check_destinations, routes_for
from tidewaiter.pipeline.deliver.send_report import SendReport
from tidewaiter.pipeline.deliver.sender import Sender
from tidewaiter.sentinel import Endpoints, Sentinel, Session, WorkspacePath, capability_of
from tidewaiter.state import State

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Destination:
    """A workspace that takes rows; `lab` is the embedded one, None for a workspace elsewhere."""

    sentinel: Sentinel
    routes: dict[str, Route]
    warden: Warden
    settings: Settings
    lab: Lab | None
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on the loop that all clients share."""
        return self.runner.run(work)

    def sender(self, state: State, *, clock: Clock, notice: Callable[[str], None]) -> Sender:
        """Return the sender of a state's outbox to here."""
        retry = self.settings.retry
        return Sender(
            state,
            self.sentinel.ingestion.upload,
            self.routes,
            self._permit,
            clock=clock,
            random=random.random,
            settings=SendSettings(max_attempts=retry.max_attempts, give_up_after=retry.give_up_after),
            spacing={} if self.lab else {alerts.TABLE: alerts.SPACING},
            optional=OPTIONAL_TABLES,
            notice=notice,
        )

    def drain(self, sender: Sender) -> SendReport:
        """Send until the outbox is empty; raises what `Sender.drain` raises."""
        return self.run(sender.drain())

    def _permit(self, stream: str, source: str) -> Permit:
        return self.warden.permit(capability_of(stream), source)


@contextmanager
def destination(settings: Settings, paths: Paths, warden: Warden) -> Iterator[Destination]:
    """Open the destination that the settings name; the embedded lab is made and provisioned.

    Raises:
        ConfigError: a setting is wrong or missing. StateError: the lab cannot be opened.
        DeliveryError: no room for the lab.
    """
    with asyncio.Runner() as runner:
        if settings.embedded:
            with _lab(paths.lab) as lab:
                yield _embedded(lab, settings, warden, runner)
            return
        found = _remote(settings, warden, runner)
        try:
            yield found
        finally:
            with suppress(RuntimeError):  # the loop is gone after Ctrl-C
                runner.run(found.sentinel.aclose())


def provision_lab(lab: Lab) -> None:
    """Make in a lab what `run` needs there, as a client of it; for a lab that is served to others."""
    warden = Warden({}, Phase.ACTIVE, approval="the lab", clock=utc_now)
    with asyncio.Runner() as runner:
        _embedded(lab, Settings(), warden, runner)


def _embedded(lab: Lab, settings: Settings, warden: Warden, runner: asyncio.Runner) -> Destination:
    tenant = lab.tenant
    endpoints = Endpoints(lab.endpoint, lab.endpoint, lab.endpoint, lab.endpoint)
    path = WorkspacePath(tenant.subscription_id, tenant.resource_group, tenant.workspace)
    transport = Transport(endpoints.hosts(), app=create_app(lab))
    session = Session(transport, _LabIdentity(lab), now=warden.clock)
    sentinel = Sentinel.of(session, endpoints, path, tenant.workspace_id)
    own = Warden({}, Phase.ACTIVE, approval="the lab", clock=warden.clock)  # nothing outside is touched
    wanted = wanted_of(settings)
    routes = runner.run(provision(sentinel, path, own, location=tenant.location, wanted=wanted))
    return Destination(sentinel, routes, warden, settings, lab, runner)


def _remote(settings: Settings, warden: Warden, runner: asyncio.Runner) -> Destination:
    azure, workspace = settings.azure, settings.workspace
    endpoints = Endpoints(settings.ingestion.endpoint, azure.authority, azure.management, azure.query)
    bundle = Path(azure.ca_bundle) if azure.ca_bundle else None
    tables = [name for name in delivered_tables(wanted_of(settings)) if name not in OPTIONAL_TABLES]
    routes = routes_for(tables, settings.ingestion, perhaps=native_tables(), named=OPTIONAL_TABLES)

    async def connected() -> Sentinel:
        transport = Transport(endpoints.hosts(azure.allow_hosts), ca_bundle=bundle)
        credential = credential_for(
            transport,
            authority=azure.authority,
            tenant_id=azure.tenant_id,
            client_id=azure.client_id,
            client_secret=azure.client_secret,
            ca_bundle=bundle,
        )
        path = WorkspacePath(workspace.subscription_id, workspace.resource_group, workspace.name)
        session = Session(transport, credential, now=warden.clock)
        return Sentinel.of(session, endpoints, path, workspace.id)

    return Destination(runner.run(connected()), routes, warden, settings, None, runner)


class _LabIdentity:
    """The embedded lab's own client: the lab is in this process and signs for it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def token(self, scope: str, *, rejected: str | None = None) -> str:
        """Return a token for the scope's audience."""
        del rejected
        return self._lab.token(scope.removesuffix("/.default"))

    async def aclose(self) -> None:
        """Nothing is held."""


@contextmanager
def _lab(folder: Path) -> Iterator[Lab]:
    try:
        lab = Lab.open(folder, clock="stream")
    except StateError as error:
        if "No space left" not in error.message:
            raise
        hint = "free disk space, then run again: nothing was delivered"
        raise DeliveryError(f"cannot open the lab: {error.message}", hint=hint) from None
    with lab:
        yield lab


def wanted_of(settings: Settings) -> dict[str, Wanted]:
    """Return where the settings want each source's events, by source."""
    return {name: source.destination for name, source in settings.sources.items()}


def check_wanted(settings: Settings) -> None:
    """Check that every source's mappings, and the workspace, have the tables that the settings want.

    Raises:
        ConfigError: they do not, or the settings are of a source that nobody knows.
    """
    known, wanted = sources(), wanted_of(settings)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        hint = f"known sources are {', '.join(sorted(known))}"
        raise ConfigError(f"settings for an unknown source: {', '.join(unknown)}", hint=hint)
    check_destinations(wanted, {name: spec.destinations for name, spec in known.items()})
    if not settings.embedded:
        tables = asim.tables()
        refused = {
            name: [table for table in known[name].native_tables if not tables[table].ingestible]
            for name in wanted
        }
        check_accepted(wanted, refused)


def check_pulled(settings: Settings) -> None:
    """Check that the sources to be pulled can be, and would not read what was delivered from here.

    Raises:
        ConfigError: they cannot, the settings do not say which workspace to ask, or the state is shared: how
        far was read would be there, and what was read on the disk of one host, which may be lost.
    """
    known = sources()
    if settings.pulled and settings.state.url:
        names = ", ".join(settings.pulled)
        message = f"{names}: findings are not pulled on a state that processes share (state.url)"
        hint = f"let one process with a state of its own pull, without state.url; here remove pull of {names}"
        raise ConfigError(message, hint=hint)
    for name in settings.pulled:
        spec = known[name]
        if spec.pulled is None:
            able = ", ".join(other for other, each in known.items() if each.pulled is not None)
            message = f"{name} cannot be pulled: no table of Sentinel's own holds findings of it"
            raise ConfigError(message, hint=f"remove sources.{name}.pull; these can be pulled: {able}")
        if settings.sources[name].destination != "asim":
            where = f"{name} goes to {spec.pulled.table} and is pulled from there: we would read our own rows"
            raise ConfigError(where, hint=f'set sources.{name}.destination = "asim", or do not pull it')
        if not (settings.embedded or settings.workspace.id):
            message = f"{name} is to be pulled, and workspace.id does not say from where"
            raise ConfigError(message, hint="set workspace.id: the Workspace ID on its overview page")


def warden_of(settings: Settings, clock: Clock) -> Warden:
    """Return the warden of the phases that are set; in the embedded lab nothing outside is touched."""
    phases = {name: Phase(source.phase) for name, source in settings.sources.items() if source.phase}
    approval = "the embedded lab" if settings.embedded else "settings"
    return Warden(phases, Phase(settings.phase.default), approval=approval, clock=clock)
