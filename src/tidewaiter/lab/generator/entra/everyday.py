"""What happens in the tenant every day: office work, tokens renewed in silence, pipelines, housekeeping."""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.people import Person, people
from tidewaiter.lab.generator.entra.tenant import CI, PRINCIPALS, SYNC, object_id
from tidewaiter.lab.generator.others import AzureOperation, DirectoryChange, Mfa, SignIn
from tidewaiter.lab.generator.rhythm import HOUR

_SPRAYERS = ("192.0.2.240", "198.51.100.246", "192.0.2.251")
_PHONE = "Dalvik/2.1.0 (Linux; U; Android 15; SM-A556B Build/AP3A.240905.015)"
_TEAMS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Teams/25031.800.3389.7416/49"


class Everyday:
    """Makes the background: each method returns one happening at a time of the day."""

    def __init__(self, company: Company) -> None:
        """Look the company's people up and open the stream of chance."""
        self._company = company
        self._draw = company.stream("entra-everyday")
        self._people = people(company)

    def _someone(self, at: int) -> Person:
        weights = [each.rhythm.at((at / HOUR + each.offset) % 24) + 0.01 for each in self._people]
        return self._draw.random.choices(self._people, weights)[0]

    def sign_in(self, at: int) -> SignIn:
        """Return an interactive sign-in: mostly fine, some mistyped, now and then a stranger's guess."""
        draw, luck = self._draw, self._draw.chance_of()
        person = self._someone(at)
        app = draw.random.choices(("office", "outlook", "teams", "portal", "parcels"), (30, 22, 18, 8, 22))[0]
        if luck < 0.02:
            address = draw.pick(_SPRAYERS)
            guess = 50053 if draw.chance(0.2) else 50126
            return SignIn(
                at, person.upn, address, app="office", agent="python-requests/2.32.3", error=guess, mfa="",
                device=False, place=draw.pick(("Bucharest", "Jakarta", "Ashburn")),
            )  # fmt: skip
        mfa: Mfa = draw.pick(("previous", "previous", "previous", "push", "fido"))
        error = 0
        if luck < 0.06:
            error, mfa = 50126, ""
        elif luck < 0.09:
            error = draw.pick((50074, 50140, 500121))
            mfa = "previous" if error == 50140 else ""
        return SignIn(at, person.upn, person.address, app=app, error=error, mfa=mfa)

    def renewal(self, at: int) -> SignIn:
        """Return a sign-in without a person: a client renews its token."""
        draw, person = self._draw, self._someone(at)
        app = draw.random.choices(("teams", "outlook", "office", "portal", "cli"), (40, 30, 18, 8, 4))[0]
        phone = draw.chance(0.2)
        windows = person.system == "Windows10"
        agent = _PHONE if phone else _TEAMS if app == "teams" and windows else ""
        error = 70043 if draw.chance(0.02) else 0
        return SignIn(
            at, person.upn, person.address, agent=agent, app=app, kind="noninteractive", error=error,
            device=not phone,
            protocol="oAuth2" if app == "cli" else "none", session=f"{person.upn}:{app}:{at // (4 * HOUR)}",
        )  # fmt: skip

    def principal(self, at: int) -> SignIn:
        """Return an application's sign-in; the pipeline's runners change their address."""
        names = (CI, SYNC, "kr-backup-agent")
        name = self._draw.random.choices(names, (5, 8, 3))[0]
        address = PRINCIPALS[name].address
        if name == CI:
            address = f"198.51.100.{self._draw.whole(226, 231)}"
        error = 7000222 if name == SYNC and self._draw.chance(0.004) else 0
        return SignIn(at, name, address, kind="service_principal", error=error, mfa="")

    def managed(self, at: int) -> SignIn:
        """Return a managed identity's sign-in."""
        name = self._draw.pick(("mi-log-forwarder", "mi-log-forwarder", "vm-report-1"))
        return SignIn(at, name, "", kind="managed_identity", mfa="")

    def change(self, at: int) -> DirectoryChange:
        """Return an entry of the audit log: provisioning, devices, groups, authentication methods."""
        kinds: tuple[Callable[[int], DirectoryChange], ...] = (
            self._provisioned, self._device, self._group, self._method,
        )  # fmt: skip
        return self._draw.random.choices(kinds, (40, 25, 20, 15))[0](at)

    def _provisioned(self, at: int) -> DirectoryChange:
        """Identity Center hears of a person: Entra's object id becomes the external id of its user."""
        person = self._draw.pick([each for each in self._people if each.staff])
        store = self._company.uuid("identity-store", person.upn)
        changes = (
            ("externalId", "", object_id(self._company, person.upn)),
            ("userName", "", person.upn),
            ("id", "", store),
            ("active", "", "True"),
        )
        return DirectoryChange(
            at, "Microsoft Entra provisioning", "Export", "ProvisioningManagement", ("User", person.upn),
            changes=changes, service="Account Provisioning",
        )  # fmt: skip

    def _device(self, at: int) -> DirectoryChange:
        person = self._someone(at)
        changes = (("ApproximateLastLogonTimeStamp", "[]", f'["{self._company.stamp(at)}"]'),)
        return DirectoryChange(
            at, "Device Registration Service", "Update device", "Device",
            ("Device", person.device or "KR-PHONE"), changes=changes,
        )  # fmt: skip

    def _group(self, at: int) -> DirectoryChange:
        person = self._someone(at)
        group = self._draw.pick(("sg-parcel-desk", "sg-aws-developers", "sg-travel", "sg-all-hamburg"))
        add = self._draw.chance(0.6)
        label = ("Group.DisplayName", "" if add else group, group if add else "")
        operation = "Add member to group" if add else "Remove member from group"
        return DirectoryChange(
            at, "henrik.sorensen@" + person.upn.split("@")[1], operation, "GroupManagement",
            ("User", person.upn), changes=(label,),
        )  # fmt: skip

    def _method(self, at: int) -> DirectoryChange:
        person = self._someone(at)
        operation = "User registered security info"
        return DirectoryChange(
            at, person.upn, operation, "UserManagement", ("User", person.upn), address=person.address,
            service="Authentication Methods",
        )  # fmt: skip

    def operation(self, at: int) -> AzureOperation:
        """Return an operation in Azure: the pipeline's deployments, storage keys, machines, failures."""
        draw = self._draw
        name, resource, group = draw.random.choices(_OPERATIONS, _OPERATION_WEIGHTS)[0]
        error = draw.pick(("Forbidden", "Conflict", "BadRequest")) if draw.chance(0.03) else ""
        if draw.chance(0.75):
            address = f"198.51.100.{draw.whole(226, 231)}"
            return AzureOperation(at, CI, name, resource, address, group, error)
        person = self._someone(at)
        return AzureOperation(at, person.upn, name, resource, person.address, group, error)


_STORE, _VM = "Microsoft.Storage/storageAccounts", "Microsoft.Compute/virtualMachines"
_OPERATIONS = (
    ("Microsoft.Resources/deployments/write", "Microsoft.Resources/deployments/platform", "rg-platform"),
    ("Microsoft.Resources/deployments/validate/action", "Microsoft.Resources/deployments/platform",
     "rg-platform"),
    (f"{_STORE}/write", f"{_STORE}/krsharedlogs", "rg-logs"),
    (f"{_STORE}/listKeys/action", f"{_STORE}/krsharedlogs", "rg-logs"),
    (f"{_VM}/start/action", f"{_VM}/vm-report-1", "rg-analytics"),
    (f"{_VM}/deallocate/action", f"{_VM}/vm-report-1", "rg-analytics"),
    ("Microsoft.Insights/diagnosticSettings/write", f"{_STORE}/krsharedlogs", "rg-logs"),
    ("Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/kv-kr-platform", "rg-platform"),
    ("Microsoft.Network/networkSecurityGroups/securityRules/write",
     "Microsoft.Network/networkSecurityGroups/nsg-report", "rg-analytics"),
)  # fmt: skip
_OPERATION_WEIGHTS = (30, 25, 10, 14, 5, 5, 4, 3, 2)
