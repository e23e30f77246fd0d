from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.findings import SEVERITIES, Entity, Signal
from tidewaiter.pipeline.detect import WINDOW, group_incidents, incident_json
from tidewaiter.pipeline.detect.incidents import LONGEST, moment

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
TECHNIQUES = [("T1562.008", "Defense Evasion"), ("T1098.001", "Persistence"), ("T1070", "Defense Evasion")]


def at(minutes):
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def signal(minutes=0, event="e1", **changed):
    first = Signal(
        detector="trail_tampering",
        event_id=event,
        at=at(minutes),
        actor="123456789012:user/deploy-bot",
        title="Trail tampering",
        severity="High",
        confidence=0.8,
        technique="T1562.008",
        tactic="Defense Evasion",
        statement="deploy-bot stopped the trail t",
        entities=(Entity("Account", "arn:a", "deploy-bot"), Entity("IP", "192.0.2.1", "192.0.2.1")),
    )
    return msgspec.structs.replace(first, **changed)


def persistence(minutes=0, event="e2", **changed):
    more = {
        "detector": "new_persistence",
        "title": "New persistence",
        "severity": "Medium",
        "confidence": 0.5,
        "technique": "T1098.001",
        "tactic": "Persistence",
        "statement": "deploy-bot created an access key for the user u",
        "entities": (Entity("Account", "arn:a", "deploy-bot"), Entity("Account", "arn:u", "u")),
    }
    return signal(minutes, event, **(more | changed))


SIGNALS = st.lists(
    st.builds(
        lambda minutes, event, actor, detector, technique, severity, confidence, statement: signal(
            minutes,
            f"e{event}",
            actor=actor,
            detector=detector,
            technique=technique[0],
            tactic=technique[1],
            severity=severity,
            confidence=confidence,
            statement=statement,
        ),
        st.integers(0, 4000),
        st.integers(0, 30),
        st.sampled_from(["1:user/a", "1:user/b", "2:role/r/s", "odd"]),
        st.sampled_from(["trail_tampering", "new_persistence"]),
        st.sampled_from(TECHNIQUES),
        st.sampled_from(SEVERITIES),
        st.floats(0.01, 0.99),
        st.sampled_from(["one thing", "another thing"]),
    ),
    max_size=40,
)


def test_one_actor_s_signals_within_the_window_are_one_incident():
    (incident,) = group_incidents([signal(), persistence(30)])

    assert incident.title == "Trail tampering and new persistence by deploy-bot (IAM user) in 123456789012"
    assert incident.severity == "High"
    assert incident.detector == "trail_tampering"
    assert (incident.start, incident.end) == (at(0), at(30))
    assert incident.event_ids == ("e1", "e2")
    assert [(stage.technique, stage.tactic, stage.event_ids) for stage in incident.stages] == [
        ("T1562.008", "Defense Evasion", ("e1",)),
        ("T1098.001", "Persistence", ("e2",)),
    ]
    assert [entity.name for entity in incident.entities] == ["deploy-bot", "192.0.2.1", "u"]
    assert incident.narrative == (
        f"At {at(0)}, deploy-bot stopped the trail t (event e1). "
        f"At {at(30)}, deploy-bot created an access key for the user u (event e2)."
    )


def test_the_score_is_the_noisy_or_over_distinct_techniques():
    (incident,) = group_incidents([signal(), signal(1, "e3", confidence=0.3), persistence(2)])

    assert incident.score == round(100 * (1 - (1 - 0.8) * (1 - 0.5)))


def test_no_score_is_certain():
    (incident,) = group_incidents(
        [signal(event=f"e{n}", technique=f"T{1000 + n}", confidence=0.9) for n in range(20)]
    )

    assert incident.score == 99


def test_two_actors_are_two_incidents():
    assert len(group_incidents([signal(), signal(actor="123456789012:user/other")])) == 2


@pytest.mark.parametrize(("pause", "incidents"), [(WINDOW, 1), (WINDOW + timedelta(seconds=60), 2)])
def test_a_pause_longer_than_the_window_begins_a_new_incident(pause, incidents):
    minutes = pause.total_seconds() / 60

    assert len(group_incidents([signal(), signal(minutes, "e2")])) == incidents


def test_an_actor_that_never_pauses_still_gets_a_new_incident_a_day():
    hourly = [signal(60 * hour, f"e{hour}") for hour in range(60)]

    incidents = group_incidents(hourly)

    assert len(incidents) == 3
    assert all(moment(incident.end) - moment(incident.start) <= LONGEST for incident in incidents)


def test_an_event_that_was_delivered_twice_counts_once():
    assert group_incidents([signal(), signal()]) == group_incidents([signal()])


def test_one_event_may_be_evidence_of_two_detections():
    (incident,) = group_incidents([signal(), persistence(event="e1")])

    assert incident.event_ids == ("e1",)
    assert [stage.event_ids for stage in incident.stages] == [("e1",), ("e1",)]


def test_informational_signals_join_an_incident_but_make_none():
    informational = persistence(5, severity="Informational", confidence=0.1)

    assert group_incidents([informational]) == []
    assert [incident.event_ids for incident in group_incidents([signal(), informational])] == [("e1", "e2")]


def test_an_attempt_beside_the_deed_is_not_titled_twice():
    attempt = signal(1, "e3", title="Attempted trail tampering", severity="Medium")

    (incident,) = group_incidents([attempt, signal()])

    assert incident.title.startswith("Trail tampering by ")


def test_an_attempt_alone_is_titled_as_such():
    (incident,) = group_incidents([signal(title="Attempted trail tampering", severity="Medium")])

    assert incident.title.startswith("Attempted trail tampering by deploy-bot")


def test_many_kinds_of_act_are_titled_by_the_gravest_three():
    acts = [signal(n, f"e{n}", title=f"Act {n}", confidence=0.9 - n / 10) for n in range(5)]

    (incident,) = group_incidents(acts)

    assert incident.title.startswith("Act 0, act 1, act 2 and 2 more by ")


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        ("123456789012:root/root", "the root user in 123456789012"),
        ("123456789012:role/ops/ana", "ops/ana (role session) in 123456789012"),
        (":unknown/unknown", "an unknown identity"),
        ("odd", "odd (unknown identity)"),
    ],
)
def test_a_title_says_who_as_an_analyst_would(actor, who):
    (incident,) = group_incidents([signal(actor=actor)])

    assert incident.title == f"Trail tampering by {who}"


def test_the_same_act_many_times_is_one_sentence_that_cites_five_events():
    (incident,) = group_incidents([signal(n, f"e{n:02}") for n in range(8)])

    assert incident.narrative == (
        f"From {at(0)} to {at(7)}, deploy-bot stopped the trail t, 8 times "
        "(events e00, e01, e02, e03, e04 and 3 more)."
    )


def test_a_long_story_is_cut_and_says_so():
    acts = [signal(n, f"e{n}", statement=f"deploy-bot did thing {n}") for n in range(100)]

    (incident,) = group_incidents(acts)

    assert incident.narrative.endswith("75 more signals follow (events e25, e26, e27, e28, e29 and 70 more).")
    assert len(incident.event_ids) == 100


def test_incidents_come_in_the_order_of_time():
    incidents = group_incidents([signal(900, "late"), signal(0, "early", actor="1:user/b")])

    assert [incident.event_ids for incident in incidents] == [("early",), ("late",)]


def test_fractions_of_seconds_order_events():
    first = signal(event="z", at="2026-03-04T09:00:00.1Z")
    second = signal(event="a", at="2026-03-04T09:00:00.2500000Z")

    assert group_incidents([second, first])[0].event_ids == ("z", "a")


def test_no_signals_are_no_incidents():
    assert group_incidents([]) == []


@given(SIGNALS, st.randoms())
def test_grouping_does_not_depend_on_the_order_of_signals(signals, random):
    shuffled = list(signals)
    random.shuffle(shuffled)

    assert group_incidents(shuffled) == group_incidents(signals)


@given(SIGNALS)
def test_every_event_of_an_incident_is_one_of_its_actor_s_signals(signals):
    for incident in group_incidents(signals):
        actors = {s.actor for s in signals if s.event_id in incident.event_ids}
        assert set(incident.event_ids) <= {s.event_id for s in signals}
        assert any(
            set(incident.event_ids) <= {s.event_id for s in signals if s.actor == actor} for actor in actors
        )
        assert {event for stage in incident.stages for event in stage.event_ids} == set(incident.event_ids)


@given(SIGNALS)
def test_every_signal_that_is_not_informational_is_in_an_incident(signals):
    incidents = group_incidents(signals)

    for one in signals:
        if one.severity != "Informational":
            assert any(one.event_id in incident.event_ids for incident in incidents)


@given(SIGNALS)
def test_every_sentence_of_a_narrative_cites_an_event_of_the_incident(signals):
    for incident in group_incidents(signals):
        sentences = re.findall(r"[^.]+? \(events? ([^)]*)\)\.", incident.narrative)
        assert sentences
        for cited in sentences:
            ids = re.sub(r" and \d+ more$", "", cited).split(", ")
            assert set(ids) <= set(incident.event_ids)


@given(SIGNALS)
def test_the_same_signals_give_the_same_ids_and_no_two_incidents_share_one(signals):
    ids = [incident.incident_id for incident in group_incidents(signals)]

    assert ids == [incident.incident_id for incident in group_incidents(signals)]
    assert len(ids) == len(set(ids))


@given(SIGNALS)
def test_severity_is_the_highest_and_the_detector_is_of_that_severity(signals):
    for incident in group_incidents(signals):
        own = [s for s in signals if s.event_id in incident.event_ids]
        assert any(s.severity == incident.severity and s.detector == incident.detector for s in own)
        assert 0 <= incident.score <= 99


@given(SIGNALS)
def test_an_incident_is_one_line_of_json_with_the_members_of_the_contract(signals):
    for incident in group_incidents(signals):
        line = incident_json(incident)
        document = msgspec.json.decode(line)

        assert b"\n" not in line
        assert list(document) == [
            "incident_id", "title", "severity", "score", "detector", "start", "end", "entities", "event_ids",
            "stages", "narrative", "_AI_ConfidenceScore", "_AI_ModelVersion",
        ]  # fmt: skip
        assert document["_AI_ConfidenceScore"] == incident.score / 100
        assert document["_AI_ModelVersion"] == "incident-scorer@1.0.0"
        assert all(set(entity) == {"kind", "id", "name"} for entity in document["entities"])
        assert all(set(stage) == {"technique", "tactic", "event_ids"} for stage in document["stages"])
