"""Bases of campaigns and look-alikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tidewaiter.lab.generator.calls import Make
from tidewaiter.lab.generator.company import Account, Company
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import Actor
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
        self.draw = Draw(company.seed, "story", self.id)

    @property
    def actor(self) -> str:
        """The ARN of the principal that acts."""
        raise NotImplementedError

    def deeds(self, total: int) -> list[Deed]:
        """Return the story's deeds for a day of `total` events."""
        raise NotImplementedError

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
            deeds.append(Deed(at, actor, account.id, region, make, mark=f"{self.id}|{mark}"))
            at += self.draw.whole(*gap)
        return deeds


class Campaign(Story):
    """An attack. `addresses` are those of the intruder, as the network sees them too."""

    techniques: ClassVar[tuple[Technique, ...]]
    addresses: ClassVar[tuple[str, ...]]


class Lookalike(Story):
    """An innocent story that resembles an attack; `why` says what makes it innocent."""

    why: ClassVar[str]
