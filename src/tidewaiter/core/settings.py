"""Settings: `tidewaiter.toml`, then `TIDEWAITER_…` variables over it; each value knows where it came from.

A setting's variable is its path in upper case: `ingestion.endpoint` is `TIDEWAITER_INGESTION_ENDPOINT`.
Secrets are never settings: a setting holds a reference (`env://NAME`, `file://PATH`).
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from tidewaiter.core.errors import ConfigError, Location

FILE = "tidewaiter.toml"
DEFAULT_ORIGIN = "default"

Destination = Literal["asim", "native", "both"]
PhaseName = Literal["shadow", "selective", "active"]

REFERENCES = frozenset({"azure.client_secret"})
"""Settings that say where a secret is, and are never the secret."""
_SCHEMES = ("env://", "file://", "keyvault://", "aws-sm://")


class Azure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Azure's services are, and who we are there.

    An empty `client_id` means DefaultAzureCredential (environment, workload or managed identity, CLI);
    `client_secret` is a reference. `ca_bundle` is the path of a CA file to trust instead of the public ones.
    `allow_hosts` are hosts that may be spoken to besides Azure's own, as `clouds.hosts` writes them.
    """

    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    ca_bundle: str = ""
    authority: str = "https://login.microsoftonline.com"
    management: str = "https://management.azure.com"
    query: str = "https://api.loganalytics.io"
    allow_hosts: tuple[str, ...] = ()


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Log Analytics workspace with Sentinel on it; `id` is its customer id (a GUID)."""

    subscription_id: str = ""
    resource_group: str = ""
    name: str = ""
    id: str = ""


class Ingestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Logs Ingestion endpoint. `dcr` is the immutable id of the DCR for tables that `dcrs` does not name.

    A table's stream is `stream_prefix` + the table. No endpoint: rows go to the embedded lab.
    """

    endpoint: str = ""
    dcr: str = ""
    dcrs: dict[str, str] = msgspec.field(default_factory=dict)
    stream_prefix: str = "Custom-"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the state is: empty for SQLite in the state directory, or `postgresql://…`."""

    url: str = ""


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the archive is: empty for `archive/` in the state directory, or file://, s3://, abfss://."""

    url: str = ""


class Phases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rollout phase of every source that has none of its own (DESIGN section 10)."""

    default: PhaseName = "active"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source's own settings; an empty phase is the default one.

    `pull` reads its findings from Sentinel's own table, those of the last `pull_days` days at first.
    """

    destination: Destination = "asim"
    phase: PhaseName | Literal[""] = ""
    pull: bool = False
    pull_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 1


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Prometheus may read the metrics: `127.0.0.1:9464`; empty for nowhere."""

    listen: str = ""


class Kql(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What KQL may do besides reading its workspace: names such as `workspace` or `evaluate.python`."""

    allow: tuple[str, ...] = ()


class Billing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a workspace costs: the price of a GB (10^9 bytes) of analytics logs; 0 where it is not known."""

    price_per_gb: float = 0.0
    currency: str = "USD"


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the sender tries: attempts for one batch, and seconds without any success in a run."""

    max_attempts: int = 12
    give_up_after: float = 300.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; every part has defaults that make an embedded lab."""

    azure: Azure = Azure()
    workspace: Workspace = Workspace()
    ingestion: Ingestion = msgspec.field(default_factory=Ingestion)
    state: State = State()
    archive: Archive = Archive()
    phase: Phases = Phases()
    sources: dict[str, Source] = msgspec.field(default_factory=dict)
    metrics: Metrics = Metrics()
    kql: Kql = Kql()
    billing: Billing = Billing()
    retry: Retry = Retry()

    @property
    def embedded(self) -> bool:
        """Whether rows go to the embedded lab."""
        return not self.ingestion.endpoint

    @property
    def pulled(self) -> list[str]:
        """The sources whose findings are read from the workspace."""
        return [name for name, source in self.sources.items() if source.pull]


class Loaded(msgspec.Struct, frozen=True):
    """Settings with the origin of every value by its path: `default`, `FILE:line` or a variable."""

    settings: Settings
    origins: dict[str, str]


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read settings; without `path` the `tidewaiter.toml` of the working directory, if there is one.

    Raises:
        ConfigError: the named file is missing, it is not TOML, or a setting is unknown or wrong.
    """
    found = path or (Path(FILE) if Path(FILE).is_file() else None)
    given: dict[str, Any] = {}
    origins = {name: DEFAULT_ORIGIN for name, _ in flat(Settings())}
    if found:
        given, text = _read(found)
        origins.update((name, f"{found}:{_line(text, name)}") for name, _ in _leaves(given))
    for name, variable in _variables(origins):
        if variable in environ:
            _put(given, name, environ[variable])
            origins[name] = variable
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise _explained(error, found, given) from None
    return Loaded(settings, origins)


def is_reference(value: object) -> bool:
    """Whether a value says where a secret is; which schemes can be followed is for `clouds.secrets`."""
    return isinstance(value, str) and value.startswith(_SCHEMES)


def flat(settings: Settings) -> Iterator[tuple[str, object]]:
    """Yield (path, value) of every setting."""
    yield from _leaves(msgspec.to_builtins(settings))


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        hint = "check the path, or make one with `tidewaiter init`"
        raise ConfigError(f"cannot be read: {error.strerror}", at=Location(str(path)), hint=hint) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _not_toml(error, path) from None


_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def _not_toml(error: UnicodeDecodeError | tomllib.TOMLDecodeError, path: Path) -> ConfigError:
    """Return the error with its line; tomllib (Python 3.11) has it in its message alone."""
    hint = (
        'text stands in quotes, as in endpoint = "https://…"; `tidewaiter init` writes a file to begin with'
    )
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return ConfigError("is not TOML: not UTF-8", at=Location(str(path), line), hint="save it as UTF-8")
    place = _PLACE.search(str(error))
    at = Location(str(path), int(place[1]), int(place[2])) if place else Location(str(path))
    return ConfigError(f"is not TOML: {_PLACE.sub('', str(error))}", at=at, hint=hint)


def _line(text: str, name: str) -> int:
    """Return the line of a setting: of its key below its table's header, or of the header at least."""
    table, _, key = name.rpartition(".")
    current, header = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[]").replace('"', "").strip()
            header = number if current == table else header
        elif current == table and stripped.split("=")[0].strip().strip('"') == key:
            return number
    return header or 1


def variable_of(name: str) -> str:
    """Return the variable that gives a setting; "" for lists and tables, which only a file can give."""
    if not isinstance(_default(name), (str, int, float)):
        return ""
    return "TIDEWAITER_" + name.upper().replace(".", "_")


def _variables(known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted(known):
        if variable := variable_of(name):
            yield name, variable


def _default(name: str) -> object:
    value: object = msgspec.to_builtins(Settings())
    for part in name.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return value


def _put(tree: dict[str, Any], name: str, value: str) -> None:
    *parents, key = name.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[key] = value


def _is_at(name: str, place: str) -> bool:
    """Whether a path is the one that msgspec names; it writes `[...]` for a key of a mapping."""
    first, found, rest = place.partition("[...]")
    return bool(found) and name.startswith(f"{first}.") and name.endswith(rest)


def _explained(error: msgspec.ValidationError, path: Path | None, given: Mapping[str, Any]) -> ConfigError:
    message = str(error)
    at = Location(str(path)) if path else None
    if "unknown field" in message:
        wrong = message.split("`")[1]
        known = {part for name, _ in flat(Settings()) for part in name.split(".")} | set(
            get_type_hints(Source)
        )
        close = difflib.get_close_matches(wrong, known, 1)
        hint = f"did you mean '{close[0]}'?" if close else "`tidewaiter config show` lists all settings"
        if path and at:
            place = next((name for name, _ in _leaves(given) if wrong in name.split(".")), wrong)
            at = Location(str(path), _line(path.read_text(encoding="utf-8"), place))
        return ConfigError(f"unknown setting '{wrong}'", at=at, hint=hint)
    place = message.rpartition("at `$")[2].strip("`.") if "at `$" in message else ""
    place = next((name for name, _ in _leaves(given) if _is_at(name, place)), place)
    reason = message.partition(" - at")[0]
    if path and at and place:
        at = Location(str(path), _line(path.read_text(encoding="utf-8"), place))
    hint = "`tidewaiter config show --origin` shows every setting and where it came from"
    return ConfigError(f"{place or 'a setting'}: {reason}", at=at, hint=hint)
