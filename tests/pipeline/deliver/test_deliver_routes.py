from __future__ import annotations

import pytest

from tidewaiter.core.errors import ConfigError
from tidewaiter.core.settings import Ingestion
from tidewaiter.pipeline.deliver.routes import Route, check_destinations, destinations_of, routes_for


def test_a_table_goes_to_its_own_dcr_or_the_common_one():
    ingestion = Ingestion(dcr="dcr-1", dcrs={"ASimDnsActivityLogs": "dcr-2"})

    assert routes_for(["ASimAuditEventLogs", "ASimDnsActivityLogs"], ingestion) == {
        "ASimAuditEventLogs": Route("dcr-1", "Custom-ASimAuditEventLogs"),
        "ASimDnsActivityLogs": Route("dcr-2", "Custom-ASimDnsActivityLogs"),
    }


def test_a_table_without_dcr_is_named():
    with pytest.raises(ConfigError, match=r"no data collection rule takes rows for T_CL \(set ingestion.dcr"):
        routes_for(["T_CL"], Ingestion(dcrs={"Other": "dcr-2"}))


def test_an_optional_table_goes_where_it_is_named_and_nowhere_else():
    common = Ingestion(dcr="dcr-1")

    assert routes_for([], common, named=["Drift_CL"]) == {}
    named = Ingestion(dcr="dcr-1", dcrs={"Drift_CL": "dcr-2"})
    assert routes_for([], named, named=["Drift_CL"]) == {"Drift_CL": Route("dcr-2", "Custom-Drift_CL")}


def test_both_is_two_destinations():
    assert destinations_of("both") == ("asim", "native")
    assert destinations_of("asim") == ("asim",)


@pytest.mark.parametrize(
    ("wanted", "missing"), [("native", "no native mapping"), ("both", "no native mapping")]
)
def test_a_destination_without_mapping_names_the_source_and_what_there_is(wanted, missing):
    with pytest.raises(ConfigError, match=f"aws_vpcflow cannot .*'{wanted}'.*{missing}.*are for: asim"):
        check_destinations({"aws_vpcflow": wanted}, {"aws_vpcflow": ["asim"]})


def test_destinations_that_exist_pass():
    check_destinations({"a": "both", "b": "asim", "c": "native"}, {"a": ["asim", "native"], "b": ["asim"]})
