"""Issue 3, Shows 5: our rule, written and fed by our own clients, raises incidents in the lab."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.sentinel.in_lab import asked, permit
from tidewaiter.core.permit import Capability
from tidewaiter.lab.server import Lab
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.sentinel import Conflict412, HuntDraft, Refused, Sentinel, render_dcr, render_table


def document(incident_id: str, *event_ids: str, **changes: Any) -> bytes:
    """A stamped incident as incidents.jsonl has it."""
    return msgspec.json.encode(
        {
            "incident_id": incident_id,
            "title": f"Trail deleted after a sign-in by {incident_id}",
            "severity": "High",
            "score": 91,
            "detector": "leaked-key",
            "start": "2026-05-01T01:00:00Z",
            "end": "2026-05-01T02:00:00Z",
            "entities": [
                {"kind": "Account", "id": "arn:aws:iam::111122223333:user/ana", "name": "ana"},
                {"kind": "IP", "id": "203.0.113.9", "name": "203.0.113.9"},
                {
                    "kind": "AwsResource",
                    "id": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/org",
                    "name": "",
                },
            ],
            "event_ids": list(event_ids),
            "stages": [
                {"technique": "T1078.004", "tactic": "Initial Access", "event_ids": [event_ids[0]]},
                {"technique": "T1562", "tactic": "Defense Evasion", "event_ids": [event_ids[-1]]},
            ],
            "narrative": "ana signed in from 203.0.113.9 and deleted the trail.",
            "_AI_ConfidenceScore": 0.875,
            "_AI_ModelVersion": "chains-3",
            **changes,
        }
    )


class Sender:
    """Sends incidents as alert rows, as the pipeline does: what was told of once is not told again."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.noted: set[str] = set()
        self.dcr = asked(lab, self._provisioned)

    async def _provisioned(self, sentinel: Sentinel) -> str:
        leave = permit(Capability.PROVISION)
        await sentinel.tables.put(alerts.TABLE, render_table(alerts.TABLE, alerts.COLUMNS), permit=leave)
        (draft,) = render_dcr(
            [alerts.TABLE],
            workspace_resource_id=self.lab.tenant.workspace_path,
            location="westeurope",
            custom={alerts.TABLE: alerts.COLUMNS},
        )
        made = await sentinel.dcrs.put("tidewaiter-1", draft, permit=leave)
        await sentinel.rules.put(alerts.RULE_ID, alerts.render_rule(), permit=permit(Capability.WRITE_RULES))
        assert made.properties.immutable_id
        return made.properties.immutable_id

    def send(self, *documents: bytes) -> None:
        """Send what is new of these incidents, and run the rules."""
        rows = alerts.alert_rows(documents, self.noted, now=self.lab.now())
        self.noted |= {row.alert_id for row in rows}

        async def upload(sentinel: Sentinel) -> None:
            for batch in alerts.alert_batches(rows):
                await sentinel.ingestion.upload(
                    batch.body,
                    dcr=self.dcr,
                    stream=f"Custom-{alerts.TABLE}",
                    batch_id=batch.batch_id,
                    permit=permit(Capability.RAISE_ALERTS),
                    source="*",
                )

        asked(self.lab, upload)
        self.lab.run_rules()


@pytest.fixture
def lab(tmp_path):
    with Lab.open(tmp_path / "lab") as lab:
        yield lab


def query(lab: Lab, kql: str) -> list[tuple[Any, ...]]:
    return lab.work(lambda: lab.workspace.query(kql)).rows


def incidents(lab: Lab):
    async def act(sentinel: Sentinel):
        order = "properties/incidentNumber asc"
        return [incident async for incident in sentinel.incidents.list(order=order)]

    return asked(lab, act)


def test_an_incident_of_the_rendered_rule_carries_entities_tactics_and_provenance(lab):
    sender = Sender(lab)
    sender.send(document("in-1", "e1", "e2"))
    (incident,) = incidents(lab)
    properties = incident.properties
    assert properties.title == "Trail deleted after a sign-in by in-1"
    assert properties.description == "ana signed in from 203.0.113.9 and deleted the trail."
    assert properties.severity == "High"
    assert properties.related_analytic_rule_ids is not None
    assert properties.related_analytic_rule_ids[0].endswith(alerts.RULE_ID)
    assert properties.additional_data is not None
    assert properties.additional_data.tactics == ("InitialAccess", "DefenseEvasion")
    assert properties.additional_data.techniques == ("T1078", "T1562")
    ((extended, entities, tactics, sub_techniques, product),) = query(
        lab, "SecurityAlert | project ExtendedProperties, Entities, Tactics, SubTechniques, ProductName"
    )
    details = json.loads(json.loads(extended)["Custom Details"])
    assert details["_AI_ConfidenceScore"] == ["0.875"]
    assert details["_AI_ModelVersion"] == ["chains-3"]
    assert details["incident_id"] == ["in-1"]
    assert details["event_ids"] == ["e1, e2"]
    assert details["aws_resources"] == ["arn:aws:cloudtrail:eu-west-1:111122223333:trail/org"]
    found = [(each["Type"], each.get("Name") or each.get("Address")) for each in json.loads(entities)]
    assert ("ip", "203.0.113.9") in found
    assert any(kind == "account" and name.endswith("ana") for kind, name in found)
    assert (tactics, sub_techniques, product) == (
        "InitialAccess, DefenseEvasion", '["T1078.004"]', "Azure Sentinel",
    )  # fmt: skip


def test_alerts_of_one_incident_id_join_and_another_id_is_another_incident(lab):
    sender = Sender(lab)
    sender.send(document("in-1", "e1", "e2"))
    sender.send(document("in-1", "e1", "e2", "e3"))
    sender.send(document("in-1", "e1", "e2", "e3"))  # told of already
    sender.send(document("in-2", "e7", "e8"), document("in-3", "e9", severity="Low"))
    counts = [incident.properties.additional_data for incident in incidents(lab)]
    assert [each.alerts_count if each else None for each in counts] == [2, 1, 1]
    assert [incident.properties.severity for incident in incidents(lab)] == ["High", "High", "Low"]
    joined = query(lab, "SecurityIncident | summarize arg_max(TimeGenerated, AlertIds) by IncidentNumber")
    assert len(joined) == 3


def test_a_hundred_incidents_at_once_are_a_hundred_incidents(lab):
    sender = Sender(lab)
    lab.clock.name = "stream"  # where batches do not wait for each other, each is a run
    sender.send(*[document(f"in-{n}", f"e{n}") for n in range(100)])
    assert len(incidents(lab)) == 100


def test_our_clients_close_comment_and_find_what_the_rule_raised(lab):
    Sender(lab).send(document("in-1", "e1", "e2"))

    async def act(sentinel: Sentinel) -> None:
        leave = permit(Capability.WRITE_INCIDENTS)
        (incident,) = [each async for each in sentinel.incidents.list(where="properties/status eq 'New'")]
        await sentinel.comments.put(incident.name, "note-1", "Seen.", permit=leave)
        await sentinel.comments.put(incident.name, "note-1", "Seen twice.", permit=leave)
        with pytest.raises(Conflict412):
            await sentinel.incidents.update(incident, permit=leave)  # the comment changed it
        fresh = await sentinel.incidents.get(incident.name)
        closed = await sentinel.incidents.close(
            fresh, "TruePositive", "SuspiciousActivity", comment="Key turned off", permit=leave
        )
        assert closed.properties.classification_comment == "Key turned off"
        assert closed.properties.additional_data is not None
        assert closed.properties.additional_data.comments_count == 1
        messages = [each.properties.message async for each in sentinel.comments.list(incident.name)]
        assert messages == ["Seen twice."]
        await sentinel.comments.delete(incident.name, "note-1", permit=leave)
        assert [each async for each in sentinel.incidents.list(where="properties/status eq 'New'")] == []
        await sentinel.incidents.delete(incident.name, permit=leave)

    asked(lab, act)
    assert incidents(lab) == []


def test_our_clients_read_change_and_delete_rules(lab):
    async def act(sentinel: Sentinel) -> None:
        leave = permit(Capability.WRITE_RULES)
        first = await sentinel.rules.put("r", alerts.render_rule(enabled=False), permit=leave)
        assert first.definition == alerts.render_rule(enabled=False)
        assert first.kind == "NRT"
        second = await sentinel.rules.put("r", alerts.render_rule(), permit=leave, etag=first.etag)
        with pytest.raises(Conflict412):
            await sentinel.rules.put("r", alerts.render_rule(), permit=leave, etag=first.etag)
        assert (await sentinel.rules.get("r")).etag == second.etag
        assert [rule.name async for rule in sentinel.rules.list()].count("r") == 1
        await sentinel.rules.delete("r", permit=leave)
        await sentinel.rules.delete("r", permit=leave)

    Sender(lab)
    asked(lab, act)


def test_our_clients_keep_hunts_with_comments_and_relations(lab):
    async def act(sentinel: Sentinel) -> None:
        leave = permit(Capability.WRITE_HUNTS)
        draft = HuntDraft(
            "Roles", "Somebody assumes roles that nobody uses", status="Active", labels=("aws",)
        )
        first = await sentinel.hunts.put("h", draft, permit=leave)
        assert first.properties == msgspec.structs.replace(draft, hypothesis_status="Unknown")
        await sentinel.hunts.put("h", draft, permit=leave, etag=first.etag)
        with pytest.raises(Conflict412):
            await sentinel.hunts.put("h", draft, permit=leave, etag=first.etag)
        await sentinel.hunts.put_comment("h", "c", "Seen", permit=leave)
        await sentinel.hunts.put_relation("h", "r", "/subscriptions/s/savedSearches/q", permit=leave)
        assert [each.properties.message async for each in sentinel.hunts.comments("h")] == ["Seen"]
        (relation,) = [each async for each in sentinel.hunts.relations("h")]
        assert relation.properties.related_resource_kind == "savedSearches"
        assert [each.name async for each in sentinel.hunts.list()] == ["h"]
        await sentinel.hunts.delete("h", permit=leave)
        with pytest.raises(Refused) as caught:
            await sentinel.hunts.get("h")
        assert caught.value.status == 404

    asked(lab, act)
