from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.content.detection_specs import Call, detections, load_detection
from tidewaiter.content.folders import Folder
from tidewaiter.core.errors import ContentError, ContentErrors

RULE = """
title: Something
description: What it is.
source: aws_cloudtrail
severity: Medium
confidence: 0.5
technique: {id: T1098, name: Account Manipulation, tactic: Persistence}
events: {iam.amazonaws.com: [CreateUser]}
lets:
  params: event.requestParameters
  items: {count: [params.tags]}
when:
  - id: made
    if: exists(params.userName) and row.EventResult == 'Success'
    statement: "{row.ActorUsername} made {params.userName}"
  - id: tagged
    if: items == 1
    severity: Low
    confidence: 0.2
    title: Tagging
    technique: {id: T1136.003, name: Cloud Account, tactic: Persistence}
    statement: tagged
"""


@pytest.fixture
def load(tmp_path: Path):
    def load(text):
        (tmp_path / "rule.yaml").write_text(text)
        return load_detection(Folder("mine", tmp_path))

    return load


def test_a_branch_inherits_what_it_leaves_out(load):
    first, second = load(RULE).branches

    assert (first.severity, first.confidence, first.technique.id, first.title) == (
        "Medium",
        0.5,
        "T1098",
        "Something",
    )
    assert (second.severity, second.confidence, second.technique.id, second.title) == (
        "Low",
        0.2,
        "T1136.003",
        "Tagging",
    )


def test_a_statement_is_cut_into_texts_and_expressions(load):
    parts = load(RULE).branches[0].statement.parts

    assert [type(part).__name__ for part in parts] == ["Field", "str", "Field"]


def test_a_let_may_call_a_function(load):
    assert isinstance(load(RULE).lets["items"], Call)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("exists(params.userName)", "exists(param.userName)", "did you mean 'params'"),
        ("row.EventResult", "row.EventResults", "did you mean 'EventResult'"),
        ("exists(params.userName)", "exist(params.userName)", "unknown operator 'exist'"),
        ("{params.userName}", "{params.}", "not an expression"),
        ("items == 1", "lookup(params.x, 'verbs') == 'a'", "no tables"),
        ("id: tagged", "id: made", "two branches"),
        ("  params: event.requestParameters", "  event: event.x", "'event' is taken"),
        ("{count: [params.tags]}", "{count: [params.tags], other: []}", "exactly one function"),
        ("  params: event.requestParameters", "  params: items", "unknown name 'items'"),
    ],
)
def test_a_wrong_expression_is_an_error_with_its_place(load, old, new, message):
    assert old in RULE

    with pytest.raises(ContentErrors, match=r"detections/mine/rule\.yaml") as caught:
        load(RULE.replace(old, new))

    assert message in str(caught.value)


def test_all_wrong_expressions_are_told_together(load):
    with pytest.raises(ContentErrors) as caught:
        load(RULE.replace("params.userName}", "parms.userName}").replace("items == 1", "item == 1"))

    assert len(caught.value.errors) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("severity: Low", "severity: Critical"),
        ("confidence: 0.2", "confidence: 1"),
        ("confidence: 0.2", "confidence: 0"),
        ("id: T1136.003", "id: 1136"),
        ("tactic: Persistence}\n    statement", "tactic: Persistance}\n    statement"),
        ("title: Tagging", "titel: Tagging"),
        ("id: tagged", "id: Tagged Ones"),
        ("source: aws_cloudtrail\n", ""),
        ("events: {iam.amazonaws.com: [CreateUser]}", "events: {}"),
        ("title: Something", "title: [unclosed"),
    ],
)
def test_a_wrong_shape_is_an_error_with_its_file(load, old, new):
    assert old in RULE

    with pytest.raises(ContentError, match=r"detections/mine/rule\.yaml"):
        load(RULE.replace(old, new))


def test_a_folder_without_a_rule_is_an_error(tmp_path):
    with pytest.raises(ContentError, match=r"rule\.yaml"):
        load_detection(Folder("empty", tmp_path))


def test_the_folders_of_the_package_are_found_by_name():
    assert {"new_persistence", "trail_tampering"} <= detections().keys()
