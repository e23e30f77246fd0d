from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.findings import Entity, Incident, Stage
from tidewaiter.pipeline.deliver.alerts import (
    COLUMNS,
    MOST_AT_ONCE,
    TABLE,
    alert_batches,
    alert_rows,
)
from tidewaiter.pipeline.deliver.batcher import LIMIT, rows_of
from tidewaiter.pipeline.deliver.fitting import FIELD_LIMIT, fits
from tidewaiter.pipeline.detect.document import incident_json
from tidewaiter.sentinel import render_table

NOW = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


def incident(**changes) -> bytes:
    given = Incident(
        incident_id="inc-1",
        title="Access key for another user by mallory (IAM user) in 111122223333",
        severity="High",
        score=87,
        detector="new_persistence",
        start="2026-11-23T11:00:00Z",
        end="2026-11-23T11:30:00Z",
        entities=(
            Entity("Account", "arn:aws:iam::111122223333:user/mallory", "mallory"),
            Entity("IP", "203.0.113.9", "203.0.113.9"),
            Entity("AwsResource", "arn:aws:iam::111122223333:role/admin", "admin"),
        ),
        event_ids=("e1", "e2"),
        stages=(
            Stage("T1098.001", "Persistence", ("e1",)),
            Stage("T1562.001", "Defense Evasion", ("e2",)),
        ),
        narrative="At 11:00 a key was made (event e1).",
    )
    return incident_json(msgspec.structs.replace(given, **changes))


def only(*documents: bytes) -> dict[str, object]:
    (made,) = alert_rows(documents, set(), now=NOW)
    return msgspec.json.decode(made.row, type=dict[str, object])


def test_an_incident_is_a_row_with_entities_tactics_and_provenance():
    row = only(incident())

    assert row["TimeGenerated"] == "2026-11-23T12:00:01.000000Z"
    assert (row["IncidentId"], row["Severity"], row["Score"]) == ("inc-1", "High", 87)
    assert row["Tactics"] == ["Persistence", "DefenseEvasion"]
    assert row["Techniques"] == ["T1098", "T1562"]
    assert row["SubTechniques"] == ["T1098.001", "T1562.001"]
    assert (row["Account1FullName"], row["Account1Name"]) == (
        "arn:aws:iam::111122223333:user/mallory",
        "mallory",
    )
    assert row["IP1Address"] == "203.0.113.9"
    assert row["AwsResources"] == "arn:aws:iam::111122223333:role/admin"
    assert (row["EventIds"], row["EventIdsTotal"], row["EventIdsSample"]) == (["e1", "e2"], 2, "e1, e2")
    assert (row["AI_ConfidenceScore"], row["AI_ModelVersion"]) == (0.87, "incident-scorer@1.0.0")
    assert row["CustomDetails"] == {
        "incident_id": "inc-1",
        "detector": "new_persistence",
        "score": 87,
        "_AI_ConfidenceScore": 0.87,
        "_AI_ModelVersion": "incident-scorer@1.0.0",
        "events": 2,
    }


def test_a_row_has_columns_of_the_table_only_in_its_types():
    kinds = {"string": str, "datetime": str, "int": int, "real": float, "dynamic": list | dict}

    row = only(incident())

    assert set(row) <= set(COLUMNS)
    assert [name for name, value in row.items() if not isinstance(value, kinds[COLUMNS[name]])] == []


def test_the_table_is_one_that_log_analytics_takes():
    rendered = render_table(TABLE, COLUMNS)

    assert rendered.schema is not None
    assert rendered.schema.columns is not None
    assert {column.name for column in rendered.schema.columns} == set(COLUMNS)
    assert not any(name.startswith("_") for name in COLUMNS)


def test_an_incident_is_told_of_once_until_it_has_grown():
    (first,) = alert_rows([incident()], set(), now=NOW)
    noted = {first.alert_id}

    assert alert_rows([incident()], noted, now=NOW) == []
    assert alert_rows([incident(title="In other words", narrative="…")], noted, now=NOW) == []
    (second,) = alert_rows([incident(event_ids=("e1", "e2", "e3"))], noted, now=NOW)
    assert second.alert_id not in noted
    assert second.incident_id == first.incident_id


def test_the_gravest_come_first():
    made = alert_rows(
        [incident(incident_id=f"inc-{score}", score=score) for score in (10, 90, 50)], set(), now=NOW
    )

    assert [each.incident_id for each in made] == ["inc-90", "inc-50", "inc-10"]


def test_a_document_without_provenance_is_refused():
    bare = msgspec.json.decode(incident())
    del bare["_AI_ModelVersion"]

    with pytest.raises(msgspec.ValidationError, match="_AI_ModelVersion"):
        alert_rows([msgspec.json.encode(bare)], set(), now=NOW)


@given(
    st.integers(0, 3_000),
    st.integers(0, 300),
    st.text(st.characters(codec="utf-8"), max_size=50).map(lambda text: text * 2_000),
)
def test_the_largest_incident_fits_and_tells_how_much_it_is_of(events, entities, text):
    many = tuple(
        Entity("Account", f"arn:aws:iam::1:user/{text[:200]}{n}", text[:300]) for n in range(entities)
    )
    ids = tuple(f"{n:04}-{'x' * 40}" for n in range(events))
    stages = (Stage("T1098", "Persistence", ids),)

    (made,) = alert_rows(
        [incident(event_ids=ids, entities=many, stages=stages, title=text, narrative=text)], set(), now=NOW
    )

    assert fits(made.row, LIMIT // 2, FIELD_LIMIT)
    row = msgspec.json.decode(made.row)
    assert row["EventIdsTotal"] == events
    assert list(ids[: len(row["EventIds"])]) == row["EventIds"]
    details = [row.get(name, "") for name in ("EventIdsSample", "AwsResources", "Detector", "IncidentId")]
    assert sum(len(each.encode()) for each in details) < 1_500
    assert len(row.get("AlertTitle", "")) <= 250


def test_a_batch_has_no_more_rows_than_a_rule_raises_in_a_minute():
    rows = alert_rows([incident(incident_id=f"inc-{n}") for n in range(60)], set(), now=NOW)

    batches = alert_batches(rows)

    assert [batch.rows for batch in batches] == [MOST_AT_ONCE, MOST_AT_ONCE, 10]
    assert [row for batch in batches for row in rows_of(batch)] == [each.row for each in rows]
    assert {span.source for batch in batches for span in batch.spans} == {""}
    assert {batch.table for batch in batches} == {TABLE}


def test_no_incidents_make_no_batches():
    assert alert_batches(alert_rows([], set(), now=NOW)) == []
