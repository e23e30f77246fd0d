"""Contracts of the core as our own clients speak them, for tools/contracts_reference.py."""

from __future__ import annotations

_LAB = "tests/sentinel/test_sentinel_lab.py::"
_OURS = "tidewaiter.sentinel"

CONTRACTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "Logs Ingestion 2023-01-01",
        _OURS,
        "",
        _LAB + "test_rows_that_are_sent_are_stored_by_a_rule_that_we_rendered",
    ),
    ("Logs Ingestion 2023-01-01", _OURS, "1 MB per call", _LAB + "test_a_body_over_a_megabyte_is_too_large"),
    (
        "Logs Ingestion 2023-01-01",
        _OURS,
        "429, 503, 408, 502",
        _LAB + "test_trouble_of_the_service_has_its_type",
    ),
    (
        "Data collection rules 2023-03-11",
        _OURS,
        "",
        _LAB + "test_a_rule_that_was_made_can_be_read_and_listed",
    ),
    ("Tables 2025-07-01", _OURS, "", _LAB + "test_a_table_that_was_made_can_be_read_changed_and_deleted"),
)
