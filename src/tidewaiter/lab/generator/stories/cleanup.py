"""The look-alike of destruction: a clean-up job empties the scratch bucket."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.removal import delete_objects, expire_all, list_versions
from tidewaiter.lab.generator.company import DEV, HOME
from tidewaiter.lab.generator.identity import Actor, role_session
from tidewaiter.lab.generator.others import ObjectAccess, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.workloads import FUNCTION_AGENT, Functions
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.story import Lookalike

BUCKET, NAME = "kr-dev-scratch", "scratch-cleanup"
ADDRESS = "203.0.113.12"


class ScratchCleanup(Lookalike):
    """Every month a scheduled function removes what nobody has touched for thirty days."""

    id = "scratch-cleanup"
    title = "A scheduled function empties the scratch bucket"
    why = (
        "A function's own role, on its schedule, in the development account; the bucket is for scratch data "
        "by name and by tag, what goes is older than its lifetime, and no backup, key or version is touched."
    )

    @property
    def _start(self) -> int:
        return 3 * HOUR + 15 * MINUTE

    @property
    def _job(self) -> Actor:
        arn = f"arn:aws:lambda:{HOME}:{DEV.id}:function:kr-{NAME}"
        scope: Json = {
            "sourceArn": arn,
            "sourceAccount": DEV.id,
            "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": arn,
        }
        return role_session(
            self.company, DEV.id, f"kr-{NAME}-role", f"kr-{NAME}", persona=Functions.id, since=self._start,
            address=ADDRESS, agent=FUNCTION_AGENT, extra={"inScopeOf": scope},
        )  # fmt: skip

    @property
    def actor(self) -> str:
        """The ARN of the function's session."""
        return self._job.name

    def deeds(self, total: int) -> list[Deed]:
        """Return listing and deletion in turn, then the rule that lets the rest expire."""
        rounds = min(24, max(6, total // 2_500))
        turn: list[tuple[str, str, Make]] = [
            ("", HOME, list_versions(BUCKET, "tmp/", DEV.id, HOME)),
            ("", HOME, delete_objects(BUCKET, DEV.id, HOME)),
        ]
        rule = expire_all(BUCKET, DEV.id, HOME, 1, "expired-scratch")
        steps = [*turn * rounds, ("", HOME, rule)]
        before: list[tuple[str, str, Make]] = [
            ("", HOME, read("ssm", "GetParameter", name="/kr/scratch/lifetime-days", withDecryption=False))
        ]
        return self.scene(self._start + 2_000, self._job, DEV, before + steps, (500, 3_500))

    def others(self, total: int) -> Others:
        """Return some of the objects that S3 itself removes by the rule, later in the day."""
        draw = self.company.stream("story", self.id, "expiry")
        at, found = self._start + 9 * HOUR, Others()
        for number in range(min(60, max(8, total // 1_000))):
            at += draw.whole(200, 4_000)
            found.accesses.append(
                ObjectAccess(
                    at, BUCKET, "S3.EXPIRE.OBJECT", key=f"tmp/{draw.uuid()}/{number:05d}.parquet",
                    requester="AmazonS3", size=draw.whole(4_000, 9_000_000), mark=self.mark(""),
                )
            )  # fmt: skip
        return found
