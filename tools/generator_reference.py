"""Writes docs/reference/generator.md: who works in the generated company, what happens, what the truth has.

python tools/generator_reference.py
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tidewaiter.lab.generator import DEFAULT_EVENTS, truth
from tidewaiter.lab.generator.company import ACCOUNTS, BUCKETS, DOMAIN, ORGANIZATION, REGIONS
from tidewaiter.lab.generator.faults.bodies import BODIES
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.stories import CAMPAIGNS, CAST, LOOKALIKES, WHOLE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "generator.md"

_HEAD = """\
# The generated company and its truth

<!-- Written by tools/generator_reference.py from lab/generator. Do not edit: run `make docs`. -->

```console
$ tidewaiter lab generate --out day
$ tidewaiter lab generate --out week --days 7 --events 50000 --seed 3 --faults
```

Kestrel & Rowe ships parcels. It exists only here: addresses are those reserved for documentation, names end
in `.example`. The same seed, day and numbers give the same bytes, in any process, with the same zlib. Every
log of a day tells of the same happenings: whoever works in AWS has signed in to Entra seconds before, a
request to a bucket has one id in CloudTrail and in the access log, a machine asks for a name before it
connects to its address.

`--events` are CloudTrail events of a day ({default:,} unless you say otherwise); the other logs come on top,
in proportion. `--days` adds days: sessions, the trail and the bill go on over midnight, at weekends people
rest, and the stories spread over the working days. [How plausible all this is](../plausibility.md) is
measured.
"""

_LOGS = (
    ("CloudTrail", "`AWSLogs/<organisation>/<account>/CloudTrail/<region>/…`",
     "gzip, `Records`; delivered late and out of order; digests and one Insights file beside them"),
    ("VPC Flow Logs", "`AWSLogs/<account>/vpcflowlogs/<region>/…`",
     "gzip, default format at home, a custom one (versions 3 to 5) at the edge"),
    ("Route 53 Resolver", "`AWSLogs/<account>/vpcdnsquerylogs/<vpc>/…`", "gzip, a JSON object per line"),
    ("S3 server access", "`S3AccessLogs/…`", "text; production date-partitioned, the others simple"),
    ("GuardDuty", "`AWSLogs/<account>/GuardDuty/<region>/…`", "gzip, a finding per line, updates included"),
    ("Security Hub", "`AWSLogs/<account>/SecurityHub/<region>/…`",
     "gzip, ASFF per line; at home inside EventBridge's event"),
    ("Entra and Azure", "`AzureLogs/<table>/<day>T<hour>.json`",
     "a row per line in Log Analytics column names: four sign-in tables, AuditLogs, AzureActivity"),
    ("Cost", "`CostExports/kr-focus/…`", "FOCUS 1.0 with AWS columns, by billing period, 14 days before too"),
)  # fmt: skip

_FAULTS_BESIDE = (
    ("delivered_twice", "An account's own trail delivers what the organisation's trail has delivered."),
    ("digest_among_logs", "A digest file lies among the log files."),
    ("malformed_line", "A flow log has a line that is none, and one with a word for a number."),
    ("torn_line", "A flow log ends in the middle of a line."),
)


def render() -> str:
    """Return the whole page."""
    parts = [
        _HEAD.format(default=DEFAULT_EVENTS),
        "## Logs\n",
        *_table(("log", "below the folder", "form"), _LOGS),
        "## Accounts\n",
        f"Organisation `{ORGANIZATION}`, one Entra tenant `{DOMAIN}`, regions "
        f"{', '.join(f'`{each}`' for each in REGIONS)}: every account is used in all of them.\n",
        *_table(
            ("account", "name", "for", "buckets"),
            ((f"`{each.id}`", each.name, each.purpose, _listed(BUCKETS[each.id])) for each in ACCOUNTS),
        ),
        "## Personas\n",
        "`share` is the weight of a persona's events on a working day, `weekend` what is left of it on "
        "Saturdays and Sundays; `most` bounds people, who make no more calls in a larger company.\n",
        *_table(
            ("persona", "kind", "what it does", "share", "weekend", "most"),
            (
                (f"`{each.id}`", each.kind, each.description, f"{each.share:g}", f"{each.weekend:g}",
                 f"{each.ceiling:,}" if each.ceiling else "")
                for each in PERSONAS
            ),
        ),
        "In stories only:\n",
        *_table(("persona", "kind", "who"), ((f"`{name}`", kind, text) for name, kind, text in CAST)),
        "## Attacks\n",
        f"A day of {WHOLE:,} events or more holds all of them; a smaller one the first alone, because all "
        "would be too large a part of it.\n",
        *_table(
            ("attack", "what happens", "ATT&CK"),
            (
                (f"`{each.id}`", f"{each.title}. {_sentence(each)}",
                 ", ".join(technique.id for technique in each.techniques))
                for each in CAMPAIGNS
            ),
        ),
        "## Look-alikes\n",
        "They resemble attacks, and nobody should be alarmed. A small day has the first two.\n",
        *_table(
            ("look-alike", "what happens", "why it is innocent"),
            ((f"`{each.id}`", each.title, each.why) for each in LOOKALIKES),
        ),
        "## Damaged objects\n",
        "With `--faults` one object of each kind lies among the others, with records of its own; the rest of "
        "the day stays as it is. The truth says what should come of each, and [When input is bad]"
        "(../bad-input.md) why.\n",
        *_table(("kind", "what is wrong"), _faults()),
        "## truth.json\n",
        "Who checks a detection or a reduction reads this file. Times are ISO 8601 in UTC.\n",
        *_truth(),
    ]  # fmt: skip
    return "\n".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(head)
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join('---' for _ in titles)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _sentence(of: object) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(of) or "").split("\n", 1)[0]


def _faults() -> list[tuple[str, str]]:
    makers: dict[str, Callable[..., object]] = dict(BODIES)
    found = [(f"`{kind}`", _sentence(make)) for kind, make in makers.items()]
    return found + [(f"`{kind}`", text) for kind, text in _FAULTS_BESIDE]


def _truth() -> Iterator[str]:
    """A table per struct, the whole first."""
    structs = [
        each
        for _, each in inspect.getmembers(truth, inspect.isclass)
        if issubclass(each, msgspec.Struct) and each.__module__ == truth.__name__
    ]
    names = {each.__name__ for each in structs}
    for struct in sorted(structs, key=lambda each: (each is not truth.Truth, each.__name__)):
        yield f"### {struct.__name__}\n"
        yield (inspect.getdoc(struct) or "") + "\n"
        fields = msgspec.structs.fields(struct)
        yield from _table(
            ("member", "type"), ((f"`{each.name}`", _type(each.type, names)) for each in fields)
        )


def _type(kind: object, names: set[str]) -> str:
    """A type as a reader of JSON knows it."""
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    text = text.replace(f"{truth.__name__}.", "").replace(", ...]", "]")
    words = {"str": "text", "int": "number", "float": "number", "bool": "true or false"}
    if text.startswith("tuple[") and text.endswith("]"):
        inner = text[6:-1]
        return f"list of {f'[{inner}](#{inner.lower()})' if inner in names else words.get(inner, inner)}"
    if text.startswith("dict["):
        return "object of numbers"
    return f"[{text}](#{text.lower()})" if text in names else words.get(text, text)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
