"""A state is bound to the workspace that its rows went to; what is anew when an embedded one was removed."""

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
_DESTINATION = "destination"
_EMBEDDED = "the embedded lab"


def bind(state: State, settings: Settings) -> None:
    """Note where the rows of a state go; later runs may not send the rest elsewhere.

    Raises:
        StateError: the settings name another place than the rows of this state went to.
    """
    wanted = _EMBEDDED if settings.embedded else f"workspace {settings.workspace.id or 'without an id'}"
    known = state.fact(_DESTINATION)
    if not known:
        state.note(_DESTINATION, wanted)
    elif known != wanted:
        hint = "give --config with the settings that the state was made with, or --state another folder"
        raise StateError(f"the rows of this state go to {known}, the settings say {wanted}", hint=hint)


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
    destination = state.fact(_DESTINATION)
    state.reset()
    state.note(_DESTINATION, destination)


def _aside(path: Path, stamp: str) -> str:
    target = path.with_name(f"{path.name}-until-{stamp}")
    try:
        path.rename(target)
    except OSError as error:
        hint = "move it away by hand, then run again"
        raise StateError(f"cannot put {path} aside: {error.strerror}", hint=hint) from None
    return target.name
