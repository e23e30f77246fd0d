"""A lab that stays up: served until it is told to stop, with settings for its clients beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tidewaiter.lab.server.clock import ClockName
from tidewaiter.lab.server.files import write_private
from tidewaiter.lab.server.lab import CLIENT_ID, Lab
from tidewaiter.lab.server.sentinel.ticker import ticking
from tidewaiter.lab.server.serving import Address, serving

SETTINGS = "tidewaiter.toml"
SECRET = "client-secret"

Provision = Callable[[Lab, Address], None]
"""Makes tables, rules and the like through the REST contracts, once the lab answers."""


def run_lab(
    folder: Path,
    *,
    port: int,
    clock: ClockName,
    announce: Callable[[Lab, Address, Path], None],
    provision: Provision | None = None,
) -> None:
    """Serve the lab in `folder` until SIGINT or SIGTERM, and run its rules; call from the main thread.

    Once it answers, `provision` is called in a thread, then the settings for clients are written and
    `announce` is told where they are.

    Raises:
        UsageError: the port is in use. StateError: another process has the lab, or it cannot be used.
        TidewaiterError: what `provision` raises; the lab has stopped.
    """
    failed: list[BaseException] = []
    with (
        Lab.open(folder, clock=clock) as lab,
        serving(lab, port=port) as (server, listener, address),
        ticking(lab),
    ):

        def prepare() -> None:
            if not server.wait_ready():
                return
            try:
                if provision is not None:
                    provision(lab, address)
                announce(lab, address, write_settings(lab, address))
            except BaseException as error:
                failed.append(error)
                server.should_exit = True

        thread = threading.Thread(target=prepare, name="lab-provision", daemon=True)
        thread.start()
        server.run(sockets=[listener])
        thread.join(10)
    if failed:
        raise failed[0]


def write_settings(lab: Lab, address: Address) -> Path:
    """Write `tidewaiter.toml` and the client's secret into the lab folder; return the settings' path."""
    folder = lab.folder.resolve()
    secret = folder / SECRET
    write_private(secret, lab.clients[CLIENT_ID].secret.encode())
    rules = lab.work(lambda: _rules_by_table(lab))
    tenant = lab.tenant
    lines = [
        "# Settings for clients of this lab; written anew whenever it starts.",
        "[azure]",
        f'tenant_id = "{tenant.id}"',
        f'client_id = "{CLIENT_ID}"',
        f"client_secret = {_quoted(f'file://{secret}')}",
        f'authority = "{address.url}"',
        f'management = "{address.url}"',
        f'query = "{address.url}"',
        f"ca_bundle = {_quoted(str(address.ca.resolve()))}",
        "",
        "[workspace]",
        f'subscription_id = "{tenant.subscription_id}"',
        f'resource_group = "{tenant.resource_group}"',
        f'name = "{tenant.workspace}"',
        f'id = "{tenant.workspace_id}"',
        "",
        "[ingestion]",
        f'endpoint = "{address.url}"',
        'stream_prefix = "Custom-"',
    ]
    if rules:
        lines += ["", "[ingestion.dcrs]", *(f'{table} = "{rule}"' for table, rule in rules.items())]
    path = folder / SETTINGS
    write_private(path, ("\n".join(lines) + "\n").encode())
    return path


def _rules_by_table(lab: Lab) -> dict[str, str]:
    """Return the immutable id of the rule that takes a table's rows, by table."""
    found = {
        stream.removeprefix("Custom-"): rule.immutable_id
        for rule in lab.rules.values()
        for stream in rule.properties.stream_declarations
    }
    return {table: found[table] for table in sorted(found) if table in lab.workspace.tables()}


def _quoted(text: str) -> str:
    """Return a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
