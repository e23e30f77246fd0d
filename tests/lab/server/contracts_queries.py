"""Contracts of queries, functions, watchlists and api-versions; see tools/contracts_reference.py."""

from __future__ import annotations

_QUERY = "tests/lab/server/test_lab_query.py::"
_SDK_QUERY = "tests/lab/server/test_lab_sdk_query.py::"
_FUNCTIONS = "tests/lab/server/test_lab_functions.py::"
_WATCHLISTS = "tests/lab/server/test_lab_watchlists.py::"
_SDK = "tests/lab/server/test_lab_sdk_content.py::"
_OURS = "tests/sentinel/test_sentinel_lab_queries.py::"

_API = "Query API v1"
_SEARCHES = "Saved searches and functions 2025-07-01"
_LISTS = "Watchlists 2024-09-01, 2025-10-01-preview"
_VERSIONS = "api-versions of Azure Resource Manager"

_MONITOR, _ANALYTICS = "azure-monitor-query", "azure-mgmt-loganalytics"
_INSIGHT, _CLIENTS = "azure-mgmt-securityinsight", "tidewaiter.sentinel"

_QUERIES = (
    (_MONITOR, "", _SDK_QUERY + "test_the_sdk_reads_what_was_sent"),
    (_MONITOR, "timespan", _SDK_QUERY + "test_the_sdks_timespans_are_understood"),
    (_MONITOR, "by resource id", _SDK_QUERY + "test_the_sdk_queries_by_resource_id"),
    (_MONITOR, "Prefer: statistics, render", _SDK_QUERY + "test_the_sdk_gets_statistics_and_visualization"),
    (_MONITOR, "wrong query: 400", _SDK_QUERY + "test_the_sdk_reports_a_wrong_query_in_the_services_words"),
    (_MONITOR, "not locally executable: 400", _SDK_QUERY + "test_the_sdk_names_what_the_lab_cannot_run"),
    (_MONITOR, "one workspace", _SDK_QUERY + "test_the_sdk_refuses_further_workspaces_by_name"),
    (_MONITOR, "partial result", _SDK_QUERY + "test_the_sdk_tells_a_partial_result"),
    (_MONITOR, "timeout: 504", _SDK_QUERY + "test_the_sdk_tells_a_timeout"),
    (_MONITOR, "$batch", _SDK_QUERY + "test_the_sdk_runs_a_batch"),
    (_CLIENTS, "", _OURS + "test_a_query_brings_typed_columns_and_values"),
    (_CLIENTS, "wrong query: 400", _OURS + "test_a_wrong_query_is_refused_with_what_is_wrong"),
    (_CLIENTS, "not locally executable: 400", _OURS + "test_what_the_lab_cannot_run_is_refused_by_name"),
    (_CLIENTS, "partial result", _OURS + "test_an_incomplete_answer_says_that_it_is"),
    (_CLIENTS, "429, Retry-After", _OURS + "test_too_many_queries_are_throttled_with_a_time_to_wait"),
    (_CLIENTS, "timeout: 504", _OURS + "test_a_query_that_takes_too_long_is_uncertain"),
    ("HTTP", "types of values, NaN", _QUERY + "test_values_are_written_as_the_service_writes_them"),
    ("HTTP", "GET", _QUERY + "test_a_query_can_be_a_get"),
    ("HTTP", "timespan", _QUERY + "test_a_timespan_bounds_every_table"),
    ("HTTP", "wrong timespan: 400", _QUERY + "test_a_timespan_that_is_none_is_refused"),
    (
        "HTTP",
        "SyntaxError, SemanticError with line and pos",
        _QUERY + "test_a_wrong_query_is_refused_as_log_analytics_does",
    ),
    (
        "HTTP",
        "not locally executable: 400",
        _QUERY + "test_what_the_lab_cannot_run_is_refused_by_name_and_never_empty",
    ),
    ("HTTP", "one workspace", _QUERY + "test_further_workspaces_are_refused_by_name_and_its_own_is_none"),
    (
        "HTTP",
        "unknown workspace: 404",
        _QUERY + "test_a_workspace_or_resource_that_is_not_there_is_refused",
    ),
    ("HTTP", "500,000 rows", _QUERY + "test_more_than_500_000_rows_are_cut_and_said_to_be"),
    ("HTTP", "about 100 MB", _QUERY + "test_more_than_100_megabytes_are_cut_and_said_to_be"),
    ("HTTP", "Prefer: wait", _QUERY + "test_a_query_is_stopped_when_its_caller_waits_no_longer"),
    (
        "HTTP",
        "10 minutes, 3 by default",
        _QUERY + "test_a_query_has_ten_minutes_at_most_and_three_by_default",
    ),
    (
        "HTTP",
        "200 requests in 30 s: 429, Retry-After",
        _QUERY + "test_200_requests_in_30_seconds_are_the_limit_of_a_caller",
    ),
    ("HTTP", "$batch: each for itself", _QUERY + "test_a_batch_answers_each_query_for_itself"),
    ("HTTP", "$batch: 100 queries", _QUERY + "test_a_batch_has_100_queries_at_most"),
    ("HTTP", "another service's token: 401", _QUERY + "test_another_services_token_does_not_query"),
)

_SAVED = (
    (_ANALYTICS, "", _SDK + "test_the_sdk_makes_a_function_that_queries_call"),
    (_ANALYTICS, "ETags: 409, 412", _SDK + "test_the_sdk_is_told_of_a_change_between"),
    (_CLIENTS, "", _OURS + "test_a_function_that_we_put_is_called_and_read_back"),
    (
        _CLIENTS,
        "`TidewaiterAlerts`",
        _OURS + "test_the_function_over_our_alerts_gives_their_provenance_its_exact_names",
    ),
    ("HTTP", "", _FUNCTIONS + "test_a_saved_search_can_be_made_read_listed_and_deleted"),
    ("HTTP", "ETags: 409, 412", _FUNCTIONS + "test_changing_one_takes_its_etag_or_a_star"),
    ("HTTP", "alias: one search", _FUNCTIONS + "test_an_alias_is_that_of_one_search"),
    (
        "HTTP",
        "parameters, defaults, nesting",
        _FUNCTIONS + "test_a_function_is_called_with_its_parameters_by_queries_and_functions",
    ),
    (
        "HTTP",
        "no circles",
        _FUNCTIONS + "test_functions_that_call_each_other_in_a_circle_are_refused",
    ),
    ("HTTP", "no tabular parameters here", _FUNCTIONS + "test_a_tabular_parameter_is_refused_by_name"),
    (
        "a restarted lab",
        "durable",
        _FUNCTIONS + "test_functions_are_there_when_the_lab_starts_again",
    ),
)

_WATCHED = (
    (_INSIGHT, "", _SDK + "test_the_sdk_makes_a_watchlist_that_kql_sees"),
    (_INSIGHT, "pages, items", _SDK + "test_the_sdk_walks_pages_of_items_and_changes_them"),
    (_INSIGHT, "ETag: 412", _SDK + "test_the_sdk_is_told_that_an_item_is_of_another_version"),
    (_CLIENTS, "", _OURS + "test_a_watchlist_that_we_put_is_read_by_kql_and_by_us"),
    (_CLIENTS, "pages", _OURS + "test_many_items_come_in_pages_that_we_follow"),
    ("HTTP", "", _WATCHLISTS + "test_a_watchlist_can_be_made_read_listed_and_deleted"),
    (
        "HTTP",
        "`_GetWatchlist`, `_GetWatchlistAlias`",
        _WATCHLISTS + "test_kql_sees_a_watchlist_by_its_alias_with_its_own_columns",
    ),
    (
        "HTTP",
        "unknown alias: no rows",
        _WATCHLISTS + "test_an_alias_that_no_watchlist_has_gives_no_rows_with_the_common_columns",
    ),
    ("HTTP", "table Watchlist", _WATCHLISTS + "test_the_table_watchlist_tells_what_was_done"),
    (
        "HTTP",
        "uploads append, equal items once",
        _WATCHLISTS + "test_an_upload_appends_and_keeps_equal_items_once",
    ),
    (
        "HTTP",
        "numberOfLinesToSkip, TSV",
        _WATCHLISTS + "test_lines_before_the_header_are_skipped_and_tabs_can_part",
    ),
    (
        "HTTP",
        "3.8 MB, content types, header",
        _WATCHLISTS + "test_content_that_cannot_be_a_watchlist_is_refused",
    ),
    ("HTTP", "items", _WATCHLISTS + "test_items_can_be_made_read_changed_and_deleted"),
    (
        "HTTP",
        "GUID, search key: 400",
        _WATCHLISTS + "test_an_item_without_guid_or_search_key_is_refused",
    ),
    ("HTTP", "If-Match: 412, etag: 409", _WATCHLISTS + "test_an_etag_that_is_old_changes_nothing"),
    ("HTTP", "pages of 100, nextLink", _WATCHLISTS + "test_items_come_in_pages"),
    (
        "HTTP",
        "preview: 202 and Location",
        _WATCHLISTS + "test_of_a_preview_version_a_deletion_goes_on_behind_a_location",
    ),
    ("a restarted lab", "durable", _WATCHLISTS + "test_watchlists_are_there_when_the_lab_starts_again"),
)

CONTRACTS: tuple[tuple[str, str, str, str], ...] = (
    *((_API, *each) for each in _QUERIES),
    *((_SEARCHES, *each) for each in _SAVED),
    *((_LISTS, *each) for each in _WATCHED),
    (_VERSIONS, "HTTP", "", _FUNCTIONS + "test_a_version_that_the_provider_has_not_is_refused"),
)
