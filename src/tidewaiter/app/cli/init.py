"""`tidewaiter init`: a commented tidewaiter.toml from a few questions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.terminal import say
from tidewaiter.core.errors import ConfigError, UsageError
from tidewaiter.core.settings import FILE, is_reference

_TEMPLATE = """\
# Settings of Tidewaiter. `tidewaiter config show --origin` prints them all, and where each comes from.
# Every one can be given as a variable, too: ingestion.endpoint is TIDEWAITER_INGESTION_ENDPOINT.
# Secrets are never written here, only where they are: env://NAME or file://PATH.

[azure]
tenant_id = {tenant}
# Empty: DefaultAzureCredential (environment, workload identity, managed identity, Azure CLI).
client_id = {client}
client_secret = {secret}
# A CA file to trust instead of the public ones (a private link with a proxy, or the lab).
ca_bundle = ""
# Hosts that may be spoken to besides those of Azure's clouds: "host", "host:port" or "*.suffix".
allow_hosts = []

[workspace]
subscription_id = {subscription}
resource_group = {group}
name = {workspace}
# The workspace's customer id, a GUID: Log Analytics workspace, Overview, Workspace ID.
id = {customer}

[ingestion]
# The logs ingestion endpoint of the data collection rule (kind Direct) or of a data collection endpoint.
# Empty: rows go to the embedded lab in the state directory.
endpoint = {endpoint}
# The immutable id of the data collection rule; [ingestion.dcrs] may name others by table.
dcr = {dcr}

[state]
# Empty: SQLite in the state directory. postgresql://… lets several processes and hosts share the work.
url = ""

[archive]
# Empty: archive/ in the state directory. Or file://, s3://bucket/prefix, abfss://container@account…/prefix.
url = ""

[phase]
# shadow: rows stay in the archive, nothing leaves; selective and active deliver.
# A source may have its own `phase`, in its table such as [sources.aws_cloudtrail].
default = {phase}

[sources.aws_cloudtrail]
# asim: the ASIM tables; native: AWSCloudTrail, where the workspace's rules read that; both: billed twice.
destination = "asim"

[sources.aws_vpcflow]
destination = "asim"

[sources.aws_guardduty]
# true: findings that Microsoft's connector has brought into the workspace are read from there.
pull = false

[metrics]
# Where Prometheus may read metrics while `run` works, such as 127.0.0.1:9464. Empty: nowhere.
listen = ""

[kql]
# What queries may use that leads out of the workspace or runs plugins: "workspace", "evaluate", …
allow = []
"""

_QUESTIONS = (
    ("tenant", "Entra tenant id"),
    ("client", "Client id (empty for DefaultAzureCredential)"),
    ("secret", "Where the client's secret is (env://NAME or file://PATH)"),
    ("subscription", "Subscription id of the workspace"),
    ("group", "Resource group of the workspace"),
    ("workspace", "Name of the workspace"),
    ("customer", "Workspace id (the customer id, a GUID)"),
    ("endpoint", "Logs ingestion endpoint (https://…)"),
    ("dcr", "Immutable id of the data collection rule (dcr-…)"),
)


def init(
    out: Annotated[Path, typer.Option("--out", help="Where to write the settings.")] = Path(FILE),
    lab: Annotated[bool, typer.Option("--lab", help="Ask nothing: settings of the embedded lab.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented tidewaiter.toml from a few questions. An empty answer keeps the embedded lab."""
    if out.exists() and not force:
        raise UsageError(f"{out} exists", hint="give --force to replace it, or --out another file")
    answers = dict.fromkeys((name for name, _ in _QUESTIONS), "")
    if not lab:
        answers.update(_asked())
    phase = "shadow" if answers["endpoint"] else "active"
    text = _TEMPLATE.format(phase=_quoted(phase), **{name: _quoted(text) for name, text in answers.items()})
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}", hint="give --out another place") from None
    say(f"wrote {out}; next: tidewaiter doctor --config {out}")


def _asked() -> dict[str, str]:
    if not sys.stdin.isatty() and sys.stdin.closed:
        raise UsageError("there is nobody to ask", hint="give --lab for settings of the embedded lab")
    endpoint_first = sorted(_QUESTIONS, key=lambda question: question[0] != "endpoint")
    answers: dict[str, str] = {}
    for name, question in endpoint_first:
        answers[name] = _answer(name, question)
        if name == "endpoint" and not answers[name]:
            say("no endpoint: rows go to the embedded lab")
            return {}
    return answers


def _answer(name: str, question: str) -> str:
    """Return an answer that can be used; a person at a terminal is asked again, a script is refused.

    Raises:
        UsageError: the answer cannot be used, and there is nobody to ask again.
    """
    while True:
        given = str(typer.prompt(question, default="", show_default=False, err=True)).strip()
        problem, hint = _problem(name, given)
        if not problem:
            return given
        if not sys.stdin.isatty():
            raise UsageError(problem, hint=hint)
        say(f"{problem}: {hint}")


def _problem(name: str, given: str) -> tuple[str, str]:
    """Return what is wrong with an answer and what to do, or two empty texts."""
    if name == "endpoint" and given and not given.startswith("https://"):
        return "the endpoint begins with https://", "copy it from the DCR's JSON view"
    if name == "secret" and given and not is_reference(given):
        return "a secret is not written into settings", "write env://NAME or file://PATH"
    return "", ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
