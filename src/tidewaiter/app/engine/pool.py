"""Worker processes: groups of objects out in order, results back in the same order, few under way.

A worker that dies takes the pool with it. The group whose turn it was is then worked on object by object, in
a process of its own, so that the one object that kills its worker is named and the others are not lost.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from tidewaiter.app.engine.plan import PlannedObject
from tidewaiter.app.engine.worker import NOWHERE_ELSE, GroupResult, ObjectResult, Worker
from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.faults import Fault
from tidewaiter.core.objects import SourceObject
from tidewaiter.core.settings import Destination

SMALL_BYTES = 4_000_000
"""Below this many bytes on disk starting processes costs more than it saves."""
GROUP_BYTES = 2_000_000
GROUP_OBJECTS = 100
"""A group is what one worker takes at a time: many small objects share their files on the way."""
_UNDER_WAY = 3
_worker: Worker | None = None

Group = list[PlannedObject]


def default_workers() -> int:
    """All the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def groups(items: Sequence[PlannedObject]) -> list[Group]:
    """Cut the objects, in their order, into groups of a sensible size."""
    made: list[Group] = []
    size = 0
    for item in items:
        if not made or size + item.object.size > GROUP_BYTES or len(made[-1]) >= GROUP_OBJECTS:
            made.append([])
            size = 0
        made[-1].append(item)
        size += item.object.size
    return made


def work_all(
    items: Sequence[PlannedObject],
    staging: Path,
    *,
    workers: int,
    deliver: bool,
    destinations: Mapping[str, Destination] = NOWHERE_ELSE,
) -> Iterator[tuple[Group, GroupResult]]:
    """Work on every object; yields in the order of `items`, a group or a part of one at a time.

    Raises:
        DeliveryError: memory was short, or the staging folder cannot be written.
    """
    made = groups(items)
    small = sum(item.object.size for item in items) < SMALL_BYTES
    if workers <= 1 or small or len(made) < 2:
        local = Worker(staging, deliver=deliver, destinations=destinations)
        for place, group in enumerate(made):
            yield group, _staged(partial(local.work, _pairs(group), f"{place:06d}"), group)
        return
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each worker is one core's worth
    with _Pool(staging, workers, deliver, destinations) as pool:
        yield from pool.work(made)


@dataclass(slots=True)
class _Waiting:
    stem: str
    group: Group
    future: Future[GroupResult]


class _Pool:
    """Processes that are started anew when one of them has died."""

    def __init__(
        self,
        staging: Path,
        workers: int,
        deliver: bool,
        destinations: Mapping[str, Destination] = NOWHERE_ELSE,
    ) -> None:
        self.staging = staging
        self.workers = workers
        self.deliver = deliver
        self.destinations = dict(destinations)
        self._executor = self._start(workers)
        self._waiting: deque[_Waiting] = deque()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._waiting:
            each.future.cancel()
        self._executor.shutdown()

    def work(self, made: Sequence[Group]) -> Iterator[tuple[Group, GroupResult]]:
        for place, group in enumerate(made):
            self._submit(f"{place:06d}", group)
            if len(self._waiting) >= self.workers * _UNDER_WAY:
                yield from self._next()
        while self._waiting:
            yield from self._next()

    def _start(self, workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, context, _start, (self.staging, self.deliver, self.destinations))

    def _submit(self, stem: str, group: Group) -> None:
        try:
            future = self._executor.submit(_work, _pairs(group), stem)
        except BrokenProcessPool as error:  # told by the future, like a death while it works
            future = Future()
            future.set_exception(error)
        self._waiting.append(_Waiting(stem, group, future))

    def _next(self) -> Iterator[tuple[Group, GroupResult]]:
        each = self._waiting.popleft()
        try:
            yield each.group, _staged(each.future.result, each.group)
        except BrokenProcessPool:
            self._restart()
            yield from self._one_by_one(each)

    def _restart(self) -> None:
        """Give what was under way, but for what is finished, to new processes."""
        self._executor.shutdown()
        self._executor = self._start(self.workers)
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if each.future.done() and each.future.exception() is None:
                self._waiting.append(each)
            else:
                self._submit(each.stem, each.group)

    def _one_by_one(self, broken: _Waiting) -> Iterator[tuple[Group, GroupResult]]:
        executor = self._start(1)
        try:
            for place, item in enumerate(broken.group):
                alone = [item]
                try:
                    future = executor.submit(_work, _pairs(alone), f"{broken.stem}-{place:03d}")
                    yield alone, _staged(future.result, alone)
                except BrokenProcessPool:
                    executor.shutdown()
                    executor = self._start(1)
                    yield alone, _killed(item)
        finally:
            executor.shutdown()


def _killed(item: PlannedObject) -> GroupResult:
    """Return the result of an object whose worker died twice: nothing but a fault, so it is not claimed."""
    message = "a worker process died while reading it, and again when it was read alone"
    hint = "is memory short? run again with more of it; else move the object away and report it"
    result = ObjectResult(item.object.id)
    result.faults.append(Fault(item.object.id, "unreadable", message, hint))
    return GroupResult([result], [], {})


def _pairs(group: Group) -> list[tuple[SourceObject, str]]:
    return [(item.object, item.claim.digest) for item in group]


def _staged(work: Callable[[], GroupResult], group: Group) -> GroupResult:
    try:
        return work()
    except BrokenProcessPool:
        raise
    except MemoryError:
        hint = "run again with fewer --workers, or with more memory: nothing of it was claimed"
        raise DeliveryError(f"memory ran short while working on {_where(group)}", hint=hint) from None
    except OSError as error:
        hint = "free disk space or give --state another folder, then run again: nothing of it was claimed"
        raise DeliveryError(f"cannot stage rows: {error.strerror or error}", hint=hint) from None


def _where(group: Group) -> str:
    others = f" or one of the {len(group) - 1} objects after it" if len(group) > 1 else ""
    return f"{group[0].object.id}{others}"


def _start(staging: Path, deliver: bool, destinations: Mapping[str, Destination]) -> None:
    global _worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = Worker(staging, deliver=deliver, destinations=destinations)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: a killed run leaves nobody behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(pairs: list[tuple[SourceObject, str]], stem: str) -> GroupResult:
    assert _worker is not None
    return _worker.work(pairs, stem)
