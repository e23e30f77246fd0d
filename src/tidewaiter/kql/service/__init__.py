"""Microsoft's own KQL parser and binder, as a service: diagnostics with places, and the syntax tree as data.

    found = language_service().analyze('SigninLogs | where ResultTyp == 0', standard())
    found.diagnostics[0].message            # The name 'ResultTyp' does not refer to any known column …
    found.tree()                            # Node(kind='QueryBlock', …); needs tree=True

The npm package @kusto/language-service-next (MIT) runs in a node process of our own, which starts on first
use, answers in milliseconds, and is started again after a crash. A query is data for it: nothing is run, and
the process may read no file but its own program, write none, and start nothing. Only the tables and
functions that a query names are bound. Decision 011 has the measurements.
"""

from __future__ import annotations

from tidewaiter.kql.service.analysis import Analysis, Diagnostic, Node, Unknown, walk
from tidewaiter.kql.service.catalog import Catalog, standard
from tidewaiter.kql.service.client import LanguageService, language_service
from tidewaiter.kql.service.process import Paths, ServiceUnavailable

__all__ = [
    "Analysis",
    "Catalog",
    "Diagnostic",
    "LanguageService",
    "Node",
    "Paths",
    "ServiceUnavailable",
    "Unknown",
    "language_service",
    "standard",
    "walk",
]
