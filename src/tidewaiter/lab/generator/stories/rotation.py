"""The look-alike of persistence: someone makes a new access key, for herself."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import read
from tidewaiter.lab.generator.calls.iam import change_access_key, create_access_key
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.company import DEV, EDGE, HOME
from tidewaiter.lab.generator.identity import Actor, iam_user
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.keyholders import (
    CONTRACTOR,
    CONTRACTOR_ADDRESS,
    CONTRACTOR_SHELL,
    ROTATED,
)
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.story import Lookalike


class KeyRotation(Lookalike):
    """The contractor rotates her access key before work, as the quarterly reminder asks."""

    id = "own-key-rotation"
    title = "A contractor rotates her own access key"
    why = (
        "The user creates the key for herself, from her usual address and client, tries it, then disables "
        "and deletes the old one: no other principal gains access."
    )

    @property
    def actor(self) -> str:
        """The ARN of the user."""
        return self._holder("first").name

    def _holder(self, key: str) -> Actor:
        return iam_user(
            self.company,
            DEV.id,
            CONTRACTOR,
            persona=CONTRACTOR,
            address=CONTRACTOR_ADDRESS,
            agent=CONTRACTOR_SHELL,
            key=key,
        )

    def deeds(self, total: int) -> list[Deed]:
        """Return listing, creation, a try with the new key, and the end of the old one."""
        del total
        start = 11 * HOUR + 6 * MINUTE
        old = self.company.unique_id("AKIA", DEV.id, CONTRACTOR, "first")
        new = self.company.unique_id("AKIA", DEV.id, CONTRACTOR, ROTATED)

        before = [
            ("", EDGE, read("iam", "ListAccessKeys", userName=CONTRACTOR)),
            ("", EDGE, create_access_key(self.company, CONTRACTOR, new)),
        ]
        after = [
            ("", HOME, identity_check()),
            ("", EDGE, change_access_key("UpdateAccessKey", CONTRACTOR, old, "Inactive")),
            ("", EDGE, read("iam", "GetAccessKeyLastUsed", accessKeyId=old)),
            ("", EDGE, change_access_key("DeleteAccessKey", CONTRACTOR, old)),
        ]
        return [
            *self.scene(start, self._holder("first"), DEV, before, (12_000, 30_000)),
            *self.scene(start + 2 * MINUTE, self._holder(ROTATED), DEV, after, (15_000, 60_000)),
        ]
