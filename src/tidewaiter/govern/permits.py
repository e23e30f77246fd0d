"""Permits: minted here alone, enforced here alone.

A permit says that one capability may be used for one source until it expires. What a source may have follows
from its phase; whoever changes something outside calls `enforce` before anything leaves (DESIGN section 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tidewaiter.core.errors import PermitError
from tidewaiter.core.permit import Capability, Permit, Phase

LIFETIME = timedelta(hours=1)
"""How long a permit is good for; a phase that is set back takes effect within it."""
NO_SOURCE = "*"
"""The source of acts that are of none in particular: making tables, rules."""

_OWN = frozenset({Capability.PROVISION, Capability.DELIVER_SUMMARIES, Capability.WRITE_ARCHIVE})
ALLOWED: Mapping[Phase, frozenset[Capability]] = {
    Phase.SHADOW: _OWN,
    Phase.SELECTIVE: _OWN | {Capability.DELIVER_ROWS, Capability.RAISE_ALERTS},
    Phase.ACTIVE: frozenset(Capability),
}
"""What each phase allows. Shadow touches nothing it watches: own tables for summaries, and the archive."""

Sink = Callable[[Permit], None]
"""Hears of every permit that is minted (the audit trail)."""


class Warden:
    """Mints permits from the phases of the sources; `default` is that of sources which are not named."""

    def __init__(
        self,
        phases: Mapping[str, Phase],
        default: Phase,
        *,
        approval: str,
        clock: Callable[[], datetime],
        sink: Sink = lambda _: None,
    ) -> None:
        self.phases = dict(phases)
        self.default = default
        self.approval = approval
        self.clock = clock
        self.sink = sink
        self._held: dict[tuple[Capability, str], Permit] = {}

    def phase_of(self, source: str) -> Phase:
        """Return the phase of a source; acts of no source in particular have the default one."""
        return self.phases.get(source, self.default)

    def allows(self, capability: Capability, source: str) -> bool:
        """Whether the phase of a source lets it have a capability."""
        return capability in ALLOWED[self.phase_of(source)]

    def permit(self, capability: Capability, source: str = NO_SOURCE) -> Permit:
        """Return a permit, minted anew when the last one is about to expire.

        Raises:
            PermitError: the phase of the source does not allow it.
        """
        now = self.clock()
        held = self._held.get((capability, source))
        if held is not None and now < held.expires - LIFETIME / 4 and now > held.expires - 2 * LIFETIME:
            return held
        phase = self.phase_of(source)
        if capability not in ALLOWED[phase]:
            hint = "the source's phase has to be approved first (settings: phase)"
            raise PermitError(
                f"{capability.value} is not allowed for {source} in phase {phase.value}", hint=hint
            )
        made = Permit(capability, source, phase, self.approval, now + LIFETIME)
        self._held[capability, source] = made
        self.sink(made)
        return made


def enforce(permit: Permit, capability: Capability, *, source: str = NO_SOURCE, now: datetime) -> None:
    """Check that a permit covers an act; the one place that decides it.

    Raises:
        PermitError: it is for another capability or source, its phase does not allow the capability, or it
            has expired.
    """
    if permit.capability is not capability:
        reason = f"the permit is for {permit.capability.value}, not for {capability.value}"
    elif permit.source != source:
        reason = f"the permit is for {permit.source}, not for {source}"
    elif capability not in ALLOWED[permit.phase]:
        reason = f"phase {permit.phase.value} does not allow {capability.value}"
    elif now >= permit.expires:
        reason = f"the permit expired at {permit.expires:%Y-%m-%dT%H:%M:%SZ}"
    else:
        return
    raise PermitError(reason, hint="ask for a permit again; if that fails, look at the source's phase")
