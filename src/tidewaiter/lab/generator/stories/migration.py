"""The look-alike of sharing outside: snapshots go to another account, of the same organisation."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.sharing import copy_snapshot, share_snapshot, take_snapshot
from tidewaiter.lab.generator.company import DATA, DOMAIN, EDGE, HOME, PROD
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.staff import PlatformEngineer
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import Visit
from tidewaiter.lab.generator.stories.story import Lookalike

UPN = f"{PlatformEngineer.user}@{DOMAIN}"
COUNT = 3


class Migration(Lookalike):
    """The workers' archives move from production to the data account, as planned."""

    id = "account-migration"
    title = "Snapshots are shared with another account of the organisation"
    why = (
        "The platform engineer, from the office in office hours, shares with an account of the same "
        "organisation only; the same person copies the snapshots there under that account's key, and nothing "
        "goes to an account outside."
    )

    def _visit(self, since: int) -> Visit:
        kind = PlatformEngineer
        account = PROD if since == self._start else DATA
        return Visit(
            self, UPN, kind.id, account, kind.sets[account.id], since, kind.address, kind.browser,
            shell=kind.shell,
        )  # fmt: skip

    @property
    def _start(self) -> int:
        return 9 * HOUR + 52 * MINUTE

    @property
    def actor(self) -> str:
        """The ARN of the engineer's session in production."""
        return self._visit(self._start).actor.name

    def deeds(self, total: int) -> list[Deed]:
        """Return the snapshots, their shares, and the copies on the other side."""
        del total
        company = self.company
        here, there = self._visit(self._start), self._visit(self._start + 55 * MINUTE)
        workers = company.fleet("worker")[:COUNT]
        pairs = [
            (company.hex_id("vol", each.name), company.hex_id("snap", self.id, each.name)) for each in workers
        ]
        text = "CHG0048377 archive to kr-data"
        first: list[tuple[str, str, Make]] = [
            ("", EDGE, read("organizations", "DescribeAccount", accountId=DATA.id)),
            ("", HOME, describe("DescribeVolumes")),
            *[("", HOME, take_snapshot(company, PROD.id, disk, made, text)) for disk, made in pairs],
            ("", HOME, describe("DescribeSnapshots", ownersSet={"items": [{"owner": "self"}]})),
            *[("", HOME, share_snapshot(made, DATA.id)) for _, made in pairs],
        ]
        second: list[tuple[str, str, Make]] = [
            ("", HOME, describe("DescribeSnapshots", sharedUsersSet={"items": [{"user": "self"}]})),
            *[
                ("", HOME, copy_snapshot(made, company.hex_id("snap", self.id, made), HOME, text))
                for _, made in pairs
            ],
        ]
        return [
            *here.entry(""),
            *self.scene(here.since + 40 * SECOND, here.actor, PROD, first, (4_000, 50_000)),
            *there.entry(""),
            *self.scene(there.since + 40 * SECOND, there.actor, DATA, second, (4_000, 30_000)),
        ]
