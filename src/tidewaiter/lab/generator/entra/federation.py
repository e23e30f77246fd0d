"""The sign-in behind a federated session: someone proves to Entra who they are, then AWS lets them in.

A day that plans Identity Center's portal events gets the sign-ins that must precede them: to the
enterprise application, seconds earlier, from the same address, with the same client.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.entra.tenant import AWS
from tidewaiter.lab.generator.others import Mfa, SignIn
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.rhythm import SECOND

_FACTORS: tuple[Mfa, ...] = ("previous", "push", "fido")


def federated(company: Company, deeds: Iterable[Deed]) -> list[SignIn]:
    """Return one sign-in to AWS per portal session among the deeds, in the order of time.

    A portal session is what one credential id of an `IdentityCenterUser` did; its first event tells when
    and from where. People whom the tenant does not know are left out.
    """
    by_user = {company.uuid("identity-store", each.upn): each for each in people(company)}
    first: dict[str, tuple[int, str, Deed]] = {}
    for deed in deeds:
        identity = deed.actor.identity
        if identity.get("type") != "IdentityCenterUser":
            continue
        user = deed.actor.name.rsplit("/", 1)[-1]
        session = str(identity.get("credentialId", ""))
        known = first.get(session)
        if user in by_user and (known is None or deed.at < known[0]):
            first[session] = (deed.at, user, deed)
    draw = company.stream("federation")
    found = []
    for session, (at, user, deed) in sorted(first.items(), key=lambda each: (each[1][0], each[0])):
        person = by_user[user]
        before = draw.whole(2 * SECOND, 14 * SECOND)
        mfa = draw.pick(_FACTORS)
        sign_in = SignIn(
            max(at - before, 0),
            person.upn,
            deed.actor.address,
            agent=deed.actor.agent,
            app=AWS,
            mfa=mfa,
            session=session,
            mark=deed.mark,
        )
        found.append(sign_in)
    return found
