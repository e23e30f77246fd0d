"""Objects with something wrong, on request: what storage, networks and writers do to logs."""

from __future__ import annotations

from tidewaiter.lab.generator.faults.log import write_faults

__all__ = ["write_faults"]
