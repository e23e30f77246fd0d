"""API calls as CloudTrail records them: names of parameters, responses and resources per service."""

from __future__ import annotations

from tidewaiter.lab.generator.calls.call import Call, Make, read, write

__all__ = ["Call", "Make", "read", "write"]
