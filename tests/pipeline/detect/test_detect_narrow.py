from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.asim.mapping.evaluate import truth
from tidewaiter.content.detection_specs import detections, load_detection
from tidewaiter.content.folders import Folder
from tidewaiter.pipeline.detect.functions import FUNCTIONS
from tidewaiter.pipeline.detect.narrow import possible
from tidewaiter.pipeline.detect.scope import LazyObject, Scope

SAMPLES = [
    (spec, msgspec.json.decode(raw))
    for spec in detections().values()
    for kind in ("hit", "miss", "lookalike")
    for _, raw in spec.samples(kind)
]
WATCHED = [
    (spec, source, name)
    for spec in detections().values()
    for source, names in spec.events.items()
    for name in names
]
RULE = """
{title: t, description: d, source: s, severity: Low, confidence: 0.5, events: {a: [B, C]},
 technique: {id: T1098, name: n, tactic: Impact},
 lets: {of_c: "case(event.eventName == 'C', event.x, None)"},
 when: [{id: i, if: "CONDITION", statement: s}]}
"""


def holding(spec, event):
    functions = {name: known.function for name, known in FUNCTIONS.items()}
    scope = Scope(LazyObject(msgspec.json.encode(event)), LazyObject(b"{}"), spec.lets, functions)
    return [branch for branch in spec.branches if truth(branch.condition, scope, {})]


@given(watched=st.sampled_from(WATCHED), sample=st.sampled_from(SAMPLES))
def test_a_branch_that_was_left_out_never_holds(watched, sample):
    spec, source, name = watched
    event = sample[1] | {"eventSource": source, "eventName": name}

    assert {branch.id for branch in holding(spec, event)} <= {b.id for b in possible(spec, source, name)}


@pytest.mark.parametrize(("spec", "source", "name"), WATCHED, ids=lambda value: getattr(value, "id", value))
def test_every_watched_event_has_a_branch_that_can_take_it(spec, source, name):
    assert possible(spec, source, name)


def test_a_frequent_event_is_asked_few_questions():
    spec = detections()["trail_tampering"]

    assert [b.id for b in possible(spec, "s3.amazonaws.com", "DeleteObject")] == ["log_file_deleted"]


@pytest.mark.parametrize(
    ("condition", "can"),
    [
        ("event.eventName == 'B'", True),
        ("event.eventName == 'C'", False),
        ("event.eventName in ('C', 'D') and event.x == 1", False),
        ("event.x == 1", True),
        ("event.eventName == 'C' or event.x == 1", True),
        ("event.eventName == 'C' or event.eventName == 'D'", False),
        ("not event.eventName == 'B'", False),
        ("not event.x == 1 and not startswith(event.eventName, 'B')", False),
        ("exists(of_c)", False),
        ("not exists(of_c)", True),
        ("exists(of_c.y)", True),
        ("case(event.x == 1, 'a', 'b') == 'a'", True),
        ("case(event.eventName == 'B', 'a', event.x) == 'b'", False),
        ("lower(event.eventName) == 'b'", True),
    ],
)
def test_a_condition_is_worked_out_as_far_as_the_event_s_name_reaches(tmp_path, condition, can):
    (tmp_path / "rule.yaml").write_text(RULE.replace("CONDITION", condition))

    assert bool(possible(load_detection(Folder("mine", tmp_path)), "a", "B")) is can
