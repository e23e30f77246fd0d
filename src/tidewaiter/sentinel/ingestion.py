"""Sending rows: the Logs Ingestion API.

Source: Logs Ingestion API in Azure Monitor (Microsoft, August 2026): POST of a JSON array to
`{endpoint}/dataCollectionRules/{immutable id}/streams/{stream}`, gzip allowed, 204 on success, 1 MB a call
compressed and uncompressed, 429 with Retry-After.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter import govern
from tidewaiter.clouds import NotSignedIn, Timeouts
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import segment
from tidewaiter.sentinel.errors import Refused
from tidewaiter.sentinel.session import Session

VERSION = "2023-01-01"
ALERTS = "TidewaiterAlerts_CL"
_TIMEOUTS = Timeouts(total=120.0)
_HINTS = {
    400: "a row does not fit the stream; the sender finds it by halving and quarantines it",
    401: "check that the identity is of the DCR's tenant and of its cloud",
    403: "give the identity 'Monitoring Metrics Publisher' on the DCR; it takes up to 30 minutes to work",
    404: "check ingestion.dcr (the immutable id, dcr-…) and that the DCR declares this stream",
}


def capability_of(stream: str) -> Capability:
    """Return what a permit must allow for rows to go into a stream, by the table at the end of its name.

    Alerts are raised by their own table; every other table of ours holds summaries, not events.
    """
    table = stream.partition("-")[2] or stream
    if table == ALERTS:
        return Capability.RAISE_ALERTS
    ours = table.startswith("Tidewaiter") and table.endswith("_CL")
    return Capability.DELIVER_SUMMARIES if ours else Capability.DELIVER_ROWS


@dataclass(frozen=True, slots=True)
class LogsIngestion:
    """Sends bodies to one ingestion endpoint."""

    session: Session
    endpoint: str
    scope: str

    async def upload(
        self,
        body: bytes,
        *,
        dcr: str,
        stream: str,
        batch_id: str,
        permit: Permit,
        source: str,
        endpoint: str = "",
    ) -> None:
        """Send a gzipped JSON array of rows, once; the sender decides whether and when again.

        `source` is whose rows they are. `batch_id` goes along as
        `x-ms-client-request-id`, for the service's side of a support case. `endpoint` is the rule's own URL
        (`endpoints.logsIngestion`) where it is not the client's: every rule of kind Direct has one.

        Raises:
            govern's refusal: the permit does not cover it; nothing was sent.
            Throttled: not stored; wait `retry_after` seconds.
            TooLarge: not stored; halve the batch.
            Refused: not stored (400, 401, 403, 404), with the service's code and words.
            Uncertain: reset, timeout, 408, 5xx, or a success that is not the service's; may or may not have
                been stored.
            Unreachable: nothing was sent.
            ConfigError: host, certificate or identity settings are not acceptable.
        """
        govern.enforce(permit, capability_of(stream), source=source, now=self.session.now())
        base = endpoint or self.endpoint
        try:
            await self.session.send(
                "POST",
                f"{base.rstrip('/')}/dataCollectionRules/{segment(dcr)}/streams/{segment(stream)}",
                scope=self.scope,
                what=f"the upload to {stream}",
                ok=(204,),
                params={"api-version": VERSION},
                headers={
                    "Content-Type": "application/json",
                    "Content-Encoding": "gzip",
                    "x-ms-client-request-id": batch_id,
                },
                content=body,
                timeouts=_TIMEOUTS,
            )
        except NotSignedIn:
            raise  # that is of the identity, and says so
        except Refused as error:
            error.hint = _HINTS.get(error.status, error.hint)
            raise
