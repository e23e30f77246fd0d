from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.conftest import deliver_to
from tests.kql.public_rules import events
from tidewaiter.app.engine.paths import Paths
from tidewaiter.core.settings import Settings, Source
from tidewaiter.kql.service import LanguageService, language_service
from tidewaiter.lab.generator import generate
from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.watchlists import Item, Watchlist

SOURCES = ("aws_cloudtrail", "aws_guardduty", "aws_vpcflow", "entra_audit", "entra_signin", "azure_activity")


@pytest.fixture(scope="session")
def service() -> LanguageService:
    """The one of this process: the command line uses it, too, so that each worker starts one."""
    return language_service()


@pytest.fixture(scope="session")
def planted() -> list[events.Scenario]:
    return events.scenarios()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, planted: list[events.Scenario]) -> Iterator[Workspace]:
    """A generated day and the scenarios' records, delivered into Sentinel's own tables."""
    folder = tmp_path_factory.mktemp("public_rules")
    generate(folder / "in", events=700, seed=11)
    events.write(folder / "in", planted)
    settings = Settings(sources={name: Source(destination="native") for name in SOURCES})
    delivery = deliver_to(folder / "state", folder / "in", settings=settings)
    assert delivery.exit_code == 0
    _tor_nodes(Paths(delivery.state).workspace)
    with Workspace.open(Paths(delivery.state).workspace, read_only=True) as workspace:
        yield workspace


def _tor_nodes(path: Path) -> None:
    now = events.NOW
    watchlist = Watchlist(
        alias="TorExitNodes",
        id="w",
        display_name="Tor exit nodes",
        provider="us",
        search_key="Address",
        created=now,
        updated=now,
        etag="e",
        columns=("Address",),
    )
    with Workspace.open(path) as workspace:
        workspace.watchlists.put(watchlist, [Item("1", {"Address": events.TOR_NODE}, now, now, "e")])
