from __future__ import annotations

import msgspec
import pytest

from tests.app.conftest import TODAY, at_noon
from tidewaiter.app.engine.bound import bind
from tidewaiter.app.engine.destination import destination, warden_of
from tidewaiter.app.engine.paths import Paths
from tidewaiter.clouds import NotAllowed
from tidewaiter.core.errors import StateError
from tidewaiter.core.settings import Azure, Ingestion, Settings
from tidewaiter.state import open_state


def opened(folder, azure):
    """Open a destination with an endpoint that is no host of Azure's; no request is made."""
    settings = Settings(azure=azure, ingestion=Ingestion("https://logs.stack.example:8443", "dcr-1"))
    with destination(settings, Paths(folder), warden_of(settings, at_noon(TODAY))) as to:
        return to


def test_an_endpoint_that_is_not_azures_is_refused_until_the_setting_names_it(tmp_path):
    azure = Azure(tenant_id="t", client_id="c")

    with pytest.raises(NotAllowed) as refused:
        opened(tmp_path, azure)
    assert "azure.allow_hosts" in refused.value.hint

    assert opened(tmp_path, msgspec.structs.replace(azure, allow_hosts=("*.stack.example:8443",))).routes


def test_a_state_without_a_workspace_id_is_bound_to_its_endpoint(tmp_path):
    settings = Settings(ingestion=Ingestion("https://a.ingest.monitor.azure.com", "dcr-1"))
    other = Settings(ingestion=Ingestion("https://b.ingest.monitor.azure.com", "dcr-1"))
    with open_state(tmp_path) as state:
        bind(state, settings)
        bind(state, settings)
        with pytest.raises(StateError, match=r"a\.ingest\.monitor"):
            bind(state, other)
