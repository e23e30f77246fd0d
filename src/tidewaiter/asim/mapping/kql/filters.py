"""The filtering parameters of ASIM's parsers, by schema, and where in a function each is applied.

Sources: the pages "ASIM … schema reference", section "Filtering parser parameters" (Microsoft Sentinel,
2026), and, for the types and order, the unifying parsers `im<Schema>` of Azure/Azure-Sentinel, which pass
them by name.

A list that is empty, a text that is "*" and a null filter nothing. Words are found as KQL's `has_any` finds
them, values regardless of case. A prefix is one of an IPv4 address and ends with a dot, or is a whole
address; a whole IPv6 address is found, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.kql.binding import Binding
from tidewaiter.core.kql_literals import literal

Test = Literal["has_any", "in", "prefix", "held_prefix", "held_address", "equals", "number", "from", "to"]
_DEFAULTS: Mapping[Test, tuple[str, str]] = {
    "has_any": ("dynamic", "dynamic([])"),
    "in": ("dynamic", "dynamic([])"),
    "prefix": ("dynamic", "dynamic([])"),
    "held_prefix": ("dynamic", "dynamic([])"),
    "held_address": ("string", "'*'"),
    "equals": ("string", "'*'"),
    "number": ("int", "int(null)"),
    "from": ("datetime", "datetime(null)"),
    "to": ("datetime", "datetime(null)"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter: rows pass when one of `columns` passes its test; `default` is a text other than `*`."""

    name: str
    test: Test
    columns: tuple[str, ...]
    default: str = ""

    @property
    def declaration(self) -> str:
        """The parameter as a function declares it."""
        kind, default = _DEFAULTS[self.test]
        return f"{self.name}:{kind}={literal(self.default) if self.default else default}"

    @property
    def unset(self) -> str:
        """The condition under which it filters nothing."""
        if self.test in ("number", "from", "to"):
            return f"isnull({self.name})"
        return (
            f"{self.name} == '*'"
            if self.test in ("equals", "held_address")
            else f"array_length({self.name}) < 1"
        )

    def passes(self, value: str) -> str:
        """The condition under which a value passes."""
        match self.test:
            case "has_any":
                return f"{value} has_any ({self.name})"
            case "in":
                return f"{value} in~ ({self.name})"
            case "prefix":
                return f"(has_any_ipv4_prefix({value}, {self.name}) or {value} in ({self.name}))"
            case "held_prefix":
                return f"has_any_ipv4_prefix({value}, {self.name})"
            case "held_address":
                return f"has_ipv4({value}, {self.name})"
            case "equals":
                return f"{value} =~ {self.name}"
            case "number":
                return f"{value} == {self.name}"
            case "from":
                return f"{value} >= {self.name}"
            case "to":
                return f"{value} <= {self.name}"


_START = Filter("starttime", "from", ("TimeGenerated",))
_END = Filter("endtime", "to", ("TimeGenerated",))
_SOURCE = Filter("srcipaddr_has_any_prefix", "prefix", ("SrcIpAddr",))
_EITHER = Filter("ipaddr_has_any_prefix", "prefix", ("SrcIpAddr", "DstIpAddr"))
_TYPE = Filter("eventtype_in", "in", ("EventType",))
_RESULT = Filter("eventresult", "equals", ("EventResult",))
_ACTOR = Filter("actorusername_has_any", "has_any", ("ActorUsername",))
_HASHES = ("TargetFileMD5", "TargetFileSHA1", "TargetFileSHA256", "TargetFileSHA512",
           "SrcFileMD5", "SrcFileSHA1", "SrcFileSHA256", "SrcFileSHA512")  # fmt: skip

FILTERS: Mapping[str, tuple[Filter, ...]] = {
    "AuditEvent": (
        _START, _END, _SOURCE, _TYPE, _RESULT, _ACTOR,
        Filter("operation_has_any", "has_any", ("Operation",)),
        Filter("object_has_any", "has_any", ("Object",)),
        Filter("newvalue_has_any", "has_any", ("NewValue",)),
    ),
    "Authentication": (
        _START, _END,
        Filter("username_has_any", "has_any", ("TargetUsername", "ActorUsername")),
        Filter("targetappname_has_any", "has_any", ("TargetAppName",)),
        _SOURCE,
        Filter("srchostname_has_any", "has_any", ("SrcHostname",)),
        _TYPE,
        Filter("eventresultdetails_in", "in", ("EventResultDetails",)),
        _RESULT,
    ),
    "UserManagement": (
        _START, _END, _SOURCE,
        Filter("targetusername_has_any", "has_any", ("TargetUsername",)),
        _ACTOR, _TYPE,
    ),
    "FileEvent": (
        _START, _END, _TYPE, _SOURCE, _ACTOR,
        Filter("targetfilepath_has_any", "has_any", ("TargetFilePath",)),
        Filter("srcfilepath_has_any", "has_any", ("SrcFilePath",)),
        Filter("hashes_has_any", "has_any", _HASHES),
        Filter("dvchostname_has_any", "has_any", ("DvcHostname",)),
    ),
    "NetworkSession": (
        _START, _END, _SOURCE,
        Filter("dstipaddr_has_any_prefix", "prefix", ("DstIpAddr",)),
        _EITHER,
        Filter("dstportnumber", "number", ("DstPortNumber",)),
        Filter("hostname_has_any", "has_any", ("SrcHostname", "DstHostname")),
        Filter("dvcaction", "in", ("DvcAction",)),
        _RESULT,
    ),
    "WebSession": (
        _START, _END, _SOURCE, _EITHER,
        Filter("url_has_any", "has_any", ("Url",)),
        Filter("httpuseragent_has_any", "has_any", ("HttpUserAgent",)),
        Filter("eventresultdetails_in", "in", ("EventResultDetails",)),
        _RESULT,
    ),
    "Dns": (
        _START, _END,
        Filter("srcipaddr", "equals", ("SrcIpAddr",)),
        Filter("domain_has_any", "has_any", ("DnsQuery",)),
        Filter("responsecodename", "equals", ("EventResultDetails",)),
        Filter("response_has_ipv4", "held_address", ("DnsResponseName",)),
        Filter("response_has_any_prefix", "held_prefix", ("DnsResponseName",)),
        Filter("eventtype", "equals", ("EventType",), "Query"),
    ),
    "AlertEvent": (
        _START, _END,
        Filter("ipaddr_has_any_prefix", "prefix", ("DvcIpAddr",)),
        Filter("hostname_has_any", "has_any", ("DvcHostname",)),
        Filter("username_has_any", "has_any", ("Username",)),
        Filter("attacktactics_has_any", "has_any", ("AttackTactics",)),
        Filter("attacktechniques_has_any", "has_any", ("AttackTechniques",)),
        Filter("threatcategory_has_any", "has_any", ("ThreatCategory",)),
        Filter("alertverdict_has_any", "has_any", ("AlertVerdict",)),
        Filter("eventseverity_has_any", "has_any", ("EventSeverity",)),
    ),
}  # fmt: skip


def parameters(schema: str, *, filtering: bool) -> str:
    """Return the parameters of a schema's functions as KQL declares them."""
    own = [each.declaration for each in FILTERS[schema]] if filtering else []
    return ", ".join([*own, "disabled:bool=false", "pack:bool=false"])


@dataclass(frozen=True, slots=True)
class Placed:
    """Conditions of a function: `early` on the table's own columns, `late` on the finished ones."""

    early: tuple[str, ...]
    late: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Needed:
    """A condition that every value which passes fulfils; "" when none passes. `enough`: it suffices."""

    condition: str
    enough: bool


def placed(filters: tuple[Filter, ...], columns: Mapping[str, Expr], binding: Binding) -> Placed:
    """Say where each filter applies: on the table's columns as far as that is known to lose no row.

    A filter on a column that the mapping does not fill lets no row pass, unless it is unset.
    """
    early, late = [], []
    for each in filters:
        known = [column for column in each.columns if column in columns]
        needed = [_needed(each, columns[column], binding) for column in known]
        if all(needed):
            parts = dict.fromkeys(part.condition for part in needed if part and part.condition)
            early.append(" or ".join([each.unset, *parts]))
        if not all(part is not None and part.enough for part in needed):
            late.append(" or ".join([each.unset, *(each.passes(column) for column in known)]))
    return Placed(tuple(early), tuple(late))


def _needed(test: Filter, expr: Expr, binding: Binding) -> _Needed | None:
    """Return what is needed of the table's columns for a value to pass; None when that is not known."""
    match expr:
        case Const(value=str() as value) if value:
            return _Needed(test.passes(literal(value)), enough=True)
        case Const():
            return _Needed("", enough=True)
        case Field(path=path):
            bound = binding.path(path)
            if bound is None or not bound.native or bound.column or not _fits(test, bound.kind):
                return None
            return _Needed(test.passes(bound.kql), enough=True)
        case Op(name="ip", args=(inner,)):  # the address itself, or nothing
            return _less(_needed(test, inner, binding))
        case Op(name="first", args=args):
            return _one(test, args, binding)
        case Op(name="case", args=args):
            return _one(test, (*args[1::2], args[-1]), binding)
    return None


def _less(needed: _Needed | None) -> _Needed | None:
    return None if needed is None else _Needed(needed.condition, enough=False)


def _one(test: Filter, exprs: tuple[Expr, ...], binding: Binding) -> _Needed | None:
    parts = []
    for each in exprs:
        needed = _needed(test, each, binding)
        if needed is None:
            return None
        parts.append(needed.condition)
    return _Needed(" or ".join(dict.fromkeys(part for part in parts if part)), enough=False)


def _fits(test: Filter, kind: str) -> bool:
    wanted = {"number": "long", "from": "datetime", "to": "datetime"}.get(test.test, "string")
    return kind == wanted


def matching(schema: str, columns: Mapping[str, Expr]) -> list[str]:
    """Return the operators that add which address or hostname of a session passed, as ASIM wants it."""
    if schema not in ("NetworkSession", "WebSession"):
        return []
    by_address = [each for each in FILTERS[schema] if each.test == "prefix"]
    unset = " and ".join(each.unset for each in by_address)
    source, destination = (
        " or ".join(each.passes(column) for each in by_address if column in each.columns)
        if column in columns
        else "false"
        for column in ("SrcIpAddr", "DstIpAddr")
    )
    names = any(each.name == "hostname_has_any" for each in FILTERS[schema])
    return [
        f"extend tw_source = {source},\n    tw_destination = {destination}",
        "extend ASimMatchingIpAddr = case(\n    "
        + ",\n    ".join(
            (
                f'{unset}, "-"',
                'tw_source and tw_destination, "Both"',
                'tw_source, "SrcIpAddr"',
                'tw_destination, "DstIpAddr"',
                '"-")',
            )
        )
        + (',\n    ASimMatchingHostname = iif(array_length(hostname_has_any) < 1, "", "-")' if names else ""),
        "project-away tw_source, tw_destination",
    ]
