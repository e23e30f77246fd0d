"""Bases of campaigns and look-alikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tidewaiter.lab.generator.calls import Make
from tidewaiter.lab.generator.company import Account, Company
from tidewaiter.lab.generator.identity import Actor
from tidewaiter.lab.generator.others import Others
from tidewaiter.lab.generator.persona import Deed


@dataclass(frozen=True, slots=True)
class Technique:
    """A MITRE ATT&CK technique that a campaign shows, with its tactic."""

    id: str
    tactic: str


class Story:
    """A sequence of deeds in a fixed order, whose events the truth file lists."""

    id: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, company: Company) -> None:
        """Set the story in the company."""
        self.company = company
        self.draw = company.stream("story", self.id)

    @property
    def actor(self) -> str:
        """The ARN of the principal that acts."""
        raise NotImplementedError

    def deeds(self, total: int) -> list[Deed]:
        """Return the story's deeds for a day of `total` events."""
        raise NotImplementedError

    def others(self, total: int) -> Others:
        """Return what the story leaves in the logs beside CloudTrail on a day of `total` events.

        Every value carries the mark of its story and technique (`self.mark(technique)`); a look-alike's
        technique is "". Sign-ins to AWS that go with portal events among the deeds come by themselves.
        """
        del total
        return Others()

    def mark(self, technique: str) -> str:
        """Return the mark of what shows this technique, for deeds and for values of `others`."""
        return f"{self.id}|{technique}"

    def scene(
        self,
        start: int,
        actor: Actor,
        account: Account,
        steps: list[tuple[str, str, Make]],
        gap: tuple[int, int],
    ) -> list[Deed]:
        """Return deeds from `start` on, one after the other: steps are (mark, region, call)."""
        deeds = []
        at = start
        for mark, region, make in steps:
            deeds.append(Deed(at, actor, account.id, region, make, mark=self.mark(mark)))
            at += self.draw.whole(*gap)
        return deeds


class Campaign(Story):
    """An attack. `addresses` are those of the intruder, as the network sees them too."""

    techniques: ClassVar[tuple[Technique, ...]]
    addresses: ClassVar[tuple[str, ...]]


class Lookalike(Story):
    """An innocent story that resembles an attack; `why` says what makes it innocent."""

    why: ClassVar[str]
