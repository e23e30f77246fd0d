"""The look-alike of account takeover: an administrator resets a colleague's second factor."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.roles import mfa_device, new_mfa_device
from tidewaiter.lab.generator.company import DEV, DOMAIN, EDGE
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.identity import Actor, iam_user
from tidewaiter.lab.generator.others import DirectoryChange, Others, SignIn
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.keyholders import Contractor
from tidewaiter.lab.generator.personas.staff import PlatformEngineer
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.entry import Visit
from tidewaiter.lab.generator.stories.story import Lookalike

ADMIN = f"{PlatformEngineer.user}@{DOMAIN}"
COLLEAGUE = f"ciara.walsh@{DOMAIN}"
TICKET = "INC0091240"


class HelpdeskReset(Lookalike):
    """Two phones were lost on one company outing; both owners called the help desk, which called back."""

    id = "helpdesk-mfa-reset"
    title = "An administrator resets second factors after calls to the help desk"
    why = (
        "The administrator acts from the office with her own session, under a ticket; both owners register "
        "the new device themselves from their usual addresses, no password and no permission changes, and "
        "the first sign-in afterwards comes from where it always does."
    )

    @property
    def _start(self) -> int:
        return 13 * HOUR + 8 * MINUTE

    @property
    def _visit(self) -> Visit:
        kind = PlatformEngineer
        return Visit(self, ADMIN, kind.id, DEV, kind.sets[DEV.id], self._start, kind.address, kind.browser)

    @property
    def actor(self) -> str:
        """The ARN of the administrator's session in the development account."""
        return self._visit.actor.name

    def deeds(self, total: int) -> list[Deed]:
        """Return the end of the lost device, and the owner's registration of a new one."""
        del total
        user = Contractor.id
        old, new = f"arn:aws:iam::{DEV.id}:mfa/{user}", f"{user}-{TICKET.lower()}"
        owner = self._owner()
        by_admin: list[tuple[str, str, Make]] = [
            ("", EDGE, read("iam", "GetUser", userName=user)),
            ("", EDGE, read("iam", "ListMFADevices", userName=user)),
            ("", EDGE, mfa_device("DeactivateMFADevice", user, old)),
        ]
        by_owner: list[tuple[str, str, Make]] = [
            ("", EDGE, new_mfa_device(DEV.id, new)),
            ("", EDGE, mfa_device("EnableMFADevice", user, f"arn:aws:iam::{DEV.id}:mfa/{new}")),
            ("", EDGE, read("iam", "ListMFADevices", userName=user)),
        ]
        visit = self._visit
        return [
            *visit.entry(""),
            *self.scene(visit.since + MINUTE, visit.actor, DEV, by_admin, (5_000, 30_000)),
            *self.scene(visit.since + 21 * MINUTE, owner, DEV, by_owner, (9_000, 40_000)),
        ]

    def _owner(self) -> Actor:
        return iam_user(
            self.company, DEV.id, Contractor.id, persona=Contractor.id, address=Contractor.address,
            agent=Contractor.shell, key=Contractor.key,
        )  # fmt: skip

    def others(self, total: int) -> Others:
        """Return the reset in Entra, the colleague's registration, and her first sign-in after it."""
        del total
        at, mark = self._start + 12 * MINUTE, self.mark("")
        her = next(each for each in people(self.company) if each.upn == COLLEAGUE)
        service = "Authentication Methods"
        steps = (
            (at, ADMIN, "Admin deleted security info", PlatformEngineer.address),
            (at + 6 * MINUTE, COLLEAGUE, "User registered security info", her.address),
        )
        found = Others()
        found.directory = [
            DirectoryChange(
                when, who, name, "UserManagement", ("User", COLLEAGUE), address=address, service=service,
                mark=mark,
            )
            for when, who, name, address in steps
        ]  # fmt: skip
        found.sign_ins = [
            SignIn(at + 5 * MINUTE, COLLEAGUE, her.address, app="office", error=50074, mfa="", mark=mark),
            SignIn(at + 7 * MINUTE, COLLEAGUE, her.address, app="office", mfa="push", mark=mark),
        ]
        return found
