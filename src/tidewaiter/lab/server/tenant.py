"""Who and what the simulated tenant consists of: ids, one workspace, app registrations with secrets."""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.lab.workspace import LAB_TENANT_ID


@dataclass(frozen=True, slots=True)
class Tenant:
    """The ids of the simulated tenant; constants, so that settings stay valid for another lab."""

    id: str = "7ab00000-0000-4000-8000-00000000000a"
    subscription_id: str = "7ab00000-0000-4000-8000-00000000000b"
    resource_group: str = "tidewaiter-lab"
    workspace: str = "lab"
    workspace_id: str = LAB_TENANT_ID
    location: str = "westeurope"

    @property
    def group_path(self) -> str:
        """The resource group's ARM id."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"

    @property
    def workspace_path(self) -> str:
        """The workspace's ARM id."""
        return f"{self.group_path}/providers/Microsoft.OperationalInsights/workspaces/{self.workspace}"


@dataclass(frozen=True, slots=True)
class Client:
    """An app registration with its secret.

    `sends` says that it may ever have the role Monitoring Metrics Publisher on the lab's DCRs; `manages` that
    it may use Azure Resource Manager and the query API.
    """

    id: str
    object_id: str
    secret: str
    name: str = "tidewaiter"
    sends: bool = True
    manages: bool = True
