"""Drift through `tidewaiter run` on a whole day; `make acceptance` takes five days and each change alone."""

from __future__ import annotations

import pytest

from tests.acceptance import drifted

EVENTS, SEED = 20_000, 21
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return drifted.generated(tmp_path_factory.mktemp("drifted") / "day", EVENTS, SEED)


def test_on_a_day_without_changes_nothing_is_told(day, tmp_path):
    assert drifted.alarms(day, tmp_path / "state") == []


def test_five_changes_at_one_time_in_one_account_are_each_told_within_a_thousand_records(day, tmp_path):
    account = drifted.busiest(day)
    affected = drifted.changed(day, tmp_path / "changed", drifted.TOGETHER, account)

    found = drifted.alarms(tmp_path / "changed", tmp_path / "state")

    for each in drifted.told(drifted.TOGETHER, account, affected, found):
        assert each.after is not None, f"{each.name} is not told; {each.others}"
        assert each.after <= drifted.WITHIN
        assert each.others == ()
    assert {alarm["account"] for alarm in found} == {account}


def test_a_new_version_and_columns_that_stay_empty_are_told(day, tmp_path):
    account = drifted.busiest(day)
    drifted.changed(day, tmp_path / "changed", ("version", "rename"), account)

    found = drifted.alarms(tmp_path / "changed", tmp_path / "state")

    told = {(alarm["kind"], alarm["table"], alarm["field"]) for alarm in found}
    assert told >= {
        ("version", "", "eventVersion"), ("renamed_field", "", "userAgent"),
        ("empty_column", "ASimAuditEventLogs", "HttpUserAgent"),
    }  # fmt: skip
    assert {alarm["account"] for alarm in found} == {account}
