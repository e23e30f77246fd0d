"""Writes docs/plausibility.md: marginals of a generated day beside those of real and hand-made logs.

python -m tools.plausibility CORPORA [--events 30000]

CORPORA is a folder of public log samples (see its README for origins and licences). Only statistics and
names of API events are written; no record or text of a corpus is copied. Those marked as kept apart must
never be looked at to change the generator: they are the control.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tidewaiter.lab.generator import generate
from tools.marginals import (
    Measure,
    Record,
    Trail,
    accesses,
    flows,
    overlap,
    rank_correlation,
    trail,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "plausibility.md"
EVENTS, SEED = 30_000, 7
_TOP = 20


@dataclass(frozen=True, slots=True)
class Corpus:
    """A part of the corpora: its short name, what it is, where it lies, and whether it is the control."""

    name: str
    what: str
    pattern: str
    kept: bool = False


TRAILS = (
    Corpus("invictus", "half an hour of an attack lab", "invictus/events.jsonl"),
    Corpus("otrf", "an S3 exfiltration lab", "otrf/datasets/atomic/aws/collection/*.json"),
    Corpus("stratus", "attack techniques, detonated one by one", "stratus/docs/detonation-logs/*.json"),
    Corpus(
        "opensearch",
        "an account's everyday noise, mostly AWS Config",
        "opensearch-catalog/integrations/observability/aws_cloudtrail/data/samples-large.json",
        kept=True,
    ),
)
FLOWS = (
    Corpus("cribl", "99 records of a real network", "cribl-vpcflow/data/samples/*.json", kept=True),
    Corpus(
        "opensearch",
        "samples of one interface",
        "opensearch-catalog/integrations/observability/amazon_vpc_flow/data/sample.json",
    ),
)
ACCESSES = (
    Corpus(
        "opensearch",
        "samples of a web console's bucket",
        "opensearch-catalog/integrations/observability/amazon_s3/data/raw.log",
        kept=True,
    ),
)

_HEAD = """\
# Is the generated day plausible?

<!-- Written by tools/plausibility.py from a generated day and public corpora. Do not edit. -->

The command `lab generate` invents a company. This page holds its day ({events:,} CloudTrail events, seed
{seed}) against logs that others have published: statistics only, nothing is copied. None of these corpora is
the day of a company. Most are labs in which somebody attacked, small, and of a few minutes; where the day is
apart from them, the corpus may be the odd one. The generator was written after AWS's documentation, and
nothing in it was fitted to a corpus; those marked *kept apart* stay the control: nobody may change the
generator after looking at them. One defect was found by making this page and mended since, by arithmetic and
not by fitting: flow logs had packets larger than an Ethernet frame.

`≠` marks a number that is apart from the day's: more than twice or less than half of it, or for shares more
than 20 percentage points away.
"""


def main() -> None:
    """Generate a day, measure, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpora", type=Path, help="folder of the corpora")
    parser.add_argument("--events", type=int, default=EVENTS)
    given = parser.parse_args()
    missing = absent(given.corpora)
    if missing:
        print(f"not below {given.corpora}: {', '.join(missing)}", file=sys.stderr)
        print("next: give the folder that holds the corpora of tools/plausibility.py", file=sys.stderr)
        raise SystemExit(2)
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), events=given.events, seed=SEED)
        PAGE.write_text(render(Path(folder), given.corpora, given.events), encoding="utf-8")
    print(f"wrote {PAGE.name}")


def absent(root: Path) -> list[str]:
    """Return the patterns of corpora that have no file below `root`."""
    return [each.pattern for each in (*TRAILS, *FLOWS, *ACCESSES) if not any(root.glob(each.pattern))]


def render(day: Path, root: Path, events: int) -> str:
    """Return the page about a day against the corpora below `root`."""
    ours = trail(list(_day_records(day)))
    theirs = {each: trail(list(_records(root, each))) for each in TRAILS}
    pairs = [(each, found.measures) for each, found in theirs.items()]
    network = flows(list(_day_flows(day)))
    lines = [
        _HEAD.format(events=events, seed=SEED),
        "## CloudTrail\n",
        *_legend(TRAILS),
        *_table(ours.measures, pairs),
        "### Which events\n",
        *_names(ours, theirs),
        "### Which services and identities\n",
        "Shares of all events, for what makes at least 3% somewhere.\n",
        *_shares("service", ours.services, {key: each.services for key, each in theirs.items()}),
        *_shares("identity type", ours.identities, {key: each.identities for key, each in theirs.items()}),
        "## VPC Flow Logs\n",
        *_legend(FLOWS),
        *_table(network, [(each, flows(list(_flow_lines(root, each)))) for each in FLOWS]),
        "## S3 server access logs\n",
        *_legend(ACCESSES),
        *_table(
            accesses(list(_day_accesses(day))),
            [(each, accesses(list(_access_lines(root, each)))) for each in ACCESSES],
        ),
        notes(ours, theirs, network),
    ]
    return "\n".join(lines)


_NOTES = """\
## Where the day is implausible

- **Too little fails.** {failed_day} of its calls fail, in the samples up to {failed_most}. Scripts that
  retry for hours, roles that lack one permission, expired tokens: the day has few of them. Do not measure
  on it what depends on how common errors are.
- **Its vocabulary is small.** {names_day} different events of {services_day} services; of the twenty most
  frequent events of a sample it has {overlap_low} to {overlap_high}. Services that no persona uses
  (Bedrock, EKS, Redshift, Step Functions, …) do not occur. A detection of something rare has it easier
  here than in a company.
- **Its frequencies are its own.** Rank correlations with the samples are {rank_low} to {rank_high}: which
  of the common events are the frequent ones hangs on who works there, and nobody works at all of these
  places.
- **Nobody runs wild.** The busiest caller makes {busiest_day} of the calls. In a real account a
  broken loop, a forgotten scanner or a migration can be half of all events for a week.
- **Machines keep time too well.** Rounds come at an even pace with some jitter, and calls of one round
  always in the same order. Baselines learn that faster than they learn a company.
- **Few records are large.** 99% are below {size_day} bytes. Long policies, templates and lists, up to
  hundreds of kilobytes, occur only as damaged objects on request (`--faults`).
- **The network is calm.** {rejected_day} of its lines are refused scans; a machine on the open internet may
  see mostly those. Every line spans a whole capture window, no conversation goes on over several windows, and
  interfaces of load balancers and gateways have none.

## What nothing here checks

DNS queries, findings, Entra's and Azure's logs and the bill are not compared: where there are corpora of
them, they were made by hand or by a button, or are too few. They are held to their documented formats and
shapes only. Hours of the day, weekends, and how much of each log a company has for an event of CloudTrail
are assumptions of the generator's authors.
"""


def notes(ours: Trail, theirs: dict[Corpus, Trail], network: Sequence[Measure]) -> str:
    """Return what is implausible, with its numbers."""
    mine = {each.name: each for each in ours.measures}
    failed = [
        each.value or 0.0
        for found in theirs.values()
        for each in found.measures
        if each.name == "calls that failed"
    ]
    overlaps = [overlap(ours.names, found.names, _TOP) or 0.0 for found in theirs.values()]
    ranks = [
        value
        for found in theirs.values()
        if (value := rank_correlation(ours.names, found.names)[0]) is not None
    ]
    return _NOTES.format(
        failed_day=mine["calls that failed"].text,
        failed_most=Measure("", max(failed)).text,
        names_day=mine["different events"].text,
        services_day=len(ours.services),
        overlap_low=Measure("", min(overlaps)).text,
        overlap_high=Measure("", max(overlaps)).text,
        rank_low=f"{min(ranks):.2f}" if ranks else "-",
        rank_high=f"{max(ranks):.2f}" if ranks else "-",
        busiest_day=mine["share of the busiest caller"].text,
        size_day=mine["record size, 99%"].text,
        rejected_day=next(each.text for each in network if each.name == "rejected"),
    )


# Tables


def _legend(corpora: Sequence[Corpus]) -> Iterator[str]:
    for each in corpora:
        yield f"- **{each.name}**: {each.what}{', *kept apart*' if each.kept else ''}"
    yield ""


def apart(ours: Measure, theirs: Measure) -> bool:
    """Return True where two numbers tell of different worlds; counts of records never do."""
    if ours.value is None or theirs.value is None or ours.name in {"events", "lines", "different events"}:
        return False
    if ours.form == "share":
        return abs(ours.value - theirs.value) > 0.2
    low, high = sorted((ours.value, theirs.value))
    return high > 2 * low and high - low > 1


def _table(ours: Sequence[Measure], theirs: Sequence[tuple[Corpus, Sequence[Measure]]]) -> Iterator[str]:
    yield f"| | the day | {' | '.join(each.name for each, _ in theirs)} |"
    yield f"| --- | {' | '.join('---:' for _ in range(len(theirs) + 1))} |"
    for number, mine in enumerate(ours):
        cells = [
            f"{measures[number].text}{' ≠' if apart(mine, measures[number]) else ''}"
            for _, measures in theirs
        ]
        yield f"| {mine.name} | {mine.text} | {' | '.join(cells)} |"
    yield ""


def _names(ours: Trail, theirs: dict[Corpus, Trail]) -> Iterator[str]:
    yield f"| | {' | '.join(each.name for each in theirs)} |"
    yield f"| --- | {' | '.join('---:' for _ in theirs)} |"
    found = [overlap(ours.names, each.names, _TOP) for each in theirs.values()]
    cells = [Measure("", each).text for each in found]
    yield f"| of its {_TOP} most frequent events, the day has | {' | '.join(cells)} |"
    ranks = [rank_correlation(ours.names, each.names) for each in theirs.values()]
    cells = [f"{'-' if value is None else f'{value:.2f}'} ({common})" for value, common in ranks]
    yield f"| rank correlation over common events (how many) | {' | '.join(cells)} |"
    yield ""


def _shares(title: str, ours: Counter[str], theirs: dict[Corpus, Counter[str]]) -> Iterator[str]:
    counts = [ours, *theirs.values()]
    parts = [{name: count / sum(each.values()) for name, count in each.items()} for each in counts]
    shown = sorted(
        {name for part in parts for name, value in part.items() if value >= 0.03},
        key=lambda name: (-parts[0].get(name, 0), name),
    )
    yield f"| {title} | the day | {' | '.join(each.name for each in theirs)} |"
    yield f"| --- | {' | '.join('---:' for _ in parts)} |"
    for name in shown:
        cells = " | ".join(f"{part.get(name, 0):.1%}" for part in parts)
        yield f"| {name} | {cells} |"
    yield ""


# Reading


def _day_records(day: Path) -> Iterator[Record]:
    for path in sorted(day.glob("AWSLogs/*/*/CloudTrail/**/*.json.gz")):
        yield from msgspec.json.decode(gzip.decompress(path.read_bytes()))["Records"]


def _day_flows(day: Path) -> Iterator[list[str]]:
    for path in sorted(day.glob("AWSLogs/*/vpcflowlogs/**/*.log.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]:
            yield line.split()[:14]


def _day_accesses(day: Path) -> Iterator[str]:
    for path in sorted(day.glob("S3AccessLogs/**/*-*")):
        if path.is_file():
            yield from path.read_text(encoding="utf-8").splitlines()


def _values(root: Path, corpus: Corpus) -> Iterator[Any]:
    """The JSON objects of a corpus' files, wherever they begin; some of these files are damaged."""
    decode = json.JSONDecoder(strict=False).raw_decode
    for path in sorted(root.glob(corpus.pattern)):
        text = path.read_text(encoding="utf-8")
        place = text.find("{")
        while place >= 0:
            try:
                value, place = decode(text, place)
                yield value
            except json.JSONDecodeError:
                place += 1
            place = text.find("{", place)


def _records(root: Path, corpus: Corpus) -> Iterator[Record]:
    for value in _values(root, corpus):
        if {"eventName", "eventSource"} <= value.keys():
            at = value.get("eventTime") or value.get("@timestamp")
            if isinstance(at, str):
                yield {**value, "eventTime": at}


def _flow_lines(root: Path, corpus: Corpus) -> Iterator[list[str]]:
    """Lines of the default format, in `_raw` or `body`, or as members of that format's names."""
    for value in _values(root, corpus):
        fields = str(value.get("_raw") or value.get("body") or "").split()
        if len(fields) >= 14 and fields[0].isdigit():
            yield fields[:14]


def _access_lines(root: Path, corpus: Corpus) -> Iterator[str]:
    for path in sorted(root.glob(corpus.pattern)):
        yield from (line for line in path.read_text(encoding="utf-8").splitlines() if line.count('"') >= 2)


if __name__ == "__main__":
    main()
