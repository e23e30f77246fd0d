"""Worker processes: objects out in order, results back in the same order, a bounded number under way."""

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
from tidewaiter.app.engine.worker import ObjectResult, Worker
from tidewaiter.core.errors import DeliveryError

SMALL_BYTES = 4_000_000
"""Below this many bytes on disk starting processes costs more than it saves."""
_UNDER_WAY = 3
_worker: Worker | None = None


def default_workers() -> int:
    """All the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def work_all(
    items: Sequence[PlannedObject], staging: Path, *, workers: int, detect: bool
) -> Iterator[tuple[PlannedObject, ObjectResult]]:
    """Work on every object; yields in the order of `items`.

    Raises:
        DeliveryError: a worker process died, or the staging folder cannot be written (full disk).
    """
    small = sum(item.object.size for item in items) < SMALL_BYTES
    if workers <= 1 or small or len(items) < 2:
        local = Worker(staging, detect=detect)
        for place, item in enumerate(items):
            yield item, _staged(partial(local.work, item.object, item.claim.digest, f"{place:06d}"))
        return
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each worker is one core's worth
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (staging, detect)) as pool:
        waiting: deque[tuple[PlannedObject, Future[ObjectResult]]] = deque()
        try:
            for place, item in enumerate(items):
                waiting.append((item, pool.submit(_work, item, f"{place:06d}")))
                if len(waiting) >= workers * _UNDER_WAY:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _next(waiting: deque[tuple[PlannedObject, Future[ObjectResult]]]) -> tuple[PlannedObject, ObjectResult]:
    item, future = waiting.popleft()
    return item, _staged(future.result, item.object.id)


def _staged(work: Callable[[], ObjectResult], object_id: str = "") -> ObjectResult:
    try:
        return work()
    except BrokenProcessPool:
        hint = (
            "is memory short? run again with fewer --workers; objects that were not claimed are taken again"
        )
        raise DeliveryError(f"a worker process died while working on {object_id}", hint=hint) from None
    except OSError as error:
        hint = "free disk space or give --state another folder, then run again: nothing of it was claimed"
        raise DeliveryError(f"cannot stage rows: {error.strerror or error}", hint=hint) from None


def _start(staging: Path, detect: bool) -> None:
    global _worker
    _worker = Worker(staging, detect=detect)


def _work(item: PlannedObject, stem: str) -> ObjectResult:
    assert _worker is not None
    return _worker.work(item.object, item.claim.digest, stem)
