"""A lab on its stream's clock with rules put by REST in this process, for tests of rules and incidents."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tidewaiter.lab.server import Lab, create_app
from tidewaiter.lab.server.clock import LabClock

PREVIEW = "2025-10-01-preview"
STABLE = "2024-09-01"
START = datetime(2026, 5, 1, tzinfo=UTC)
TRAIL = "AWSCloudTrail"


@dataclass
class Streamed:
    """The lab and what tests do with it. Times are minutes after START."""

    lab: Lab
    app: Any

    def arm(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """Call Sentinel's REST API; `path` is below the provider. `content` is sent as it is, for `body`."""
        content: bytes | None = options.pop("content", None)
        params = {"api-version": options.pop("version", PREVIEW), **options.pop("params", {})}
        base = f"{self.lab.tenant.workspace_path}/providers/Microsoft.SecurityInsights"
        url = path if path.startswith("https:") else f"https://127.0.0.1{base}{path}"
        headers = {
            "Authorization": f"Bearer {self.lab.token('https://management.azure.com')}",
            **options.pop("headers", {}),
        }

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, headers=headers) as client:
                asked = None if "?" in url else params  # a nextLink has its own
                return await client.request(method, url, json=body, content=content, params=asked)

        return asyncio.run(call())

    def put_rule(self, properties: Mapping[str, Any], *, name: str = "rule", kind: str = "Scheduled") -> Any:
        """Put a rule that must be taken; return it as shown."""
        answer = self.arm("PUT", f"/alertRules/{name}", {"kind": kind, "properties": properties})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def put_incident(self, name: str = "one", **properties: Any) -> Any:
        """Put an incident that must be taken; return it as shown."""
        body = {"properties": {"title": "T", "severity": "Low", "status": "New", **properties}}
        answer = self.arm("PUT", f"/incidents/{name}", body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def rows(self, rows: Sequence[Mapping[str, object]], table: str = TRAIL) -> None:
        """Let rows arrive, as one request; `at` is TimeGenerated in minutes after START."""
        made = [
            {"TimeGenerated": minute(row["at"]), **{k: v for k, v in row.items() if k != "at"}}
            for row in rows
        ]

        def store() -> None:
            self.lab.workspace.append(table, made)
            for row in made:
                self.lab.clock.saw(row["TimeGenerated"])  # type: ignore[arg-type]

        self.lab.work(store)

    def events(self, *minutes: float, name: str = "DeleteTrail", **columns: object) -> None:
        """Let one event arrive for each of the minutes, all in one request."""
        self.rows([{"at": at, "EventName": name, **columns} for at in minutes])

    def run(self, until: float | None = None) -> Any:
        """Run the rules by the stream's time, or until a minute."""
        return self.lab.run_rules(until=None if until is None else minute(until))

    def query(self, kql: str) -> list[tuple[Any, ...]]:
        return self.lab.work(lambda: self.lab.workspace.query(kql, now=self.lab.now())).rows

    def incidents(self) -> list[Any]:
        """All incidents as shown, the oldest first."""
        answer = self.arm("GET", "/incidents", params={"$orderby": "properties/incidentNumber asc"})
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["value"]
        return found


def minute(at: object) -> datetime:
    assert isinstance(at, int | float)
    return START + timedelta(minutes=at)


def scheduled(query: str = f"{TRAIL} | where EventName == 'DeleteTrail'", **changes: Any) -> dict[str, Any]:
    """The properties of a scheduled rule that Sentinel takes."""
    return {
        "displayName": "A trail was deleted",
        "enabled": True,
        "query": query,
        "severity": "High",
        "suppressionEnabled": False,
        "suppressionDuration": "PT5H",
        "queryFrequency": "PT10M",
        "queryPeriod": "PT10M",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        **changes,
    }


def near_real_time(
    query: str = f"{TRAIL} | where EventName == 'DeleteTrail'", **changes: Any
) -> dict[str, Any]:
    """The properties of a near-real-time rule that Sentinel takes."""
    schedule = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
    return {name: value for name, value in scheduled(query, **changes).items() if name not in schedule}


@contextmanager
def streamed(folder: Path, empty_workspace: Path, *, clock: LabClock | None = None) -> Iterator[Streamed]:
    """Open a lab in `folder`, made if it is not there, on the stream's clock unless another is given."""
    folder.mkdir(exist_ok=True)
    if not (folder / "workspace.duckdb").exists():
        shutil.copy(empty_workspace, folder / "workspace.duckdb")
    with Lab.open(folder, clock=clock or "stream") as lab:
        yield Streamed(lab, create_app(lab))
