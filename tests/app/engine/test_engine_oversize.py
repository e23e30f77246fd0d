"""A row that is too large for the service: a part of it is sent, the archive has the whole."""

from __future__ import annotations

import json

from tests.app import logs
from tests.app.conftest import deliver_to
from tidewaiter.pipeline.deliver.archive import Archive


def test_the_archive_has_the_whole_row_of_which_a_part_was_sent(tmp_path):
    records = [logs.event(number) for number in range(3)]
    records[1]["requestParameters"] = {"text": "x" * 200_000, "number": 1}
    logs.trail(tmp_path / "in", [records[0], records[0], *records[1:]])

    delivery = deliver_to(tmp_path / "state", tmp_path / "in")

    delivery.check_laws()
    archive = Archive.open((tmp_path / "state" / "archive").as_uri())
    kept = archive.query("SELECT event_id, action, raw FROM archive ORDER BY position")
    assert [(event_id, action) for event_id, action, _ in kept] == [
        (logs.event_id(0), "delivered"),
        (logs.event_id(0), "duplicate"),
        (logs.event_id(1), "oversize"),
        (logs.event_id(2), "delivered"),
    ]
    assert [raw for _, action, raw in kept if action != "oversize"] == [None] * 3
    (whole,) = (raw for *_, raw in kept if raw is not None)
    assert isinstance(whole, bytes)
    assert "x" * 200_000 in json.dumps(json.loads(whole)["AdditionalFields"])
    (row,) = (
        row
        for rows in delivery.rows().values()
        for row in rows
        if row.get("EventOriginalUid") == logs.event_id(1)
    )
    assert "TidewaiterTruncated" in str(row["AdditionalFields"])
    assert len(str(row["AdditionalFields"])) < 65_000
