"""VPC Flow Logs of the company's networks."""

from __future__ import annotations

from tidewaiter.lab.generator.flows.line import CUSTOM, DEFAULT, PROBED
from tidewaiter.lab.generator.flows.log import FlowCounts, write_flows
from tidewaiter.lab.generator.flows.traffic import Contact

__all__ = ["CUSTOM", "DEFAULT", "PROBED", "Contact", "FlowCounts", "write_flows"]
