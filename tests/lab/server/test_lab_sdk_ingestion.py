from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.monitor.ingestion import LogsIngestionClient

from .conftest import LabServer, Way


def credential(server: LabServer, *, secret: str = "", client: str = "", tenant: str = ""):
    return ClientSecretCredential(
        tenant or server.tenant,
        client or server.client_id,
        secret or server.client_secret,
        authority=server.url,
        disable_instance_discovery=True,
        connection_verify=str(server.ca),
    )


def ingestion(server: LabServer, **options):
    return LogsIngestionClient(
        server.url, credential(server), connection_verify=str(server.ca), logging_enable=False, **options
    )


def test_the_sdk_gets_a_token_for_a_service(lab_server: LabServer):
    with credential(lab_server) as entra:
        token = entra.get_token("https://monitor.azure.com/.default")
    assert token.token.count(".") == 2
    assert token.expires_on > datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"secret": "wrong"}, "AADSTS7000215"),
        ({"client": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ({"tenant": "00000000-0000-4000-8000-000000000000"}, "check your tenant name"),
    ],
)
def test_the_sdk_reports_entras_own_errors(lab_server: LabServer, wrong, code):
    with credential(lab_server, **wrong) as entra, pytest.raises(ClientAuthenticationError, match=code):
        entra.get_token("https://monitor.azure.com/.default")


def test_the_sdk_uploads_rows_and_kql_finds_them(fresh_way: Way):
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    rows = [{"TimeGenerated": at.isoformat(), "N": n, "Text": "x" * 700} for n in range(1000)]
    with ingestion(fresh_way.server) as client:
        client.upload(fresh_way.rule, "Custom-Stream", rows)
    found = fresh_way.server.query(f"{fresh_way.table} | summarize count(), dcount(N), max(TimeGenerated)")
    assert found == [(1000, 1000, at)]


def test_the_sdk_reports_an_unknown_rule_in_the_services_words(lab_server: LabServer):
    with (
        ingestion(lab_server) as client,
        pytest.raises(HttpResponseError, match="immutable Id 'dcr-none' not found"),
    ):
        client.upload("dcr-none", "Custom-Stream", [{"N": 1}])
