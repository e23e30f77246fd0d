"""azure-mgmt-securityinsight as it is, over TLS: rules, incidents and hunts."""

# The models are dictionaries with optional members, and their overloads leave `kind` out.
# mypy: disable-error-code="call-overload,index,no-any-return,union-attr"

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.securityinsight import SecurityInsightsMgmtClient, models

from .conftest import LabServer
from .test_lab_sdk_ingestion import credential


@pytest.fixture(scope="module")
def scope(lab_server: LabServer) -> dict[str, str]:
    tenant = lab_server.lab.tenant
    return {"resource_group_name": tenant.resource_group, "workspace_name": tenant.workspace}


@pytest.fixture(scope="module")
def client(lab_server: LabServer):
    with (
        credential(lab_server) as entra,
        SecurityInsightsMgmtClient(
            entra,
            lab_server.lab.tenant.subscription_id,
            base_url=lab_server.url,
            credential_scopes=["https://management.azure.com/.default"],
            connection_verify=str(lab_server.ca),
        ) as client,
    ):
        yield client


def new() -> str:
    return str(uuid.uuid4())


def scheduled(**changes) -> models.ScheduledAlertRule:
    properties = models.ScheduledAlertRuleProperties(
        display_name="Trail deleted",
        enabled=True,
        query="AWSCloudTrail | where EventName == 'DeleteTrail'",
        severity=models.AlertSeverity.HIGH,
        suppression_enabled=False,
        suppression_duration=timedelta(hours=5),
        query_frequency=timedelta(hours=1),
        query_period=timedelta(hours=1),
        trigger_operator=models.TriggerOperator.GREATER_THAN,
        trigger_threshold=0,
        tactics=[models.AttackTactic.DEFENSE_EVASION],
        techniques=["T1562"],
        entity_mappings=[
            models.EntityMapping(
                entity_type=models.EntityMappingType.IP,
                field_mappings=[models.FieldMapping(identifier="Address", column_name="SourceIpAddress")],
            )
        ],
        incident_configuration=models.IncidentConfiguration(
            create_incident=True,
            grouping_configuration=models.GroupingConfiguration(
                enabled=True,
                reopen_closed_incident=False,
                lookback_duration=timedelta(days=1),
                matching_method=models.MatchingMethod.ALL_ENTITIES,
            ),
        ),
    )
    for name, value in changes.items():
        setattr(properties, name, value)
    return models.ScheduledAlertRule(kind="Scheduled", properties=properties)


def test_the_sdk_makes_reads_lists_and_deletes_a_scheduled_rule(client, scope):
    name = new()
    made = client.alert_rules.create_or_update(**scope, rule_id=name, alert_rule=scheduled())
    assert made.etag
    read = client.alert_rules.get(**scope, rule_id=name)
    assert isinstance(read, models.ScheduledAlertRule)
    assert read.properties.query_frequency == timedelta(hours=1)
    assert read.properties.entity_mappings[0].field_mappings[0].column_name == "SourceIpAddress"
    grouping = read.properties.incident_configuration.grouping_configuration
    assert (grouping.lookback_duration, grouping.matching_method) == (timedelta(days=1), "AllEntities")
    assert name in [rule.name for rule in client.alert_rules.list(**scope)]
    client.alert_rules.delete(**scope, rule_id=name)
    client.alert_rules.delete(**scope, rule_id=name)
    with pytest.raises(ResourceNotFoundError):
        client.alert_rules.get(**scope, rule_id=name)


def test_the_sdk_makes_a_near_real_time_rule(client, scope):
    name = new()
    rule = models.NrtAlertRule(
        kind="NRT",
        properties=models.NrtAlertRuleProperties(
            display_name="Now",
            enabled=True,
            query="AWSCloudTrail | take 1",
            severity="Low",
            suppression_enabled=False,
            suppression_duration=timedelta(hours=5),
        ),
    )
    made = client.alert_rules.create_or_update(**scope, rule_id=name, alert_rule=rule)
    assert isinstance(made, models.NrtAlertRule)
    assert made.properties.last_modified_utc is not None
    client.alert_rules.delete(**scope, rule_id=name)


def test_the_sdk_reports_a_query_that_does_not_bind(client, scope):
    with pytest.raises(HttpResponseError, match="unknown column 'Colour'") as caught:
        client.alert_rules.create_or_update(
            **scope, rule_id=new(), alert_rule=scheduled(query="AWSCloudTrail | where Colour == 1")
        )
    assert caught.value.status_code == 400


def test_the_sdk_does_not_overwrite_a_rule_that_was_changed(client, scope):
    name = new()
    first = client.alert_rules.create_or_update(**scope, rule_id=name, alert_rule=scheduled())
    client.alert_rules.create_or_update(**scope, rule_id=name, alert_rule=scheduled(severity="Low"))
    stale = scheduled()
    stale.etag = first.etag
    with pytest.raises(HttpResponseError, match="Newer instance") as caught:
        client.alert_rules.create_or_update(**scope, rule_id=name, alert_rule=stale)
    assert caught.value.status_code == 409
    with pytest.raises(HttpResponseError) as refused:
        client.alert_rules.delete(**scope, rule_id=name, headers={"If-Match": first.etag})
    assert refused.value.status_code == 412
    client.alert_rules.delete(**scope, rule_id=name)


def incident(**changes) -> models.Incident:
    return models.Incident(
        properties=models.IncidentProperties(**{"title": "T", "severity": "High", "status": "New", **changes})
    )


def test_the_sdk_makes_changes_closes_and_deletes_an_incident(client, scope):
    name = new()
    made = client.incidents.create_or_update(
        **scope,
        incident_id=name,
        incident=incident(
            labels=[models.IncidentLabel(label_name="aws")],
            owner=models.IncidentOwnerInfo(email="ana@example.com"),
        ),
    )
    assert made.properties.labels[0].label_type == "User"
    assert made.properties.owner.email == "ana@example.com"
    closing = incident(
        status="Closed",
        classification=models.IncidentClassification.BENIGN_POSITIVE,
        classification_reason=models.IncidentClassificationReason.SUSPICIOUS_BUT_EXPECTED,
    )
    closing.etag = made.etag
    closed = client.incidents.create_or_update(**scope, incident_id=name, incident=closing)
    assert closed.properties.status == "Closed"
    assert closed.properties.incident_number == made.properties.incident_number
    with pytest.raises(HttpResponseError) as caught:
        client.incidents.create_or_update(**scope, incident_id=name, incident=closing)
    assert caught.value.status_code == 409
    client.incidents.delete(**scope, incident_id=name)
    with pytest.raises(ResourceNotFoundError):
        client.incidents.get(**scope, incident_id=name)


def test_the_sdk_lists_incidents_by_filter_order_and_page(client, scope):
    label = new()
    for number in range(5):
        client.incidents.create_or_update(
            **scope, incident_id=new(), incident=incident(title=f"{label} {number}")
        )
    found = client.incidents.list(
        **scope,
        filter=f"contains(properties/title, '{label}') and properties/severity eq 'High'",
        orderby="properties/title desc",
        top=2,
    )
    assert [each.properties.title[-1] for each in found] == ["4", "3", "2", "1", "0"]


def test_the_sdk_writes_comments_and_relations(client, scope, lab_server):
    name, comment = new(), new()
    client.incidents.create_or_update(**scope, incident_id=name, incident=incident())
    body = models.IncidentComment(properties=models.IncidentCommentProperties(message="Seen"))
    made = client.incident_comments.create_or_update(
        **scope, incident_id=name, incident_comment_id=comment, incident_comment=body
    )
    assert made.properties.author.name == "tidewaiter"
    assert [each.name for each in client.incident_comments.list(**scope, incident_id=name)] == [comment]
    base = f"{lab_server.lab.tenant.workspace_path}/providers/Microsoft.SecurityInsights"
    relation = models.Relation(
        properties=models.RelationProperties(related_resource_id=f"{base}/Bookmarks/b")
    )
    client.incident_relations.create_or_update(
        **scope, incident_id=name, relation_name="r", relation=relation
    )
    (related,) = client.incident_relations.list(**scope, incident_id=name)
    assert related.properties.related_resource_kind == "Bookmark"
    counts = client.incidents.get(**scope, incident_id=name).properties.additional_data
    assert (counts.comments_count, counts.bookmarks_count, counts.alerts_count) == (1, 1, 0)
    client.incident_comments.delete(**scope, incident_id=name, incident_comment_id=comment)
    client.incident_relations.delete(**scope, incident_id=name, relation_name="r")
    assert list(client.incident_comments.list(**scope, incident_id=name)) == []


def test_the_sdk_reads_alerts_and_entities_of_an_incident_that_a_rule_raised(client, scope, lab_server):
    table = lab_server.make_table({"TimeGenerated": "datetime", "Ip": "string", "Who": "string"})
    rule = new()
    client.alert_rules.create_or_update(
        **scope,
        rule_id=rule,
        alert_rule=models.NrtAlertRule(
            kind="NRT",
            properties=models.NrtAlertRuleProperties(
                display_name="Somebody",
                enabled=True,
                query=table,
                severity="Medium",
                suppression_enabled=False,
                suppression_duration=timedelta(hours=5),
                tactics=["Impact"],
                custom_details={"who": "Who"},
                entity_mappings=[
                    models.EntityMapping(
                        entity_type="IP",
                        field_mappings=[models.FieldMapping(identifier="Address", column_name="Ip")],
                    ),
                    models.EntityMapping(
                        entity_type="Account",
                        field_mappings=[models.FieldMapping(identifier="FullName", column_name="Who")],
                    ),
                ],
            ),
        ),
    )
    lab = lab_server.lab
    row = {"TimeGenerated": lab.now(), "Ip": "192.0.2.9", "Who": "ana@example.com"}
    lab.work(lambda: lab.workspace.append(table, [row]))
    lab.run_rules()
    raised = client.incidents.list(**scope, filter="properties/title eq 'Somebody'")
    (found,) = list(raised)
    assert found.properties.additional_data.tactics == ["Impact"]
    (alert,) = client.incidents.list_alerts(**scope, incident_id=found.name).value
    assert isinstance(alert, models.SecurityAlert)
    assert alert.properties.additional_data["Custom Details"] == '{"who":["ana@example.com"]}'
    entities = client.incidents.list_entities(**scope, incident_id=found.name)
    ip, account = entities.entities
    assert isinstance(ip, models.IpEntity)
    assert ip.properties.address == "192.0.2.9"
    assert isinstance(account, models.AccountEntity)
    assert (account.properties.account_name, account.properties.upn_suffix) == ("ana", "example.com")
    assert {each.entity_kind: each.count for each in entities.meta_data} == {"Ip": 1, "Account": 1}
    assert client.incidents.list_bookmarks(**scope, incident_id=found.name).value == []
    client.alert_rules.delete(**scope, rule_id=rule)


def test_the_sdk_keeps_hunts_with_comments_and_relations(client, scope):
    name = new()
    draft = models.Hunt(
        properties=models.HuntProperties(
            display_name="Roles", description="Unused roles", status="Active", attack_tactics=["Persistence"]
        )
    )
    made = client.hunts.create_or_update(**scope, hunt_id=name, hunt=draft)
    assert made.properties.hypothesis_status == "Unknown"
    client.hunt_comments.create_or_update(
        **scope,
        hunt_id=name,
        hunt_comment_id="c",
        hunt_comment=models.HuntComment(properties=models.HuntCommentProperties(message="Seen")),
    )
    client.hunt_relations.create_or_update(
        **scope,
        hunt_id=name,
        hunt_relation_id="r",
        hunt_relation=models.HuntRelation(
            properties=models.HuntRelationProperties(related_resource_id="/subscriptions/s/savedSearches/q")
        ),
    )
    assert [each.properties.message for each in client.hunt_comments.list(**scope, hunt_id=name)] == ["Seen"]
    (relation,) = client.hunt_relations.list(**scope, hunt_id=name)
    assert relation.properties.related_resource_kind == "savedSearches"
    assert name in [each.name for each in client.hunts.list(**scope)]
    client.hunts.delete(**scope, hunt_id=name)
    with pytest.raises(ResourceNotFoundError):
        client.hunts.get(**scope, hunt_id=name)
