from __future__ import annotations

from collections.abc import Iterator

import pytest

from tidewaiter.kql.service import Analysis, LanguageService


@pytest.fixture(scope="session")
def service() -> Iterator[LanguageService]:
    service = LanguageService()
    yield service
    service.close()


@pytest.fixture(scope="session")
def analyze(service: LanguageService):
    def analyze(query: str, catalog=None, *, tree: bool = False) -> Analysis:
        return service.analyze(query, catalog, tree=tree)

    return analyze
