"""What is counted stays bounded, whatever the logs say."""

from __future__ import annotations

import json

from tidewaiter.app.engine.assess import facts
from tidewaiter.app.engine.assess.facts import OTHERS, SourceFacts
from tidewaiter.pipeline.deliver import RowColumns

LATER = 4e9


def rows(*told):
    made = [json.dumps(each).encode() for each in told]
    return RowColumns(
        row=made,
        extra_at=[0] * len(made),
        id=["x"] * len(made),
        key=list(range(len(made))),
        position=list(range(len(made))),
        at=["2026-03-01T08:00:00Z"] * len(made),
        billed=[10] * len(made),
    )


def test_made_up_accounts_are_counted_together_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(facts, "_PLACES", 3)
    found = SourceFacts("aws_cloudtrail")
    found.add("x", "ASimAuditEventLogs", rows(*({"DvcScopeId": str(n)} for n in range(10))), "", LATER)
    assert found.accounts == {"0": 1, "1": 1, "2": 1, OTHERS: 7}
    assert len(found._busy) == 3
    assert sum(found.billed.values()) == 100


def test_keys_are_remembered_up_to_a_number(monkeypatch):
    monkeypatch.setattr(facts, "_KEYS", 4)
    found = SourceFacts("aws_cloudtrail")
    for _ in range(2):
        found.add("x", "ASimAuditEventLogs", rows(*({"DvcScopeId": "1"} for _ in range(10))), "", LATER)
    assert (found.duplicates, len(found._keys)) == (4, 4)


def test_a_time_before_aws_or_after_tomorrow_is_no_time():
    found = SourceFacts("aws_cloudtrail")
    some = rows({}, {}, {})
    some.at = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01T08:00:00Z"]
    found.add("x", "ASimAuditEventLogs", some, "", LATER)
    assert (found.without_time, found.first, found.last) == (
        2,
        "2026-03-01T08:00:00Z",
        "2026-03-01T08:00:00Z",
    )
