"""Marginal statistics of logs: how often what occurs, how large, how fast one follows another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec

Record = dict[str, Any]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: what it is, its value (None where it cannot be told), and how to write it."""

    name: str
    value: float | None
    form: str = "share"

    @property
    def text(self) -> str:
        """The value for a table: a percentage, a whole number or seconds."""
        if self.value is None:
            return "-"
        if self.form == "share":
            return f"{self.value:.1%}"
        return f"{self.value:,.0f}" if self.form == "count" else f"{self.value:,.2f}"


@dataclass(frozen=True, slots=True)
class Trail:
    """What is known of a set of CloudTrail records."""

    names: Counter[str]
    services: Counter[str]
    identities: Counter[str]
    measures: tuple[Measure, ...]


def quantile(values: Sequence[float], part: float) -> float | None:
    """Return the value below which that part of the values lies (nearest rank); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def share(records: Sequence[Record], holds: Callable[[Record], bool]) -> float | None:
    """Return the part of the records for which something holds; None of none."""
    return sum(map(holds, records)) / len(records) if records else None


def trail(records: Sequence[Record]) -> Trail:
    """Return the statistics of CloudTrail records."""
    sizes = [float(len(_encode(record))) for record in records]
    gaps = list(_gaps(records))
    callers = Counter(map(caller, records))
    names = Counter(f"{service(each)}:{each['eventName']}" for each in records)
    known = [each for each in records if isinstance(each.get("readOnly"), bool)]
    measures = (
        Measure("events", float(len(records)), "count"),
        Measure("different events", float(len(names)), "count"),
        Measure("events per caller, median", quantile(list(map(float, callers.values())), 0.5), "count"),
        Measure("share of the ten most frequent", _top(names, 10)),
        Measure("share of the busiest caller", _top(callers, 1)),
        Measure("calls that failed", share(records, lambda each: bool(each.get("errorCode")))),
        Measure("of these, refused", _refused(records)),
        Measure("calls that only read", share(known, lambda each: bool(each["readOnly"]))),
        Measure("data events", share(records, lambda each: each.get("managementEvent") is False)),
        Measure("by services (invokedBy)", share(records, _by_service)),
        *(Measure(f"record size, {name}", quantile(sizes, part), "count") for name, part in _PARTS),
        Measure("same caller again within a second", share_of(gaps, lambda gap: gap <= 1)),
        Measure("time to the same caller's next call, median", quantile(gaps, 0.5), "seconds"),
        Measure("time to the same caller's next call, 90%", quantile(gaps, 0.9), "seconds"),
    )
    kinds = Counter(str((each.get("userIdentity") or {}).get("type", "none")) for each in records)
    return Trail(names, Counter(map(service, records)), kinds, measures)


_PARTS = (("10%", 0.1), ("median", 0.5), ("90%", 0.9), ("99%", 0.99))


def share_of(values: Sequence[float], holds: Callable[[float], bool]) -> float | None:
    """Return the part of the values for which something holds; None of none."""
    return sum(map(holds, values)) / len(values) if values else None


def service(record: Record) -> str:
    """Return the event source without its domain."""
    return str(record["eventSource"]).removesuffix(".amazonaws.com")


def caller(record: Record) -> str:
    """Return who called: the ARN, else the service, else the principal."""
    identity = record.get("userIdentity") or {}
    return str(identity.get("arn") or identity.get("invokedBy") or identity.get("principalId") or "nobody")


def _by_service(record: Record) -> bool:
    return bool((record.get("userIdentity") or {}).get("invokedBy"))


def _refused(records: Sequence[Record]) -> float | None:
    failed = [str(each["errorCode"]) for each in records if each.get("errorCode")]
    words = ("AccessDenied", "Unauthorized")
    return sum(any(word in code for word in words) for code in failed) / len(failed) if failed else None


def _top(counts: Counter[str], number: int) -> float | None:
    total = sum(counts.values())
    return sum(count for _, count in counts.most_common(number)) / total if total else None


def _gaps(records: Iterable[Record]) -> Iterable[float]:
    """Seconds from each call to the same caller's next."""
    times: dict[str, list[datetime]] = {}
    for record in records:
        times.setdefault(caller(record), []).append(_moment(str(record["eventTime"])))
    for found in times.values():
        for before, after in pairwise(sorted(found)):
            yield (after - before).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def overlap(ours: Counter[str], theirs: Counter[str], number: int) -> float | None:
    """Return the part of their most frequent names that occurs among ours at all."""
    top = [name for name, _ in theirs.most_common(number)]
    return sum(name in ours for name in top) / len(top) if top else None


def rank_correlation(ours: Counter[str], theirs: Counter[str]) -> tuple[float | None, int]:
    """Return Spearman's coefficient over the names that both have, and how many these are."""
    common = sorted(ours.keys() & theirs.keys())
    if len(common) < 5:
        return None, len(common)
    first, second = (_ranks([counts[name] for name in common]) for counts in (ours, theirs))
    middle = (len(common) - 1) / 2
    products = sum((a - middle) * (b - middle) for a, b in zip(first, second, strict=True))
    spread = (sum((a - middle) ** 2 for a in first) * sum((b - middle) ** 2 for b in second)) ** 0.5
    return (products / spread if spread else None), len(common)


def _ranks(values: Sequence[int]) -> list[float]:
    """Ranks from 0; equal values share the mean of theirs."""
    places: dict[Hashable, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]


def flows(lines: Sequence[Sequence[str]]) -> tuple[Measure, ...]:
    """Return the statistics of flow log lines, each the fields of the default format."""
    seen = [line for line in lines if line[13] == "OK"]
    packets = [(float(line[9]) / max(1.0, float(line[8]))) for line in seen]
    spans = [float(line[11]) - float(line[10]) for line in seen]
    return (
        Measure("lines", float(len(lines)), "count"),
        Measure("with data", len(seen) / len(lines) if lines else None),
        Measure("rejected", share_of([float(line[12] == "REJECT") for line in seen], bool)),
        Measure("TCP", share_of([float(line[7] == "6") for line in seen], bool)),
        Measure("to or from port 443", share_of([float("443" in line[5:7]) for line in seen], bool)),
        Measure("bytes a packet, median", quantile(packets, 0.5), "count"),
        Measure("bytes a packet, 90%", quantile(packets, 0.9), "count"),
        Measure("bytes, median", quantile([float(line[9]) for line in seen], 0.5), "count"),
        Measure("capture window in seconds, median", quantile(spans, 0.5), "count"),
    )


def accesses(lines: Sequence[str]) -> tuple[Measure, ...]:
    """Return the statistics of S3 server access log lines."""
    fields = [line.split('"') for line in lines]
    heads = [each[0].split() for each in fields]
    after = [each[2].split() for each in fields]
    sizes = [float(len(line)) for line in lines]
    return (
        Measure("lines", float(len(lines)), "count"),
        Measure("reads of objects", share_of([float(each[7] == "REST.GET.OBJECT") for each in heads], bool)),
        Measure("anonymous", share_of([float(each[5] == "-") for each in heads], bool)),
        Measure("refused or failed", share_of([float(each[0][:1] in "45") for each in after], bool)),
        Measure("line size, median", quantile(sizes, 0.5), "count"),
        Measure("line size, 90%", quantile(sizes, 0.9), "count"),
    )
