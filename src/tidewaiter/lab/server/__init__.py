"""A local Sentinel: one ASGI app that speaks the REST contracts our Azure clients use.

    with Lab.open(folder) as lab:
        app = create_app(lab)          # through httpx.ASGITransport, or over TLS with `serving.serve`

`lab up` serves it over TLS; an embedded lab is the same app without a socket.
"""

from __future__ import annotations

from tidewaiter.lab.server.app import create_app
from tidewaiter.lab.server.lab import Lab

__all__ = ["Lab", "create_app"]
