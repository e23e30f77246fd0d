"""Community queries on Sentinel's own tables bind against the columns that our native rows have.

A query that does not bind with Microsoft's whole schema either is none of ours; of the others every one must.
The mappings were written from Microsoft's table reference and sample rows before any of these queries was
looked at: the whole of the corpora is kept aside for this.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.kql.service.test_kql_corpora import asked, catalog_of, queries, read
from tidewaiter.asim.schema import SYSTEM_COLUMNS
from tidewaiter.content import sources
from tidewaiter.kql.documents import Document
from tidewaiter.kql.service import Catalog, LanguageService

FILLED = {
    route.mapping.table: frozenset(route.mapping.columns)
    for spec in sources().values()
    if spec.native
    for route in spec.native.routes
}
NAMES = re.compile(rf"\b({'|'.join(FILLED)})\b")
WHAT = ("queries", "bind with Microsoft's schema", "bind with ours")
CORPORA = ("sentinel-queries-reprise99", "kql-bertjanp", "falconfriday", "guardduty-sentinel-integration")


def narrowed(catalog: Catalog) -> Catalog:
    """The same tables, the native ones with the columns alone that a row of ours can have."""
    tables = {
        name: {c: kind for c, kind in columns.items() if c in FILLED[name] or c in SYSTEM_COLUMNS}
        if name in FILLED
        else columns
        for name, columns in catalog.tables.items()
    }
    return Catalog(tables, returns=catalog.returns)


def on_our_tables(corpora: Path) -> list[Document]:
    every = [*queries(corpora, CORPORA, 10_000), *asked(corpora)]
    return [each for each in every if NAMES.search(each.text)]


def binds(document: Document, catalog: Catalog, service: LanguageService) -> bool:
    return all(each.binds for each in read(document, catalog, service))


@pytest.mark.corpus
@pytest.mark.long
def test_what_binds_with_microsofts_schema_binds_with_our_rows(corpora, service, capsys):
    whole = catalog_of(corpora)
    ours, lost = narrowed(whole), []
    counts: Counter[tuple[str, str]] = Counter()
    for document in on_our_tables(corpora):
        names = set(NAMES.findall(document.text))
        fits = binds(document, whole, service)
        bound = fits and binds(document, ours, service)
        for name in names:
            counts[name, "queries"] += 1
            counts[name, "bind with Microsoft's schema"] += fits
            counts[name, "bind with ours"] += bound
        if fits and not bound:
            lost.append(document.text)
    with capsys.disabled():
        for name in sorted(FILLED):
            every, known, fine = (counts[name, what] for what in WHAT)
            print(f"\n{name}: {every} queries, {known} bind, {fine} of them with our columns", end="")
    assert not lost
    for name in ("AWSCloudTrail", "AWSGuardDuty", "SigninLogs", "AuditLogs", "AzureActivity"):
        assert counts[name, "bind with ours"] >= 1, name


@pytest.mark.corpus
def test_a_column_that_no_row_has_does_not_bind(corpora, service):
    ours = narrowed(catalog_of(corpora))
    assert binds(Document("", "AWSCloudTrail | where isnotempty(AwsEventId)"), ours, service)
    assert not binds(Document("", "AWSCloudTrail | where isnotempty(AwsRequestId)"), ours, service)
