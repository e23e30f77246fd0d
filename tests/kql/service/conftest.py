from __future__ import annotations

import pytest

from tidewaiter.kql.service import Analysis, LanguageService, language_service


@pytest.fixture(scope="session")
def service() -> LanguageService:
    """The one of this process: the command line uses it, too, so that each worker starts one."""
    return language_service()


@pytest.fixture(scope="session")
def analyze(service: LanguageService):
    def analyze(query: str, catalog=None, *, tree: bool = False) -> Analysis:
        return service.analyze(query, catalog, tree=tree)

    return analyze
