"""A state is bound to the workspace its rows went to and to its audit trail; what is anew without them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tidewaiter.app.engine.paths import Paths
from tidewaiter.core.errors import StateError
from tidewaiter.core.settings import Settings
from tidewaiter.govern.audit import AuditLog
from tidewaiter.state import State

RESET = "reset"
"""The audit trail's kind of record for a state that begins anew."""
LOST = "lost"
"""The audit trail's kind of record for a trail that begins where the state had another."""
TRAIL = "trail"
"""The fact that names a state's trail."""
_DESTINATION = "destination"
_EMBEDDED = "the embedded lab"


def bind(state: State, settings: Settings) -> None:
    """Note where the rows of a state go; later runs may not send the rest elsewhere.

    Raises:
        StateError: the settings name another place than the rows of this state went to.
    """
    wanted = _place(settings)
    known = state.fact(_DESTINATION)
    if not known:
        state.note(_DESTINATION, wanted)
    elif known != wanted:
        hint = "give --config with the settings that the state was made with, or --state another folder"
        raise StateError(f"the rows of this state go to {known}, the settings say {wanted}", hint=hint)


def bind_trail(state: State, audit: AuditLog, *, now: datetime) -> None:
    """Note which trail a state has; one that takes the place of another says so in its records.

    Raises:
        DeliveryError: no room for the record of it.
    """
    known = state.fact(TRAIL)
    if known == audit.identity:
        return
    if known:
        reason = "the trail that this state had is not here; this one takes its place"
        audit.append(LOST, "tidewaiter", {"reason": reason, "trail": known}, at=now)
    state.note(TRAIL, audit.identity)


def _place(settings: Settings) -> str:
    if settings.embedded:
        return _EMBEDDED
    if settings.workspace.id:
        return f"workspace {settings.workspace.id}"
    return f"the rules behind {settings.ingestion.endpoint}"  # the nearest to a name where none is given


def begin_anew(state: State, paths: Paths, audit: AuditLog, *, now: datetime) -> None:
    """Forget what was delivered to a lab that was removed; its archive and decisions are put aside.

    Raises:
        StateError: they cannot be put aside. DeliveryError: no room for the record of it.
    """
    if not state.versions():
        return
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    aside = [_aside(path, stamp) for path in (paths.decisions, paths.local_archive) if path.is_dir()]
    audit.append(RESET, "tidewaiter", {"reason": "the lab was removed", "aside": aside}, at=now)
    kept = {name: state.fact(name) for name in (_DESTINATION, TRAIL)}
    state.reset()
    for name, body in kept.items():
        state.note(name, body)


def _aside(path: Path, stamp: str) -> str:
    target = path.with_name(f"{path.name}-until-{stamp}")
    try:
        path.rename(target)
    except OSError as error:
        hint = "move it away by hand, then run again"
        raise StateError(f"cannot put {path} aside: {error.strerror}", hint=hint) from None
    return target.name
