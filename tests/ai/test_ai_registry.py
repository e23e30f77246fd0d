from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.ai import INCIDENT_SCORER, Card, Model, models, stamp

CARD = Card("what", "how", "baseline", "figures", ("limit",))


def test_a_stamped_document_carries_confidence_and_model_at_its_end():
    stamped = stamp({"title": "x"}, INCIDENT_SCORER, 0.123456)

    assert list(stamped) == ["title", "_AI_ConfidenceScore", "_AI_ModelVersion"]
    assert stamped["_AI_ConfidenceScore"] == 0.1235
    assert stamped["_AI_ModelVersion"] == f"incident-scorer@{INCIDENT_SCORER.version}"


def test_stamping_leaves_the_document_as_it_was():
    document = {"title": "x"}

    stamp(document, INCIDENT_SCORER, 1)

    assert document == {"title": "x"}


@given(st.floats(0, 1))
def test_every_confidence_within_bounds_is_kept_to_four_places(confidence):
    kept = stamp({}, INCIDENT_SCORER, confidence)["_AI_ConfidenceScore"]

    assert 0 <= kept <= 1
    assert abs(kept - confidence) <= 0.00005


@pytest.mark.parametrize("confidence", [-0.0001, 1.0001, float("nan"), float("inf")])
def test_a_confidence_out_of_bounds_is_refused(confidence):
    with pytest.raises(ValueError, match=re.escape("within 0..1")):
        stamp({}, INCIDENT_SCORER, confidence)


def test_a_document_is_stamped_once():
    with pytest.raises(ValueError, match="already"):
        stamp(stamp({}, INCIDENT_SCORER, 0.5), INCIDENT_SCORER, 0.6)


@pytest.mark.parametrize(
    "model", [Model("nobody", "1.0.0", CARD), Model(INCIDENT_SCORER.name, "9.9.9", INCIDENT_SCORER.card)]
)
def test_only_a_registered_model_may_stamp(model):
    with pytest.raises(ValueError, match="not registered"):
        stamp({}, model, 0.5)


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0 ", "01.0.0", ""])
def test_a_version_is_semantic(version):
    with pytest.raises(ValueError, match="semantic"):
        Model("scorer", version, CARD)


@pytest.mark.parametrize("name", ["Scorer", "a b", "a@b", "-a", ""])
def test_a_name_is_of_lower_case_words(name):
    with pytest.raises(ValueError, match="name"):
        Model(name, "1.0.0", CARD)


def test_every_registered_model_has_a_full_card():
    for name, model in models().items():
        assert model.name == name
        assert all([model.card.summary, model.card.method, model.card.baseline, model.card.figures])
        assert model.card.limits
