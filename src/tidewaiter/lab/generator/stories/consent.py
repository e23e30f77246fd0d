"""From Entra to AWS by a pipeline's application: a consent, a foreign federated credential, a backdoor."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.functions import admit, aim, create_function, schedule
from tidewaiter.lab.generator.calls.iam import trust_policy
from tidewaiter.lab.generator.calls.roles import ADMINISTRATOR, create_role, policy_of
from tidewaiter.lab.generator.calls.signin import assume_role_with_token, identity_check
from tidewaiter.lab.generator.calls.storage import list_buckets
from tidewaiter.lab.generator.company import DOMAIN, EDGE, HOME, PROD, Company
from tidewaiter.lab.generator.entra.tenant import CI, app_id, service_principal_id, tenant_id
from tidewaiter.lab.generator.identity import Actor, role_session, session_key, web_identity
from tidewaiter.lab.generator.others import AzureOperation, DirectoryChange, Others, SignIn
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import INTRUDER, SHELL, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

PHISHER, RUNNER = "192.0.2.112", "192.0.2.113"
OWNER = f"jonah.whitfield@{DOMAIN}"
"""He owns the registration of the pipeline's application."""
APP = "Parcel Insights Connector"
ROLE, SESSION = "kr-azure-deploy", "azdo-release-7731"
OUTSIDER = "270594817736"
BACKDOOR, FUNCTION = "kr-support-diagnostics", "kr-health-probe"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
)

CONSENT, KEY, TOKEN, CLOUD = "T1528", "T1098.001", "T1550.001", "T1580"
ROLES, SERVERLESS, TRIGGER = "T1098.003", "T1648", "T1546"


class PipelineConsent(Campaign):
    """A developer consents to an application; it gives the pipeline's own application a foreign issuer."""

    id = "consent-to-pipeline"
    title = "Illicit consent, a pipeline's application abused, a backdoor in AWS"
    addresses = (PHISHER, RUNNER)
    techniques: ClassVar = (
        Technique(CONSENT, "Credential Access"),
        Technique(KEY, "Persistence"),
        Technique(TOKEN, "Lateral Movement"),
        Technique(CLOUD, "Discovery"),
        Technique(ROLES, "Persistence"),
        Technique(SERVERLESS, "Execution"),
        Technique(TRIGGER, "Persistence"),
    )

    def __init__(self, company: Company) -> None:
        """Set the hours: the developer's morning in Austin, the pipeline's afternoon."""
        super().__init__(company)
        late = self.draw.whole(-14 * MINUTE, 14 * MINUTE)
        self._consent = 14 * HOUR + 26 * MINUTE + late
        self._issuer = self._consent + 18 * MINUTE
        self._enter = self._issuer + 27 * MINUTE
        self._stay = self._enter + 24 * MINUTE
        self._provider = f"sts.windows.net/{tenant_id(company)}/"

    @property
    def actor(self) -> str:
        """The ARN of the pipeline's session in production."""
        return self._session.name

    @property
    def _session(self) -> Actor:
        provider = f"arn:aws:iam::{PROD.id}:oidc-provider/{self._provider}"
        context: Json = {"webIdFederationData": {"federatedProvider": provider, "attributes": {}}}
        return role_session(
            self.company, PROD.id, ROLE, SESSION, persona=INTRUDER, since=self._enter, address=RUNNER,
            agent=SHELL, context=context,
        )  # fmt: skip

    def deeds(self, total: int) -> list[Deed]:
        """Return the token exchange, a look around, a role and a function; nothing grows with the day."""
        del total
        company = self.company
        subject, audience = service_principal_id(company, CI), app_id(company, CI)
        caller = web_identity(
            account=PROD.id, provider=self._provider, subject=subject, audience=audience, persona=INTRUDER,
            address=RUNNER, agent=SHELL,
        )  # fmt: skip
        key = session_key(company, PROD.id, ROLE, SESSION, self._enter)
        exchange = assume_role_with_token(
            company, PROD.id, ROLE, SESSION, subject, self._provider, key, self._enter, audience=audience
        )
        return [
            *self.scene(self._enter, caller, PROD, [(TOKEN, HOME, exchange)], (1, 1)),
            *self.scene(self._enter + 20 * SECOND, self._session, PROD, self._look(), (3_000, 60_000)),
            *self.scene(self._stay, self._session, PROD, self._persistence(), (15_000, 150_000)),
        ]

    def _look(self) -> list[tuple[str, str, Make]]:
        who = self._session
        return [
            (TOKEN, HOME, identity_check()),
            (CLOUD, EDGE, read("iam", "ListRoles", maxItems=200)),
            (CLOUD, EDGE, read("iam", "ListAttachedRolePolicies", roleName=ROLE)),
            (CLOUD, EDGE, denied(read("organizations", "DescribeOrganization"), who)),
            (CLOUD, HOME, read("lambda", "ListFunctions20150331", maxItems=50)),
            (CLOUD, HOME, describe("DescribeInstances")),
            (CLOUD, EDGE, list_buckets()),
            (CLOUD, HOME, denied(read("guardduty", "ListDetectors"), who)),
        ]

    def _persistence(self) -> list[tuple[str, str, Make]]:
        company, who = self.company, self._session
        trust = trust_policy({"AWS": f"arn:aws:iam::{OUTSIDER}:root"})
        role = f"arn:aws:iam::{PROD.id}:role/{BACKDOOR}"
        made = create_role(company, PROD.id, BACKDOOR, trust, "Diagnostics for vendor support")
        user = read("iam", "GetUser", userName="breakglass")
        function = create_function(PROD.id, HOME, FUNCTION, role, "Health probe")
        return [
            (ROLES, EDGE, made),
            (ROLES, EDGE, policy_of("AttachRolePolicy", "role", BACKDOOR, ADMINISTRATOR)),
            (ROLES, EDGE, denied(user, who)),
            (SERVERLESS, HOME, function),
            (TRIGGER, HOME, schedule(PROD.id, HOME, FUNCTION, "rate(6 hours)")),
            (TRIGGER, HOME, admit(PROD.id, HOME, FUNCTION, "probe", "events.amazonaws.com")),
            (TRIGGER, HOME, aim(PROD.id, HOME, FUNCTION, FUNCTION)),
            (TRIGGER, HOME, admit(PROD.id, HOME, FUNCTION, "support", OUTSIDER)),
        ]

    def others(self, total: int) -> Others:
        """Return the consent and what the application does with it, and the pipeline's foreign sign-ins."""
        del total
        return Others(sign_ins=self._sign_ins(), directory=self._changes(), azure=self._operations())

    def _sign_ins(self) -> list[SignIn]:
        """The code on the phishing page, the token used from elsewhere, then the pipeline's application."""
        device = SignIn(
            self._consent - 50 * SECOND, OWNER, PHISHER, agent=AGENT, app="graph", mfa="push",
            protocol="deviceCode", place="Ashburn", device=False, risk="low",
            risk_events=("unfamiliarFeatures",), session=f"{self.id}:graph", mark=self.mark(CONSENT),
        )  # fmt: skip
        silent = SignIn(
            self._issuer - 2 * MINUTE, OWNER, PHISHER, agent="python-requests/2.31.0", app="graph",
            kind="noninteractive", place="Ashburn", device=False, session=f"{self.id}:graph",
            mark=self.mark(CONSENT),
        )  # fmt: skip
        pipeline = [
            SignIn(
                self._enter + off, CI, RUNNER, agent="python-requests/2.31.0", kind="service_principal",
                error=error, mfa="", place="Jakarta", mark=self.mark(TOKEN),
            )
            for off, error in ((-5 * MINUTE, 700213), (-40 * SECOND, 0), (58 * MINUTE, 0))
        ]  # fmt: skip
        return [device, silent, *pipeline]

    def _changes(self) -> list[DirectoryChange]:
        granted = "Application.ReadWrite.All Directory.Read.All offline_access"
        where = ("ServicePrincipal", APP)
        consented = (
            ("ConsentContext.IsAdminConsent", "", "False"),
            ("ConsentContext.OnBehalfOfAll", "", "False"),
            ("ConsentAction.Permissions", "", f"[] => [[Scope: {granted}, ConsentType: Principal]];"),
        )
        issuer = [
            {
                "Name": "azdo-release",
                "Issuer": "https://oidc.pipelines-relay.example",
                "Subject": "sc://kr/release",
                "Audiences": ["api://AzureADTokenExchange"],
            }
        ]
        foreign = msgspec.json.encode(issuer).decode()
        steps = (
            (self._consent, "Add service principal", where, (), CONSENT),
            (
                self._consent + SECOND,
                "Add delegated permission grant",
                ("ServicePrincipal", "Microsoft Graph"),
                (("DelegatedPermissionGrant.Scope", "", granted),),
                CONSENT,
            ),
            (self._consent + 2 * SECOND, "Consent to application", where, consented, CONSENT),
            (
                self._issuer,
                "Update application",
                ("Application", CI),
                (("FederatedIdentityCredentials", "[]", foreign),),
                KEY,
            ),
        )
        return [
            DirectoryChange(
                at, OWNER, name, "ApplicationManagement", target, address=PHISHER, changes=changes,
                mark=self.mark(technique),
            )
            for at, name, target, changes, technique in steps
        ]  # fmt: skip

    def _operations(self) -> list[AzureOperation]:
        """The same application in Azure: what the pipeline may, and one thing that it may not."""
        store = "Microsoft.Storage/storageAccounts/krsharedlogs"
        rule = "Microsoft.Insights/diagnosticSettings"
        steps = (
            ("Microsoft.Storage/storageAccounts/listKeys/action", store, "rg-logs", ""),
            (f"{rule}/delete", f"{store}/providers/{rule}/to-sentinel", "rg-logs", "Forbidden"),
        )
        return [
            AzureOperation(
                self._enter + (2 + 3 * number) * MINUTE, CI, name, what, RUNNER, group, error,
                mark=self.mark(TOKEN),
            )
            for number, (name, what, group, error) in enumerate(steps)
        ]  # fmt: skip
