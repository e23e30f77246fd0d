"""What can become of a request to a cloud service, told apart by what the caller must do next.

    CloudError            exit  retry helps
    ├── Unreachable         5    yes  nothing was sent: no address, no connection, no token
    ├── Uncertain           5    yes  sent, but without a full answer: it may or may not have been done
    ├── Throttled           5    yes  429 or 503 with Retry-After: not done, wait
    └── Refused             5    no   a definite no: 4xx, a redirect
        └── NotSignedIn     5    no   the authority gives this identity no token: secret, client or tenant
    Untrusted (ConfigError) 4    no   TLS: the certificate or the protocol is not acceptable

No message holds a secret, a token, a query string or a body.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tidewaiter.core.errors import ConfigError, DeliveryError


class CloudError(DeliveryError):
    """A cloud service did not do what it was asked."""


class Unreachable(CloudError):
    """No request was sent: the host has no address, does not answer, or nobody gives us a token."""


class Uncertain(CloudError):
    """The request went out, the answer did not come back whole: reset, timeout, 408, 5xx."""


class Throttled(CloudError):
    """The service did not take the request and asks to wait `retry_after` seconds (None: it did not say)."""

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Refused(CloudError):
    """The service said no: `status` of HTTP, `code` and `detail` in the service's own words."""

    retry = False

    def __init__(self, status: int, code: str, detail: str, *, where: str, hint: str = "") -> None:
        said = ": ".join(part for part in (code, detail) if part)
        super().__init__(f"{where} refused with {status}" + (f" {said}" if said else ""), hint=hint)
        self.status = status
        self.code = code
        self.detail = detail
        self.where = where

    def __reduce__(self) -> tuple[Callable[[], Refused], tuple[()]]:
        again = partial(type(self), self.status, self.code, self.detail, where=self.where, hint=self.hint)
        return again, ()


class NotSignedIn(Refused):
    """The authority gives this identity no token; what it says is of the secret, the client or the tenant."""


class Untrusted(ConfigError):
    """The other end's certificate cannot be verified, or it speaks no TLS that we accept (1.2 and 1.3)."""
