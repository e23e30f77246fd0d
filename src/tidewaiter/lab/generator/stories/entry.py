"""How people and intruders come in: a federated session step by step, a stolen one, refusals."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidewaiter.lab.generator.calls import Call, Make
from tidewaiter.lab.generator.calls.signin import (
    assume_role_with_saml,
    console_login,
    identity_check,
    portal_choice,
    portal_sign_in,
)
from tidewaiter.lab.generator.company import CORE, HOME, Account, Company, Machine
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import (
    Actor,
    permission_set_role,
    portal_user,
    role_session,
    saml_user,
    session_key,
)
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.workloads import Fleet
from tidewaiter.lab.generator.record import mishap
from tidewaiter.lab.generator.rhythm import SECOND
from tidewaiter.lab.generator.stories.story import Story

INTRUDER = "intruder"
"""The persona of all who come from outside."""

SHELL = "aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9-amd64 exe/x86_64.kali.2024"
SCRIPT = "Boto3/1.34.46 md/Botocore#1.34.46 ua/2.0 os/linux#6.6.9-amd64 md/arch#x86_64 lang/python#3.11.8"


def denied(make: Make, actor: Actor) -> Make:
    """Return the call as AWS refuses it to the actor."""

    def refused(draw: Draw) -> Call:
        return mishap(make(draw), actor, "denied")

    return refused


def stolen(company: Company, machine: Machine, at: int, agent: str, address: str = "") -> Actor:
    """Return the session that a machine of the fleet has at that time, in an intruder's hands.

    Without an address it is used on the machine itself.
    """
    beats = zip(company.fleet("web", "api", "worker", "edge"), Fleet(company).routines(), strict=True)
    own = next(beat for each, beat in beats if each.id == machine.id).sessions.at(at)
    return replace(own, persona=INTRUDER, address=address or own.address, agent=agent)


@dataclass(frozen=True, slots=True)
class Visit:
    """A person's way through the portal into one account, from one address."""

    story: Story
    upn: str
    persona: str
    account: Account
    permission_set: str
    since: int
    address: str
    browser: str
    shell: str = ""
    """The command line's user agent; "" means that the session is one in the console."""

    @property
    def portal(self) -> Actor:
        """The person on the access portal; its `credentialId` is the name of the session in Entra's logs."""
        return portal_user(
            self.story.company,
            upn=self.upn,
            persona=self.persona,
            since=self.since,
            address=self.address,
            agent=self.browser,
        )

    @property
    def session(self) -> str:
        """The name that ties the sign-in to Entra to the portal session."""
        return str(self.portal.identity["credentialId"])

    @property
    def actor(self) -> Actor:
        """The person in the account, in the role of the permission set."""
        role, path = permission_set_role(self.story.company, self.account.id, self.permission_set)
        return role_session(
            self.story.company,
            self.account.id,
            role,
            self.upn,
            persona=self.persona,
            since=self.since,
            address=self.address,
            agent=self.shell or self.browser,
            path=path,
            console=not self.shell,
        )

    def entry(self, mark: str) -> list[Deed]:
        """Return the deeds from the portal to the first call in the account."""
        company, here = self.story.company, self.account
        role, path = permission_set_role(company, here.id, self.permission_set)
        key = session_key(company, here.id, role, self.upn, self.since)
        saml = saml_user(company, account=here.id, upn=self.upn, persona=self.persona)
        choice = portal_choice(
            "GetRoleCredentials" if self.shell else "Federate", here.id, self.permission_set
        )
        issued = assume_role_with_saml(company, here.id, role, path, self.upn, key, self.since)
        first = identity_check() if self.shell else console_login(mfa="")
        steps = (
            (-9 * SECOND, self.portal, CORE, portal_sign_in(self.upn)),
            (-4 * SECOND, self.portal, CORE, choice),
            (-SECOND, saml, here, issued),
            (0, self.actor, here, first),
        )
        return [
            Deed(self.since + off, who, where.id, HOME, make, mark=self.story.mark(mark))
            for off, who, where, make in steps
        ]
