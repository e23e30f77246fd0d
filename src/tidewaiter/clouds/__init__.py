"""The only room with generic cloud plumbing: who we are, where we may go, and how a request gets there.

`Transport` sends HTTPS requests to allowed hosts and to nothing else; `Credential` says who we are;
`read_secret` follows a reference. Nothing here imports azure-identity before a token is asked for.
"""

from tidewaiter.clouds.credentials import CachedCredential, ClientSecret, Credential, Token
from tidewaiter.clouds.errors import (
    CloudError,
    NotSignedIn,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
    Untrusted,
)
from tidewaiter.clouds.hosts import CLOUDS, AllowedHosts, Cloud, NotAllowed, cloud_of
from tidewaiter.clouds.login import credential_for
from tidewaiter.clouds.secrets import Secret, read_secret
from tidewaiter.clouds.transport import Reply, Timeouts, Transport

__all__ = [
    "CLOUDS",
    "AllowedHosts",
    "CachedCredential",
    "ClientSecret",
    "Cloud",
    "CloudError",
    "Credential",
    "NotAllowed",
    "NotSignedIn",
    "Refused",
    "Reply",
    "Secret",
    "Throttled",
    "Timeouts",
    "Token",
    "Transport",
    "Uncertain",
    "Unreachable",
    "Untrusted",
    "cloud_of",
    "credential_for",
    "read_secret",
]
