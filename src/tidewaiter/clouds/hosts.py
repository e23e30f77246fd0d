"""Which hosts may be spoken to, and which addresses never.

A pattern is `host`, `host:port` or `*.suffix` (any labels before the suffix); without a port it means 443.
The hosts of Azure's clouds are data below; whatever else is to be reached must be named by a setting.

Addresses of metadata services and of the local link are blocked whatever name led to them. Managed identity
is the exception that azure-identity makes for itself; see `clouds.identity`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from tidewaiter.core.errors import ConfigError

_PATTERN = re.compile(r"(?P<host>(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
_HTTPS = 443
_ALLOWED_HINT = "name it in azure.allow_hosts if it is right, or correct the endpoint"


class NotAllowed(ConfigError):
    """A URL that is not https, whose host is on no list, or whose address is blocked."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds: its hosts, and the audiences that its tokens are for.

    Sources: Microsoft's pages "National clouds and Azure Monitor endpoints" and the Azure SDK's settings of
    clouds (azure-mgmt-core 1.6, `get_arm_endpoints`), read 2026-11-23.
    """

    name: str
    authority: str
    management: str
    query: str
    hosts: tuple[str, ...]
    ingestion_scope: str
    query_scope: str
    management_scope: str


CLOUDS = (
    Cloud(
        name="public",
        authority="https://login.microsoftonline.com",
        management="https://management.azure.com",
        query="https://api.loganalytics.io",
        hosts=(
            "login.microsoftonline.com",
            "login.microsoft.com",
            "management.azure.com",
            "api.loganalytics.io",
            "api.loganalytics.azure.com",
            "*.ingest.monitor.azure.com",
        ),
        ingestion_scope="https://monitor.azure.com/.default",
        query_scope="https://api.loganalytics.io/.default",
        management_scope="https://management.azure.com/.default",
    ),
    Cloud(
        name="usgovernment",
        authority="https://login.microsoftonline.us",
        management="https://management.usgovcloudapi.net",
        query="https://api.loganalytics.us",
        hosts=(
            "login.microsoftonline.us",
            "management.usgovcloudapi.net",
            "api.loganalytics.us",
            "*.ingest.monitor.azure.us",
        ),
        ingestion_scope="https://monitor.azure.us/.default",
        query_scope="https://api.loganalytics.us/.default",
        management_scope="https://management.core.usgovcloudapi.net/.default",
    ),
    Cloud(
        name="china",
        authority="https://login.chinacloudapi.cn",
        management="https://management.chinacloudapi.cn",
        query="https://api.loganalytics.azure.cn",
        hosts=(
            "login.chinacloudapi.cn",
            "login.partner.microsoftonline.cn",
            "management.chinacloudapi.cn",
            "api.loganalytics.azure.cn",
            "*.ingest.monitor.azure.cn",
        ),
        ingestion_scope="https://monitor.azure.cn/.default",
        query_scope="https://api.loganalytics.azure.cn/.default",
        management_scope="https://management.chinacloudapi.cn/.default",
    ),
)


def cloud_of(authority: str) -> Cloud:
    """Return the cloud whose sign-in host `authority` names; the public one for a lab."""
    host = httpx.URL(authority).host
    return next((cloud for cloud in CLOUDS if host in cloud.hosts), CLOUDS[0])


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """A list of host patterns; see the module."""

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, endpoints: Iterable[str] = (), extra: Iterable[str] = ()) -> AllowedHosts:
        """Allow the hosts of Azure's clouds, loopback `endpoints` with their port, and the `extra` patterns.

        An endpoint that is neither is not let in by being a setting: it has to be in `extra` too.

        Raises:
            NotAllowed: an endpoint is not an https URL, or is on no list.
            ConfigError: a pattern is not of the form that the module tells, or lets in too much.
        """
        known = [host for cloud in CLOUDS for host in cloud.hosts]
        named = [_checked(pattern) for pattern in extra]
        given = [_url(endpoint) for endpoint in endpoints if endpoint]
        loopback = [f"{_bracketed(url.host)}:{url.port or _HTTPS}" for url in given if _is_loopback(url.host)]
        allowed = cls(tuple(dict.fromkeys((*known, *loopback, *named))))
        for url in given:
            allowed.check(url)
        return allowed

    def check(self, url: httpx.URL) -> None:
        """Raise NotAllowed unless `url` is https, without a user, and its host and port are on the list."""
        if url.scheme != "https":
            raise NotAllowed(f"{place(url)} is not https", hint="every endpoint must begin with https://")
        if url.userinfo:
            raise NotAllowed(f"{place(url)} carries a user name", hint="take it out of the endpoint")
        host, port = url.raw_host.decode("ascii").lower().rstrip("."), url.port or _HTTPS
        if not any(_matches(pattern, host, port) for pattern in self.patterns):
            raise NotAllowed(f"{place(url)} is not a host that may be spoken to", hint=_ALLOWED_HINT)
        address = _literal(host)
        if address:
            check_address(address, host)


def place(url: httpx.URL) -> str:
    """Return scheme, host and port of a URL: what an error may show of it."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{_bracketed(url.host)}{port}"


_BLOCKED = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",  # the link, and the metadata services of Azure and AWS
        "168.63.129.16/32",  # Azure's WireServer
        "100.100.100.200/32",  # the metadata service of Alibaba Cloud
        "0.0.0.0/8",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "fe80::/10",
        "fd00:ec2::254/128",  # AWS's metadata service over IPv6
        "ff00::/8",
        "::/128",
    )
)
_CARRIES_IPV4 = (ip_network("64:ff9b::/96"), ip_network("::/96"))


def check_address(address: IPv4Address | IPv6Address, host: str) -> None:
    """Raise NotAllowed for an address of the link, of a metadata service, or of nobody.

    IPv6 forms that carry an IPv4 address (mapped, NAT64, 6to4) are looked through.
    """
    for seen in (address, *_carried(address)):
        if any(seen.version == network.version and seen in network for network in _BLOCKED):
            raise NotAllowed(
                f"{host} leads to {address}, an address of the local link or of a metadata service",
                hint="such addresses are never spoken to; look at the name's DNS records",
            )


def check_resolved(address: IPv4Address | IPv6Address, host: str) -> None:
    """Check an address that a name led to; only `localhost` and loopback literals lead to this machine."""
    check_address(address, host)
    if not _is_loopback(host) and any(seen.is_loopback for seen in (address, *_carried(address))):
        raise NotAllowed(f"{host} leads to this machine ({address})", hint="look at the name's DNS records")


def _carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour]
    if any(address in network for network in _CARRIES_IPV4) and int(address) > 1:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)


def _url(endpoint: str) -> httpx.URL:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not url.host:
        raise NotAllowed(
            f"'{endpoint.partition('?')[0]}' is not a URL", hint="an endpoint looks like https://host[:port]"
        )
    return url


def _checked(pattern: str) -> str:
    lower = pattern.strip().lower()
    found = _PATTERN.fullmatch(lower)
    if not found or (lower.startswith("*.") and lower.count(".") < 2):
        raise ConfigError(
            f"'{pattern}' is not a host pattern",
            hint="write host, host:port or *.suffix with at least two labels in the suffix",
        )
    return lower


def _matches(pattern: str, host: str, port: int) -> bool:
    found = _PATTERN.fullmatch(pattern)
    if not found or int(found["port"] or _HTTPS) != port:
        return False
    name = found["host"].strip("[]")
    if not name.startswith("*."):
        return name == host
    return host.endswith(name[1:]) and len(host) > len(name) - 1 and _literal(host) is None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _literal(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
