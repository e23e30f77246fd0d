"""Route 53 Resolver query logs of the company's networks."""

from __future__ import annotations

from tidewaiter.lab.generator.dns.log import DnsCounts, write_dns

__all__ = ["DnsCounts", "write_dns"]
