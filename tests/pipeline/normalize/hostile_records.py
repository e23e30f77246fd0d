"""Records as AWS writes them and as nobody should: random members, hostile texts, every JSON form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from tidewaiter.asim.mapping.expression import Field, walk
from tidewaiter.content import SourceSpec, sources

CLOUDTRAIL: SourceSpec = sources()["aws_cloudtrail"]
VPC: SourceSpec = sources()["aws_vpcflow"]

HOSTILE = [
    "",
    " ",
    "null",
    "true",
    "0",
    "-0",
    "1e5",
    '"',
    "\\",
    "/",
    '\\"',
    "'",
    "\x00",
    "\x1f",
    "\x7f",
    "\t\n\r",
    "é",
    "e\u0301",
    "🚢",
    "\u202eetad\u202c",
    "\u2028\u2029",
    "שלום",
    "<script>",
    "=cmd|' /C calc'!A0",
    "{}",
    "[1,",
    "%s%n",
    "../../x",
    "a" * 300,
    "\ufeff",
    "\ufffd",
]
WORDS = [
    "mara.holt",
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "AROATIDEWTR0000000041:mara.holt",
    "ASIATIDEWTR000000001",
    "AKIATIDEWTR000000001",
    "arn:aws:sts::900100200301:assumed-role/Ledger/mara.holt",
    "arn:aws:iam::900100200301:user/team/mara",
    "arn:aws:iam::900100200301:role/x/Ledger",
    "900100200301",
    "i-0a12b34c56d78e9f0",
    "AWSReservedSSO_Admin_0f",
    "ines@harbour.example",
    "203.0.113.9",
    "2001:db8::9",
    "fe80::1%eth0",
    "lambda.amazonaws.com",
    "AWS Internal",
    "Yes",
    "No",
    "Failure",
    "Success",
    "PASSWORD,TOTP",
    "AccessDenied",
    "Failed authentication",
    "x is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::900100200301:user/a/b because",
    "48211",
    "2.0",
]
texts = st.sampled_from(HOSTILE + WORDS) | st.sampled_from(WORDS) | st.text(max_size=20)
rarely = st.sampled_from([False] * 11 + [True])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

TYPES = [
    "Root",
    "IAMUser",
    "AssumedRole",
    "Role",
    "FederatedUser",
    "Directory",
    "AWSAccount",
    "AWSService",
    "SAMLUser",
    "WebIdentityUser",
    "IdentityCenterUser",
    "Unknown",
    "",
]
TIMES = [
    "2026-03-04T09:12:44Z",
    "2014-03-06T21:22:54Z",
    "2026-03-04T09:12:44.123Z",
    "2026-03-04T09:12:44+01:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30T00:00:00Z",
    "yesterday",
    "",
    "2026-03-04",
    "9999-12-31T23:59:59Z",
]


def _names(spec: SourceSpec) -> tuple[list[tuple[str, str]], list[str]]:
    lookups = spec.mapping.lookups
    pairs = [tuple(key.split(":", 1)) for name in ("sign_ins", "user_management") for key in lookups[name]]
    pairs += [("s3.amazonaws.com", name) for name in lookups["s3_objects"]]
    return [(a, b) for a, b in pairs], [f"{verb}Thing" for verb in lookups["verbs"]]


_PAIRS, _CALLS = _names(CLOUDTRAIL)
calls = st.one_of(
    st.sampled_from([pair for pair in _PAIRS if pair[0] != "s3.amazonaws.com"]),
    st.sampled_from([pair for pair in _PAIRS if pair[0] == "s3.amazonaws.com"]),
    st.tuples(st.sampled_from(["ec2.amazonaws.com", "cloudtrail.amazonaws.com"]), st.sampled_from(_CALLS)),
    st.tuples(texts.filter(bool), texts.filter(bool)),
)

GOOD: dict[str, list[Any]] = {
    "sourceIPAddress": ["203.0.113.9", "2001:db8::9", "lambda.amazonaws.com", "AWS Internal", "fe80::1%eth0"],
    "accessKeyId": ["ASIATIDEWTR000000001", "AKIATIDEWTR000000001", ""],
    "MFAUsed": ["Yes", "No"],
    "MobileVersion": ["Yes", "No"],
    "key": ["a/b.tar.gz", "x", "/", "dir/", ".hidden"],
    "bytesTransferredIn": [0, 48211, "7", 1.5],
    "bytesTransferredOut": [0, 48211, "7", 2**70],
    "errorCode": ["AccessDenied", "Client.UnauthorizedOperation", ""],
}
"""Values that reach the branches of the mappings, by the name of the member."""


def _read_below(spec: SourceSpec) -> dict[str, list[tuple[str | int, ...]]]:
    """The paths that the mappings read below each member."""
    found: dict[str, set[tuple[str | int, ...]]] = {}
    for route in spec.mapping.routes:
        for expr in route.mapping.columns.values():
            for node in walk(expr):
                if isinstance(node, Field) and len(node.path) > 1:
                    found.setdefault(node.member, set()).add(node.path[1:])
    return {member: sorted(paths, key=str) for member, paths in found.items()}


PATHS = _read_below(CLOUDTRAIL)


def _put(into: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [_put(into[0] if isinstance(into, list) and into else None, rest, value)]
    into = dict(into) if isinstance(into, Mapping) else {}
    into[step] = _put(into.get(step), rest, value)
    return into


@st.composite
def _polymorphic(draw: st.DrawFn, member: str) -> Any:
    """A value of a polymorphic member: mostly an object with some of the names that mappings read."""
    if draw(rarely):
        return draw(json_values)
    value: Any = {}
    for path in draw(st.lists(st.sampled_from(PATHS.get(member) or [("x",)]), min_size=2, max_size=8)):
        good = st.sampled_from(GOOD.get(str(path[-1]), WORDS))
        value = _put(value, path, draw(good | texts | json_values))
    return value


def _strict(shape: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = {name: _member(name, kind) for name, kind in shape.items()}
    return st.fixed_dictionaries({}, optional=members) | st.fixed_dictionaries(members)


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "bool": st.booleans(),
    "int": st.integers(),
    "any": json_values,
}


def _member(name: str, kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, dict):
        return st.none() | _strict(kind)
    if kind == "json":
        return st.none() | _polymorphic(name)
    if name == "type":
        return st.sampled_from(TYPES)
    if name in GOOD:
        return st.sampled_from(GOOD[name]) | texts
    return st.none() | _SCALARS[kind]


_SHAPE = CLOUDTRAIL.file.record
_OFTEN = (
    "userIdentity",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "sourceIPAddress",
    "errorCode",
    "errorMessage",
)


@st.composite
def cloudtrail_records(draw: st.DrawFn) -> dict[str, Any]:
    """One record whose members are of the right types."""
    names = draw(st.sets(st.sampled_from(sorted(_SHAPE)), max_size=12)) | draw(
        st.sets(st.sampled_from(_OFTEN))
    )
    record = {name: draw(_member(name, _SHAPE[name])) for name in sorted(names)}
    source, call = draw(calls)
    when = draw(st.sampled_from(TIMES if draw(rarely) else TIMES[:3]))
    record |= {"eventSource": source, "eventName": call, "eventTime": when}
    if draw(st.booleans()):
        record["eventVersion"], record["unknownMember"] = "1.12", {"x": [1.10]}
    if draw(rarely):
        del record[draw(st.sampled_from(["eventSource", "eventName", "eventTime"]))]
    return dict(draw(st.permutations(list(record.items()))))


@st.composite
def json_bytes(draw: st.DrawFn, record: Any) -> bytes:
    """The record in one of the forms that a JSON writer may choose; all tokens on one line."""
    ascii_only = draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :  ")]))
    text = json.dumps(record, ensure_ascii=ascii_only, separators=separators)
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    return text.encode()


raw_records = cloudtrail_records().flatmap(json_bytes).filter(lambda raw: b"\\ud800" not in raw)

# Flow logs

FIELDS = [*VPC.file.record, "quantum-state", "start-time-2"]
_VALUES: dict[str, Iterable[str]] = {
    "action": ["ACCEPT", "REJECT"],
    "log-status": ["OK", "NODATA", "SKIPDATA"],
    "flow-direction": ["ingress", "egress"],
    "type": ["IPv4", "IPv6", "EFA"],
    "version": ["2", "5", "10"],
}
_ADDRESSES = [
    "10.4.2.17",
    "203.0.113.9",
    "2001:db8::9",
    "::ffff:192.0.2.1",
    "256.1.1.1",
    "010.0.0.1",
    "unknown",
]
_NUMBERS = [
    "0",
    "1",
    "6",
    "17",
    "58",
    "253",
    "443",
    "65535",
    "65536",
    "18",
    "1772615520",
    "1772615579",
    "9223372036854775807",
    "-1",
    "2147483648",
]
_words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)


def _field(name: str, *, right: bool) -> st.SearchStrategy[str]:
    kind = VPC.file.record.get(name, "text")
    if kind == "int":
        numbers = st.sampled_from(_NUMBERS) | st.integers(-(2**63), 2**63 - 1).map(str)
        return numbers if right else numbers | st.sampled_from(["x", "1.5", "1e3", "9" * 20, "0x1F", "--"])
    known = st.sampled_from(list(_VALUES.get(name, ["vpc-0d1e2f3a", 'quo"te', "back\\slash"])))
    return known | (
        st.sampled_from(_ADDRESSES) if "addr" in name else _words.filter(lambda text: text != "-")
    )


@st.composite
def flow_logs(draw: st.DrawFn, *, right: bool = True) -> tuple[tuple[str, ...], list[str]]:
    """A header and lines that fit it; with `right`, all numbers are numbers."""
    header = draw(st.lists(st.sampled_from(FIELDS), min_size=3, max_size=len(FIELDS), unique=True))
    count = draw(st.integers(3, 8))
    lines = []
    for _ in range(count):
        fields = [draw(st.just("-") | _field(name, right=right)) for name in header]
        lines.append(" ".join(fields))
    return tuple(header), lines
