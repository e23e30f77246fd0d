"""What is counted stays bounded, whatever the logs say."""

from __future__ import annotations

import json

from tidewaiter.app.engine.assess import Assessment, facts
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


def test_the_path_says_where_a_record_is_from_where_the_record_does_not():
    found = SourceFacts("aws_vpcflow")
    path = "AWSLogs/210987654321/vpcflowlogs/eu-west-1/x"
    some = rows({}, {"DvcScopeId": "111122223333", "DvcZone": "x"})
    found.add(path, "ASimNetworkSessionLogs", some, "", LATER)
    assert found.accounts == {"210987654321": 1, "111122223333": 1}
    assert found.regions == {"eu-west-1": 2}


def test_how_full_rows_are_and_how_many_are_of_no_known_kind():
    found = SourceFacts("aws_cloudtrail")
    wanted = sorted(facts._wanted("ASimAuditEventLogs"))
    found.add("x", "ASimAuditEventLogs", rows(dict.fromkeys(wanted, "x") | {"DstPortNumber": 1}), "", LATER)
    assert (found.filled, found.unspecific) == (1.0, 0)
    other = SourceFacts("aws_cloudtrail")
    other.add("x", "ASimAuditEventLogs", rows({"EventType": "Other"}), "", LATER)
    assert (other.filled, other.unspecific) == (1 / len(wanted), 1)


def test_days_are_those_on_which_anything_lies_there():
    audit, flows = SourceFacts("aws_cloudtrail"), SourceFacts("aws_vpcflow")
    for source, hours in ((audit, (0, 6, 24 * 9)), (flows, (12, 24 * 9 + 6))):
        for hour in hours:
            some = rows({})
            some.at = [f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"]
            source.add("x", "ASimAuditEventLogs", some, "", LATER)
    made = Assessment({"aws_cloudtrail": audit, "aws_vpcflow": flows})
    # The first day is looked at for 12 hours, the tenth for 6; nothing lies there between them.
    assert made.days(audit) == made.days(flows) == 0.75
