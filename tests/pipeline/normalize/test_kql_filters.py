"""The filters of `vim…` functions let through what filtering `ASim…` would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from tests.pipeline.normalize.kql_targets import Runner, cases_of_samples, rows_of
from tidewaiter.asim.mapping.kql.filters import FILTERS, parameters
from tidewaiter.content import sources
from tidewaiter.kql import Executor
from tidewaiter.pipeline.normalize.differential import KEPT

TIMES = {
    "starttime": ("datetime(2026-03-04T00:10:00Z)", "TimeGenerated >= datetime(2026-03-04T00:10:00Z)"),
    "endtime": ("datetime(2026-03-04T00:15:00Z)", "TimeGenerated <= datetime(2026-03-04T00:15:00Z)"),
}
NETWORK = {
    **TIMES,
    "srcipaddr_has_any_prefix": (
        "dynamic(['10.4.2.', '2001:db8:ff::1'])",
        "SrcIpAddr startswith_cs '10.4.2.' or SrcIpAddr == '2001:db8:ff::1'",
    ),
    "dstipaddr_has_any_prefix": ("dynamic(['198.51.100.'])", "DstIpAddr startswith_cs '198.51.100.'"),
    "ipaddr_has_any_prefix": (
        "dynamic(['192.0.', '10.4.0.220'])",
        "SrcIpAddr startswith_cs '192.0.' or DstIpAddr startswith_cs '192.0.'"
        " or SrcIpAddr == '10.4.0.220' or DstIpAddr == '10.4.0.220'",
    ),
    "dstportnumber": ("443", "DstPortNumber == 443"),
    "hostname_has_any": ("dynamic(['web'])", "false"),
    "dvcaction": ("dynamic(['deny'])", "DvcAction == 'Deny'"),
    "eventresult": ("'Failure'", "EventResult == 'Failure'"),
}
SIGN_IN = {
    **TIMES,
    "username_has_any": (
        "dynamic(['mara', 'root'])",
        "TargetUsername has 'mara' or TargetUsername has 'root' or ActorUsername has 'mara'"
        " or ActorUsername has 'root'",
    ),
    "targetappname_has_any": ("dynamic(['signin'])", "TargetAppName has 'signin'"),
    "srcipaddr_has_any_prefix": ("dynamic(['203.0.'])", "SrcIpAddr startswith_cs '203.0.'"),
    "srchostname_has_any": ("dynamic(['Lambda'])", "SrcHostname has 'lambda'"),
    "eventtype_in": ("dynamic(['logon', 'Logoff'])", "EventType in ('Logon', 'Logoff')"),
    "eventresultdetails_in": ("dynamic(['No such user', 'x'])", "EventResultDetails == 'No such user'"),
    "eventresult": ("'success'", "EventResult == 'Success'"),
}
NAMES = {
    **TIMES,
    "srcipaddr": ("'10.90.0.53'", "SrcIpAddr == '10.90.0.53'"),
    "domain_has_any": ("dynamic(['badharbour', 'bind'])", "DnsQuery has 'badharbour' or DnsQuery has 'bind'"),
    "responsecodename": ("'nxdomain'", "EventResultDetails == 'NXDOMAIN'"),
    # An address is found whole, and a prefix up to its dot: 198.51.100.7 is not in 198.51.100.70.
    "response_has_ipv4": ("'198.51.100.7'", "DnsResponseName has_cs '\"198.51.100.7\"'"),
    "response_has_any_prefix": (
        "dynamic(['198.51.', '203.0.113.9'])",
        "DnsResponseName contains_cs '\"198.51.' or DnsResponseName contains_cs '\"203.0.113.9\"'",
    ),
    # The default lets through what is a query, and so is every row.
    "eventtype": ("'notify'", "EventType == 'Notify'"),
}
SUBJECTS = {
    "aws_route53resolver": ("DnsAWSRoute53Resolver", "Dns", NAMES),
    "aws_vpcflow": ("NetworkSessionAWSVPC", "NetworkSession", NETWORK),
    "aws_cloudtrail": ("AuthenticationAWSCloudTrail", "Authentication", SIGN_IN),
}
QUICK = {
    "Authentication": ("username_has_any", "srchostname_has_any"),
    "Dns": ("srcipaddr", "response_has_ipv4", "response_has_any_prefix"),
}
"""Filters that are tried by themselves in the quick run, where not all are."""

Subject = tuple[Executor, str, str, dict[str, tuple[str, str]]]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("aws_cloudtrail", marks=pytest.mark.long),
        "aws_route53resolver",
        pytest.param("aws_vpcflow", marks=pytest.mark.long),
    ],
)
def subject(request, tmp_path_factory) -> Iterator[Subject]:
    """Functions on the rows of samples, a minute apart."""
    spec = sources()[request.param]
    name, schema, filters = SUBJECTS[request.param]
    tables: dict[str, list[dict[str, Any]]] = {}
    for number, case in enumerate(cases_of_samples(spec)):
        if case.native and spec.mapping.routes[case.place].mapping.schema == schema:
            rows = tables.setdefault(case.native.table, [])
            time = f"2026-03-04T00:{len(rows):02}:00Z"
            rows.append({**case.native.columns, "TimeGenerated": time, KEPT: f"{number:03}"})
    made = [each for each in spec.functions([KEPT]) if each.name.endswith(name)]
    with Runner(tmp_path_factory.mktemp("filters")).executor(made, tables) as executor:
        yield executor, name, schema, filters


def test_every_documented_filter_is_tried(subject: Subject):
    _, _, schema, filters = subject
    assert set(filters) == {each.name for each in FILTERS[schema]}
    assert all(f"{name}:" in parameters(schema, filtering=True) for name in filters)


def test_a_filter_lets_through_what_filtering_the_finished_rows_does(subject: Subject):
    _, _, schema, filters = subject
    hold(subject, [(each,) for each in QUICK.get(schema, filters)])


@pytest.mark.long
def test_filters_together_let_through_what_filtering_the_finished_rows_does(subject: Subject):
    _, _, schema, filters = subject
    listed = list(filters)
    ways: list[tuple[str, ...]] = [*pairwise(listed), tuple(listed[2:5]), tuple(listed)]
    ways += [(each,) for each in listed if each not in QUICK.get(schema, filters)]
    hold(subject, [("eventtype_in", "eventresult")] if schema == "Authentication" else ways)


def hold(subject: Subject, ways: Iterable[tuple[str, ...]]) -> None:
    """Hold what filters let through against the finished rows; large functions take long to plan."""
    executor, name, _, filters = subject
    everything = rows_of(executor, f"ASim{name}() | order by {KEPT} asc")
    for chosen in ways:
        arguments = ", ".join(f"{each}={filters[each][0]}" for each in chosen)
        conditions = "".join(f" | where {filters[each][1]}" for each in chosen)
        wanted = rows_of(executor, f"ASim{name}(){conditions} | order by {KEPT} asc")

        filtered = rows_of(executor, f"vim{name}({arguments}) | order by {KEPT} asc")

        assert [_without_matches(row) for row in filtered] == wanted, chosen
        if len(chosen) == 1 and chosen[0] not in ("hostname_has_any", "eventtype"):
            assert 0 < len(filtered) < len(everything), f"{chosen} shows nothing on these samples"


def _without_matches(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("ASimMatching")}


def test_disabled_functions_give_no_rows(subject: Subject):
    executor, name, _, _ = subject
    for prefix in ("ASim", "vim"):
        assert rows_of(executor, f"{prefix}{name}(disabled=true)") == []


def test_pack_fills_additional_fields_and_changes_nothing_else(subject: Subject):
    executor, name, _, _ = subject
    packed = rows_of(executor, f"ASim{name}(pack=true) | order by {KEPT} asc")
    plain = rows_of(executor, f"ASim{name}() | order by {KEPT} asc")
    assert {row["AdditionalFields"] for row in plain} == {"{}"}
    assert all(row["AdditionalFields"] != "{}" for row in packed)
    assert [{**row, "AdditionalFields": "{}"} for row in packed] == plain


def test_the_address_that_a_filter_found_is_named(subject: Subject):
    executor, name, schema, _ = subject
    if schema != "NetworkSession":
        pytest.skip("ASIM has these columns for sessions alone")
    found = rows_of(executor, f"vim{name}(ipaddr_has_any_prefix=dynamic(['10.4.', '198.51.']))")
    for row in found:
        sides = [str(row[side]).startswith(("10.4.", "198.51.")) for side in ("SrcIpAddr", "DstIpAddr")]
        words = {(True, True): "Both", (True, False): "SrcIpAddr", (False, True): "DstIpAddr"}
        assert row["ASimMatchingIpAddr"] == words[(sides[0], sides[1])]
    assert {row["ASimMatchingIpAddr"] for row in rows_of(executor, f"vim{name}()")} == {"-"}
