from __future__ import annotations

from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.clouds import CLOUDS, AllowedHosts, NotAllowed, cloud_of
from tidewaiter.clouds.hosts import check_address
from tidewaiter.core.errors import ConfigError


def allows(hosts: AllowedHosts, url: str) -> bool:
    try:
        hosts.check(httpx.URL(url))
    except NotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    "url",
    [
        "https://management.azure.com/subscriptions",
        "https://MANAGEMENT.azure.com./",
        "https://dcr-1.westeurope-1.ingest.monitor.azure.com/x",
        "https://login.microsoftonline.us/",
        "https://api.loganalytics.azure.cn/v1",
        "https://management.azure.com:443/",
    ],
)
def test_the_hosts_of_azures_clouds_are_allowed(url):
    assert allows(AllowedHosts.of(), url)


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com/",
        "https://management.azure.com.example.org/",
        "https://ingest.monitor.azure.com/",
        "https://evilingest.monitor.azure.com/",
        "https://management.azure.com:444/",
        "https://127.0.0.1:8443/",
        "https://169.254.169.254/",
        "https://2852039166/",
        "https://[::1]/",
    ],
)
def test_everything_else_is_not(url):
    assert not allows(AllowedHosts.of(), url)


def test_a_lab_is_allowed_by_its_own_port_only_when_a_setting_names_it():
    hosts = AllowedHosts.of(["https://127.0.0.1:8443", "https://[::1]:9000"])

    assert allows(hosts, "https://127.0.0.1:8443/x")
    assert allows(hosts, "https://[::1]:9000/x")
    assert not allows(hosts, "https://127.0.0.1:8444/x")
    assert not allows(hosts, "https://127.0.0.2:8443/x")


def test_an_endpoint_elsewhere_has_to_be_named_in_the_list_too():
    with pytest.raises(NotAllowed, match=r"azure\.allow_hosts"):
        AllowedHosts.of(["https://azure.stack.example:8443"])

    hosts = AllowedHosts.of(["https://azure.stack.example:8443"], ["*.stack.example:8443"])
    assert allows(hosts, "https://azure.stack.example:8443/")


def test_no_list_lets_a_metadata_address_in():
    with pytest.raises(NotAllowed, match="metadata"):
        AllowedHosts.of(["https://169.254.169.254"], ["169.254.169.254"])


def test_a_wildcard_matches_no_literal_address():
    assert not allows(AllowedHosts(("*.0.0.1",)), "https://127.0.0.1/")


@pytest.mark.parametrize("pattern", ["*", "*.com", "a b", "https://a.example", "*.a.*", "", "a:99999999"])
def test_a_pattern_that_is_none_or_lets_in_too_much_is_refused(pattern):
    with pytest.raises(ConfigError, match="host pattern"):
        AllowedHosts.of(extra=[pattern])


@pytest.mark.parametrize("endpoint", ["management.azure.com", "https://", "http://management.azure.com"])
def test_an_endpoint_that_is_no_https_url_is_refused(endpoint):
    with pytest.raises(NotAllowed):
        AllowedHosts.of([endpoint])


def test_every_cloud_allows_its_own_endpoints():
    for cloud in CLOUDS:
        AllowedHosts.of([cloud.authority, cloud.management, cloud.query])
        assert cloud_of(cloud.authority) is cloud


def test_a_lab_has_the_audiences_of_the_public_cloud():
    assert cloud_of("https://127.0.0.1:8443").ingestion_scope == "https://monitor.azure.com/.default"


@given(st.integers(0, 0xFFFF))
def test_the_whole_local_link_is_blocked_in_every_form(low):
    number = 0xA9FE0000 | low
    for address in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number):
        with pytest.raises(NotAllowed):
            check_address(ip_address(address), "name")


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_private_addresses_are_not_blocked_since_private_links_use_them(address):
    check_address(address, "name")
