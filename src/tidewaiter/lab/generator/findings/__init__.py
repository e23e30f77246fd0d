"""GuardDuty's findings and what Security Hub makes of them."""

from __future__ import annotations

from tidewaiter.lab.generator.findings.log import FindingCounts, write_findings

__all__ = ["FindingCounts", "write_findings"]
