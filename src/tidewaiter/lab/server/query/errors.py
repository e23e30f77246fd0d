"""What the executor says of a query, as the query API answers it.

The shape is as recorded of the service by Azure's SDKs: BadArgumentError, in it SyntaxError or SemanticError,
and in that the engine's own error with its place. What only the lab does not do has a code that no service
has: NotLocallyExecutable.
"""

from __future__ import annotations

import re

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Exceeded, Failed, Misread
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.query.request import invalid

_NUMBER = re.compile(r"\b(?:SEM|SYN)\d{4}\b")


def answer_to(error: QueryError, query: str) -> ServiceError:
    """Return the answer to a query that did not run."""
    message = error.message.split("\n", 1)[0] + (f" ({error.hint})" if error.hint else "")
    if isinstance(error, NotExecutable):
        return not_executable(message)
    if isinstance(error, Exceeded):
        return _exceeded(error, message)
    if isinstance(error, Failed):
        said = "The query began to run and could not go on."
        return invalid("QueryExecutionError", said, innererror={"code": "0x80DA0001", "message": message})
    at = error.at
    place: dict[str, object] = {}
    if at is not None and at.line and at.path == "query":
        place = {"line": at.line, "pos": at.column, "token": _token(query, at.line, at.column)}
    elif at is not None and at.path != "query":
        message = f"{at}: {message}"
    number = _NUMBER.search(error.message)
    if isinstance(error, Misread):
        code, said, kind = "SyntaxError", "A recognition error occurred in the query.", "SYN0002"
    else:
        code, said, kind = "SemanticError", "A semantic error occurred.", "SEM0100"
    inner = {"code": number.group() if number else kind, "message": message, **place}
    return invalid(code, said, innererror=inner)


def not_executable(message: str) -> ServiceError:
    """Return the answer to what Azure does and the lab does not."""
    return ServiceError(400, "NotLocallyExecutable", message)


def _exceeded(error: Exceeded, message: str) -> ServiceError:
    if error.what == "time":
        inner = {"code": "GatewayTimeout", "message": f"The query was {message}"}
        said = "The query did not finish within the time that it may take."
        return ServiceError(504, "GatewayTimeout", said, members={"innererror": inner})
    inner = {"code": "E_LOW_MEMORY_CONDITION", "message": message}
    said = "Query execution lacks memory resources to complete (80DA0007)."
    return invalid("QueryExecutionError", said, innererror=inner)


def _token(query: str, line: int, column: int) -> str:
    lines = query.split("\n")
    rest = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    found = re.match(r"\w+|\S", rest)
    return found.group() if found else ""
