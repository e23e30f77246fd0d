"""One workspace and all its clients."""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.clouds import AllowedHosts, Credential, Transport, cloud_of
from tidewaiter.sentinel.arm import Arm, WorkspacePath
from tidewaiter.sentinel.comments import Comments
from tidewaiter.sentinel.dcr import DataCollectionRules
from tidewaiter.sentinel.functions import Functions
from tidewaiter.sentinel.hunts import Hunts
from tidewaiter.sentinel.incidents import Incidents
from tidewaiter.sentinel.ingestion import LogsIngestion
from tidewaiter.sentinel.query import LogsQuery
from tidewaiter.sentinel.rules import Rules
from tidewaiter.sentinel.session import Session
from tidewaiter.sentinel.tables import Tables
from tidewaiter.sentinel.watchlists import Watchlists


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of one cloud, or of a lab."""

    ingestion: str
    authority: str = "https://login.microsoftonline.com"
    management: str = "https://management.azure.com"
    query: str = "https://api.loganalytics.io"

    def hosts(self, extra: tuple[str, ...] = ()) -> AllowedHosts:
        """Return the hosts that may be spoken to; raises as `AllowedHosts.of`."""
        given = (self.ingestion, self.authority, self.management, self.query)
        return AllowedHosts.of(given, extra)


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The clients of one workspace; they share a transport and an identity."""

    session: Session
    ingestion: LogsIngestion
    query: LogsQuery
    incidents: Incidents
    comments: Comments
    watchlists: Watchlists
    rules: Rules
    functions: Functions
    tables: Tables
    dcrs: DataCollectionRules
    hunts: Hunts

    @classmethod
    def of(cls, session: Session, endpoints: Endpoints, path: WorkspacePath, workspace_id: str) -> Sentinel:
        """Return the clients of the workspace at `path`, whose customer id is `workspace_id`.

        The tokens are for the audiences of the cloud that the authority belongs to.
        """
        cloud = cloud_of(endpoints.authority)
        arm = Arm(session, endpoints.management, cloud.management_scope)
        return cls(
            session=session,
            ingestion=LogsIngestion(session, endpoints.ingestion, cloud.ingestion_scope),
            query=LogsQuery(session, endpoints.query, cloud.query_scope, workspace_id),
            incidents=Incidents(arm, path),
            comments=Comments(arm, path),
            watchlists=Watchlists(arm, path),
            rules=Rules(arm, path),
            functions=Functions(arm, path),
            tables=Tables(arm, path),
            dcrs=DataCollectionRules(arm, path),
            hunts=Hunts(arm, path),
        )

    async def aclose(self) -> None:
        """Close the identity and the transport."""
        await self.session.credential.aclose()
        await self.session.transport.aclose()


def connect(
    transport: Transport, credential: Credential, endpoints: Endpoints, path: WorkspacePath, workspace_id: str
) -> Sentinel:
    """Return the clients of a workspace with the usual clock and retries; see `Sentinel.of`."""
    return Sentinel.of(Session(transport, credential), endpoints, path, workspace_id)
