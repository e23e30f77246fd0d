"""The look-alike of trail tampering: Terraform touches the trail, and makes it see more."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.iam import trust_policy, update_trust
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.calls.trails import by_name, put_selectors, widen
from tidewaiter.lab.generator.company import CORE, EDGE, HOME, TRAIL, TRAIL_BUCKET, trail_arn
from tidewaiter.lab.generator.identity import Actor
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.services import Terraform
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.story import Lookalike


class AuditPreparation(Lookalike):
    """Before the yearly audit the platform team widens the organisation's trail, by a reviewed commit."""

    id = "audit-preparation"
    title = "Terraform widens the organisation's trail before an audit"
    why = (
        "The pipeline's own role, from a CI runner, changes the trail so that it records more (all regions, "
        "validation, encryption, data events, management events kept) and starts it; the trust policy admits "
        "an AWS service and a role of the same account, nobody from outside."
    )

    @property
    def actor(self) -> str:
        """The ARN of the pipeline's session."""
        return self._session.name

    @property
    def _start(self) -> int:
        return 14 * HOUR + 12 * MINUTE

    @property
    def _session(self) -> Actor:
        return Terraform(self.company).session(CORE, self._start)

    def deeds(self, total: int) -> list[Deed]:
        """Return one CI run: token exchange, reads, four changes."""
        del total
        arn = trail_arn(CORE, TRAIL)
        caller, exchange = Terraform(self.company).opening(CORE, self._start)
        key = self.company.key_arn(CORE.id, HOME, "trail")
        trusted: Json = {
            "Service": "auditmanager.amazonaws.com",
            "AWS": f"arn:aws:iam::{CORE.id}:role/kr-audit-reader",
        }
        condition: Json = {"StringEquals": {"aws:SourceAccount": CORE.id}}
        selectors = put_selectors(
            TRAIL, arn, management=True, writes="All", buckets=("kr-customer-exports", "kr-parcel-labels")
        )
        steps = [
            ("", HOME, identity_check()),
            ("", HOME, read("cloudtrail", "DescribeTrails", trailNameList=[TRAIL])),
            ("", HOME, by_name("GetTrailStatus", TRAIL)),
            ("", HOME, read("cloudtrail", "GetEventSelectors", trailName=TRAIL)),
            ("", HOME, widen(TRAIL, arn, TRAIL_BUCKET, key)),
            ("", HOME, selectors),
            ("", HOME, by_name("StartLogging", arn)),
            ("", EDGE, read("iam", "GetRole", roleName="kr-audit-evidence")),
            ("", EDGE, update_trust("kr-audit-evidence", trust_policy(trusted, condition=condition))),
        ]
        return [
            *self.scene(self._start, caller, CORE, [("", HOME, exchange)], (1, 1)),
            *self.scene(self._start + 40 * SECOND, self._session, CORE, steps, (300, 2_600)),
        ]
