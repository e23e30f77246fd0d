from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidewaiter.core.errors import PermitError
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.govern import ALLOWED, Warden, enforce

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
PACKAGE = Path(__file__).resolve().parents[2] / "src" / "tidewaiter"


def warden(clock=lambda: NOW, default=Phase.ACTIVE, **phases):
    return Warden(phases, default, approval="settings", clock=clock)


def test_a_permit_covers_its_capability_and_source_until_it_expires():
    permit = warden().permit(Capability.DELIVER_ROWS, "aws_cloudtrail")

    enforce(permit, Capability.DELIVER_ROWS, source="aws_cloudtrail", now=NOW)
    for wrong in (
        {"capability": Capability.RAISE_ALERTS, "source": "aws_cloudtrail", "now": NOW},
        {"capability": Capability.DELIVER_ROWS, "source": "aws_vpcflow", "now": NOW},
        {"capability": Capability.DELIVER_ROWS, "source": "*", "now": NOW},
        {"capability": Capability.DELIVER_ROWS, "source": "aws_cloudtrail", "now": permit.expires},
    ):
        with pytest.raises(PermitError):
            enforce(permit, **wrong)


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_gives_what_its_table_says_and_nothing_else(phase):
    for capability in Capability:
        if capability in ALLOWED[phase]:
            assert warden(default=phase).permit(capability).phase is phase
        else:
            with pytest.raises(PermitError, match=f"not allowed for x in phase {phase.value}"):
                warden(default=phase).permit(capability, "x")


def test_shadow_neither_delivers_rows_nor_raises_alerts():
    assert not ALLOWED[Phase.SHADOW] & {Capability.DELIVER_ROWS, Capability.RAISE_ALERTS}
    assert ALLOWED[Phase.SHADOW] < ALLOWED[Phase.SELECTIVE] < ALLOWED[Phase.ACTIVE]


def test_a_source_has_its_own_phase():
    guard = warden(aws_vpcflow=Phase.SHADOW)

    assert guard.allows(Capability.DELIVER_ROWS, "aws_cloudtrail")
    assert not guard.allows(Capability.DELIVER_ROWS, "aws_vpcflow")


def test_a_permit_is_minted_anew_before_it_expires_and_each_one_is_heard_of():
    now = [NOW]
    heard: list[Permit] = []
    guard = Warden({}, Phase.ACTIVE, approval="lab", clock=lambda: now[0], sink=heard.append)
    first = guard.permit(Capability.DELIVER_ROWS, "a")
    assert guard.permit(Capability.DELIVER_ROWS, "a") is first
    now[0] = NOW + timedelta(minutes=59)
    second = guard.permit(Capability.DELIVER_ROWS, "a")

    assert second.expires > first.expires
    assert heard == [first, second]


def test_a_clock_that_jumps_back_gives_a_permit_of_the_usual_length():
    now = [NOW + timedelta(days=30)]
    guard = warden(clock=lambda: now[0])
    guard.permit(Capability.DELIVER_ROWS, "a")
    now[0] = NOW

    assert guard.permit(Capability.DELIVER_ROWS, "a").expires == NOW + timedelta(hours=1)


def test_permits_are_minted_in_govern_alone():
    makers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") == "Permit" or getattr(node.func, "attr", "") == "Permit")
    }

    assert makers == {"govern/permits.py"}
