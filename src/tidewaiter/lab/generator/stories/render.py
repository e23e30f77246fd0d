"""The look-alike of mining: a scaling group starts graphics processors for the route film, and stops them."""

from __future__ import annotations

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.compute import change_state, describe
from tidewaiter.lab.generator.calls.launches import launch
from tidewaiter.lab.generator.company import HOME, PROD
from tidewaiter.lab.generator.identity import Actor, linked_role
from tidewaiter.lab.generator.others import CostBump, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.pollers import ScalingService
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE
from tidewaiter.lab.generator.stories.story import Lookalike

KIND, COUNT, GROUP = "g5.12xlarge", 12, "kr-route-render"
LASTS = 2 * HOUR + 10 * MINUTE


class BatchRender(Lookalike):
    """Every quarter the marketing department has the routes of the year rendered."""

    id = "batch-render"
    title = "A scaling group starts twelve GPU instances for a rendering job"
    why = (
        "EC2 Auto Scaling's own role starts the machines, in the company's home region, from the launch "
        "template of a known group with its tags, and ends all of them when the job is done."
    )

    @property
    def _start(self) -> int:
        return 12 * HOUR + 34 * MINUTE

    def _service(self, at: int) -> Actor:
        return linked_role(
            self.company, PROD.id, "AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com", "AutoScaling",
            persona=ScalingService.id, since=at - 20 * MINUTE,
        )  # fmt: skip

    @property
    def actor(self) -> str:
        """The ARN of the scaling service's session."""
        return self._service(self._start).name

    @property
    def _machines(self) -> list[str]:
        return [self.company.hex_id("i", self.id, str(number)) for number in range(COUNT)]

    def deeds(self, total: int) -> list[Deed]:
        """Return three launches of four machines, looks at them, and their end."""
        del total
        machines = self._machines
        image = self.company.hex_id("ami", GROUP)
        tags = (("aws:autoscaling:groupName", GROUP), ("cost-centre", "marketing"))
        starts: list[tuple[str, str, Make]] = [
            ("", HOME, launch(PROD.id, KIND, image, f"{HOME}{zone}", machines[first : first + 4], tags=tags))
            for first, zone in ((0, "a"), (4, "b"), (8, "c"))
        ]
        looks: list[tuple[str, str, Make]] = [
            ("", HOME, describe("DescribeInstances")),
            ("", HOME, read("ec2", "DescribeInstanceStatus", includeAllInstances=False)),
        ]
        ends: list[tuple[str, str, Make]] = [
            ("", HOME, change_state("TerminateInstances", each, (16, "running"), (32, "shutting-down")))
            for each in machines
        ]
        end = self._start + LASTS
        return [
            *self.scene(self._start, self._service(self._start), PROD, starts + looks, (800, 9_000)),
            *self.scene(end, self._service(end), PROD, ends, (300, 2_500)),
        ]

    def others(self, total: int) -> Others:
        """Return what the machines cost."""
        del total
        hours = round(COUNT * LASTS / HOUR, 2)
        return Others(
            costs=[
                CostBump(
                    PROD.id, HOME, f"ec2:{KIND}", hours, tuple(self._machines), self._start,
                    mark=self.mark(""),
                )
            ]
        )  # fmt: skip
