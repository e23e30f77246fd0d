"""The models we ship, statistical ones included, and `stamp`, the one writer of provenance.

A document that carries a model's judgement has `_AI_ConfidenceScore` and `_AI_ModelVersion`. Log Analytics
forbids stored columns that begin with `_`; whoever stores the document renames them (DESIGN section 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

CONFIDENCE = "_AI_ConfidenceScore"
MODEL_VERSION = "_AI_ModelVersion"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


class Card(msgspec.Struct, frozen=True):
    """What a reader must know before trusting a model.

    `baseline` is the trivial rule that the model has to beat, `figures` what was measured against it.
    """

    summary: str
    method: str
    baseline: str
    figures: str
    limits: tuple[str, ...]


class Model(msgspec.Struct, frozen=True):
    """A model as it is registered; its identity in every document is `name@version`.

    Raises:
        ValueError: the name is not lower case words joined by hyphens, or the version is not semantic.
    """

    name: str
    version: str
    card: Card

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a model name: {self.name!r}")
        if not _SEMVER.fullmatch(self.version):
            raise ValueError(f"not a semantic version: {self.version!r}")

    @property
    def identity(self) -> str:
        """The name and version, as documents carry them."""
        return f"{self.name}@{self.version}"


INCIDENT_SCORER = Model(
    "incident-scorer",
    "1.0.0",
    Card(
        summary="Orders incidents: how likely the signals of one actor are worth an analyst's time.",
        method=(
            "Noisy-or over distinct ATT&CK techniques: 1 - product(1 - c), c being the highest confidence "
            "that a detection's author gave a signal of that technique. Score = 100 times it, at most 99. "
            "Repeats of a technique add nothing: a script that calls twenty times is no surer than one call."
        ),
        baseline="The gravest severity among the signals.",
        figures=(
            "2026-11-22, 16 incidents: 11 of public attack logs, 5 of generated days (30,000 events), all of "
            "attacks and none of ordinary work, so which order is right could not be measured. What could: "
            "the baseline leaves 57 of the 120 pairs without an order, the scorer 16, and it puts the five "
            "whole campaigns before every single technique. To be measured again on closed incidents."
        ),
        limits=(
            "The confidences are judgements of the detections' authors, not fitted to outcomes.",
            "It takes techniques to be independent; two views of one act by two detections count twice.",
            "It knows nothing of the actor's past, of the asset's worth, or of a change that was announced.",
        ),
    ),
)

_MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in (INCIDENT_SCORER,)})


def models() -> Mapping[str, Model]:
    """Return every registered model by name."""
    return _MODELS


def stamp(document: Mapping[str, Any], model: Model, confidence: float) -> dict[str, Any]:
    """Return a copy of `document` with the provenance of `model` at its end.

    Raises:
        ValueError: the confidence is not within 0..1, or the document is stamped already, or the model is
            not the one that is registered under its name.
    """
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"a confidence is within 0..1, not {confidence!r}")
    if CONFIDENCE in document or MODEL_VERSION in document:
        raise ValueError("the document carries provenance already")
    if _MODELS.get(model.name) != model:
        raise ValueError(f"the model {model.identity} is not registered")
    return {**document, CONFIDENCE: round(float(confidence), 4), MODEL_VERSION: model.identity}
