"""From AWS to Azure: an instance's credentials by forged requests, a secret, an application's sign-in."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.calls.storage import decrypt, get_secret, list_buckets
from tidewaiter.lab.generator.company import EDGE, HOME, PROD, SECRETS, Company
from tidewaiter.lab.generator.entra.tenant import SYNC
from tidewaiter.lab.generator.others import (
    AzureOperation,
    Connection,
    DirectoryChange,
    Finding,
    Others,
    SignIn,
)
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import SCRIPT, denied, stolen
from tidewaiter.lab.generator.stories.story import Campaign, Technique

FORGER, THIEF = "192.0.2.94", "192.0.2.95"
ENTRA_SECRET = "prod/integration/entra-parcel-sync"
"""Holds the client secret of the tenant's application `kr-parcel-sync`."""

EXPLOIT, METADATA, ENTRY, CLOUD = "T1190", "T1552.005", "T1078.004", "T1580"
VAULT, TOKEN, AZURE, KEY = "T1555.006", "T1550.001", "T1526", "T1098.001"


class StolenMetadata(Campaign):
    """A web page that fetches what it is told fetches the credentials of its machine."""

    id = "ssrf-to-entra"
    title = "Instance credentials stolen by SSRF, then Azure entered with a secret"
    addresses = (FORGER, THIEF)
    techniques: ClassVar = (
        Technique(EXPLOIT, "Initial Access"),
        Technique(METADATA, "Credential Access"),
        Technique(ENTRY, "Defense Evasion"),
        Technique(CLOUD, "Discovery"),
        Technique(VAULT, "Credential Access"),
        Technique(TOKEN, "Lateral Movement"),
        Technique(AZURE, "Discovery"),
        Technique(KEY, "Persistence"),
    )

    def __init__(self, company: Company) -> None:
        """Choose the machine; its session of the hour is the one that everyday calls use too."""
        super().__init__(company)
        late = self.draw.whole(-15 * MINUTE, 15 * MINUTE)
        self._exploit = 10 * HOUR + 4 * MINUTE + late
        self._use = self._exploit + 33 * MINUTE
        self._read = self._use + 21 * MINUTE
        self._azure = self._read + 47 * MINUTE
        self._machine = company.fleet("web")[1]
        self._session = stolen(company, self._machine, self._use, SCRIPT, THIEF)

    @property
    def actor(self) -> str:
        """The ARN of the instance's session."""
        return self._session.name

    def deeds(self, total: int) -> list[Deed]:
        """Return what the stolen session tries and reads; it does not grow with the day."""
        del total
        who = self._session
        machines = describe("DescribeInstances")
        look: list[tuple[str, str, Make]] = [
            (METADATA, HOME, identity_check()),
            (ENTRY, EDGE, identity_check()),
            (CLOUD, EDGE, denied(list_buckets(), who)),
            (CLOUD, HOME, denied(machines, who)),
            (CLOUD, EDGE, denied(read("iam", "ListAttachedRolePolicies", roleName=self._machine.role), who)),
            (CLOUD, HOME, denied(read("rds", "DescribeDBInstances"), who)),
            (CLOUD, HOME, read("ssm", "DescribeParameters", maxResults=50)),
            (CLOUD, HOME, read("secretsmanager", "ListSecrets", maxResults=100)),
        ]
        return [*self.scene(self._use, who, PROD, look, (3_000, 55_000)), *self._secrets()]

    def _secrets(self) -> list[Deed]:
        """Every secret in turn: those that others guard are refused, the application's is not."""
        key = self.company.key_arn(PROD.id, HOME, "secrets")
        helped = self._session.through("secretsmanager.amazonaws.com")
        deeds, at = [], self._read
        names = (*SECRETS[:4], ENTRA_SECRET, *SECRETS[4:])
        for name in names:
            arn = self.company.secret_arn(name)
            fetch = get_secret(arn)
            open_to_all = name in {ENTRA_SECRET, *SECRETS[:2]}
            steps = [(VAULT, HOME, fetch if open_to_all else denied(fetch, self._session))]
            deeds += self.scene(at, self._session, PROD, steps, (1, 1))
            if open_to_all:
                context: Json = {"SecretARN": arn, "SecretVersionId": self.company.uuid("version", name)}
                deeds += self.scene(at, helped, PROD, [(VAULT, HOME, decrypt(key, PROD.id, context))], (1, 1))
            at += self.draw.whole(1_200, 6_000)
        return deeds

    def others(self, total: int) -> Others:
        """Return the forged requests on the wire, GuardDuty's finding, and what happens in the tenant."""
        del total
        draw = self.company.stream("story", self.id, "others")
        machine, found = self._machine, Others()
        for number in range(14):
            at = self._exploit + number * 70 * SECOND + draw.whole(0, 30 * SECOND)
            found.flows.append(
                Connection(
                    at, machine.id, FORGER, 443, sent=draw.whole(900, 6_000), received=draw.whole(500, 2_400),
                    inward=True, mark=self.mark(EXPLOIT),
                )
            )  # fmt: skip
        found.findings += self._findings()
        found.sign_ins = self._sign_ins()
        found.azure = self._operations()
        found.directory = self._credentials()
        return found

    def _findings(self) -> list[Finding]:
        key = str(self._session.identity["accessKeyId"])
        kind = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
        said = f"Credentials of the instance role {self._machine.role} were used from an external address"
        return [
            Finding(
                self._use, kind, 8.0, said, PROD.id, HOME, "api", self._session.name, address=THIEF,
                api="GetCallerIdentity", service="sts.amazonaws.com", key_id=key,
                repeats=(self._read + 4 * MINUTE,), mark=self.mark(METADATA),
            )
        ]  # fmt: skip

    def _sign_ins(self) -> list[SignIn]:
        """The application from outside: first with an old version of the secret, then with the new one."""
        tries = ((0, 7000222), (2 * MINUTE, 7000215), (3 * MINUTE, 0), (14 * MINUTE, 0), (65 * MINUTE, 0))
        return [
            SignIn(
                self._azure + off, SYNC, THIEF, agent="python-requests/2.31.0", kind="service_principal",
                error=error, mfa="", place="Jakarta", risk="none" if error else "medium",
                mark=self.mark(TOKEN),
            )
            for off, error in tries
        ]  # fmt: skip

    def _operations(self) -> list[AzureOperation]:
        at = self._azure + 6 * MINUTE
        store = "Microsoft.Storage/storageAccounts/krsharedlogs"
        vault = "Microsoft.KeyVault/vaults/kv-kr-platform"
        granted = f"Microsoft.Authorization/roleAssignments/{self.company.uuid('assignment', self.id)}"
        steps = (
            ("Microsoft.Storage/storageAccounts/listKeys/action", store, "rg-logs", ""),
            ("Microsoft.Storage/storageAccounts/listAccountSas/action", store, "rg-logs", ""),
            ("Microsoft.KeyVault/vaults/accessPolicies/write", vault, "rg-platform", "Forbidden"),
            ("Microsoft.Authorization/roleAssignments/write", granted, "rg-platform", "Forbidden"),
            (
                "Microsoft.Compute/virtualMachines/runCommand/action",
                "Microsoft.Compute/virtualMachines/vm-report-1",
                "rg-analytics",
                "Forbidden",
            ),
        )
        return [
            AzureOperation(
                at + number * 95 * SECOND, SYNC, name, what, THIEF, group, error, mark=self.mark(AZURE)
            )
            for number, (name, what, group, error) in enumerate(steps)
        ]

    def _credentials(self) -> list[DirectoryChange]:
        """The application gives itself a second secret, good for two years."""
        at = self._azure + 17 * MINUTE
        made = self.company.uuid("credential", self.id)
        new = f'["[KeyIdentifier={made},KeyType=Password,KeyUsage=Verify,DisplayName=sync-2]"]'
        steps = (
            (
                "Update application \u2013 Certificates and secrets management ",
                "Application",
                "KeyDescription",
            ),
            ("Add service principal credentials", "ServicePrincipal", "KeyDescription"),
        )
        return [
            DirectoryChange(
                at + number * SECOND, SYNC, name, "ApplicationManagement", (kind, SYNC), address=THIEF,
                changes=((label, "[]", new),), mark=self.mark(KEY),
            )
            for number, (name, kind, label) in enumerate(steps)
        ]  # fmt: skip
