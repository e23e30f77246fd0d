"""Everything that can be said of one query, in the order of its text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from tidewaiter.kql.lint import filters, joins, scans, strings, time
from tidewaiter.kql.lint.findings import Finding, Kind, Rule, Subject
from tidewaiter.kql.lint.safety import refusals
from tidewaiter.kql.service import Analysis, Catalog, Diagnostic, LanguageService, language_service, standard
from tidewaiter.kql.service.analysis import Unknown, place
from tidewaiter.kql.text import did_you_mean

_ALREADY_OURS = {"KS207", "KS208"}
"""Microsoft's words for clusters and databases whose schema it does not have; the safety lint names them."""

_UNKNOWN_NAMES = {"KS142", "KS204", "KS211"}

_BEFORE_QUERY = re.compile(r"(?:\s|//[^\n]*(?:\n|$))*")


def cost_rules() -> tuple[Rule, ...]:
    """Return the rules of the cost lint: each constant of these modules that is one."""
    modules = (time, filters, joins, scans, strings)
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Rule))


def check(
    query: str,
    catalog: Catalog | None = None,
    *,
    allowed: Collection[str] = (),
    windowed: bool = False,
    service: LanguageService | None = None,
) -> list[Finding]:
    """Return all findings of a query, by place.

    `allowed` names what the safety lint lets pass; `windowed` says that the time it reads is bounded outside.
    Of a query that does not parse only that is told: what else there was to say would be guesses.

    Raises:
        QueryError: it is too long or too deep to be read.
        ServiceUnavailable: there is no language service here.
    """
    catalog = catalog or standard()
    service = service or language_service()
    start = _content(query)
    if start == len(query):
        return [_of(query, "syntax", "empty", "there is no query here", "", start, start)]
    if query[start] == ".":
        message = "a control command, not a query: Sentinel runs none"
        return [_of(query, "syntax", "control-command", message, "write a query", start, len(query))]
    analysis = service.analyze(query, catalog, tree=True)
    if not analysis.parses:
        return _sorted(_microsofts(query, analysis.syntax, "syntax"))
    known = {(each.code, each.start) for each in analysis.syntax}
    told = [each for each in analysis.diagnostics if each.code not in _ALREADY_OURS]
    found = list(_microsofts(query, (each for each in told if (each.code, each.start) in known), "syntax"))
    bound = (each for each in told if (each.code, each.start) not in known)
    found += _hinted(_microsofts(query, bound, "names"), analysis, catalog)
    found += (_unknown(query, each, catalog) for each in analysis.unknown)
    found += refusals(analysis, allowed)
    found += _called(analysis, catalog, allowed, service)
    subject = Subject(analysis, catalog, windowed)
    found += (each for rule in cost_rules() for each in rule.findings(subject))
    return _sorted(found)


def _content(query: str) -> int:
    """Return where the text begins, behind white space and comments."""
    found = _BEFORE_QUERY.match(query)
    return found.end() if found else 0


def _sorted(findings: Iterator[Finding] | list[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda each: (each.start, each.kind, each.rule, each.end))


def _microsofts(
    query: str, diagnostics: Collection[Diagnostic] | Iterator[Diagnostic], kind: Kind
) -> Iterator[Finding]:
    for each in diagnostics:
        yield _of(query, kind, each.code, each.message, "", each.start, each.end, severity=each.severity)


def _hinted(findings: Iterator[Finding], analysis: Analysis, catalog: Catalog) -> Iterator[Finding]:
    """Add the nearest name to findings about an unknown one: of the columns of the tables that are read."""
    names = {column for table in analysis.tables for column in catalog.tables[table]} | catalog.names()
    for each in findings:
        if each.rule in _UNKNOWN_NAMES:
            name = analysis.query[each.start : each.end]
            yield replace(each, hint=did_you_mean(name, names, cutoff=0.85))
        else:
            yield each


def _of(
    query: str,
    kind: Kind,
    rule: str,
    message: str,
    hint: str,
    start: int,
    end: int,
    *,
    severity: str = "error",
) -> Finding:
    return Finding(kind, rule, severity, message, hint, start, end, *place(query, start))  # type: ignore[arg-type]


def _unknown(query: str, unknown: Unknown, catalog: Catalog) -> Finding:
    """A slip of the pen is an error; a name that may well exist in a workspace is a note."""
    near = did_you_mean(unknown.name, catalog.names(), cutoff=0.85)
    where = (unknown.start, unknown.end)
    rule = f"unknown-{unknown.what}"
    if near or catalog.complete:
        message = f"there is no {unknown.what} '{unknown.name}'"
        return _of(query, "unknown", rule, message, near, *where)
    message = f"the {unknown.what} '{unknown.name}' is not known here: its columns were not checked"
    hint = "give its columns with --schema FILE, or take them from a lab with --state DIR"
    return _of(query, "unknown", rule, message, hint, *where, severity="note")


def _called(
    analysis: Analysis, catalog: Catalog, allowed: Collection[str], service: LanguageService
) -> Iterator[Finding]:
    """Yield what stored functions do that is not allowed, at the place of the query where they are named."""
    for name in analysis.functions:
        for reached in sorted(_reached(name, catalog, service)):
            body = service.analyze(catalog.functions[reached].body, catalog, tree=True)
            for each in refusals(body, allowed):
                start = max(analysis.query.find(name), 0)
                by = f"the function {name}" + (f", by {reached}," if reached != name else "")
                message = f"{by} uses what is not allowed: {each.message}"
                moved = _of(analysis.query, "safety", each.rule, message, each.hint, start, start + len(name))
                yield replace(moved, severity=each.severity)


def _reached(name: str, catalog: Catalog, service: LanguageService) -> set[str]:
    """Return a stored function and all that it calls, directly or not."""
    found, waiting = {name}, [name]
    while waiting:
        body = catalog.functions[waiting.pop()].body
        fresh = set(service.analyze(body, catalog).functions) - found
        found |= fresh
        waiting += fresh
    return found
