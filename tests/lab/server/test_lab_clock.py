from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tidewaiter.lab.server import Lab, create_app
from tidewaiter.lab.server.faults import ConnectionDropped, Fault

LAST_MONTH = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)


@pytest.fixture
def folder(tmp_path: Path, empty_workspace: Path) -> Path:
    shutil.copy(empty_workspace, tmp_path / "workspace.duckdb")
    return tmp_path


async def deliver(lab: Lab, *bodies: list[dict[str, object]]) -> list[int]:
    """Make a table with a rule, and send bodies, without a socket."""
    headers = {"Authorization": f"Bearer {lab.token('https://management.azure.com')}"}
    transport = httpx.ASGITransport(create_app(lab))
    columns = [{"name": "TimeGenerated", "type": "datetime"}, {"name": "N", "type": "long"}]
    rule = {
        "location": "westeurope",
        "kind": "Direct",
        "properties": {
            "streamDeclarations": {"Custom-Days_CL": {"columns": columns}},
            "destinations": {
                "logAnalytics": [{"name": "here", "workspaceResourceId": lab.tenant.workspace_path}]
            },
            "dataFlows": [{"streams": ["Custom-Days_CL"], "destinations": ["here"]}],
        },
    }
    async with httpx.AsyncClient(transport=transport, base_url="https://lab") as client:
        table = {"properties": {"schema": {"name": "Days_CL", "columns": columns}}}
        path = f"{lab.tenant.workspace_path}/tables/Days_CL?api-version=2025-07-01"
        assert (await client.put(path, json=table, headers=headers)).is_success
        path = f"{lab.tenant.group_path}/providers/Microsoft.Insights/dataCollectionRules/r"
        made = await client.put(f"{path}?api-version=2023-03-11", json=rule, headers=headers)
        immutable_id = made.json()["properties"]["immutableId"]
        headers = {"Authorization": f"Bearer {lab.token('https://monitor.azure.com')}"}
        path = f"/dataCollectionRules/{immutable_id}/streams/Custom-Days_CL?api-version=2023-01-01"
        return [(await client.post(path, json=body, headers=headers)).status_code for body in bodies]


def row(at: datetime, number: int = 1) -> dict[str, object]:
    return {"TimeGenerated": at.isoformat(), "N": number}


def times(lab: Lab) -> list[Any]:
    return [at for (at,) in lab.workspace.query("Days_CL | order by N asc | project TimeGenerated").rows]


def test_on_the_streams_clock_an_old_day_keeps_its_times(folder: Path):
    with Lab.open(folder, clock="stream") as lab:
        old = LAST_MONTH - timedelta(days=400)
        assert asyncio.run(deliver(lab, [row(LAST_MONTH, 1)], [row(old, 2)])) == [204, 204]
        assert times(lab) == [LAST_MONTH, old]
        assert lab.now() == LAST_MONTH
    with Lab.open(folder, clock="stream") as lab:
        assert lab.now() == LAST_MONTH, "the clock goes on from the rows that are there"


def test_on_the_streams_clock_a_time_that_cannot_be_yet_does_not_set_it(folder: Path):
    with Lab.open(folder, clock="stream") as lab:
        future = datetime.now(UTC) + timedelta(days=3000)
        assert asyncio.run(deliver(lab, [row(LAST_MONTH, 1), row(future, 2)])) == [204]
        assert lab.now() <= datetime.now(UTC)


def test_on_the_wall_clock_an_old_day_gets_the_time_of_receipt(folder: Path):
    with Lab.open(folder, clock="wall") as lab:
        before = datetime.now(UTC)
        assert asyncio.run(deliver(lab, [row(LAST_MONTH)])) == [204]
        assert times(lab)[0] >= before


def test_on_the_streams_clock_nothing_is_limited_per_minute(folder: Path):
    with Lab.open(folder, clock="stream") as lab:
        assert lab.quota is None


def test_in_process_a_dropped_connection_is_an_error_of_connections(folder: Path):
    with Lab.open(folder, clock="stream") as lab:
        lab.faults.plan(Fault(drop=True, store=True))
        with pytest.raises(ConnectionDropped):
            asyncio.run(deliver(lab, [row(LAST_MONTH)]))
        assert times(lab) == [LAST_MONTH]


def test_a_rule_and_a_secret_outlive_the_process(folder: Path):
    with Lab.open(folder, clock="stream") as lab:
        asyncio.run(deliver(lab))
        rule, secret = lab.rules["r"], [client.secret for client in lab.clients.values()]
    with Lab.open(folder, clock="stream") as lab:
        assert lab.rules["r"] == rule
        assert [client.secret for client in lab.clients.values()] == secret
