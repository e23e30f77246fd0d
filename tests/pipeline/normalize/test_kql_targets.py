"""The KQL functions and transformations give what the mapping means, on every sample."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.pipeline.normalize.kql_targets import Runner, arrives_whole, cases_of_samples, run_transform
from tidewaiter.asim.mapping.kql.transforms import LONGEST
from tidewaiter.content import sources
from tidewaiter.kql.results import StoredFunction
from tidewaiter.kql.service import Catalog, language_service, standard
from tidewaiter.lab.server.ingestion.transform import Transform as LabTransform
from tidewaiter.pipeline.normalize.differential import KEPT, Case, compare_functions, compare_transforms

SOURCES = sources()
HEAVY = (
    "aws_alb",
    "aws_clb",
    "aws_nlb",
    "aws_waf",
    "aws_cloudfront_json",
    "aws_cloudtrail",
    "aws_eks",
    "aws_guardduty",
    "aws_inspector",
    "aws_macie",
    "aws_networkfirewall",
    "aws_securityhub",
    "azure_activity",
    "entra_audit",
    "entra_signin",
)
"""Sources whose transformations take seconds to plan."""
PLANNED = sorted(set(SOURCES) - {"aws_securitylake"})
"""Sources whose transformations the local executor plans within minutes; the others are parsed alone."""
LEAN = {"aws_networkfirewall": 15}
"""Sources whose tables lack much, such as what an alert saw of HTTP: what is compared for each unread."""
LISTED = {"aws_securityhub": 2, "aws_waf": 3}
"""Sources that hold much in lists, as headers and resources, into which a transformation cannot look."""
NATIVE = sorted(name for name, spec in SOURCES.items() if spec.native)


def sources_with_long(names: list[str], *slow: str) -> list[object]:
    """Return the names as parameters; those whose functions take long to parse or to plan are marked."""
    return [pytest.param(name, marks=pytest.mark.long) if name in slow else name for name in names]


@cache
def cases(source: str) -> list[Case]:
    return list(cases_of_samples(SOURCES[source]))


@pytest.mark.parametrize(
    "source",
    sources_with_long(
        NATIVE,
        *("aws_alb", "aws_cloudtrail", "aws_guardduty", "aws_networkfirewall", "aws_nlb", "aws_securityhub"),
        *("aws_waf", "azure_activity", "entra_signin"),
    ),
)
def test_a_function_gives_what_the_mapping_means_on_every_sample(source: str, tmp_path: Path):
    spec = SOURCES[source]
    plain = [each for each in spec.functions([KEPT]) if each.name.startswith("ASim")]

    for compared in compare_functions(spec, plain, cases(source), Runner(tmp_path)):
        assert compared.differences == ()
        assert compared.cases > 5, compared.target
        # What a record in another spelling is read from is not followed; its table has it under the first.
        assert compared.compared > (1 if spec.file.other_form else LEAN.get(source, 20)) * compared.unread


@pytest.mark.parametrize(
    "source",
    sources_with_long(
        NATIVE,
        *("aws_alb", "aws_cloudtrail", "aws_guardduty", "aws_networkfirewall", "aws_nlb", "aws_securityhub"),
        *("aws_waf", "azure_activity", "entra_audit", "entra_signin"),
    ),
)
def test_microsofts_parser_has_nothing_to_say_about_a_function(source: str):
    made = SOURCES[source].functions()
    stored = {each.name: StoredFunction(each.name, each.body, each.parameters) for each in made}
    catalog = Catalog(standard().tables, stored)
    for each in made:
        declared = f"let f = ({each.parameters}) {{\n{each.body}\n}};\nf()"
        assert language_service().analyze(declared, standard()).diagnostics == (), each.name
        called = language_service().analyze(f"{each.name}(disabled=true, pack=true)", catalog)
        assert called.diagnostics == (), each.name
        columns = dict(called.columns or ())
        assert {name: columns.get(name) for name in each.columns} == dict(each.columns), each.name
        assert columns["AdditionalFields"] == "dynamic"


@pytest.mark.parametrize("source", sources_with_long(PLANNED, *HEAVY))
def test_a_transformation_gives_what_the_mapping_means_on_every_sample(source: str):
    spec = SOURCES[source]
    own = list(filter(arrives_whole, cases(source)))
    for compared in compare_transforms(spec, spec.transforms, own, run_transform):
        assert compared.differences == ()
        assert compared.compared > LISTED.get(source, 20) * compared.unread, compared.target


@pytest.mark.parametrize(
    "source",
    sources_with_long(
        sorted(SOURCES),
        "aws_cloudtrail",
        "aws_guardduty",
        "aws_securityhub",
        "aws_securitylake",
        "entra_signin",
    ),
)
def test_a_transformation_fits_and_is_kql_on_its_stream(source: str):
    for made in SOURCES[source].transforms:
        assert len(made.kql) <= LONGEST
        found = language_service().analyze(made.kql, Catalog({"source": made.stream}))
        assert found.diagnostics == (), made.schema


@pytest.mark.parametrize("source", sources_with_long(PLANNED, *HEAVY))
def test_the_lab_takes_a_transformation_and_its_columns_have_their_types(source: str):
    for made in SOURCES[source].transforms:
        checked = LabTransform(made.kql, made.stream).check()
        wanted = {name: kind for name, kind in made.columns.items() if kind != "int"}
        assert {name: checked[name] for name in wanted} == wanted
