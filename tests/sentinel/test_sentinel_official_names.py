"""Members and paths, spelled as Microsoft's own clients spell them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from azure.mgmt.loganalytics import models as insights
from azure.mgmt.loganalytics.operations import _operations as insights_requests
from azure.mgmt.securityinsight import models
from azure.mgmt.securityinsight.operations import _operations as requests

from tests.sentinel.azure_double import PATH, Azure, Seen, permit, reply
from tests.sentinel.test_sentinel_permits import CHANGES, READS
from tidewaiter.core.errors import TidewaiterError
from tidewaiter.sentinel import comments, functions, hunts, incidents, rules, tables, watchlists

SHAPES: list[tuple[type[msgspec.Struct], type[Any]]] = [
    (incidents.Incident, models.Incident),
    (incidents.IncidentProperties, models.IncidentProperties),
    (incidents.Owner, models.IncidentOwnerInfo),
    (incidents.Label, models.IncidentLabel),
    (incidents.AdditionalData, models.IncidentAdditionalData),
    (comments.Comment, models.IncidentComment),
    (comments.CommentProperties, models.IncidentCommentProperties),
    (comments.Author, models.ClientInfo),
    (watchlists.Watchlist, models.Watchlist),
    (watchlists.WatchlistProperties, models.WatchlistProperties),
    (watchlists._ItemProperties, models.WatchlistItemProperties),
    (rules.ScheduledRule, models.ScheduledAlertRuleProperties),
    (rules.NrtRule, models.NrtAlertRuleProperties),
    (rules.EntityMapping, models.EntityMapping),
    (rules.FieldMapping, models.FieldMapping),
    (rules.IncidentSettings, models.IncidentConfiguration),
    (rules.Grouping, models.GroupingConfiguration),
    (rules.EventGrouping, models.EventGroupingSettings),
    (rules.AlertDetails, models.AlertDetailsOverride),
    (hunts.Hunt, models.Hunt),
    (hunts.HuntDraft, models.HuntProperties),
    (hunts._Related, models.HuntRelationProperties),
    (hunts._Message, models.HuntCommentProperties),
    (functions.SavedSearch, insights.SavedSearchProperties),
    (functions.Tag, insights.Tag),
    (tables.TableProperties, insights.TableProperties),
    (tables.TableSchema, insights.Schema),
    (tables.TableColumn, insights.Column),
]


@pytest.mark.parametrize(("ours", "theirs"), SHAPES, ids=lambda kind: kind.__name__)
def test_every_member_of_a_wire_shape_is_one_of_the_official_models(ours, theirs):
    official = {field._rest_name for field in theirs({})._attr_to_rest_field.values()}

    assert set(ours.__struct_encode_fields__) - official == set()


SCOPE = {
    "resource_group_name": PATH.resource_group,
    "workspace_name": PATH.name,
    "subscription_id": PATH.subscription_id,
}
OFFICIAL: list[tuple[str, str, Callable[..., Any], dict[str, str]]] = [
    ("incidents", "get", requests.build_incidents_get_request, {"incident_id": "i"}),
    ("incidents", "list", requests.build_incidents_list_request, {}),
    ("incidents", "create", requests.build_incidents_create_or_update_request, {"incident_id": "i"}),
    ("incidents", "delete", requests.build_incidents_delete_request, {"incident_id": "i"}),
    ("comments", "list", requests.build_incident_comments_list_request, {"incident_id": "i"}),
    (
        "comments",
        "put",
        requests.build_incident_comments_create_or_update_request,
        {"incident_id": "i", "incident_comment_id": "c"},
    ),
    ("watchlists", "get", requests.build_watchlists_get_request, {"watchlist_alias": "w"}),
    ("watchlists", "list", requests.build_watchlists_list_request, {}),
    ("watchlists", "put", requests.build_watchlists_create_or_update_request, {"watchlist_alias": "w"}),
    ("watchlists", "delete", requests.build_watchlists_delete_request, {"watchlist_alias": "w"}),
    ("watchlists", "items", requests.build_watchlist_items_list_request, {"watchlist_alias": "w"}),
    (
        "watchlists",
        "put_item",
        requests.build_watchlist_items_create_or_update_request,
        {"watchlist_alias": "w", "watchlist_item_id": "i"},
    ),
    (
        "watchlists",
        "delete_item",
        requests.build_watchlist_items_delete_request,
        {"watchlist_alias": "w", "watchlist_item_id": "i"},
    ),
    ("rules", "get", requests.build_alert_rules_get_request, {"rule_id": "r"}),
    ("rules", "list", requests.build_alert_rules_list_request, {}),
    ("rules", "put", requests.build_alert_rules_create_or_update_request, {"rule_id": "r"}),
    ("rules", "delete", requests.build_alert_rules_delete_request, {"rule_id": "r"}),
    ("hunts", "get", requests.build_hunts_get_request, {"hunt_id": "h"}),
    ("hunts", "list", requests.build_hunts_list_request, {}),
    ("hunts", "put", requests.build_hunts_create_or_update_request, {"hunt_id": "h"}),
    ("hunts", "delete", requests.build_hunts_delete_request, {"hunt_id": "h"}),
    ("hunts", "comments", requests.build_hunt_comments_list_request, {"hunt_id": "h"}),
    ("hunts", "relations", requests.build_hunt_relations_list_request, {"hunt_id": "h"}),
    (
        "hunts",
        "put_comment",
        requests.build_hunt_comments_create_or_update_request,
        {"hunt_id": "h", "hunt_comment_id": "c"},
    ),
    (
        "hunts",
        "put_relation",
        requests.build_hunt_relations_create_or_update_request,
        {"hunt_id": "h", "hunt_relation_id": "r"},
    ),
    ("functions", "get", insights_requests.build_saved_searches_get_request, {"saved_search_id": "f"}),
    ("functions", "list", insights_requests.build_saved_searches_list_by_workspace_request, {}),
    (
        "functions",
        "put",
        insights_requests.build_saved_searches_create_or_update_request,
        {"saved_search_id": "f"},
    ),
    ("functions", "delete", insights_requests.build_saved_searches_delete_request, {"saved_search_id": "f"}),
    ("tables", "get", insights_requests.build_tables_get_request, {"table_name": "t"}),
    ("tables", "list", insights_requests.build_tables_list_by_workspace_request, {}),
    ("tables", "put", insights_requests.build_tables_create_or_update_request, {"table_name": "T_CL"}),
    ("tables", "patch", insights_requests.build_tables_update_request, {"table_name": "T_CL"}),
    ("tables", "delete", insights_requests.build_tables_delete_request, {"table_name": "T_CL"}),
]


def ours(noun: str, method: str) -> Seen:
    azure = Azure([reply(404)])

    async def main() -> None:
        sentinel = azure.sentinel()
        call = getattr(getattr(sentinel, noun), method)
        try:
            if (noun, method) in CHANGES:
                capability, args, kwargs = CHANGES[noun, method]
                await call(*args, **kwargs, permit=permit(capability))
            elif method in ("get", "query"):
                await call(*READS[noun, method])
            else:
                assert [item async for item in call(*READS[noun, method])] == []
        except TidewaiterError:
            pass  # the answer is not what this is about
        finally:
            await sentinel.aclose()

    asyncio.run(main())
    return azure.seen[0]


@pytest.mark.parametrize(("noun", "method", "build", "names"), OFFICIAL)
def test_a_request_goes_where_the_official_client_sends_it(noun, method, build, names):
    official = build(**SCOPE, **names)

    seen = ours(noun, method)

    assert (seen.method, seen.path) == (official.method, urlsplit(official.url).path)
