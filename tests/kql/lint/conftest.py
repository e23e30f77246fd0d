from __future__ import annotations

import pytest

from tidewaiter.kql.lint import Finding, check
from tidewaiter.kql.service import LanguageService, language_service


@pytest.fixture(scope="session")
def service() -> LanguageService:
    """The one of this process: the command line uses it, too, so that each worker starts one."""
    return language_service()


@pytest.fixture(scope="session")
def found(service):
    def found(query: str, catalog=None, **options) -> list[Finding]:
        return check(query, catalog, service=service, **options)

    return found


@pytest.fixture(scope="session")
def rules(found):
    """Return the ids of the rules that a query violates, in the order of its text."""
    return lambda query, *args, **options: [each.rule for each in found(query, *args, **options)]
