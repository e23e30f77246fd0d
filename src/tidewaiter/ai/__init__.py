"""Models and the provenance of what they say: every product of a model is stamped here, and only here."""

from tidewaiter.ai.registry import INCIDENT_SCORER, Card, Model, models, stamp

__all__ = ["INCIDENT_SCORER", "Card", "Model", "models", "stamp"]
