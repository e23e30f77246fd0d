"""`tidewaiter lab up` as a process of its own."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tidewaiter.core.settings import load

COMMAND = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()"]


@contextmanager
def up(state: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Run `lab up` until the context ends; yield the process and what it printed once it was ready."""
    process = subprocess.Popen(
        [*COMMAND, "lab", "up", "--state", str(state), "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1].decode()
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def token(found: dict[str, Any]) -> httpx.Response:
    settings = load(Path(found["settings"]), {}).settings
    secret = Path(settings.azure.client_secret.removeprefix("file://")).read_text()
    with httpx.Client(verify=ssl.create_default_context(cafile=settings.azure.ca_bundle)) as client:
        return client.post(
            f"{settings.azure.authority}/{settings.azure.tenant_id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": settings.azure.client_id,
                "client_secret": secret,
                "scope": "https://management.azure.com/.default",
            },
        )
