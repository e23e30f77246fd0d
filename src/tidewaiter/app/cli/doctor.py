"""`tidewaiter doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import msgspec
import typer

from tidewaiter.app.cli.options import DEFAULT_STATE, Config, Json, StateDir
from tidewaiter.app.cli.terminal import emit, output, table


def doctor(state: StateDir = DEFAULT_STATE, config: Config = None, json: Json = False) -> None:
    """Check settings, content, state and this machine. That includes archive, disk, memory and certificates.

    Nothing is changed. No cloud is called, but for the workspace that findings are to be pulled from.
    Exit code 4 when something has failed.
    """
    from tidewaiter.app.engine.doctor import examine
    from tidewaiter.core.settings import load

    checks = list(examine(load(config).settings, state))
    if json:
        emit(msgspec.json.encode(check) + b"\n" for check in checks)
    else:
        rows = [(check.name, check.result, check.saw, check.next) for check in checks]
        output().print(table(("check", "result", "what was seen", "next"), rows))
    raise typer.Exit(4 if any(check.result == "failed" for check in checks) else 0)
