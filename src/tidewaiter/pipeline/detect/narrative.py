"""What an analyst reads first: an incident's title, and its story with the events behind each sentence."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.core.findings import SEVERITIES, Signal
from tidewaiter.pipeline.detect.actor import actor_from_key
from tidewaiter.pipeline.detect.statement import clean

_TITLES = 3
_CITED = 5
_SENTENCES = 25


def title(run: Sequence[Signal]) -> str:
    """Return `What and what by whom (kind) in account`, the gravest first, at most three of them."""
    by_gravity = sorted(run, key=lambda s: (-SEVERITIES.index(s.severity), -s.confidence))
    whats: list[str] = []
    for signal in by_gravity:
        if not any(_covers(what, signal.title) for what in whats):
            whats.append(signal.title)
    more = [f"{len(whats) - _TITLES} more"] if len(whats) > _TITLES else []
    listed = [whats[0], *(f"{what[0].lower()}{what[1:]}" for what in whats[1:_TITLES]), *more]
    what = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
    return f"{what} by {_who(run)}"


def narrative(run: Sequence[Signal]) -> str:
    """Tell the signals in time order, one sentence for those that say the same, each with its events."""
    told: dict[tuple[str, str], list[Signal]] = {}
    for signal in run:
        told.setdefault((signal.technique, signal.statement), []).append(signal)
    alike = list(told.values())
    sentences = [_sentence(signals) for signals in alike[:_SENTENCES]]
    if rest := [signal for signals in alike[_SENTENCES:] for signal in signals]:
        sentences.append(f"{len(rest)} more signals follow ({_cite(rest)}).")
    return " ".join(sentences)


def _sentence(signals: Sequence[Signal]) -> str:
    first, last = signals[0], signals[-1]
    when = f"At {first.at}" if first.at == last.at else f"From {first.at} to {last.at}"
    times = f", {len(signals)} times" if len(signals) > 1 else ""
    return f"{when}, {first.statement}{times} ({_cite(signals)})."


def _cite(signals: Sequence[Signal]) -> str:
    ids = list(dict.fromkeys(clean(signal.event_id) for signal in signals))
    more = f" and {len(ids) - _CITED} more" if len(ids) > _CITED else ""
    return f"event{'s' if len(ids) > 1 else ''} {', '.join(ids[:_CITED])}{more}"


def _who(run: Sequence[Signal]) -> str:
    actor = actor_from_key(run[0].actor)
    if actor.kind == "root":
        who = "the root user"
    elif actor.kind == "unknown" and actor.name == "unknown":
        who = "an unknown identity"
    else:
        who = f"{clean(actor.name)} ({actor.words})"
    return f"{who} in {clean(actor.account)}" if actor.account else who


def _covers(what: str, other: str) -> bool:
    """Whether `other` is `what`, or an attempt at it."""
    return what == other or other.lower().endswith(f" {what.lower()}")
