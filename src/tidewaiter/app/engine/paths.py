"""Where things lie under the state directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie under the state directory."""

    state: Path

    @property
    def lab(self) -> Path:
        """The embedded lab's folder."""
        return self.state / "lab"

    @property
    def workspace(self) -> Path:
        """The embedded lab's workspace."""
        return self.lab / "workspace.duckdb"

    @property
    def staging(self) -> Path:
        """Segments on their way from a worker to the outbox; empty between runs."""
        return self.state / "staging"

    @property
    def decisions(self) -> Path:
        """What happened to events that were not delivered."""
        return self.state / "decisions"

    @property
    def pulled(self) -> Path:
        """Findings that were read from the workspace, as objects to be worked on."""
        return self.state / "pulled"

    @property
    def audit(self) -> Path:
        """The audit trail."""
        return self.state / "audit"

    @property
    def local_archive(self) -> Path:
        """The archive's folder when no other place is set."""
        return self.state / "archive"

    @property
    def archive(self) -> str:
        """The archive's URL when no other is set."""
        return self.local_archive.absolute().as_uri()
