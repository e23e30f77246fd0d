"""A lab served over TLS, for the tests of the contracts. `lab_server` is shared: leave it as found."""

from __future__ import annotations

import shutil
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.lab import CLIENT_ID
from tidewaiter.lab.server.serving import background
from tidewaiter.lab.server.tenant import Client
from tidewaiter.lab.workspace import Workspace

MONITOR = "https://monitor.azure.com"
MANAGEMENT = "https://management.azure.com"
STRANGER = Client("7ab00000-0000-4000-8000-0000000000ee", "7ab00000-0000-4000-8000-0000000000ef", "s3cret")


@dataclass(frozen=True)
class LabServer:
    """A running lab: where it is, what clients trust, who they are."""

    lab: Lab
    url: str
    ca: Path
    client: httpx.Client
    client_id: str = CLIENT_ID

    @property
    def tenant(self) -> str:
        return self.lab.tenant.id

    @property
    def client_secret(self) -> str:
        return self.lab.clients[CLIENT_ID].secret

    def bearer(self, audience: str = MONITOR, *, client: str = CLIENT_ID) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.lab.token(audience, client=client)}"}

    def arm(self, method: str, path: str, body: object = None, *, version: str = "2023-03-11") -> Any:
        """Call Azure Resource Manager; `path` is below the resource group."""
        url = f"{self.lab.tenant.group_path}/providers/{path}"
        return self.client.request(
            method, url, params={"api-version": version}, headers=self.bearer(MANAGEMENT), json=body
        )

    def make_table(self, columns: Mapping[str, str], name: str = "") -> str:
        """Make a custom table (types as the API spells them) and return its name."""
        name = name or f"T{uuid.uuid4().hex[:12]}_CL"
        listed = [{"name": column, "type": kind} for column, kind in columns.items()]
        answer = self.arm(
            "PUT",
            f"Microsoft.OperationalInsights/workspaces/{self.lab.tenant.workspace}/tables/{name}",
            {"properties": {"schema": {"name": name, "columns": listed}}},
            version="2025-07-01",
        )
        assert answer.status_code == 200, answer.text
        return name

    def rule_body(
        self,
        columns: Mapping[str, str],
        output: str,
        *,
        stream: str = "Custom-Stream",
        transform: str = "source",
    ) -> dict[str, Any]:
        """The body of a data collection rule with one stream and one flow."""
        listed = [{"name": column, "type": kind} for column, kind in columns.items()]
        return {
            "location": "westeurope",
            "kind": "Direct",
            "properties": {
                "streamDeclarations": {stream: {"columns": listed}},
                "destinations": {
                    "logAnalytics": [{"workspaceResourceId": self.lab.tenant.workspace_path, "name": "here"}]
                },
                "dataFlows": [
                    {
                        "streams": [stream],
                        "destinations": ["here"],
                        "transformKql": transform,
                        "outputStream": output,
                    }
                ],
            },
        }

    def make_rule(self, body: Mapping[str, Any]) -> str:
        """Make a data collection rule and return its immutable id."""
        answer = self.arm(
            "PUT", f"Microsoft.Insights/dataCollectionRules/r{uuid.uuid4().hex[:12]}", dict(body)
        )
        assert answer.status_code == 201, answer.text
        immutable_id: str = answer.json()["properties"]["immutableId"]
        return immutable_id

    def send(
        self, rule: str, rows: object, *, stream: str = "Custom-Stream", **options: Any
    ) -> httpx.Response:
        """Post rows to a stream; `headers` and `content` replace what would be sent."""
        headers = {**self.bearer(), "Content-Type": "application/json", **options.pop("headers", {})}
        body = {"content": options.pop("content")} if "content" in options else {"json": rows}
        return self.client.post(
            f"/dataCollectionRules/{rule}/streams/{stream}",
            params=options.pop("params", {"api-version": "2023-01-01"}),
            headers=headers,
            **body,
            **options,
        )

    def query(self, kql: str) -> list[tuple[Any, ...]]:
        """Run a query on the lab's workspace."""
        return self.lab.work(lambda: self.lab.workspace.query(kql, now=self.lab.now())).rows


@dataclass(frozen=True)
class Way:
    """A custom table with a rule that leads to it."""

    server: LabServer
    table: str
    rule: str

    def send(self, rows: object, **options: Any) -> httpx.Response:
        return self.server.send(self.rule, rows, **options)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """The rows that lie in the table, in the order of column N."""
        return self.server.query(f"{self.table} | order by N asc | project {columns}")


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace without rows, made once because that takes a while; to be copied."""
    path = tmp_path_factory.mktemp("empty") / "workspace.duckdb"
    Workspace.open(path).close()
    return path


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory, empty_workspace: Path) -> Iterator[LabServer]:
    """A lab on the wall clock, served over TLS."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(empty_workspace, folder / "workspace.duckdb")
    with Lab.open(folder) as lab, background(lab) as address:
        lab.clients[STRANGER.id] = STRANGER
        with httpx.Client(
            base_url=address.url, verify=ssl.create_default_context(cafile=str(address.ca))
        ) as client:
            yield LabServer(lab, address.url, address.ca, client)


COLUMNS = {
    "TimeGenerated": "datetime",
    "N": "long",
    "Text": "string",
    "Small": "int",
    "Ratio": "real",
    "Flag": "boolean",
    "At": "datetime",
    "Extra": "dynamic",
}


@pytest.fixture(scope="session")
def way(lab_server: LabServer) -> Way:
    """A table with a column of each type, and a rule that passes rows on unchanged."""
    table = lab_server.make_table(COLUMNS)
    return Way(lab_server, table, lab_server.make_rule(lab_server.rule_body(COLUMNS, f"Custom-{table}")))


@pytest.fixture
def fresh_way(lab_server: LabServer) -> Way:
    """The same with no rows in it, for this test alone."""
    table = lab_server.make_table(COLUMNS)
    return Way(lab_server, table, lab_server.make_rule(lab_server.rule_body(COLUMNS, f"Custom-{table}")))


@pytest.fixture
def state(tmp_path: Path, empty_workspace: Path) -> Path:
    (tmp_path / "state" / "lab").mkdir(parents=True)
    shutil.copy(empty_workspace, tmp_path / "state" / "lab" / "workspace.duckdb")
    return tmp_path / "state"
