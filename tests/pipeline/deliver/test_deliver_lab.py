"""Outbox to tables: state, sender and clients as they are, with a lab behind them in this process."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from tests.pipeline.deliver.alerts.test_alert_rows import incident
from tests.sentinel.in_lab import asked
from tidewaiter.core.billing import billed_size
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.core.settings import Ingestion
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.faults import Fault
from tidewaiter.pipeline.deliver.alerts import COLUMNS, TABLE, alert_batches, alert_rows, function_text
from tidewaiter.pipeline.deliver.batcher import event_id, pack, rows_of
from tidewaiter.pipeline.deliver.patience import SendSettings
from tidewaiter.pipeline.deliver.routes import routes_for
from tidewaiter.pipeline.deliver.sender import Sender
from tidewaiter.sentinel import Sentinel, capability_of, render_dcr, render_table
from tidewaiter.state import Claim, Counts, ObjectDone, State, open_state

EVENTS = "ASimAuditEventLogs"
ROWS = 2_000


def permits(stream: str, source: str) -> Permit:
    return Permit(
        capability_of(stream), source, Phase.ACTIVE, "a test", datetime.now(UTC) + timedelta(minutes=5)
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with Lab.open(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def ingestion(lab) -> Ingestion:
    async def act(sentinel: Sentinel) -> Ingestion:
        leave = Permit(
            Capability.PROVISION, "*", Phase.ACTIVE, "a test", datetime.now(UTC) + timedelta(minutes=5)
        )
        await sentinel.tables.put(TABLE, render_table(TABLE, COLUMNS), permit=leave)
        (draft,) = render_dcr(
            [EVENTS, TABLE],
            workspace_resource_id=lab.tenant.workspace_path,
            location="westeurope",
            custom={TABLE: COLUMNS},
        )
        rule = await sentinel.dcrs.put("tidewaiter-1", draft, permit=leave)
        return Ingestion(dcr=rule.properties.immutable_id or "")

    return asked(lab, act)


def drain(lab: Lab, state: State, ingestion: Ingestion):
    async def act(sentinel: Sentinel):
        sender = Sender(
            state,
            sentinel.ingestion.upload,
            routes_for([EVENTS, TABLE], ingestion),
            permits,
            clock=lambda: datetime.now(UTC),
            random=random.Random(1).random,
            settings=SendSettings(first_pause=0.01, longest_pause=0.05),
        )
        return await sender.drain()

    return asked(lab, act)


def ask(lab: Lab, kql: str) -> list[tuple[object, ...]]:
    return list(lab.work(lambda: lab.workspace.query(kql, now=lab.now())).rows)


def fill(state: State, prefix: str) -> list[bytes]:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = [
        msgspec.json.encode(
            {
                "TimeGenerated": at,
                "EventOriginalUid": f"{prefix}{n}",
                "EventType": "Read",
                "AdditionalFields": {"pad": f"{n}" * 300},
            }
        )
        for n in range(ROWS)
    ]
    claim = Claim(f"{prefix}.json.gz", prefix, "aws_cloudtrail", "events", 1, 1)
    packed = pack(
        EVENTS,
        rows,
        billed=[billed_size(row) for row in rows],
        ids=[f"{prefix}{n}" for n in range(ROWS)],
        origins=[claim] * ROWS,
    )
    counts = Counts(objects=1, records=ROWS, valid=ROWS, delivered=ROWS)
    done = ObjectDone(claim, counts, {EVENTS: ROWS})
    state.commit([done], packed.batches, {}, today=date.today())
    return rows


def test_rows_arrive_once_and_are_billed_as_we_said(lab, ingestion, tmp_path):
    with open_state(tmp_path) as state:
        rows = fill(state, "a")
        report = drain(lab, state, ingestion)

    assert ask(lab, f"{EVENTS} | where EventOriginalUid startswith 'a' | count") == [(ROWS,)]
    assert report.rows == ROWS
    assert report.billed == sum(map(billed_size, rows))
    told = ask(lab, f"{EVENTS} | where EventOriginalUid startswith 'a' | summarize sum(_BilledSize)")
    assert told == [(report.billed,)]


def test_rows_arrive_through_every_fault_and_copies_are_of_marked_batches(lab, ingestion, tmp_path):
    with open_state(tmp_path) as state:
        fill(state, "b")
        lab.faults.plan(
            Fault(429, {"retry-after": "0"}),
            Fault(503, {"retry-after": "0"}),
            Fault(500),
            Fault(drop=True),
            Fault(drop=True, store=True),
            Fault(504, store=True),
            Fault(413),
            Fault(401),
            Fault(403),
        )
        report = drain(lab, state, ingestion)
        lab.faults.clear()
        totals = state.outbox()
        marked = {event_id(row) for waiting in state.possibly_sent() for row in rows_of(waiting.batch)}

    ids = f"{EVENTS} | where EventOriginalUid startswith 'b'"
    assert len(ask(lab, f"{ids} | distinct EventOriginalUid")) == ROWS
    assert (totals.pending.batches, totals.sending.batches, totals.dead.batches) == (0, 0, 0)
    copied = ask(lab, f"{ids} | summarize n = count() by EventOriginalUid | where n > 1")
    assert copied
    assert {name for name, _ in copied} <= marked
    assert report.possibly_sent > 0
    assert {"throttled", "uncertain", "413", "403"} <= set(report.by_status)


def test_alerts_arrive_with_provenance(lab, ingestion, tmp_path):
    with open_state(tmp_path) as state:
        rows = alert_rows([incident(), incident(incident_id="inc-2")], state.alerts_noted(), now=lab.now())
        state.add_alerts([each.alert_id for each in rows], alert_batches(rows))
        report = drain(lab, state, ingestion)
        assert alert_rows([incident()], state.alerts_noted(), now=lab.now()) == []

    assert report.rows == 2
    shown = "IncidentId, _AI_ConfidenceScore, _AI_ModelVersion, Tactics, Account1Name"
    assert ask(lab, f"{function_text()} | order by IncidentId asc | project {shown}") == [
        (name, 0.87, "incident-scorer@1.0.0", '["Persistence","DefenseEvasion"]', "mallory")
        for name in ("inc-1", "inc-2")
    ]
