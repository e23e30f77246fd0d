from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.detect.selectors import event_selectors

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MANAGEMENT = {"field": "eventCategory", "equals": ["Management"]}
DATA = {"field": "eventCategory", "equals": ["Data"]}


def advanced(*selectors):
    return [{"name": "x", "fieldSelectors": list(fields)} for fields in selectors]


def kind(basic=None, more=None):
    found = event_selectors(basic, more)
    return found["kind"] if found else None


@pytest.mark.parametrize(
    "basic",
    [
        [{}],
        [{"readWriteType": "All", "includeManagementEvents": True}],
        [{"readWriteType": "WriteOnly"}],
        [{"excludeManagementEventSources": ["kms.amazonaws.com"]}],
        [{"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly"}],
        [{"includeManagementEvents": False}, {"includeManagementEvents": True}],
    ],
)
def test_selectors_that_keep_management_writes_lose_nothing(basic):
    assert kind(basic) is None


@pytest.mark.parametrize(
    ("basic", "lost"),
    [
        ([], "nothing"),
        ([{"includeManagementEvents": False}], "nothing"),
        (
            [
                {
                    "includeManagementEvents": False,
                    "dataResources": [{"type": "AWS::S3::Object", "values": []}],
                }
            ],
            "nothing",
        ),
        (
            [{"includeManagementEvents": False, "dataResources": [{"type": "x", "values": ["arn:aws:s3"]}]}],
            "management",
        ),
        ([{"readWriteType": "ReadOnly"}], "writes"),
        ([{"excludeManagementEventSources": ["iam.amazonaws.com"]}], "narrowed"),
    ],
)
def test_what_basic_selectors_lose_is_told(basic, lost):
    assert kind(basic) == lost


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        (advanced([MANAGEMENT]), None),
        (advanced([MANAGEMENT], [DATA]), None),
        (advanced([MANAGEMENT, {"field": "readOnly", "equals": ["false"]}]), None),
        (advanced([MANAGEMENT, {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]}]), None),
        (advanced([{"field": "eventCategory", "equals": ["ConfigurationItem"]}]), None),
        ([], "nothing"),
        (advanced([]), "nothing"),
        (advanced([DATA]), "management"),
        (advanced([MANAGEMENT, {"field": "readOnly", "equals": ["true"]}]), "writes"),
        (advanced([MANAGEMENT, {"field": "eventName", "equals": ["GetObject"]}]), "narrowed"),
        (advanced([MANAGEMENT, {"field": "eventSource", "notEquals": ["iam.amazonaws.com"]}]), "narrowed"),
        (advanced([MANAGEMENT, {"field": "userIdentity.arn", "notEquals": ["arn:x"]}]), "actor"),
    ],
)
def test_what_advanced_selectors_lose_is_told(more, lost):
    assert kind(None, more) == lost


def test_an_empty_list_beside_the_other_form_does_not_count():
    assert kind([], advanced([MANAGEMENT])) is None
    assert kind([{}], []) is None


@pytest.mark.parametrize("value", [None, "x", 1, {}])
def test_a_request_without_selectors_says_nothing(value):
    assert kind(value, value) is None


@given(JSON, JSON)
def test_no_selectors_break_the_judgement(basic, more):
    event_selectors(basic, more)
    event_selectors([basic], [{"fieldSelectors": more}])
    event_selectors(None, [{"fieldSelectors": [{"field": basic, "equals": more}, MANAGEMENT]}])
