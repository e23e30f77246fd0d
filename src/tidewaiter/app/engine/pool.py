"""Worker processes: groups of objects out in order, results back in the same order, few under way."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from tidewaiter.app.engine.plan import PlannedObject
from tidewaiter.app.engine.worker import GroupResult, Worker
from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.objects import SourceObject

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
    items: Sequence[PlannedObject], staging: Path, *, workers: int, detect: bool
) -> Iterator[tuple[Group, GroupResult]]:
    """Work on every object; yields in the order of `items`.

    Raises:
        DeliveryError: a worker process died, memory was short, or the staging folder cannot be written.
    """
    made = groups(items)
    small = sum(item.object.size for item in items) < SMALL_BYTES
    if workers <= 1 or small or len(made) < 2:
        local = Worker(staging, detect=detect)
        for place, group in enumerate(made):
            yield group, _staged(partial(local.work, _pairs(group), f"{place:06d}"), group)
        return
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each worker is one core's worth
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (staging, detect)) as pool:
        waiting: deque[tuple[Group, Future[GroupResult]]] = deque()
        try:
            for place, group in enumerate(made):
                try:
                    future = pool.submit(_work, _pairs(group), f"{place:06d}")
                except BrokenProcessPool:
                    raise _died(group) from None
                waiting.append((group, future))
                if len(waiting) >= workers * _UNDER_WAY:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _pairs(group: Group) -> list[tuple[SourceObject, str]]:
    return [(item.object, item.claim.digest) for item in group]


def _next(waiting: deque[tuple[Group, Future[GroupResult]]]) -> tuple[Group, GroupResult]:
    group, future = waiting.popleft()
    return group, _staged(future.result, group)


def _staged(work: Callable[[], GroupResult], group: Group) -> GroupResult:
    try:
        return work()
    except BrokenProcessPool:
        raise _died(group) from None
    except MemoryError:
        hint = "run again with fewer --workers, or with more memory: nothing of it was claimed"
        raise DeliveryError(f"memory ran short while working on {_where(group)}", hint=hint) from None
    except OSError as error:
        hint = "free disk space or give --state another folder, then run again: nothing of it was claimed"
        raise DeliveryError(f"cannot stage rows: {error.strerror or error}", hint=hint) from None


def _died(group: Group) -> DeliveryError:
    hint = "is memory short? run again with fewer --workers; objects that were not claimed are taken again"
    return DeliveryError(f"a worker process died while working on {_where(group)}", hint=hint)


def _where(group: Group) -> str:
    others = f" or one of the {len(group) - 1} objects after it" if len(group) > 1 else ""
    return f"{group[0].object.id}{others}"


def _start(staging: Path, detect: bool) -> None:
    global _worker
    _worker = Worker(staging, detect=detect)


def _work(pairs: list[tuple[SourceObject, str]], stem: str) -> GroupResult:
    assert _worker is not None
    return _worker.work(pairs, stem)
