"""Contracts of Entra, Logs Ingestion, data collection rules, tables and the server, for the docs' table.

Each entry: (contract, client, limit, test). `limit` is empty where it is the contract itself that is tested.
"""

from __future__ import annotations

_LIMITS = "tests/lab/server/test_lab_ingestion_limits.py::"
_STORAGE = "tests/lab/server/test_lab_ingestion_storage.py::"
_SDK = "tests/lab/server/test_lab_sdk_ingestion.py::"
_ENTRA = "tests/lab/server/test_lab_entra.py::"
_RULES = "tests/lab/server/test_lab_rules.py::"
_TABLES = "tests/lab/server/test_lab_tables.py::"
_CLOCK = "tests/lab/server/test_lab_clock.py::"
_CERTIFICATES = "tests/lab/server/test_lab_certificates.py::"
_UP = "tests/lab/server/test_lab_up.py::"

_ENTRA_ID = "Entra ID tokens"
_INGESTION = "Logs Ingestion 2023-01-01"
_DCR = "Data collection rules 2023-03-11"
_TABLE = "Tables 2025-07-01"
_SERVER = "The server"

Contract = tuple[str, str, str, str]

CONTRACTS: tuple[Contract, ...] = (
    (_ENTRA_ID, "azure-identity", "", _SDK + "test_the_sdk_gets_a_token_for_a_service"),
    (
        _ENTRA_ID,
        "azure-identity",
        "wrong secret, client, tenant",
        _SDK + "test_the_sdk_reports_entras_own_errors",
    ),
    (
        _ENTRA_ID,
        "HTTP",
        "error numbers (AADSTS…)",
        _ENTRA + "test_a_refusal_has_the_shape_and_number_of_entras",
    ),
    (
        _ENTRA_ID,
        "PyJWT",
        "audience per scope, RS256",
        _ENTRA + "test_a_scope_becomes_the_audience_of_a_token_that_the_published_key_verifies",
    ),
    (_INGESTION, "azure-monitor-ingestion", "", _SDK + "test_the_sdk_uploads_rows_and_kql_finds_them"),
    (
        _INGESTION,
        "azure-monitor-ingestion",
        "unknown DCR: 404",
        _SDK + "test_the_sdk_reports_an_unknown_rule_in_the_services_words",
    ),
    (_INGESTION, "HTTP", "204, no body", _LIMITS + "test_rows_are_acknowledged_with_204_and_no_body"),
    (_INGESTION, "HTTP", "gzip", _LIMITS + "test_gzip_is_taken"),
    (
        _INGESTION,
        "HTTP",
        "1 MB per call",
        _LIMITS + "test_a_body_of_exactly_one_megabyte_is_taken_and_one_byte_more_is_too_large",
    ),
    (_INGESTION, "HTTP", "1 MB uncompressed", _LIMITS + "test_the_limit_counts_what_is_inflated_too"),
    (_INGESTION, "HTTP", "gzip bomb", _LIMITS + "test_a_gzip_bomb_is_refused_before_it_is_inflated"),
    (
        _INGESTION,
        "HTTP",
        "field over 64 KB truncated",
        _LIMITS + "test_a_field_over_64_kb_is_truncated_and_billed_as_stored",
    ),
    (
        _INGESTION,
        "HTTP",
        "unknown column billed, dropped",
        _LIMITS + "test_a_column_that_the_table_has_not_is_billed_and_not_stored",
    ),
    (
        _INGESTION,
        "HTTP",
        "TimeGenerated older than 2 days or over 1 day ahead",
        _LIMITS + "test_a_time_older_than_two_days_or_over_a_day_ahead_becomes_the_time_of_receipt",
    ),
    (
        _INGESTION,
        "HTTP",
        "no TimeGenerated",
        _LIMITS + "test_a_row_without_a_time_gets_the_time_of_receipt",
    ),
    (
        _INGESTION,
        "HTTP",
        "value of another type",
        _LIMITS + "test_a_value_of_another_type_is_converted_or_becomes_null",
    ),
    (
        _INGESTION,
        "HTTP",
        "12,000 requests a minute: 429, Retry-After",
        _LIMITS + "test_requests_per_minute_are_limited_with_a_time_to_wait",
    ),
    (
        _INGESTION,
        "HTTP",
        "2 GB a minute: 429, Retry-After",
        _LIMITS + "test_data_per_minute_is_limited_uncompressed",
    ),
    (_INGESTION, "HTTP", "no role: 403", _LIMITS + "test_a_client_without_the_role_is_refused"),
    (_INGESTION, "HTTP", "fresh role: 403", _LIMITS + "test_a_fresh_role_is_refused_until_it_has_spread"),
    (_INGESTION, "HTTP", "unknown DCR: 404", _LIMITS + "test_an_unknown_rule_is_not_found"),
    (_INGESTION, "HTTP", "unknown stream: 400", _LIMITS + "test_a_stream_that_the_rule_has_not_is_refused"),
    (
        _INGESTION,
        "HTTP",
        "no JSON array of objects: 400",
        _LIMITS + "test_what_is_no_json_array_of_objects_is_refused_and_nothing_is_stored",
    ),
    (_INGESTION, "HTTP", "content type: 400", _LIMITS + "test_another_content_type_is_refused"),
    (_INGESTION, "HTTP", "api-version: 400", _LIMITS + "test_the_api_version_is_required_and_checked"),
    (_INGESTION, "HTTP", "expired token: 401", _LIMITS + "test_an_expired_token_is_refused"),
    (
        _INGESTION,
        "HTTP",
        "another service's token: 401",
        _LIMITS + "test_a_token_for_another_service_is_refused",
    ),
    (_INGESTION, "HTTP", "billed size, Usage", _STORAGE + "test_the_bill_adds_up"),
    (
        _INGESTION,
        "a killed process",
        "acknowledged is kept",
        _STORAGE + "test_what_was_acknowledged_survives_a_kill",
    ),
    (
        _INGESTION,
        "HTTP",
        "stream's clock keeps old times",
        _CLOCK + "test_on_the_streams_clock_an_old_day_keeps_its_times",
    ),
    (_DCR, "HTTP", "", _RULES + "test_a_rule_of_kind_direct_has_an_endpoint_and_an_immutable_id"),
    (
        _DCR,
        "HTTP",
        "10 data flows, 10 streams, types, outputs",
        _RULES + "test_a_rule_that_azure_would_refuse_is_refused",
    ),
    (
        _DCR,
        "HTTP",
        "transformKql dialect, 15,360 characters",
        _RULES + "test_a_transformation_outside_the_dialect_is_refused",
    ),
    (_DCR, "HTTP", "transformKql applied", _RULES + "test_a_transformation_is_applied_to_every_row"),
    (
        _DCR,
        "HTTP",
        "types of output",
        _RULES + "test_output_of_another_type_than_the_table_is_refused",
    ),
    (_TABLE, "azure-mgmt-loganalytics", "", _TABLES + "test_the_sdk_makes_and_reads_a_table"),
    (_TABLE, "HTTP", "names, types, reserved", _TABLES + "test_a_table_that_azure_would_refuse_is_refused"),
    (_TABLE, "HTTP", "500 columns", _TABLES + "test_a_table_may_have_500_columns"),
    (_TABLE, "HTTP", "_CF columns", _TABLES + "test_an_azure_table_can_have_custom_columns"),
    (_TABLE, "HTTP", "plan and retention", _TABLES + "test_plan_and_retention_have_bounds"),
    (
        _SERVER,
        "HTTP",
        "TLS with its own authority",
        _CERTIFICATES + "test_a_client_that_trusts_the_authority_reaches_the_lab_by_both_names",
    ),
    (_SERVER, "`tidewaiter lab up`", "", _UP + "test_settings_lead_to_the_lab_and_a_signal_ends_it_in_order"),
)
