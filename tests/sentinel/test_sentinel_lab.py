"""The clients against the lab, in this process: the same contracts, answered by our own server."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.sentinel.in_lab import asked, path_of, permit
from tidewaiter.clouds import (
    AllowedHosts,
    Transport,
    Untrusted,
    credential_for,
)
from tidewaiter.core.permit import Capability
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.faults import Fault
from tidewaiter.lab.server.lab import CLIENT_ID
from tidewaiter.lab.server.serving import background
from tidewaiter.sentinel import (
    Endpoints,
    Refused,
    Sentinel,
    Throttled,
    TooLarge,
    Uncertain,
    connect,
    output_stream,
    render_dcr,
    render_table,
)

COLUMNS = {"TimeGenerated": "datetime", "N": "long", "Text": "string", "Extra": "dynamic"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with Lab.open(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def dcr(lab) -> str:
    """The immutable id of a rule, rendered by us and taken by the lab, into a custom and a native table."""

    async def act(sentinel: Sentinel) -> str:
        leave = permit(Capability.PROVISION)
        await sentinel.tables.put("Rows_CL", render_table("Rows_CL", COLUMNS), permit=leave)
        (draft,) = render_dcr(
            ["ASimAuditEventLogs", "Rows_CL"],
            workspace_resource_id=lab.tenant.workspace_path,
            location="westeurope",
            custom={"Rows_CL": COLUMNS},
        )
        rule = await sentinel.dcrs.put("tidewaiter-1", draft, permit=leave)
        assert rule.properties.immutable_id is not None
        return rule.properties.immutable_id

    return asked(lab, act)


def upload(lab: Lab, dcr: str, rows: object, *, table: str = "Rows_CL") -> None:
    body = rows if isinstance(rows, bytes) else gzip.compress(msgspec.json.encode(rows))

    def act(sentinel: Sentinel) -> Awaitable[None]:
        return sentinel.ingestion.upload(
            body,
            dcr=dcr,
            stream=f"Custom-{table}",
            batch_id="batch-1",
            permit=permit(Capability.DELIVER_ROWS),
            source="*",
        )

    asked(lab, act)


def stored(lab: Lab, kql: str) -> list[tuple[object, ...]]:
    return list(lab.work(lambda: lab.workspace.query(kql, now=lab.now())).rows)


def test_rows_that_are_sent_are_stored_by_a_rule_that_we_rendered(lab, dcr):
    now = datetime.now(UTC).isoformat()
    upload(lab, dcr, [{"TimeGenerated": now, "N": 1, "Text": "a", "Extra": {"b": [1]}}])
    upload(lab, dcr, [{"TimeGenerated": now, "EventType": "Read"}], table="ASimAuditEventLogs")

    assert stored(lab, "Rows_CL | project N, Text") == [(1, "a")]
    assert stored(lab, "ASimAuditEventLogs | project EventType") == [("Read",)]


def test_a_rule_that_was_made_can_be_read_and_listed(lab, dcr):
    async def act(sentinel: Sentinel) -> tuple[str | None, list[str]]:
        rule = await sentinel.dcrs.get("tidewaiter-1")
        assert rule.properties.data_flows is not None
        assert rule.properties.data_flows[1].output_stream == output_stream("Rows_CL")
        return rule.properties.immutable_id, [rule.name async for rule in sentinel.dcrs.list()]

    immutable_id, names = asked(lab, act)

    assert immutable_id == dcr
    assert "tidewaiter-1" in names


def test_a_table_that_was_made_can_be_read_changed_and_deleted(lab):
    async def act(sentinel: Sentinel) -> None:
        leave = permit(Capability.PROVISION)
        await sentinel.tables.put("Short_CL", render_table("Short_CL", {"A": "string"}), permit=leave)
        table = await sentinel.tables.get("Short_CL")
        assert table.properties.schema is not None
        names = [column.name for column in table.properties.schema.columns or ()]
        assert {"A", "TimeGenerated"} <= set(names)
        assert "Short_CL" in [table.name async for table in sentinel.tables.list()]
        await sentinel.tables.delete("Short_CL", permit=leave)
        with pytest.raises(Refused) as caught:
            await sentinel.tables.get("Short_CL")
        assert caught.value.status == 404

    asked(lab, act)


def test_a_body_over_a_megabyte_is_too_large(lab, dcr):
    with pytest.raises(TooLarge):
        upload(lab, dcr, [{"N": n, "Text": "x" * 1_000} for n in range(1_100)])


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{", mtime=0), gzip.compress(b"[1]", mtime=0)])
def test_a_body_that_holds_no_rows_is_refused(lab, dcr, body):
    with pytest.raises(Refused) as caught:
        upload(lab, dcr, body)

    assert caught.value.status == 400
    assert caught.value.code


def test_an_unknown_rule_is_refused_with_a_next_step(lab):
    with pytest.raises(Refused, match=r"ingestion\.dcr") as caught:
        upload(lab, "dcr-00000000000000000000000000000000", [{"N": 1}])

    assert caught.value.status == 404


def test_a_wrong_secret_is_refused_in_entras_words(lab):
    with pytest.raises(Refused, match="AADSTS7000215") as caught:
        asked(lab, lambda sentinel: sentinel.tables.get("Rows_CL"), secret="wrong-secret")

    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("stored_first", [True, False])
def test_a_connection_that_breaks_is_uncertain_whether_or_not_the_rows_were_stored(lab, dcr, stored_first):
    lab.faults.plan(Fault(drop=True, store=stored_first))
    text = f"broken-{stored_first}"

    with pytest.raises(Uncertain):
        upload(lab, dcr, [{"N": 2, "Text": text}])

    assert stored(lab, f"Rows_CL | where Text == '{text}' | count") == [(int(stored_first),)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=429, headers={"Retry-After": "3"}), Throttled),
        (Fault(status=503, headers={"Retry-After": "3"}), Throttled),
        (Fault(status=500, store=True), Uncertain),
        (Fault(status=408), Uncertain),
    ],
)
def test_trouble_of_the_service_has_its_type(lab, dcr, fault, kind):
    lab.faults.plan(fault)

    with pytest.raises(kind) as caught:
        upload(lab, dcr, [{"N": 3}])

    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after == 3.0


def test_an_expired_token_is_replaced_and_the_batch_still_goes_out_once(lab, dcr):
    before = len(stored(lab, "Rows_CL | where N == 4"))
    lab.faults.plan(Fault(status=401, body=b'{"error":{"code":"InvalidToken","message":"expired"}}'))

    upload(lab, dcr, [{"N": 4}])

    assert len(stored(lab, "Rows_CL | where N == 4")) == before + 1


@pytest.mark.parametrize("identity", ["secret", "azure-identity"])
def test_everything_works_over_TLS_too(lab, dcr, identity, monkeypatch):
    monkeypatch.setenv("LAB_SECRET", lab.clients[CLIENT_ID].secret)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setenv("AZURE_TENANT_ID", lab.tenant.id)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", lab.clients[CLIENT_ID].secret)
    rows = gzip.compress(msgspec.json.encode([{"N": 5, "Text": identity}]))

    async def main(url: str, ca: Path) -> None:
        endpoints = Endpoints(ingestion=url, authority=url, management=url, query=url)
        transport = Transport(endpoints.hosts(), ca_bundle=ca)
        credential = credential_for(
            transport,
            authority=url,
            tenant_id=lab.tenant.id,
            client_id=CLIENT_ID if identity == "secret" else "",
            client_secret="env://LAB_SECRET" if identity == "secret" else "",
            ca_bundle=ca,
        )
        sentinel = connect(transport, credential, endpoints, path_of(lab), lab.tenant.workspace_id)
        try:
            await sentinel.tables.get("Rows_CL")
            await sentinel.ingestion.upload(
                rows,
                dcr=dcr,
                stream="Custom-Rows_CL",
                batch_id="b",
                permit=permit(Capability.DELIVER_ROWS),
                source="*",
            )
        finally:
            await sentinel.aclose()

    with background(lab) as address:
        asyncio.run(main(address.url, address.ca))

    assert stored(lab, f"Rows_CL | where Text == '{identity}' | count") == [(1,)]


def test_a_lab_whose_authority_is_not_named_is_not_trusted(lab):
    async def main(url: str) -> None:
        async with Transport(AllowedHosts.of([url])) as transport:
            await transport.request("GET", url)

    with background(lab) as address, pytest.raises(Untrusted, match=r"azure\.ca_bundle"):
        asyncio.run(main(address.url))
