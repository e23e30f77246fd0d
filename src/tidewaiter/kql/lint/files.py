"""Findings of a query that stands in a file, by the file's own lines and columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tidewaiter.kql.documents import Document
from tidewaiter.kql.lint.checking import check
from tidewaiter.kql.lint.findings import Finding
from tidewaiter.kql.service import Catalog, LanguageService


def check_document(
    document: Document,
    catalog: Catalog,
    *,
    allowed: Collection[str] = (),
    service: LanguageService | None = None,
) -> tuple[int, list[Finding]]:
    """Return how many queries a document holds, and their findings with places in the file.

    A document is one query. Only where it does not parse as one, and each part between blank lines does, it
    is several, as in the portal's editor.

    Raises:
        QueryError: a query is too long or too deep to be read.
        ServiceUnavailable: there is no language service here.
    """
    whole = _placed(document, catalog, allowed, service)
    pieces = document.pieces()
    if not _unreadable(whole) or len(pieces) < 2:
        return 1, whole
    parts = [_placed(piece, catalog, allowed, service) for piece in pieces]
    if any(_unreadable(findings) for findings in parts):
        return 1, whole
    queries = [findings for findings in parts if [each.rule for each in findings] != ["empty"]]
    return len(queries), [each for findings in queries for each in findings]


def _unreadable(findings: list[Finding]) -> bool:
    return any(
        each.kind == "syntax" and each.rule != "empty" and each.severity == "error" for each in findings
    )


def _placed(
    document: Document, catalog: Catalog, allowed: Collection[str], service: LanguageService | None
) -> list[Finding]:
    found = check(document.text, catalog, allowed=allowed, windowed=document.windowed, service=service)
    return [
        replace(
            each,
            start=each.start + document.offset,
            end=each.end + document.offset,
            line=each.line + document.line,
            column=each.column + document.indent,
        )
        for each in found
    ]
