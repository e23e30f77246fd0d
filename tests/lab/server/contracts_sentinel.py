"""Contracts of rules, incidents and hunts; see tools/contracts_reference.py."""

from __future__ import annotations

_T = "tests/lab/server/"
_SDK = _T + "test_lab_sdk_sentinel.py::"
_OURS = _T + "test_lab_rendered_rule.py::"
_REST = _T + "test_lab_alert_rules.py::"
_RUNS = _T + "test_lab_rule_runs.py::"
_ALERT = _T + "test_lab_alerts.py::"
_GROUPS = _T + "test_lab_grouping.py::"
_INCIDENTS = _T + "test_lab_incident_api.py::"
_HUNTS = _T + "test_lab_hunts.py::"
_JOURNAL = _T + "test_lab_documents.py::"
_ENGINE = "tests/app/engine/test_engine_lab_incidents.py::"

_INSIGHT, _CLIENTS = "azure-mgmt-securityinsight", "tidewaiter.sentinel"

_REFUSED = _REST + "test_a_rule_that_sentinel_would_refuse_is_refused"
_RULES = (
    (_INSIGHT, "", _SDK + "test_the_sdk_makes_reads_lists_and_deletes_a_scheduled_rule"),
    (_INSIGHT, "kind NRT", _SDK + "test_the_sdk_makes_a_near_real_time_rule"),
    (_INSIGHT, "query does not bind: 400", _SDK + "test_the_sdk_reports_a_query_that_does_not_bind"),
    (_INSIGHT, "If-Match: 412, etag: 409", _SDK + "test_the_sdk_does_not_overwrite_a_rule_that_was_changed"),
    (_CLIENTS, "", _OURS + "test_our_clients_read_change_and_delete_rules"),
    ("HTTP", "pages, nextLink", _REST + "test_rules_are_listed_page_by_page"),
    ("HTTP", "frequency, period: 5 minutes to 14 days", _REFUSED),
    ("HTTP", "query: 1 to 10,000 characters", _REFUSED),
    ("HTTP", "20 custom details, names of 20 characters", _REFUSED),
    ("HTTP", "10 entity mappings of 3 identifiers", _REFUSED),
    ("HTTP", "suppression up to 24 hours, look-back up to 7 days", _REFUSED),
    ("HTTP", "columns exist", _REST + "test_a_column_that_the_query_does_not_return_is_refused"),
    ("HTTP", "512 scheduled, 50 NRT rules", _REST + "test_enabled_rules_are_limited_by_kind"),
    (
        "HTTP",
        "stable versions: no NRT",
        _REST + "test_the_stable_versions_have_no_near_real_time_rules_and_unknown_ones_are_refused",
    ),
    ("a restarted lab", "durable", _REST + "test_a_rule_is_there_after_the_lab_was_closed"),
)
_RUNNING = (
    (_CLIENTS, "", _OURS + "test_an_incident_of_the_rendered_rule_carries_entities_tactics_and_provenance"),
    (
        _CLIENTS,
        "grouped by incident_id",
        _OURS + "test_alerts_of_one_incident_id_join_and_another_id_is_another_incident",
    ),
    (_INSIGHT, "", _SDK + "test_the_sdk_reads_alerts_and_entities_of_an_incident_that_a_rule_raised"),
    ("HTTP", "five minutes' delay", _RUNS + "test_a_rule_runs_five_minutes_after_each_scheduled_time"),
    (
        "HTTP",
        "look-back by TimeGenerated",
        _RUNS + "test_a_window_begins_with_its_first_moment_and_ends_before_its_last",
    ),
    ("HTTP", "trigger", _RUNS + "test_the_trigger_compares_the_number_of_results"),
    ("HTTP", "suppression", _RUNS + "test_a_suppressed_rule_rests_after_an_alert"),
    (
        "HTTP",
        "149 alerts and one of all",
        _RUNS + "test_each_result_may_make_an_alert_up_to_149_and_one_of_all",
    ),
    (
        "HTTP",
        "NRT: 29 alerts and one of all",
        _RUNS + "test_a_near_real_time_rule_makes_29_alerts_and_one_of_all",
    ),
    (
        "HTTP",
        "NRT: each row once, by arrival",
        _RUNS + "test_a_near_real_time_rule_sees_each_row_once_however_late_it_is",
    ),
    (
        "HTTP",
        "not locally executable: SentinelHealth",
        _RUNS + "test_a_rule_that_cannot_run_here_says_so_by_name_in_its_health",
    ),
    ("HTTP", "functions, watchlists", _RUNS + "test_a_rule_calls_functions_and_watchlists"),
    ("HTTP", "custom details: 50 values", _ALERT + "test_a_custom_detail_holds_at_most_50_values"),
    ("HTTP", "custom details: 2 KB", _ALERT + "test_custom_details_hold_at_most_2_kb"),
    (
        "HTTP",
        "500 entities of an alert",
        _ALERT + "test_an_alert_has_at_most_500_entities_shared_by_its_mappings",
    ),
    ("HTTP", "entities: 64 KB", _ALERT + "test_the_entities_of_an_alert_hold_at_most_64_kb"),
    (
        "HTTP",
        "name 256 bytes, description 5 KB",
        _ALERT + "test_names_and_descriptions_are_cut_at_their_bytes",
    ),
    (
        "HTTP",
        "150 alerts of an incident",
        _GROUPS + "test_the_151st_alert_begins_another_incident_of_the_kind",
    ),
    ("HTTP", "grouping: all entities", _GROUPS + "test_alerts_join_where_all_entities_match"),
    ("HTTP", "grouping: selected", _GROUPS + "test_alerts_join_where_the_selected_details_match"),
    ("HTTP", "grouping: look-back", _GROUPS + "test_alerts_join_an_incident_until_its_look_back_is_over"),
    (
        "HTTP",
        "closed incidents open again",
        _GROUPS + "test_a_closed_incident_is_opened_again_only_where_the_rule_says_so",
    ),
    ("HTTP", "embedded in a run", _ENGINE + "test_the_lab_has_as_many_incidents_as_the_run_found"),
    (
        "a restarted lab",
        "a crash between alert and row",
        _JOURNAL + "test_alerts_whose_rows_were_not_stored_are_stored_once_when_the_lab_opens",
    ),
)
_CASES = (
    (_INSIGHT, "", _SDK + "test_the_sdk_makes_changes_closes_and_deletes_an_incident"),
    (
        _INSIGHT,
        "$filter, $orderby, $top, nextLink",
        _SDK + "test_the_sdk_lists_incidents_by_filter_order_and_page",
    ),
    (_INSIGHT, "comments, relations", _SDK + "test_the_sdk_writes_comments_and_relations"),
    (_CLIENTS, "", _OURS + "test_our_clients_close_comment_and_find_what_the_rule_raised"),
    (
        "HTTP",
        "If-Match: 412, etag: 409",
        _INCIDENTS + "test_an_incident_that_somebody_changed_is_not_overwritten",
    ),
    ("HTTP", "classification and reason", _INCIDENTS + "test_a_classification_goes_with_its_reasons"),
    (
        "HTTP",
        "description: 5,000 characters",
        _INCIDENTS + "test_an_incident_that_sentinel_would_refuse_is_refused",
    ),
    (
        "HTTP",
        "50 on a page, 1,000 at most",
        _INCIDENTS + "test_a_page_has_50_incidents_unless_asked_and_1000_at_most",
    ),
    ("HTTP", "a comment: 30,000 characters", _INCIDENTS + "test_a_comment_has_at_most_30000_characters"),
    ("HTTP", "100 comments", _INCIDENTS + "test_an_incident_has_at_most_100_comments"),
    ("HTTP", "20 bookmarks", _INCIDENTS + "test_an_incident_has_at_most_20_bookmarks"),
    ("HTTP", "table SecurityIncident", _GROUPS + "test_each_change_is_a_row_of_security_incident"),
    ("a restarted lab", "durable", _GROUPS + "test_incidents_are_there_after_the_lab_was_closed"),
)
_HUNTING = (
    (_INSIGHT, "", _SDK + "test_the_sdk_keeps_hunts_with_comments_and_relations"),
    (_CLIENTS, "", _OURS + "test_our_clients_keep_hunts_with_comments_and_relations"),
    ("HTTP", "If-Match: 412, etag: 409", _HUNTS + "test_a_hunt_is_made_read_changed_and_deleted"),
    ("HTTP", "100 hunts", _HUNTS + "test_a_workspace_has_at_most_100_hunts"),
    ("HTTP", "no stable version", _HUNTS + "test_no_stable_version_has_hunts"),
    ("a restarted lab", "durable", _HUNTS + "test_hunts_are_there_after_the_lab_was_closed"),
)

CONTRACTS: tuple[tuple[str, str, str, str], ...] = (
    *(("Alert rules 2024-09-01, 2025-10-01-preview", *each) for each in _RULES),
    *(("Runs of rules, alerts and grouping", *each) for each in _RUNNING),
    *(("Incidents 2024-09-01, 2025-10-01-preview", *each) for each in _CASES),
    *(("Hunts 2025-10-01-preview", *each) for each in _HUNTING),
)
