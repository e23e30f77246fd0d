"""Generated days of several seeds and sizes: the attack is found, the look-alikes stay quiet."""

from __future__ import annotations

import pytest

from tests.app.conftest import deliver_to
from tidewaiter.lab.generator import generate


@pytest.mark.parametrize(
    ("events", "seed"), [(500, 1), (500, 2), (500, 3), (2_000, 5), (2_000, 23), (6_000, 7)]
)
def test_the_attack_is_an_incident_and_innocent_look_alikes_are_none(tmp_path, events, seed):
    truth = generate(tmp_path / "day", events=events, seed=seed)
    delivery = deliver_to(tmp_path / "state", tmp_path / "day")
    incidents = delivery.lines("incidents.jsonl")

    delivery.check_laws()
    assert len(truth.campaigns) >= 1
    for campaign in truth.campaigns:
        own = [each for each in incidents if set(each["event_ids"]) & set(campaign.event_ids)]
        assert own, "no incident shows the attack"
        actor = campaign.actor.rpartition("/")[2]
        for incident in own:
            assert set(incident["event_ids"]) <= set(campaign.event_ids)
            assert campaign.start <= incident["start"] <= incident["end"] <= campaign.end
        gravest = max(own, key=lambda each: each["score"])
        assert gravest["severity"] == "High"
        assert actor in gravest["title"]
        accounts = [entity for entity in gravest["entities"] if entity["kind"] == "Account"]
        assert actor in {entity["name"] for entity in accounts}
        addresses = {entity["name"] for entity in gravest["entities"] if entity["kind"] == "IP"}
        assert addresses & set(campaign.addresses)
        techniques = {technique.id for technique in campaign.techniques}
        assert {stage["technique"] for stage in gravest["stages"]} & techniques
    shown = {event_id for incident in incidents for event_id in incident["event_ids"]}
    for lookalike in truth.lookalikes:
        assert lookalike.event_ids
        assert not shown & set(lookalike.event_ids), lookalike.title
    attacks = {event_id for campaign in truth.campaigns for event_id in campaign.event_ids}
    assert shown <= attacks, "an incident about ordinary work"
