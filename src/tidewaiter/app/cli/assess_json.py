"""An assessment as one JSON object, for scripts."""

from __future__ import annotations

import msgspec

from tidewaiter.app.engine.assess import Assessment, SourceFacts
from tidewaiter.pipeline.sources.integrity import TrailIntegrity

_TALKERS = 20


def assessment_json(made: Assessment, price: float, currency: str) -> bytes:
    """Return one line; sizes are bytes, times ISO 8601 in UTC, shares 0 to 1. No price: money is null."""
    found = {
        "sources": {
            name: _source(facts, made.days(facts), price) for name, facts in sorted(made.sources.items())
        },
        "currency": currency,
        "price_per_gb": price or None,
        "trails": [_trail(trail) for trail in made.trails],
        "drift": made.drift,
        "faults": [
            {"object": each.object_id, "kind": each.kind, "message": each.message} for each in made.faults
        ],
        "set_aside": [
            {"object": each.object_id, "kind": each.kind, "reason": each.reason, "records": count}
            for each, count in made.aside.most_common()
        ],
        "unrecognized": [{"path": path, "reason": reason} for path, reason in made.unrecognized],
    }
    return msgspec.json.encode(found) + b"\n"


def _source(facts: SourceFacts, days: float, price: float) -> dict[str, object]:
    monthly = facts.size / days * 30
    return {
        "objects": facts.objects,
        "records": facts.records,
        "valid": facts.valid,
        "quarantined": facts.quarantined,
        "faults": facts.faults,
        "raw_bytes": facts.raw_bytes,
        "billed_bytes": dict(facts.billed),
        "billed_bytes_per_month": round(monthly),
        "cost_per_month": round(monthly / 1e9 * price, 2) if price else None,
        "duplicates": facts.duplicates,
        "duplicate_bytes": facts.duplicate_bytes,
        "rows": dict(facts.rows),
        "days": round(days, 4),
        "first": facts.first,
        "last": facts.last,
        "without_time": facts.without_time,
        "accounts": dict(facts.accounts),
        "regions": dict(facts.regions),
        "columns_filled": round(facts.filled, 4),
        "event_type_other": facts.unspecific,
        "talkers": [
            {"name": name, "rows": rows, "billed_bytes": size}
            for name, rows, size in facts.talkers.top(_TALKERS)
        ],
        "silences": [
            {
                "account": each.account,
                "region": each.region,
                "start": each.start.isoformat(),
                "end": each.end.isoformat(),
            }
            for each in facts.silences()
        ],
    }


def _trail(trail: TrailIntegrity) -> dict[str, object]:
    return {
        "account": trail.account,
        "region": trail.region,
        "trail": trail.trail,
        "start": trail.start,
        "end": trail.end,
        "digests": trail.digests,
        "signed": trail.signed,
        "log_files": trail.log_files,
        "intact": trail.intact,
        "wrong": dict(trail.wrong),
        "problems": [{"kind": each.kind, "key": each.key, "detail": each.detail} for each in trail.problems],
    }
