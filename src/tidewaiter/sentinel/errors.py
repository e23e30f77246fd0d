"""The typed errors of every client in this room; the tree of `clouds.errors` goes on here.

Refused
├── TooLarge      413: halve the batch
└── Conflict412   409/412: somebody changed it since it was read
Unreadable        an answer that is not what the service's contract says
"""

from __future__ import annotations

from tidewaiter.clouds import CloudError, Refused, Throttled, Uncertain, Unreachable, Untrusted

__all__ = [
    "CloudError",
    "Conflict412",
    "Refused",
    "Throttled",
    "TooLarge",
    "Uncertain",
    "Unreachable",
    "Unreadable",
    "Untrusted",
]


class TooLarge(Refused):
    """413: the body is over the service's limit; a smaller one may pass."""


class Conflict412(Refused):
    """412 or 409: the resource's ETag is no longer the one sent; read it again and decide anew."""


class Unreadable(CloudError):
    """A successful answer whose body is not what the contract says."""

    retry = False
