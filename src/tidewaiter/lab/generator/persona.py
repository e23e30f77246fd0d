"""What a persona is: a share of the day's events, habits, and a plan of who does what when.

A plan is a list of deeds, light enough to sort for a whole day; the records are made from it afterwards.
Plans hold exactly as many deeds as were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from tidewaiter.lab.generator.calls import Make
from tidewaiter.lab.generator.company import Account, Company
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import Actor, Sessions
from tidewaiter.lab.generator.rhythm import DAY, HOUR, LAST, SECOND, Rhythm, beats, moments, shares

Kind = Literal["human", "iam_user", "saas", "service", "workload", "pipeline", "intruder"]
Mishap = Literal["denied", "throttled"]
Mishaps = tuple[tuple[float, Mishap], ...]


class Deed(NamedTuple):
    """One event to be: who calls what, where, at what time of the day (milliseconds)."""

    at: int
    actor: Actor
    account: str
    region: str
    make: Make
    mishaps: Mishaps = ()
    mark: str = ""


class Persona:
    """Base of all personas.

    `share` is the persona's weight among all, `weekend` what is left of it on Saturdays and Sundays;
    `ceiling` bounds a persona that does not grow with the day (a person makes no more calls in a large
    company). `mishaps` are probabilities of failing calls.
    """

    id: ClassVar[str]
    kind: ClassVar[Kind]
    description: ClassVar[str]
    share: ClassVar[float]
    weekend: ClassVar[float] = 1.0
    ceiling: ClassVar[int] = 0
    mishaps: ClassVar[Mishaps] = ()

    def __init__(self, company: Company) -> None:
        """Take a place in the company; chance comes from the seed and the persona's own name."""
        self.company = company
        self.draw = company.stream("persona", self.id)
        self.lasting = Draw(company.seed, "persona", self.id)
        """Chance that is the same on every day: when a session's hour begins, for example."""

    @property
    def weight(self) -> float:
        """The persona's weight on this day of the week."""
        return self.share * (self.weekend if self.company.weekend else 1.0)

    def plan(self, count: int) -> list[Deed]:
        """Return exactly `count` deeds."""
        raise NotImplementedError

    def deed(self, at: int, actor: Actor, account: str, region: str, make: Make) -> Deed:
        """Return a deed of this persona, kept within the day."""
        return Deed(min(max(at, 0), LAST), actor, account, region, make, self.mishaps)


@dataclass(frozen=True, slots=True)
class Beat:
    """A routine of a machine: the calls of one round, in one account and region.

    `opening(since)` gives the deed's actor and call that open a session of `sessions`, if that is recorded.
    """

    weight: float
    account: Account
    region: str
    sessions: Sessions
    calls: Sequence[Make]
    opening: Callable[[int], tuple[Actor, Make]] | None = None


class Machine(Persona):
    """A persona of routines: rounds of the same calls at an even pace, or along a curve."""

    rhythm: ClassVar[Rhythm | None] = None
    gap: ClassVar[tuple[int, int]] = (120, 900)
    pace: ClassVar[int] = 0
    """Shortest time between two rounds of one routine; more events then make longer rounds."""

    def routines(self) -> list[Beat]:
        """Return the routines of the day."""
        raise NotImplementedError

    def plan(self, count: int) -> list[Deed]:
        """Return exactly `count` deeds, split over the routines by their weights."""
        routines = self.routines()
        parts = shares(count, [routine.weight for routine in routines])
        return [
            deed
            for routine, part in zip(routines, parts, strict=True)
            for deed in self._rounds(routine, part)
        ]

    def _rounds(self, routine: Beat, count: int) -> list[Deed]:
        deeds = self._openings(routine, count)
        left = count - len(deeds)
        length = len(routine.calls)
        if self.pace:
            length = max(length, -(-left // (DAY // self.pace)))
        rounds = -(-left // length)
        times = moments(self.draw, rounds, self.rhythm, 0.0) if self.rhythm else beats(self.draw, rounds)
        for number in range(left):
            start, step = times[number // length], number % length
            if step == 0:
                at = start
            else:
                at += self.draw.whole(*self.gap)
            actor = routine.sessions.at(min(at, LAST))
            make = routine.calls[step % len(routine.calls)]
            deeds.append(self.deed(at, actor, routine.account.id, routine.region, make))
        return deeds

    def _openings(self, routine: Beat, count: int) -> list[Deed]:
        if routine.opening is None:
            return []
        moments_of_opening = routine.sessions.openings(LAST)
        if count < 3 * len(moments_of_opening):
            return []
        deeds = []
        for at in moments_of_opening:
            actor, make = routine.opening(at)
            deeds.append(self.deed(at, actor, routine.account.id, routine.region, make))
        return deeds


@dataclass(frozen=True, slots=True)
class Habit:
    """Something a person does in one sitting: some calls through the console or the command line."""

    weight: float
    account: Account
    region: str
    calls: Sequence[Make]
    console: bool = True
    gap: tuple[int, int] = (400, 9 * SECOND)
    through: str = ""
    """A service that makes the calls on the person's behalf."""


class Sittings(Persona):
    """A persona who sits down now and then and follows a habit; signing in comes first where it is due."""

    weekend = 0.04
    rhythm: ClassVar[Rhythm]
    utc_offset: ClassVar[float] = 1.0
    lifetime: ClassVar[int] = 10 * HOUR
    """How long a sign-in lasts."""

    def habits(self) -> list[Habit]:
        """Return what this person does."""
        raise NotImplementedError

    def sign_in(self, habit: Habit, at: int, first: bool) -> list[tuple[int, Actor, Account, str, Make]]:
        """Return the events of signing in for a habit: (milliseconds before `at`, who, where, what)."""
        raise NotImplementedError

    def actor(self, habit: Habit, since: int) -> Actor:
        """Return the person in the session that was opened at `since`."""
        raise NotImplementedError

    def door(self, habit: Habit) -> tuple[str, bool]:
        """Return what a session is good for: one sign-in serves all habits with the same door."""
        return habit.account.id, habit.console

    def plan(self, count: int) -> list[Deed]:
        """Return exactly `count` deeds: habits drawn by weight until the day is full, then timed.

        Whoever signs in a second time, late, loses the last calls of the day to it.
        """
        habits = self.habits()
        weights = [habit.weight for habit in habits]
        chosen: list[Habit] = []
        total, doors = 0, set[tuple[str, bool]]()
        while total < count:
            habit = self.draw.random.choices(habits, weights)[0]
            if self.door(habit) not in doors:
                total += len(self.sign_in(habit, 0, not doors))
                doors.add(self.door(habit))
            total += len(habit.calls)
            chosen.append(habit)
        times = moments(self.draw, len(chosen), self.rhythm, self.utc_offset)
        return self._timed(chosen, times)[:count]

    def _timed(self, chosen: list[Habit], times: list[int]) -> list[Deed]:
        deeds: list[Deed] = []
        opened: dict[tuple[str, bool], int] = {}
        for habit, start in zip(chosen, times, strict=True):
            door = self.door(habit)
            if start - opened.get(door, -DAY) > self.lifetime:
                since = max(start - 20 * SECOND, 0)
                afresh = all(since - before > self.lifetime for before in opened.values())
                opened[door] = since
                for before, who, where, region, make in self.sign_in(habit, since, afresh):
                    deeds.append(self.deed(since - before, who, where.id, region, make))
            actor = self.actor(habit, opened[door])
            if habit.through:
                actor = actor.through(habit.through)
            at = start
            for make in habit.calls:
                deeds.append(self.deed(at, actor, habit.account.id, habit.region, make))
                at += self.draw.whole(*habit.gap)
        return deeds
