"""Runs the rules of a lab that stays up, every minute."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tidewaiter.core.errors import TidewaiterError
from tidewaiter.lab.server.lab import Lab

EVERY = 60.0
_log = logging.getLogger("tidewaiter.lab")


@contextmanager
def ticking(lab: Lab, *, every: float = EVERY) -> Iterator[None]:
    """Run the rules of `lab` every so many seconds while the context lasts, in a thread.

    A rule that fails is told of in SentinelHealth; when the rules cannot run at all (no room for alerts, or
    what nobody thought of), it is logged, and tried again the next time.
    """
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(every):
            try:
                report = lab.run_rules()
            except TidewaiterError as error:
                _log.warning("the rules did not run: %s", error)
                continue
            except Exception:
                _log.exception("the rules did not run")
                continue
            if report.alerts:
                _log.info("%d alerts, %d new incidents", report.alerts, report.incidents)

    thread = threading.Thread(target=tick, name="lab-rules", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
