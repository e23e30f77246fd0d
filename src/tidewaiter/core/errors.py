"""One tree of errors; each says what, where, what to do, and whether a retry helps.

    TidewaiterError            exit  retry helps
    ├── UsageError              2    no   the command line is wrong (missing path, unknown source)
    ├── ConfigError             4    no   a setting or the state directory cannot be used
    │   ├── StateError          4    no   state locked, of a newer version, or not writable
    │   └── PermitError         4    no   an act that the phase or the permit does not allow
    ├── ContentError            4    no   a mapping, detection or schema file is wrong
    │   └── ContentErrors       4    no   several of them, shown together
    ├── QueryError              2    no   a KQL query that is wrong
    │   └── NotExecutable       2    no   a KQL query that the local executor refuses, by name
    └── DeliveryError           5    yes  rows could not be written where they should go

Bad *data* is never an exception that leaves a stage: it becomes a `Fault` or a `Quarantined` record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; `line` and `column` count from 1, 0 means unknown."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = self.path
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        return place


class TidewaiterError(Exception):
    """Base of all errors that a person is meant to read."""

    exit_code = 1
    retry = False

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class UsageError(TidewaiterError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(TidewaiterError):
    """A setting, or the place it points to, cannot be used."""

    exit_code = 4


class StateError(ConfigError):
    """The state directory is locked, of a newer version, or not writable."""


class PermitError(ConfigError):
    """An act outside that no permit covers; nothing was done."""


class ContentError(TidewaiterError):
    """A mapping, detection, schema or other content file is wrong."""

    exit_code = 4


class ContentErrors(ContentError):
    """All errors found in a set of content files, shown together."""

    def __init__(self, errors: Sequence[ContentError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


class QueryError(TidewaiterError):
    """A KQL query is wrong."""

    exit_code = 2


class NotExecutable(QueryError):
    """The local executor cannot run `construct`; it says so instead of answering emptily."""

    def __init__(self, construct: str, *, hint: str = "") -> None:
        super().__init__(f"not locally executable: {construct}", hint=hint)
        self.construct = construct


class DeliveryError(TidewaiterError):
    """Rows could not be written where they should go; nothing was claimed, so a retry is safe."""

    exit_code = 5
    retry = True
