"""The look-alike of a stolen password: someone signs in from another country, and works as always."""

from __future__ import annotations

from tidewaiter.lab.generator.company import CORE, DOMAIN, EDGE
from tidewaiter.lab.generator.entra.tenant import AWS
from tidewaiter.lab.generator.others import Others, SignIn
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas import tasks
from tidewaiter.lab.generator.personas.staff import FinanceAnalyst
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import Visit
from tidewaiter.lab.generator.stories.story import Lookalike

HOTEL = "198.51.100.62"
UPN = f"{FinanceAnalyst.user}@{DOMAIN}"


class Traveller(Lookalike):
    """The cost analyst flies to Copenhagen after work and looks at the bill from the hotel."""

    id = "traveller"
    title = "The cost analyst signs in from another country"
    why = (
        "Her own managed device and her passkey, a country where the company has an office, hours after her "
        "last sign-in in Madrid; in AWS the same permission set, the same account and the same reports as "
        "every day, nothing changed."
    )

    @property
    def _visit(self) -> Visit:
        since = 20 * HOUR + 22 * MINUTE
        sets = FinanceAnalyst.sets
        return Visit(self, UPN, FinanceAnalyst.id, CORE, sets[CORE.id], since, HOTEL, FinanceAnalyst.browser)

    @property
    def actor(self) -> str:
        """The ARN of her session in the management account."""
        return self._visit.actor.name

    def deeds(self, total: int) -> list[Deed]:
        """Return her way in and two cost reports."""
        del total
        visit = self._visit
        steps = [("", EDGE, make) for make in [*tasks.cost_report(self.company)] * 2]
        return [
            *visit.entry(""),
            *self.scene(visit.since + 30 * SECOND, visit.actor, CORE, steps, (2_000, 40_000)),
        ]

    def others(self, total: int) -> Others:
        """Return the question for a second factor at the new place, then the sign-ins."""
        del total
        visit = self._visit
        steps = ((-6 * MINUTE, "office", 50074), (-5 * MINUTE, "office", 0), (-14 * SECOND, AWS, 0))
        found = Others()
        found.sign_ins = [
            SignIn(
                visit.since + off, UPN, HOTEL, agent=visit.browser, app=app, error=error, place="Copenhagen",
                mfa="" if error else "previous" if app == AWS else "fido", risk="low",
                risk_events=("unfamiliarFeatures",), session=visit.session, mark=self.mark(""),
            )
            for off, app, error in steps
        ]  # fmt: skip
        return found
