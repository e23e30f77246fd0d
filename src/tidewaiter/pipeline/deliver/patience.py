"""How long a sender waits, and when it stops hoping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidewaiter.core.errors import DeliveryError, TidewaiterError


@dataclass(frozen=True, slots=True)
class SendSettings:
    """How a sender works; times are in seconds.

    `in_flight` requests at a time. A batch is a dead letter after `max_attempts` uncertain answers;
    `give_up_after` without any answer that helps, a drain that is to end ends with an error; a refused
    identity is tried for `access_wait` whatever `give_up_after` is, since a role works up to 30 minutes after
    it was granted (Logs Ingestion API troubleshooting, Microsoft, 2025-08). The n-th pause is `first_pause` *
    2^n, at most `longest_pause`, with jitter. `most_rejected` rows of a table are looked for one by one in a
    run.
    """

    in_flight: int = 4
    max_attempts: int = 12
    give_up_after: float = 300.0
    access_wait: float = 1_800.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    poll: float = 1.0
    lease: float = 900.0
    most_rejected: int = 100


@dataclass(slots=True)
class _Refusal:
    since: float
    until: float
    tries: int = 0


@dataclass(slots=True)
class Patience:
    """Pauses for one batch and for all; `now` is in seconds, on a clock that neither stops nor jumps.

    After as many failures in a row as requests are in flight the service as a whole is taken to be away:
    nothing is sent for a while, then one batch tries how it is.
    """

    settings: SendSettings
    random: Callable[[], float]
    resume_at: float | None = None
    failures: int = 0
    _away: float | None = None
    _answered: float | None = None
    _tries: dict[str, int] = field(default_factory=dict)
    _uncertain: dict[str, tuple[int, float]] = field(default_factory=dict)
    _refused: dict[str, _Refusal] = field(default_factory=dict)
    _others: dict[str, float] = field(default_factory=dict)

    def begin(self, now: float) -> None:
        """Note that a drain begins: it has all the time there is until it gives up."""
        self._away = None if self._away is None else now

    def answered(self, batch_id: str, now: float, *, dcr: str) -> None:
        """Note that the service took a batch, or told us what is wrong with it."""
        self._answered, self._away = now, None
        self.failures, self.resume_at = 0, None
        self._refused.pop(dcr, None)
        self._tries.pop(batch_id, None)
        self._uncertain.pop(batch_id, None)
        self._others.clear()

    def failed(self, batch_id: str, now: float, retry_after: float | None = None) -> float:
        """Note that the service was away or busy; return the seconds until the batch may be tried again."""
        self._away = now if self._away is None else self._away
        self.failures += 1
        self._others[batch_id] = now
        tries = self._tries[batch_id] = self._tries.get(batch_id, 0) + 1
        pause = self._pause(tries)
        if retry_after is not None:
            pause = retry_after * (1 + self.random() / 10)
        if retry_after is not None or self.failures >= self.settings.in_flight:
            resume = now + (pause if retry_after is not None else self._pause(self.failures))
            self.resume_at = resume if self.resume_at is None else max(self.resume_at, resume)
        return pause

    def is_hopeless(self, batch_id: str, now: float) -> bool:
        """Note an uncertain answer; tell whether it is the batch's fault and was its last attempt.

        It is not when others fail, too, and none was accepted since it first failed: the service is away.
        """
        tries, since = self._uncertain.get(batch_id, (0, now))
        self._uncertain[batch_id] = (tries + 1, since)
        works = self._answered is not None and self._answered >= since
        alone = not any(at >= since for other, at in self._others.items() if other != batch_id)
        return tries + 1 >= self.settings.max_attempts and (works or alone)

    def refused(self, dcr: str, now: float) -> float:
        """Note that a DCR refused the identity; return for how many seconds nothing is to be sent to it.

        The service is there, and other DCRs may take rows: this is no failure that `left` counts.
        """
        known = self._refused.setdefault(dcr, _Refusal(now, now))
        if now >= known.until:  # not by another request that was in flight
            known.tries += 1
            known.until = now + self._pause(known.tries)
        return known.until - now

    def access_in(self, dcr: str, now: float) -> float:
        """Return for how many seconds nothing is to be sent to a DCR since it refused the identity."""
        return max(self._refused[dcr].until - now, 0.0) if dcr in self._refused else 0.0

    def access_error(self, dcr: str, now: float, error: TidewaiterError | None) -> DeliveryError | None:
        """Return the error once a DCR has refused the identity for too long."""
        if dcr not in self._refused or now - self._refused[dcr].since < self.settings.access_wait:
            return None
        return DeliveryError(
            f"no access to {dcr} for {self.settings.access_wait:.0f} s: {error}",
            hint="grant the identity 'Monitoring Metrics Publisher' on the DCR, then run again: "
            "everything is kept in the outbox",
        )

    def left(self, now: float) -> float | None:
        """Return the seconds until a drain that is to end gives up; None while the service answers."""
        return None if self._away is None else self.settings.give_up_after - (now - self._away)

    def window(self, now: float) -> int:
        """Return how many requests may be in flight now."""
        if self.resume_at is None:
            return self.settings.in_flight
        return 1 if now >= self.resume_at else 0

    def _pause(self, tries: int) -> float:
        whole = min(self.settings.longest_pause, self.settings.first_pause * 2.0 ** min(tries - 1, 30))
        return whole * (0.5 + self.random() / 2)
