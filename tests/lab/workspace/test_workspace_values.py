from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidewaiter.core.errors import DeliveryError
from tidewaiter.kql import literal
from tidewaiter.lab.workspace import LAB_TENANT_ID, Workspace

from .conftest import AUDIT, NETWORK

EXTRAS = [
    '{"n":1.10,"e":1e5,"big":123456789012345678901234567890,"neg":-0.0}',
    '{"a":1,"a":2,"A":3}',
    '{"z":1, "y" : [1 ,2]\t,"x":null}',
    '{"esc":"\\u0041\\/\\n\\"\\\\","emoji":"\\ud83d\\ude00","raw":"é\u2028"}',
    '{"version":"2012-10-17","id":"000123456789"}',
    '{"deep":' + "[" * 500 + "]" * 500 + "}",
    "{}",
    "[]",
    '"text"',
    "null",
]

# A lone surrogate has no UTF-8 form, so no worker can write one.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INTS = st.integers(-(2**31), 2**31 - 1)
HEADS = st.fixed_dictionaries(
    {"Operation": TEXT, "ObjectId": TEXT},
    optional={
        "ActorUsername": TEXT,
        "EventCount": INTS,
        "SrcPortNumber": st.none() | INTS,
        "ThreatIsActive": st.booleans(),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


NUMBERS = iter(range(1_000_000))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("lab") / "workspace.duckdb") as workspace:
        yield workspace


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(HEADS, st.none() | JSON.map(json.dumps) | st.sampled_from(EXTRAS)), min_size=1, max_size=20
    )
)
def test_what_is_written_is_what_kql_reads(shared: Workspace, stage, rows):
    batch = f"batch {next(NUMBERS)}"
    tagged = [
        ({**head, "EventOriginalUid": batch, "RuleNumber": i}, extra) for i, (head, extra) in enumerate(rows)
    ]
    assert shared.ingest(batch, [stage(tagged)]) == {AUDIT: len(rows)}
    read = shared.executor().run(
        f"{AUDIT} | where EventOriginalUid == {literal(batch)} | order by RuleNumber asc "
        "| project Operation, ObjectId, ActorUsername, EventCount, SrcPortNumber, ThreatIsActive, "
        "AdditionalFields"
    )
    assert read.rows == [
        (
            head["Operation"],
            head["ObjectId"],
            head.get("ActorUsername", ""),
            head.get("EventCount"),
            head.get("SrcPortNumber"),
            head.get("ThreatIsActive"),
            extra,
        )
        for head, extra in rows
    ]


@settings(deadline=None, max_examples=10)
@given(values=st.lists(TEXT.filter(lambda text: text.isprintable()), min_size=1, max_size=5, unique=True))
def test_a_value_is_found_by_its_literal(shared: Workspace, stage, values):
    batch = f"batch {next(NUMBERS)}"
    shared.ingest(batch, [stage([({"EventOriginalUid": batch, "Object": value}, None) for value in values])])
    executor = shared.executor()
    for value in values:
        query = f"{AUDIT} | where EventOriginalUid == {literal(batch)} and Object == {literal(value)}"
        assert executor.run(f"{query} | project Object").rows == [(value,)]


@pytest.mark.parametrize("binary", [True, False])
def test_additional_fields_are_kept_byte_for_byte(workspace: Workspace, stage, binary):
    workspace.ingest("b", [stage([({}, extra) for extra in EXTRAS], binary=binary)])
    assert sorted(str(row["AdditionalFields"]) for row in workspace.rows(AUDIT)) == sorted(EXTRAS)


def test_text_that_is_no_json_is_kept_as_a_json_string(workspace: Workspace, stage):
    texts = ['{"a":"\\ud800"}', "{'a':1}", "", "[1", "text", '{"a":"\x01"}']
    workspace.ingest("b", [stage([({}, text) for text in texts])])
    stored = [json.loads(str(row["AdditionalFields"])) for row in workspace.rows(AUDIT)]
    assert sorted(stored) == sorted(texts)
    read = workspace.executor().run(f"{AUDIT} | project tostring(AdditionalFields)").rows
    assert sorted(str(text) for (text,) in read) == sorted(texts)


def test_strings_are_not_taken_for_dates_or_numbers(workspace: Workspace, stage):
    texts = [
        "2012-10-17",
        "000123456789",
        "1e5",
        "1.10",
        "true",
        "null",
        "NaN",
        "{}",
        " x ",
        "\u0000",
        "'",
        '"',
        "é😀",
    ]
    workspace.ingest("b", [stage([({"Object": text}, None) for text in texts])])
    assert sorted(str(row["Object"]) for row in workspace.rows(AUDIT)) == sorted(texts)


def test_rows_carry_table_tenant_and_time_and_no_null_string(workspace: Workspace, stage):
    workspace.ingest(
        "b", [stage([({"TimeGenerated": "2024-01-02T03:04:05.123456Z", "ActorUsername": None}, None)])]
    )
    (row,) = workspace.rows(AUDIT)
    assert row["Type"] == AUDIT
    assert row["TenantId"] == LAB_TENANT_ID
    assert row["TimeGenerated"] == datetime(2024, 1, 2, 3, 4, 5, 123456, UTC)
    assert row["ActorUsername"] == row["_ResourceId"] == row["TargetUrl"] == ""
    assert row["EventCount"] is row["_BilledSize"] is row["EventStartTime"] is None
    assert workspace.executor().run(f"{AUDIT} | where isnull(ActorUsername) or isnull(TargetUrl)").rows == []


def test_columns_from_polars_are_stored_as_they_are(workspace: Workspace, stage_columns):
    frame = pl.DataFrame(
        {
            "TimeGenerated": [datetime(2024, 1, 1), datetime(2024, 1, 2, 3, 4, 5, 6)],
            "SrcIpAddr": ["10.0.0.1", None],
            "SrcPortNumber": pl.Series([443, None], dtype=pl.Int32),
            "SrcBytes": pl.Series([2**40, None], dtype=pl.Int64),
            "AdditionalFields": [EXTRAS[0], None],
        }
    )
    assert workspace.ingest("b", [stage_columns(frame)]) == {NETWORK: 2}
    first, second = sorted(workspace.rows(NETWORK), key=lambda row: str(row["TimeGenerated"]))
    assert (first["SrcIpAddr"], first["SrcPortNumber"], first["SrcBytes"]) == ("10.0.0.1", 443, 2**40)
    assert first["AdditionalFields"] == EXTRAS[0]
    assert (second["SrcIpAddr"], second["SrcPortNumber"], second["AdditionalFields"]) == ("", None, None)
    assert second["TimeGenerated"] == datetime(2024, 1, 2, 3, 4, 5, 6, UTC)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"Nonsense": "x"}, "no column Nonsense"),
        ({"operation": "x"}, "no column operation"),
        ({"a'b\"c": "x"}, "no column a'b\"c"),
        ({"TenantId": "x"}, "TenantId of ASimAuditEventLogs is set by the service"),
        ({"AdditionalFields": {}}, "travels in `extra`"),
        ({"Operation": 1.10}, "Operation of ASimAuditEventLogs is string, but a row has JSON DOUBLE"),
        ({"Operation": {"a": 1}}, "Operation of ASimAuditEventLogs is string"),
        ({"EventCount": 1.5}, "EventCount of ASimAuditEventLogs is int"),
        ({"EventCount": "1"}, "EventCount of ASimAuditEventLogs is int"),
        ({"EventCount": 2**40}, "1099511627776"),
        ({"ThreatIsActive": "true"}, "ThreatIsActive of ASimAuditEventLogs is bool"),
        ({"TimeGenerated": "2024-01-01T00:00:00+02:00"}, "TimeGenerated does not end in Z"),
        ({"EventStartTime": "yesterdayZ"}, "yesterdayZ"),
        ({"TimeGenerated": None}, "a row has no TimeGenerated"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_nothing_is_stored(shared: Workspace, stage, head, message):
    batch, before = f"batch {next(NUMBERS)}", shared.counts()
    with pytest.raises(DeliveryError) as caught:
        shared.ingest(batch, [stage([({"Operation": "good"}, None)]), stage([(head, None)])])
    assert message in str(caught.value)
    assert shared.counts() == before
    assert not shared.holds(batch)
    assert shared.ingest(batch, [stage([({"Operation": "good"}, None)])]) == {AUDIT: 1}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"TimeGenerated": [datetime(2024, 1, 1)], "Nonsense": ["x"]}), "no column Nonsense"),
        (pl.DataFrame({"SrcIpAddr": ["x"]}), "no TimeGenerated"),
        (pl.DataFrame({"TimeGenerated": [datetime(2024, 1, 1)], "Type": ["x"]}), "set by the service"),
    ],
)
def test_columns_that_do_not_fit_are_an_error(shared: Workspace, stage_columns, frame, message):
    before = shared.counts()
    with pytest.raises(DeliveryError, match=message):
        shared.ingest("columns", [stage_columns(frame)])
    assert shared.counts() == before


def test_an_unknown_table_is_an_error(shared: Workspace, stage):
    with pytest.raises(DeliveryError, match="no table Nonsense"):
        shared.ingest("unknown", [stage([({}, None)], table="Nonsense")])
