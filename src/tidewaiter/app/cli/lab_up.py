"""`tidewaiter lab up`: the local Sentinel, served over TLS."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from tidewaiter.app.cli.options import DEFAULT_STATE, Json, StateDir
from tidewaiter.app.cli.terminal import emit, output, plain, say

if TYPE_CHECKING:
    from tidewaiter.lab.server.lab import Lab
    from tidewaiter.lab.server.serving import Address

DEFAULT_PORT = 9443


def up(
    state: StateDir = DEFAULT_STATE,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes any that is free.")
    ] = DEFAULT_PORT,
    clock: Annotated[
        Literal["wall", "stream"],
        typer.Option(
            "--clock",
            help="wall: rows older than 2 days get the time of receipt, as in Azure. "
            "stream: the newest row says what time it is.",
        ),
    ] = "wall",
    json: Json = False,
) -> None:
    """Serve a local Sentinel over TLS until Ctrl-C. For Tidewaiter and for the official Azure SDKs.

    Prints where it is, and writes settings for its clients into the lab folder.
    """
    from tidewaiter.app.engine.destination import provision_lab
    from tidewaiter.app.engine.paths import Paths
    from tidewaiter.lab.server.up import run_lab

    def announce(lab: Lab, address: Address, settings: Path) -> None:
        if json:
            _print_json(lab, address, settings)
        else:
            _print_story(lab, address, settings)
        sys.stdout.flush()

    run_lab(
        Paths(state).lab,
        port=port,
        clock=clock,
        announce=announce,
        provision=lambda lab, _: provision_lab(lab),
    )
    say("the lab has stopped; what it acknowledged is kept")


def _print_json(lab: Lab, address: Address, settings: Path) -> None:
    from tidewaiter.lab.server.up import SECRET

    found = {
        "url": address.url,
        "ca_bundle": str(address.ca.resolve()),
        "settings": str(settings),
        "tenant_id": lab.tenant.id,
        "client_id": next(iter(lab.clients)),
        "client_secret_file": str(settings.with_name(SECRET)),
        "workspace_id": lab.tenant.workspace_id,
        "workspace": lab.tenant.workspace_path,
        "clock": lab.clock.name,
    }
    emit([msgspec.json.encode(found) + b"\n"])


def _print_story(lab: Lab, address: Address, settings: Path) -> None:
    from tidewaiter.lab.server.up import SECRET

    console = output()
    ca = plain(address.ca.resolve())
    lines = [
        f"the lab is at       {address.url}",
        f"clients trust       {ca}",
        f"client settings     {plain(settings)}",
        f"workspace id        {lab.tenant.workspace_id}",
        "",
        "deliver to it:",
        f"  tidewaiter run --config '{plain(settings)}' --state STATE --from DIR --once",
        "let Azure's own SDKs trust it, in the shell:",
        f"  export REQUESTS_CA_BUNDLE='{ca}'",
        "then in Python:",
        "  from azure.identity import ClientSecretCredential",
        "  from azure.monitor.ingestion import LogsIngestionClient",
        f"  secret = open('{plain(settings.with_name(SECRET))}').read()",
        f"  who = ClientSecretCredential('{lab.tenant.id}', '{next(iter(lab.clients))}', secret,",
        f"      authority='{address.url}', disable_instance_discovery=True)",
        f"  client = LogsIngestionClient('{address.url}', who)",
        "",
        "Ctrl-C stops it",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)
