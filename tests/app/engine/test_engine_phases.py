"""Phases of a rollout, and the place that a state is bound to."""

from __future__ import annotations

import shutil

import pytest

from tests.app import logs
from tests.app.conftest import deliver_to
from tidewaiter.app.engine.audited import verify_state
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.core.settings import Azure, Ingestion, Phases, Retry, Settings, Source
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.state import open_state

STOPPED = {
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "StopLogging",
    "requestParameters": {"name": f"arn:aws:cloudtrail:eu-west-1:{logs.ACCOUNT}:trail/main"},
}


@pytest.fixture
def folder(tmp_path):
    logs.trail(tmp_path / "in", [*(logs.event(number) for number in range(4)), logs.event(500, **STOPPED)])
    logs.flows(tmp_path / "in", range(6))
    return tmp_path / "in"


def archived(state):
    archive = Archive.open((state / "archive").as_uri())
    return archive.query(
        "SELECT source, action, count(*), count(raw) FROM archive GROUP BY ALL ORDER BY source, action"
    )


def test_in_shadow_no_row_leaves_and_the_archive_has_every_one_whole(tmp_path, folder):
    delivery = deliver_to(tmp_path / "state", folder, settings=Settings(phase=Phases("shadow")))

    delivery.check_laws()
    assert delivery.exit_code == 0
    assert delivery.rows() == {}
    assert delivery.counts()["tiered"] == 5
    assert archived(tmp_path / "state") == [("aws_cloudtrail", "tier", 5, 5), ("aws_vpcflow", "tier", 6, 6)]
    assert len(delivery.lines("incidents.jsonl")) == 1, "they are seen, and told to nobody outside"
    assert verify_state(tmp_path / "state" / "audit", tmp_path / "state" / "decisions").findings == []


def test_a_source_in_shadow_does_not_hold_the_others(tmp_path, folder):
    settings = Settings(sources={"aws_vpcflow": Source(phase="shadow")})

    delivery = deliver_to(tmp_path / "state", folder, settings=settings)

    delivery.check_laws()
    assert delivery.counts()["delivered"] == 5
    assert delivery.counts("aws_vpcflow")["tiered"] == 6
    assert delivery.rows().keys() == {"ASimAuditEventLogs", "TidewaiterAlerts_CL"}


def test_what_came_in_shadow_stays_in_the_archive_when_the_source_goes_active(tmp_path, folder):
    deliver_to(tmp_path / "state", folder, settings=Settings(phase=Phases("shadow")))
    logs.trail(folder, [logs.event(9)], "later")

    delivery = deliver_to(tmp_path / "state", folder)

    delivery.check_laws()
    assert list(delivery.ids()) == [logs.event_id(9)]
    assert delivery.counts()["tiered"] == 5


def test_a_state_whose_rows_wait_for_azure_is_not_delivered_to_a_lab(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("THE_SECRET", "s")
    nowhere = "https://127.0.0.1:9"
    away = Settings(
        azure=Azure(tenant_id="t", client_id="c", client_secret="env://THE_SECRET", authority=nowhere),
        ingestion=Ingestion(endpoint=nowhere, dcr="dcr-1"),
        retry=Retry(give_up_after=0.1),
    )
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1"):
        deliver_to(tmp_path / "state", folder, settings=away)

    with pytest.raises(
        StateError, match=r"the rows of this state go to the rules behind https://127\.0\.0\.1:9"
    ) as caught:
        deliver_to(tmp_path / "state", folder)

    assert "--config" in caught.value.hint
    with open_state(tmp_path / "state", read_only=True) as state:
        assert state.versions(), "nothing was forgotten"


def test_a_lab_that_was_removed_begins_anew_with_its_record_put_aside(tmp_path, folder):
    logs.trail(folder, [logs.event(0)], "copy")
    deliver_to(tmp_path / "state", folder)
    shutil.rmtree(tmp_path / "state" / "lab")

    delivery = deliver_to(tmp_path / "state", folder)

    delivery.check_laws()
    assert delivery.counts()["delivered"] == 5
    state = tmp_path / "state"
    assert verify_state(state / "audit", state / "decisions").findings == []
    assert len(list(state.glob("archive-until-*"))) == len(list(state.glob("decisions-until-*"))) == 1
    assert sum(n for *_, n, _ in archived(state)) == 12


def test_a_changed_file_of_decisions_is_found_without_being_read(tmp_path, folder):
    logs.trail(folder, [logs.event(0)], "copy")
    deliver_to(tmp_path / "state", folder)
    state = tmp_path / "state"
    (path,) = (state / "decisions").rglob("*.parquet")
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = verify_state(state / "audit", state / "decisions").findings
        assert "not the one that was recorded" in found[0].what or "missing" in found[0].what
    path.write_bytes(whole)
    assert verify_state(state / "audit", state / "decisions").findings == []
