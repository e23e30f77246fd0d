"""One day made: everyone's plans become records, and the other logs are written beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Protocol

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.dns import write_dns
from tidewaiter.lab.generator.entra import write_entra
from tidewaiter.lab.generator.entra.federation import federated
from tidewaiter.lab.generator.entra.tenant import AWS
from tidewaiter.lab.generator.evidence import Ledger
from tidewaiter.lab.generator.findings import write_findings
from tidewaiter.lab.generator.flows import Contact, write_flows
from tidewaiter.lab.generator.others import CostBump, DnsQuery, Others, SignIn
from tidewaiter.lab.generator.persona import Deed, Persona
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.rhythm import MINUTE, shares
from tidewaiter.lab.generator.s3_access import AccessLog
from tidewaiter.lab.generator.stories import Story
from tidewaiter.lab.generator.trail import TrailWriter

FLOWS_PER_EVENT = 1 / 3


@dataclass(slots=True)
class Tally:
    """Records and objects written so far, by log; calls by (account, region, event source)."""

    records: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    entra: Counter[str] = field(default_factory=Counter)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    costs: list[CostBump] = field(default_factory=list)
    """What costs extra, with times since the first day's midnight."""

    def add(self, log: str, records: int, objects: int) -> None:
        """Count what one writer wrote."""
        self.records[log] += records
        self.objects[log] += objects


class _Marked(Protocol):
    @property
    def at(self) -> int: ...
    @property
    def mark(self) -> str: ...


class OneDay:
    """The making of one day of `count` CloudTrail events; `offset` is its midnight since the first day's."""

    def __init__(
        self, out: Path, company: Company, count: int, stories: Sequence[Story], ledger: Ledger, tally: Tally
    ) -> None:
        """Plan the day: the stories first, everyone else fills what they leave."""
        self._out = out
        self._company = company
        self._count = count
        self._ledger = ledger
        self._tally = tally
        plan = [deed for story in stories for deed in story.deeds(count)]
        self._asked = _together(story.others(count) for story in stories)
        plan += everyday(company, count - len(plan))
        plan.sort(key=lambda deed: deed.at)
        self._plan = plan

    def write(self, trail: TrailWriter, offset: int) -> None:
        """Write the day's records into the trail, and its other logs."""
        self._records(trail, offset)
        company, asked, events = self._company, self._asked, self._count
        flows = write_flows(self._out, company, round(events * FLOWS_PER_EVENT), asked.flows)
        self._close("vpcflow", flows.lines, flows.objects)
        self._ledger.place("vpcflow", flows.placed, _marks(asked.flows, offset))
        dns = write_dns(self._out, company, events, [*asked.dns, *_lookups(flows.contacts)])
        self._close("dns", dns.lines, dns.objects)
        self._ledger.place("dns", dns.placed, _marks(asked.dns, offset))
        found = write_findings(self._out, company, events, asked.findings)
        self._close("guardduty", found.guardduty_records, found.guardduty_objects)
        self._close("securityhub", found.hub_records, found.hub_objects)
        self._ledger.place("guardduty", found.guardduty, _marks(asked.findings, offset))
        self._ledger.place("securityhub", found.hub, _marks(asked.findings, offset))
        self._tenant(offset)
        self._tally.costs += [replace(each, at=each.at + offset) for each in asked.costs]

    def _close(self, log: str, records: int, objects: int) -> None:
        self._tally.add(log, records, objects)

    def _records(self, trail: TrailWriter, offset: int) -> None:
        recorder, ledger, calls = Recorder(self._company), self._ledger, self._tally.calls
        access = AccessLog(self._out, self._company, self._count, self._asked.accesses)
        marks = _marks(self._asked.accesses, offset)
        for deed in self._plan:
            event_id, region, source, record = recorder.record(deed)
            trail.add(offset + deed.at, deed.account, region, record)
            ledger.note(deed, offset + deed.at, event_id)
            calls[deed.account, region, source] += 1
            if source == "s3":
                access.see(deed.at, record, len(marks) if deed.mark else -1)
                if deed.mark:
                    marks.append((offset + deed.at, deed.mark))
        lines = access.close()
        self._close("s3_access", lines.lines, lines.objects)
        ledger.place("s3_access", lines.placed, marks)

    def _tenant(self, offset: int) -> None:
        asked = self._asked
        sign_ins = [*asked.sign_ins, *_unasked(federated(self._company, self._plan), asked.sign_ins)]
        entra = write_entra(self._out, self._company, self._count, sign_ins, asked.directory, asked.azure)
        self._tally.entra.update(entra.rows)
        self._close("entra", sum(entra.rows.values()), entra.objects)
        for kind, values in (
            ("sign_ins", _marks(sign_ins, offset)),
            ("directory", _marks(asked.directory, offset)),
            ("azure", _marks(asked.azure, offset)),
        ):
            self._ledger.place(f"entra.{kind}", entra.placed[kind], values)


def everyday(company: Company, count: int) -> list[Deed]:
    """Return exactly `count` deeds of all personas; what a ceiling holds back goes to the others."""
    cast: list[Persona] = [kind(company) for kind in PERSONAS]
    parts = shares(count, [persona.weight for persona in cast])
    over = 0
    for index, persona in enumerate(cast):
        if persona.ceiling and parts[index] > persona.ceiling:
            over += parts[index] - persona.ceiling
            parts[index] = persona.ceiling
    extra = shares(over, [0.0 if persona.ceiling else persona.weight for persona in cast])
    return [
        deed
        for persona, part, more in zip(cast, parts, extra, strict=True)
        for deed in persona.plan(part + more)
    ]


def _together(parts: Iterable[Others]) -> Others:
    whole = Others()
    for part in parts:
        for each in fields(Others):
            getattr(whole, each.name).extend(getattr(part, each.name))
    return whole


def _marks(asked: Iterable[_Marked], offset: int) -> list[tuple[int, str]]:
    return [(offset + each.at, each.mark) for each in asked]


def _lookups(contacts: Iterable[Contact]) -> list[DnsQuery]:
    """A machine asks for a name before it first connects there: 40 ms to two seconds earlier."""
    return [
        DnsQuery(
            max(each.at - 40 - each.at % 1_960, 0),
            each.machine,
            each.there.name,
            each.there.type,
            answers=tuple(each.there.chain),
        )
        for each in contacts
    ]


def _unasked(sign_ins: Iterable[SignIn], asked: Sequence[SignIn]) -> list[SignIn]:
    """Sign-ins to AWS that no story tells itself: same person and address, two minutes before at most."""
    told = [(each.who, each.address, each.at) for each in asked if each.app == AWS and not each.error]
    return [
        each
        for each in sign_ins
        if not any(
            who == each.who and address == each.address and abs(at - each.at) < 2 * MINUTE
            for who, address, at in told
        )
    ]
