"""Which instance types the company's machines are."""

from __future__ import annotations

from tidewaiter.lab.generator.company import Machine

TYPES = {
    "web": "m7g.large",
    "api": "m7g.xlarge",
    "worker": "c7g.xlarge",
    "bastion": "t4g.micro",
    "edge": "c7g.large",
}
"""By the group that a machine's name tells; all others are `t4g.medium`."""


def instance_type(machine: Machine) -> str:
    """Return a machine's instance type."""
    return TYPES.get(machine.name.split("-")[1], "t4g.medium")
