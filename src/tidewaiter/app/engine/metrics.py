"""Metrics of a run for Prometheus, on a small HTTP endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from tidewaiter.core.errors import ConfigError
from tidewaiter.pipeline.deliver.send_report import SendReport
from tidewaiter.state import Counts, OutboxTotals

_FATES = ("delivered", "merged", "dropped", "tiered", "duplicate", "quarantined")


class Metrics:
    """Counters and gauges of one process; names and units as Prometheus wants them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        reg = self.registry
        self._objects = Counter("tidewaiter_objects", "Source objects claimed.", ["source"], registry=reg)
        self._records = Counter(
            "tidewaiter_records", "Records by what became of them.", ["source", "fate"], registry=reg
        )
        self._faults = Counter(
            "tidewaiter_faults", "Faults and quarantined records.", ["source"], registry=reg
        )
        self._raw = Counter("tidewaiter_raw_bytes", "Bytes read, decompressed.", ["source"], registry=reg)
        self._rows = Counter("tidewaiter_sent_rows", "Rows that the destination took.", registry=reg)
        self._bytes = Counter("tidewaiter_sent_bytes", "Bytes of bodies sent, uncompressed.", registry=reg)
        self._batches = Counter("tidewaiter_sent_batches", "Bodies that the destination took.", registry=reg)
        self._retries = Counter("tidewaiter_retries", "Requests that had to be repeated.", registry=reg)
        self._waiting = Gauge("tidewaiter_outbox_batches", "Batches in the outbox.", ["status"], registry=reg)
        self._seconds = Counter("tidewaiter_stage_seconds", "Work by stage.", ["stage"], registry=reg)
        self._drift = Counter(
            "tidewaiter_drift_alarms", "Changes in what records look like.", ["source", "kind"], registry=reg
        )
        self._drift_failures = Counter(
            "tidewaiter_drift_failures", "Looks at records that failed.", ["source"], registry=reg
        )
        self._pulled = Counter(
            "tidewaiter_pulled_rows", "Rows of findings read from the workspace.", ["source"], registry=reg
        )
        self._pull_failures = Counter(
            "tidewaiter_pull_failures", "Passes in which a pull stopped early.", ["source"], registry=reg
        )
        self.last_success = Gauge(
            "tidewaiter_last_pass_timestamp_seconds", "When the last pass ended well.", registry=reg
        )

    def committed(self, counts: Mapping[str, Counts], seconds: Mapping[str, float]) -> None:
        """Add what one commit brought, by source, and the seconds of each stage."""
        for source, n in counts.items():
            self._objects.labels(source).inc(n.objects)
            self._faults.labels(source).inc(n.faults)
            self._raw.labels(source).inc(n.raw_bytes)
            for fate in _FATES:
                self._records.labels(source, fate).inc(getattr(n, fate))
        for stage, spent in seconds.items():
            self._seconds.labels(stage).inc(spent)

    def drifted(self, source: str, kind: str) -> None:
        """Count an alarm: the records of a source no longer look as they did."""
        self._drift.labels(source, kind).inc()

    def pulled(self, source: str, rows: int, *, failed: bool) -> None:
        """Add what one pass read of a source from the workspace, and whether it stopped early."""
        self._pulled.labels(source).inc(rows)
        self._pull_failures.labels(source).inc(failed)

    def drift_failed(self, source: str, count: int) -> None:
        """Count what went wrong in looking at records; the records themselves went their way."""
        self._drift_failures.labels(source).inc(count)

    def sent_between(self, before: SendReport, after: SendReport) -> None:
        """Add what a sender did between two reports."""
        self._rows.inc(after.rows - before.rows)
        self._bytes.inc(after.bytes - before.bytes)
        self._batches.inc(after.batches - before.batches)
        self._retries.inc(after.retries - before.retries)

    def outbox(self, totals: OutboxTotals) -> None:
        """Set how many batches are in the outbox, by status."""
        for name in totals.__struct_fields__:
            self._waiting.labels(name).set(getattr(totals, name).batches)


@contextmanager
def serving(metrics: Metrics, listen: str) -> Iterator[int]:
    """Serve the metrics at `HOST:PORT` for as long as the block runs; yields the port (0 when nowhere).

    Raises:
        ConfigError: the address cannot be listened at.
    """
    if not listen:
        yield 0
        return
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), addr=host or "127.0.0.1", registry=metrics.registry)
    except (OSError, ValueError, OverflowError) as error:
        hint = "set metrics.listen to HOST:PORT with a free port, or to nothing"
        raise ConfigError(f"metrics.listen {listen!r}: {error}", hint=hint) from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
