"""The face of the service: a process that starts on first use and is started again when it has to be."""

from __future__ import annotations

import atexit
import threading
from functools import lru_cache

import msgspec

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.service.analysis import Analysis, Answer, analysis_of
from tidewaiter.kql.service.catalog import Catalog, standard
from tidewaiter.kql.service.process import NodeProcess, Paths, ServiceStopped, ServiceUnavailable

MAX_CHARACTERS = 200_000
"""A query beyond this is refused; a rule's may have 10,000 ("Sentinel service limits", 2025)."""

_START_SECONDS = 60.0


class LanguageService:
    """Microsoft's language service; threads share one, and it answers them one after the other."""

    def __init__(self, paths: Paths | None = None, *, seconds: float = 20.0, memory_mb: int = 768) -> None:
        """Bound each request to `seconds`, and the process to a heap of `memory_mb`; starts nothing yet."""
        self._paths = paths or Paths.of_environment()
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._process: NodeProcess | None = None
        self._given: list[str] = []
        self._inherited: list[NodeProcess] = []
        self.starts = 0

    def analyze(self, query: str, catalog: Catalog | None = None, *, tree: bool = False) -> Analysis:
        """Parse a query and bind it to a catalog (by default `standard()`); `tree` asks for its tree.

        Raises:
            QueryError: too long, too deep, or so much work that the limits were reached.
            ServiceUnavailable: there is no service here; its hint says what to do.
        """
        if len(query) > MAX_CHARACTERS:
            raise QueryError(f"the query has {len(query):,} characters; the limit is {MAX_CHARACTERS:,}")
        if any("\ud800" <= char <= "\udfff" for char in query):
            raise QueryError("the query is not valid Unicode text: it holds a lone surrogate")
        catalog = catalog or standard()
        request = msgspec.json.encode({"op": "analyze", "key": catalog.key, "query": query, "tree": tree})
        with self._lock:
            answer = self._answer(request, catalog)
        if answer.error:
            raise QueryError(f"the language service cannot read this query: {answer.error}")
        return analysis_of(query, answer)

    def close(self) -> None:
        """Stop the process; a later `analyze` starts another."""
        with self._lock:
            if self._process is not None:
                self._process.close()
            self._process, self._given = None, []

    def _answer(self, request: bytes, catalog: Catalog) -> Answer:
        """Ask; a process that died since the last request is replaced, one that dies of this one is not."""
        process = self._running()
        try:
            self._give(process, catalog)
            answer = msgspec.json.decode(process.ask(request + b"\n", seconds=self._seconds), type=Answer)
            if answer.missing:  # the service keeps a few catalogs only
                self._given.remove(catalog.key)
                self._give(process, catalog)
                answer = msgspec.json.decode(process.ask(request + b"\n", seconds=self._seconds), type=Answer)
        except ServiceStopped as stopped:
            self._process = None
            what = "took too long" if stopped.timed_out else "stopped the language service"
            hint = "it was stopped and starts again with the next query; make this one smaller"
            raise QueryError(f"the query {what}: {stopped.why}", hint=hint) from None
        return answer

    def _give(self, process: NodeProcess, catalog: Catalog) -> None:
        if catalog.key not in self._given:
            process.ask(_catalog_line(catalog), seconds=self._seconds)
            self._given.append(catalog.key)

    def _running(self) -> NodeProcess:
        if self._process is not None and self._process.alive():
            return self._process
        if self._process is not None:
            self._forget(self._process)
        self._process, self._given = self._started(), []
        return self._process

    def _forget(self, process: NodeProcess) -> None:
        """Let go of a process that ended, or that belongs to the process that this one was forked from."""
        process.kill()
        self._inherited.append(process)

    def _started(self) -> NodeProcess:
        """Start from the snapshot; where it does not fit this node, or is not there, from the package."""
        self.starts += 1
        if self._paths.snapshot.is_file():
            process = NodeProcess(self._paths, memory_mb=self._memory_mb, snapshot=True)
            try:
                process.ask(_HELLO, seconds=_START_SECONDS)
                return process
            except ServiceStopped:
                pass
        process = NodeProcess(self._paths, memory_mb=self._memory_mb, snapshot=False)
        try:
            process.ask(_HELLO, seconds=_START_SECONDS)
        except ServiceStopped as stopped:
            hint = "run `make setup` again; if that does not help, this machine may refuse to run node"
            message = f"Microsoft's language service does not start: {stopped.why}"
            raise ServiceUnavailable(message, hint=hint) from None
        return process


def _catalog_line(catalog: Catalog) -> bytes:
    return b'{"key":"' + catalog.key.encode() + b'",' + catalog.encoded[1:] + b"\n"


_HELLO = b'{"op":"hello"}\n'


@lru_cache(maxsize=1)
def language_service() -> LanguageService:
    """Return the service that all of this process share; it stops when the interpreter does."""
    shared = LanguageService()
    atexit.register(shared.close)
    return shared
