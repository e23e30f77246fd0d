"""Sends what waits in the outbox to the Logs Ingestion API, until it is empty.

A batch is marked `sending` before it leaves and `sent` after it was accepted, both durably and several at
once. What may have arrived and may not (a reset, a timeout, a 5xx) is sent again and marked possibly sent:
its rows can be there twice, and their event ids tell which.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from tidewaiter.core.errors import ConfigError, DeliveryError, PermitError, TidewaiterError
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.core.permit import Permit
from tidewaiter.pipeline.deliver.answers import Answer, Upload, Verdict, ask
from tidewaiter.pipeline.deliver.batcher import Pointer, archive_pointer, halve, shortened
from tidewaiter.pipeline.deliver.fitting import LEAST_LIMIT
from tidewaiter.pipeline.deliver.outbox import Outbox
from tidewaiter.pipeline.deliver.pace import Pace
from tidewaiter.pipeline.deliver.patience import Patience, SendSettings
from tidewaiter.pipeline.deliver.poison import Poison
from tidewaiter.pipeline.deliver.routes import Route
from tidewaiter.pipeline.deliver.send_report import SendReport, Tally
from tidewaiter.state import Waiting

Permits = Callable[[str, str], Permit]
"""(stream, source) -> the permit for rows of the source into the stream; source "*" for rows of none."""
ANY_SOURCE = "*"
_LEAST_REST = 0.001
"""Seconds; two sums of the same pauses differ by less."""


class Sender:
    """Sends batches; `routes` go by table, `random` yields 0..1, `clock` aware times, `notice` tells people.

    `timer` is in seconds and never jumps: it alone decides how long anything waits. The state is told the
    time that `clock` had as the drain began, plus what `timer` says has passed, so a set clock moves nothing.
    `spacing` is in seconds between two batches of a table. Batches of the `optional` tables that nobody takes
    are given up instead of stopping the others. One sender at a time for one state and one event loop;
    `report` is of everything it has done so far.
    """

    def __init__(
        self,
        state: Outbox,
        upload: Upload,
        routes: Mapping[str, Route],
        permits: Permits,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
        settings: SendSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        pointer: Pointer = archive_pointer,
        spacing: Mapping[str, float] | None = None,
        optional: Collection[str] = (),
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.state = state
        self.upload = upload
        self.routes = routes
        self.permits = permits
        self.clock = clock
        self.timer = timer
        self.settings = settings or SendSettings()
        self.sleep = sleep
        self.pointer = pointer
        self.spacing = spacing or {}
        self.optional = optional
        self.notice = notice
        self._tally = Tally()
        self._patience = Patience(self.settings, random)
        self._poison = Poison(state, self._tally, self.settings.most_rejected)
        self._paces: dict[str, Pace] = {}
        self._held: deque[Waiting] = deque()
        self._flying: dict[asyncio.Task[Answer], Waiting] = {}
        self._failure: BaseException | None = None
        self._last_error = ""
        self._noticed: set[str] = set()
        self._next_at: dict[str, float] = {}
        self._withheld: dict[str, tuple[float, str]] = {}
        self._set = (clock(), timer())

    @property
    def report(self) -> SendReport:
        """What was done so far, also after an error."""
        return self._tally.report()

    async def drain(
        self,
        *,
        until: Literal["empty", "stopped"] = "empty",
        deadline: datetime | None = None,
        stop: asyncio.Event | None = None,
    ) -> SendReport:
        """Send until nothing waits any more, or until `stop` is set or `deadline` has passed.

        `until="stopped"` goes on waiting for new batches when there are none, and never gives up on a
        service that is away. Batches that no permit covers are left waiting, and `notice` is told why. What
        is in flight when it ends is awaited; nothing is left marked as sending.

        Raises:
            DeliveryError: nothing was accepted for `give_up_after` seconds; access was refused for too
                long; a DCR or stream does not exist; a table's rows are all refused. All is kept.
            ConfigError: a table has no route, or an endpoint or certificate is not acceptable.
            StateError: the state could not be written.
        """
        stop = stop or asyncio.Event()
        self._failure = None
        self._set = (self.clock(), self.timer())
        self._patience.begin(self.timer())
        try:
            while not self._ended(stop, deadline):
                self._take()
                self._start()
                if self._flying:
                    await self._first_answers()
                elif not await self._rest(until, deadline, stop):
                    break
                if until == "empty":
                    self._failure = self._failure or self._given_up()
            while self._flying:
                await self._first_answers()
        finally:
            await self._let_go()
        if self._failure:
            raise self._failure
        return self.report

    def _now(self) -> datetime:
        at, ticks = self._set
        return at + timedelta(seconds=self.timer() - ticks)

    def _ended(self, stop: asyncio.Event, deadline: datetime | None) -> bool:
        late = deadline is not None and self._now() >= deadline
        return self._failure is not None or stop.is_set() or late

    def _take(self) -> None:
        self._ask_again()
        window = self._patience.window(self.timer())
        room = window - len(self._flying) - len(self._held)
        if window == self.settings.in_flight and not self._held and room > 0:
            room = self.settings.in_flight  # some ahead, so that one transaction marks several
        if room <= 0:
            return
        lease = timedelta(seconds=self.settings.lease)
        self._held.extend(self.state.take_batches(room, now=self._now(), lease=lease))

    def _start(self) -> None:
        window = self._patience.window(self.timer())
        while self._held and len(self._flying) < window and self._failure is None:
            waiting = self._held.popleft()
            if self._is_too_soon(waiting):
                continue
            self._flying[asyncio.create_task(self._send(waiting.batch))] = waiting

    def _is_too_soon(self, waiting: Waiting) -> bool:
        """Let a batch wait when its table has a spacing and had one just now, or its DCR refused us."""
        batch, ticks, now = waiting.batch, self.timer(), self._now()
        route = self.routes.get(batch.table)
        wait = self._patience.access_in(route.dcr, ticks) if route else 0.0
        wait = max(wait, self._next_at.get(batch.table, ticks) - ticks)
        if wait > 0:
            retry_at = now + timedelta(seconds=wait)
            self.state.put_back(
                batch.batch_id, now=now, retry_at=retry_at, error=waiting.error, uncertain=False
            )
        elif seconds := self.spacing.get(batch.table):
            self._next_at[batch.table] = ticks + seconds
        return wait > 0

    async def _send(self, batch: OutboxBatch) -> Answer:
        source = batch.spans[0].source or ANY_SOURCE
        try:
            route = self._route(batch.table)
            permit = self.permits(route.stream, source)
            wait = self._paces.setdefault(route.dcr, Pace()).reserve(self.timer(), batch.size)
            if wait > 0:
                await self.sleep(wait)
                permit = self.permits(route.stream, source)  # the first one may have expired
            return await ask(
                self.upload, batch.body, route, batch_id=batch.batch_id, permit=permit, source=source
            )
        except PermitError as error:
            return Answer(Verdict.NOT_PERMITTED, "", error)
        except TidewaiterError as error:
            return Answer(Verdict.STOP, "", error)

    def _route(self, table: str) -> Route:
        route = self.routes.get(table)
        if route is None:
            hint = "rows of an earlier run wait for it; set ingestion.dcr as it was then"
            raise ConfigError(f"the outbox holds rows for {table}, which has no route", hint=hint)
        return route

    async def _first_answers(self) -> None:
        done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        answers = [(self._flying.pop(task), task) for task in list(self._flying) if task in done]
        sent = [waiting.batch for waiting, task in answers if _is_sent(task)]
        if sent:
            self.state.mark_sent([batch.batch_id for batch in sent], now=self._now())
        for waiting, task in answers:
            if error := task.exception():
                self._put_back(waiting, 0.0, str(error), uncertain=True)
                self._failure = error
            else:
                self._settle(waiting, task.result())

    def _settle(self, waiting: Waiting, answer: Answer) -> None:
        if answer.status:
            self._tally.by_status[answer.status] += 1
        batch = waiting.batch
        if answer.verdict in (Verdict.SENT, Verdict.TOO_LARGE, Verdict.BAD_ROWS):
            self._patience.answered(batch.batch_id, self.timer(), dcr=self._route(batch.table).dcr)
        match answer.verdict:
            case Verdict.SENT:
                self._tally.sent(batch)
                self._poison.accepted(batch.table)
            case Verdict.TOO_LARGE:
                self._too_large(batch, answer)
            case Verdict.BAD_ROWS:
                if error := self._poison.refused(batch, answer.error):
                    self._stop(waiting, error)
            case Verdict.LATER | Verdict.UNCERTAIN:
                self._later(waiting, answer)
            case Verdict.NO_ACCESS:
                self._no_access(waiting, answer)
            case Verdict.NOT_PERMITTED:
                self._withhold(batch, str(answer.error))
            case Verdict.STOP:
                self._stop(waiting, answer.error or DeliveryError("the upload was refused"))

    def _too_large(self, batch: OutboxBatch, answer: Answer) -> None:
        if batch.rows > 1:
            parts = halve(batch)
        elif batch.size // 2 >= LEAST_LIMIT:
            parts = [shortened(batch, batch.size // 2, self.pointer)]
        else:
            self._bury(batch, str(answer.error))
            return
        self.state.split(batch.batch_id, parts)
        self._tally.splits += 1

    def _later(self, waiting: Waiting, answer: Answer) -> None:
        batch, ticks, error = waiting.batch, self.timer(), str(answer.error)
        uncertain = answer.verdict is Verdict.UNCERTAIN
        self._last_error = error
        pause = self._patience.failed(batch.batch_id, ticks, answer.retry_after)
        hopeless = uncertain and self._patience.is_hopeless(batch.batch_id, ticks)
        self._put_back(waiting, pause, error, uncertain=uncertain)
        if hopeless:
            self._bury(batch, error)

    def _no_access(self, waiting: Waiting, answer: Answer) -> None:
        ticks, dcr = self.timer(), self._route(waiting.batch.table).dcr
        pause = self._patience.refused(dcr, ticks)
        if error := self._patience.access_error(dcr, ticks, answer.error):
            self._stop(waiting, error)
            return
        minutes = self.settings.access_wait / 60
        self._notice_once(dcr, f"{answer.error}; trying again for {minutes:.0f} minutes")
        self._put_back(waiting, pause, str(answer.error), uncertain=False)

    def _withhold(self, batch: OutboxBatch, error: str) -> None:
        """Keep hold of a batch that may not leave, so that it is in nobody's way; the others go on."""
        self._withheld[batch.batch_id] = (self.timer(), error)
        self._notice_once(error, f"rows wait in the outbox: {error}")

    def _ask_again(self) -> None:
        """Let go of batches long withheld, before their lease ends: there may be a permit by now."""
        before = self.timer() - self.settings.lease / 2
        self._release([name for name, (since, _) in self._withheld.items() if since < before])

    def _release(self, batch_ids: Iterable[str]) -> None:
        now = self._now()
        for batch_id in batch_ids:
            _, error = self._withheld.pop(batch_id)
            self.state.put_back(batch_id, now=now, retry_at=now, error=error, uncertain=False)

    def _notice_once(self, what: str, text: str) -> None:
        if what not in self._noticed:
            self._noticed.add(what)
            self.notice(text)

    def _stop(self, waiting: Waiting, error: TidewaiterError) -> None:
        batch = waiting.batch
        if batch.table in self.optional:
            self._notice_once(batch.table, f"rows for {batch.table} are given up: {error}")
            self._bury(batch, str(error))
            return
        self._put_back(waiting, 0.0, str(error), uncertain=False)
        self._failure = self._failure or error

    def _put_back(self, waiting: Waiting, pause: float, error: str, *, uncertain: bool) -> None:
        batch_id, now = waiting.batch.batch_id, self._now()
        retry_at = now + timedelta(seconds=pause)
        self.state.put_back(batch_id, now=now, retry_at=retry_at, error=error, uncertain=uncertain)
        self._tally.retries += 1
        if uncertain:
            self._tally.uncertain.add(batch_id)

    def _bury(self, batch: OutboxBatch, error: str) -> None:
        self.state.bury(batch.batch_id, error)
        self._tally.dead += 1

    async def _rest(
        self, until: Literal["empty", "stopped"], deadline: datetime | None, stop: asyncio.Event
    ) -> bool:
        """Wait for the next batch that may be sent; return whether there is a reason to go on."""
        retry_at = self.state.next_retry()
        if retry_at is None:
            self._poison.settle()
            if until == "empty":
                return False
            if not self._withheld:
                self._set = (self.clock(), self.timer())  # nothing waits for a time by the old setting
        now, ticks = self._now(), self.timer()
        waits = [(retry_at - now).total_seconds()] if retry_at else []
        if self._patience.resume_at is not None:
            waits.append(self._patience.resume_at - ticks)
        if retry_at and retry_at <= now and self._patience.window(ticks):
            wait = 0.0  # what was taken had to wait, what comes after it has not
        else:
            wait = min((each for each in waits if each > 0), default=self.settings.poll)
        left = self._patience.left(ticks) if until == "empty" else None
        ends = [left] if left is not None else []
        if deadline is not None:
            ends.append((deadline - now).total_seconds())
        await self._sleep_or_stop(max(min([wait, *ends]), _LEAST_REST), stop)
        return True

    async def _sleep_or_stop(self, seconds: float, stop: asyncio.Event) -> None:
        tasks = [asyncio.ensure_future(self.sleep(seconds)), asyncio.ensure_future(stop.wait())]
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    def _given_up(self) -> DeliveryError | None:
        left = self._patience.left(self.timer())
        if left is None or left > 0:
            return None
        return DeliveryError(
            f"nothing was accepted for {self.settings.give_up_after:.0f} s: {self._last_error}",
            hint="everything is kept in the outbox; run again when the service is back",
        )

    async def _let_go(self) -> None:
        """Leave nothing marked as being sent, however the drain ends."""
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        flying, self._flying = list(self._flying.values()), {}
        held, self._held = list(self._held), deque()
        now = self._now()
        for waiting in flying:
            self._put_back(waiting, 0.0, "interrupted", uncertain=True)
        for waiting in held:
            self.state.put_back(waiting.batch.batch_id, now=now, retry_at=now, error="", uncertain=False)
        self._release(list(self._withheld))
        for batch in self._poison.release():
            self.state.put_back(batch.batch_id, now=now, retry_at=now, error="", uncertain=False)


def _is_sent(task: asyncio.Task[Answer]) -> bool:
    return task.exception() is None and task.result().verdict is Verdict.SENT
