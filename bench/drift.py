"""What drift costs: the full path beside the same path with its eyes shut, in turn, in CPU time."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from bench import full_path
from bench.timing import Duel, duel
from tidewaiter.pipeline.normalize.drift import Lookout


def blind(folder: Path) -> None:
    """Take a folder through the full path without a look at what its records are like."""
    with patch.object(Lookout, "look", lambda *_: None):
        full_path.deliver(folder)


def run(folder: Path, *, rounds: int = 5) -> Duel:
    """Return the full path against the one that looks at nothing, over the files of a folder."""
    return duel(lambda: full_path.deliver(folder), lambda: blind(folder), rounds=rounds)
