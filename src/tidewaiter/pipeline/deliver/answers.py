"""What the service's answer to a batch means for the batch."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tidewaiter.clouds import NotSignedIn, Refused, Throttled, Uncertain, Unreachable
from tidewaiter.core.errors import DeliveryError, TidewaiterError
from tidewaiter.core.permit import Permit
from tidewaiter.pipeline.deliver.routes import Route


class Verdict(Enum):
    """What is to be done with a batch."""

    SENT = "sent"
    TOO_LARGE = "too large"  # 413: halve it
    BAD_ROWS = "bad rows"  # 400: find the row
    LATER = "later"  # throttled, or never reached: certainly not stored
    UNCERTAIN = "uncertain"  # it may have been stored
    NO_ACCESS = "no access"  # 401, 403
    NOT_PERMITTED = "not permitted"  # the source's phase does not let its rows leave: not sent
    STOP = "stop"  # nothing of it will ever be taken as things are set


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict with what the service said; `status` as SendReport.by_status has it."""

    verdict: Verdict
    status: str
    error: TidewaiterError | None = None
    retry_after: float | None = None


class Upload(Protocol):
    """`sentinel.LogsIngestion.upload`."""

    def __call__(
        self, body: bytes, *, dcr: str, stream: str, batch_id: str, permit: Permit, source: str
    ) -> Awaitable[None]:
        """Send a gzipped array, once."""


NO_STREAM = "InvalidStream"
"""The code of a 400 that is not about rows: the DCR has no such stream."""
_VERDICTS = {
    400: Verdict.BAD_ROWS,
    401: Verdict.NO_ACCESS,
    403: Verdict.NO_ACCESS,
    413: Verdict.TOO_LARGE,
}


async def ask(
    upload: Upload, body: bytes, route: Route, *, batch_id: str, permit: Permit, source: str
) -> Answer:
    """Send a body once, and return what the answer means; raises only what is nobody's answer."""
    try:
        await upload(
            body, dcr=route.dcr, stream=route.stream, batch_id=batch_id, permit=permit, source=source
        )
    except Throttled as error:
        return Answer(Verdict.LATER, "throttled", error, error.retry_after)
    except Unreachable as error:
        return Answer(Verdict.LATER, "unreachable", error)
    except Uncertain as error:
        return Answer(Verdict.UNCERTAIN, "uncertain", error)
    except Refused as error:
        if error.code == NO_STREAM:
            return Answer(Verdict.STOP, str(error.status), _no_stream(route, error))
        if isinstance(error, NotSignedIn):  # no role is missing: a secret or an id is wrong
            return Answer(Verdict.STOP, str(error.status), error)
        return Answer(_VERDICTS.get(error.status, Verdict.STOP), str(error.status), error)
    return Answer(Verdict.SENT, "204")


def _no_stream(route: Route, error: Refused) -> DeliveryError:
    hint = (
        "compare ingestion.stream_prefix and ingestion.dcrs with the DCR's streams; all is kept in the outbox"
    )
    return DeliveryError(f"{route.dcr} has no stream {route.stream}: {error.detail}", hint=hint)
