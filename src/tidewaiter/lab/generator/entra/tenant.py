"""The company's Entra tenant: applications, principals, places and the words Entra uses for what happened.

Application ids of Microsoft's own applications are those of "Verify first-party Microsoft applications in
sign-in reports" (Microsoft Learn, read 2026-11); error codes and their texts those of "Microsoft Entra
authentication and authorization error codes" (Microsoft Learn, read 2026-11). Everything else is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.lab.generator.company import DOMAIN, Company

AWS = "aws"
"""The enterprise application by which people reach AWS: IAM Identity Center, over SAML."""

MANAGEMENT = ("Windows Azure Service Management API", "797f4846-ba00-4fd7-ba43-dac1f8f63013")
GRAPH = ("Microsoft Graph", "00000003-0000-0000-c000-000000000000")
EXCHANGE = ("Office 365 Exchange Online", "00000002-0000-0ff1-ce00-000000000000")
VAULT = ("Azure Key Vault", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093")


@dataclass(frozen=True, slots=True)
class Application:
    """What someone signs in to, and the resource a token is asked for; `id` "" is the tenant's own app."""

    name: str
    id: str
    resource: str
    resource_id: str
    client: str = "Browser"


APPLICATIONS: dict[str, Application] = {
    AWS: Application("AWS IAM Identity Center", "", "AWS IAM Identity Center", ""),
    "parcels": Application("KR Parcel Desk", "", "KR Parcel Desk", ""),
    "portal": Application("Azure Portal", "c44b4083-3bb0-49c1-b47d-974e53cbdf3c", *MANAGEMENT),
    "office": Application("OfficeHome", "4765445b-32c6-49b0-83e6-1d93765276ca", *GRAPH),
    "outlook": Application("One Outlook Web", "9199bf20-a13f-4107-85dc-02114787ef48", *EXCHANGE),
    "teams": Application(
        "Microsoft Teams", "1fec8e78-bce4-4aaf-ab1b-5451cc387264", "Microsoft Teams Services",
        "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe", "Mobile Apps and Desktop clients",
    ),
    "cli": Application(
        "Microsoft Azure CLI", "04b07795-8ddb-461a-bbee-02f9e1bf7b46", *MANAGEMENT,
        "Mobile Apps and Desktop clients",
    ),
    "broker": Application(
        "Microsoft Authentication Broker", "29d9ed98-a469-4536-ade2-f981bc1d605e",
        "Device Registration Service", "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",
        "Mobile Apps and Desktop clients",
    ),
    "graph": Application(
        "Microsoft Graph Command Line Tools", "14d82eec-204b-4c2f-b7e8-296a70dab67e", *GRAPH,
        "Mobile Apps and Desktop clients",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Principal:
    """An application of the tenant (`secret`, `certificate`, `federated`) or a managed identity."""

    name: str
    credential: str
    resource: tuple[str, str]
    address: str = ""
    identity: str = ""
    """The Azure resource that a managed identity belongs to, below its resource group."""


CI, SYNC = "gha-infrastructure", "kr-parcel-sync"
PRINCIPALS: dict[str, Principal] = {
    each.name: each
    for each in (
        Principal(CI, "federated", MANAGEMENT, "198.51.100.226"),
        Principal(SYNC, "secret", GRAPH, "203.0.113.10"),
        Principal("kr-backup-agent", "certificate", VAULT, "203.0.113.31"),
        Principal(
            "mi-log-forwarder", "managed", MANAGEMENT,
            identity="Microsoft.ManagedIdentity/userAssignedIdentities/mi-log-forwarder",
        ),
        Principal(
            "vm-report-1", "managed", VAULT, identity="Microsoft.Compute/virtualMachines/vm-report-1"
        ),
    )
}  # fmt: skip

SUBSCRIPTIONS = ("kr-shared", "kr-analytics")


@dataclass(frozen=True, slots=True)
class Place:
    """A city as Entra locates an address."""

    city: str
    state: str
    country: str
    latitude: float
    longitude: float
    system: int


PLACES: dict[str, Place] = {
    each.city: each
    for each in (
        Place("Hamburg", "Hamburg", "DE", 53.5511, 9.9937, 64496),
        Place("Copenhagen", "Hovedstaden", "DK", 55.6761, 12.5683, 64497),
        Place("Lisbon", "Lisboa", "PT", 38.7223, -9.1393, 64498),
        Place("Dublin", "Dublin", "IE", 53.3498, -6.2603, 64499),
        Place("Madrid", "Madrid", "ES", 40.4168, -3.7038, 64500),
        Place("Pune", "Maharashtra", "IN", 18.5204, 73.8567, 64501),
        Place("Austin", "Texas", "US", 30.2672, -97.7431, 64502),
        Place("Frankfurt am Main", "Hessen", "DE", 50.1109, 8.6821, 64503),
        Place("Ashburn", "Virginia", "US", 39.0438, -77.4874, 64504),
        Place("Bucharest", "Bucuresti", "RO", 44.4268, 26.1025, 64505),
        Place("Lagos", "Lagos", "NG", 6.5244, 3.3792, 64506),
        Place("Jakarta", "Jakarta Raya", "ID", -6.2088, 106.8456, 64507),
        Place("Moscow", "Moskva", "RU", 55.7558, 37.6173, 64508),
    )
}

ERRORS: dict[int, str] = {
    50053: (
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."
    ),
    50055: "The password is expired.",
    50074: "Strong Authentication is required.",
    50076: (
        "Due to a configuration change made by your administrator, or because you moved to a new location, "
        "you must use multi-factor authentication to access the resource."
    ),
    50126: "Error validating credentials due to invalid username or password.",
    50140: "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
    50199: "For security reasons, user confirmation is required for this request.",
    53003: (
        "Access has been blocked by Conditional Access policies. The access policy does not allow token "
        "issuance."
    ),
    65001: "The user or administrator has not consented to use the application.",
    70043: (
        "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access."
    ),
    700213: "No matching federated identity record found for presented assertion subject.",
    7000215: "Invalid client secret is provided.",
    7000222: "The provided client secret keys are expired.",
    500121: "Authentication failed during strong authentication request.",
}  # fmt: skip


def tenant_id(company: Company) -> str:
    """Return the tenant's id."""
    return company.uuid("entra", "tenant", DOMAIN)


def workspace_id(company: Company) -> str:
    """Return the id of the Log Analytics workspace, which tables call `TenantId`."""
    return company.uuid("entra", "workspace", DOMAIN)


def object_id(company: Company, upn: str) -> str:
    """Return a person's object id in Entra; Identity Center keeps it as the user's external id."""
    return company.uuid("entra-user", upn)


def app_id(company: Company, key: str) -> str:
    """Return the application id of an application or principal."""
    known = APPLICATIONS.get(key)
    return known.id if known and known.id else company.uuid("entra-app", key)


def service_principal_id(company: Company, name: str) -> str:
    """Return the object id of an application's service principal in the tenant."""
    return company.uuid("entra-principal", name)


def subscription_id(company: Company, name: str) -> str:
    """Return the id of an Azure subscription of the company."""
    return company.uuid("azure-subscription", name)
