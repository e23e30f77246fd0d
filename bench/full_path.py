"""The full path: from objects to bodies that wait in the outbox, beside the plain loop of `cloudtrail`.

It is what `run` does, with its own parts: look through the folder, decode, map, look for drift, detect,
stage, settle, write the archive, pack and compress, one transaction of claims and outbox. `into_sink` also
sends the bodies, by the product's client, to a service in this process that answers 204 and does nothing.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cloudtrail
from bench.timing import Duel, duel
from tidewaiter.app.engine.commit import Committer, Places
from tidewaiter.app.engine.drift import Drift
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.plan import PlannedObject, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.provision import delivered_tables
from tidewaiter.app.engine.worker import GroupResult
from tidewaiter.clouds import Transport
from tidewaiter.content import sources
from tidewaiter.core.permit import Phase
from tidewaiter.core.settings import Destination
from tidewaiter.govern import Warden
from tidewaiter.govern.audit import open_audit
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.pipeline.deliver.routes import Route
from tidewaiter.pipeline.deliver.sender import Sender
from tidewaiter.sentinel import Endpoints, LogsIngestion, Session, capability_of
from tidewaiter.state import State, open_state

Sending = Callable[[State], Callable[[], object]]
"""Given a state, what to do after each commit."""
Work = Callable[[list[PlannedObject]], Iterator[tuple[list[PlannedObject], GroupResult]]]


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def no_sending(state: State) -> Callable[[], object]:
    """Leave the bodies in the outbox."""
    del state
    return lambda: None


def deliver(
    folder: Path,
    *,
    workers: int = 1,
    work: Work | None = None,
    sending: Sending = no_sending,
    destination: Destination = "asim",
) -> dict[str, float]:
    """Take everything in `folder` through the path into a new state; return the wall seconds by stage.

    `work` does the workers' part, where it is not left to `workers` new ones; these send CloudTrail's events
    to `destination`.

    Raises:
        AssertionError: an event of the folder is not on its way.
    """
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as made:
        root = Path(made)
        staging = root / "staging"
        staging.mkdir()
        with open_state(root / "state") as state, open_audit(root / "audit") as audit:
            warden = Warden({}, Phase.ACTIVE, approval="the benchmark", clock=utc_now)
            places = Places(Archive.open((root / "archive").as_uri()), root / "decisions", audit, warden)
            send = sending(state)
            committer = Committer(
                state,
                places,
                clock=utc_now,
                send=lambda: (send(), None)[1],
                metrics=Metrics(),
                kept_back=lambda _: False,
            )
            drift = Drift(
                state, Metrics(), clock=utc_now, leave=lambda: True, routed=True, notice=lambda _: None
            )
            plan = make_plan(folder, sources(), state.versions())
            destinations = {"aws_cloudtrail": destination}
            results = (
                work(plan.objects)
                if work
                else work_all(plan.objects, staging, workers=workers, deliver=True, destinations=destinations)
            )
            for group, result in results:
                committer.add([item.claim for item in group], result)
                drift.take(result.seen)
                if committer.full:
                    committer.commit()
                    drift.save()
            committer.commit()
            drift.save()
            counts = committer.outcome.counts["aws_cloudtrail"]
            totals = state.outbox()
            rows = totals.pending.rows + totals.sent.rows
            assert counts.records == counts.delivered == rows // (2 if destination == "both" else 1)
            return state.seconds()


class _Anyone:
    async def token(self, scope: str, *, rejected: str | None = None) -> str:
        del rejected
        return scope

    async def aclose(self) -> None:
        return


async def _accept(scope: Any, receive: Any, send: Any) -> None:
    """Answer as the Logs Ingestion API does when it takes a body."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def sink() -> Iterator[Sending]:
    """Yield a sending to a service that takes everything and does nothing with it."""
    place = "https://127.0.0.1"
    warden = Warden({}, Phase.ACTIVE, approval="a benchmark", clock=utc_now)
    routes = {table: Route("dcr-1", f"Custom-{table}") for table in delivered_tables()}
    with asyncio.Runner() as runner:
        transport = Transport(Endpoints(place, place, place, place).hosts(), app=_accept)
        client = LogsIngestion(Session(transport, _Anyone(), now=utc_now), place, "https://monitor.azure.com")

        def sending(state: State) -> Callable[[], object]:
            sender = Sender(
                state,
                client.upload,
                routes,
                lambda stream, source: warden.permit(capability_of(stream), source),
                clock=utc_now,
                random=random.random,
            )
            return lambda: runner.run(sender.drain())

        yield sending


def beside_asim(folder: Path, destination: Destination, *, rounds: int = 3) -> Duel:
    """Return the full path into another destination against the one into ASIM tables."""
    return duel(lambda: deliver(folder, destination=destination), lambda: deliver(folder), rounds=rounds)


def run(folder: Path, *, rounds: int = 5) -> Duel:
    """Return the full path against the reference loop, over the files of a folder."""
    paths = sorted(folder.rglob("*.json.gz"))
    return duel(lambda: deliver(folder), lambda: cloudtrail.reference(paths), rounds=rounds)


def into_sink(folder: Path, *, rounds: int = 3) -> Duel:
    """Return the full path and the sending of it against the reference loop."""
    paths = sorted(folder.rglob("*.json.gz"))
    with sink() as sending:
        return duel(
            lambda: deliver(folder, sending=sending), lambda: cloudtrail.reference(paths), rounds=rounds
        )
