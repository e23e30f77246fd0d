"""Serves the app over TLS on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from tidewaiter.core.errors import ConfigError, UsageError
from tidewaiter.lab.server.app import create_app
from tidewaiter.lab.server.certificates import Certificates, certificates
from tidewaiter.lab.server.lab import Lab

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a lab is served: an https URL without a path, and the CA file that clients trust."""

    url: str
    ca: Path


class _Protocol(H11Protocol):
    """uvicorn's, which remembers its transport: a peer that leaves without a word of TLS leaves one open."""

    open: ClassVar[weakref.WeakKeyDictionary[asyncio.Transport, object]] = weakref.WeakKeyDictionary()
    """Transport -> the state of the server that it belongs to."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open[transport] = self.server_state

    def shutdown(self) -> None:
        """Close the connection, once: closed twice, a transport that waits for its peer cannot be aborted."""
        if not self.transport.is_closing():
            super().shutdown()


class Server(uvicorn.Server):
    """uvicorn that tells another thread when it is `ready`, and leaves no connection behind."""

    def __init__(self, app: Starlette, made: Certificates) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                ssl_certfile=str(made.certificate),
                ssl_keyfile=str(made.key),
            )
        )
        self.config.load()
        assert self.config.ssl is not None
        self.config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening; `ready` is set then."""
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    def wait_ready(self, seconds: float = 60.0) -> bool:
        """Wait until the server answers; False when it ended before, or the time is up."""
        return self.ready.wait(seconds) and self.started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM stop the server; unlike uvicorn's own, do not raise them again after it.

        The lab closes in order behind the server, and that is the end of the process.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, finish what runs, then close what is still open."""
        await super().shutdown(sockets)
        for transport, server in list(_Protocol.open.items()):
            if server is self.server_state:
                transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@contextlib.contextmanager
def serving(lab: Lab, *, port: int = 0) -> Iterator[tuple[Server, socket.socket, Address]]:
    """Bind the port (0: any that is free) and prepare a server for `lab`; the caller runs it.

    Raises:
        UsageError: the port is in use. ConfigError: it cannot be bound.
    """
    made = certificates(lab.folder / "tls")
    listener = _listen(port)
    try:
        url = f"https://{HOST}:{listener.getsockname()[1]}"
        lab.endpoint = url
        yield Server(create_app(lab), made), listener, Address(url, made.ca)
    finally:
        listener.close()


@contextlib.contextmanager
def background(lab: Lab, *, port: int = 0) -> Iterator[Address]:
    """Serve `lab` in a thread of this process while the context lasts."""
    with serving(lab, port=port) as (server, listener, address):
        thread = threading.Thread(target=server.run, args=([listener],), name="lab-server", daemon=True)
        thread.start()
        server.wait_ready()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(10)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            hint = "give --port another one, or 0 for any that is free"
            raise UsageError(f"port {port} is in use", hint=hint) from None
        hint = "give --port another one; ports below 1024 need privileges"
        raise ConfigError(f"cannot listen on {HOST}:{port}: {error.strerror}", hint=hint) from None
    return listener
