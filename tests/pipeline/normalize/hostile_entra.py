"""Rows of Entra's and Azure's tables as nobody should write them: any value anywhere, objects as texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.pipeline.normalize.hostile_records import json_bytes, json_values, texts
from tidewaiter.asim.mapping.expression import Field, members, walk
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.content import SourceSpec, sources

SPECS: dict[str, SourceSpec] = {
    name: sources()[name] for name in ("azure_activity", "entra_audit", "entra_signin")
}
Paths = dict[str, list[tuple[str | int, ...]]]

WORDS = [
    "0", "50126", "53003", "50140", "700213", "success", "failure", "Failed", "Start", "Forbidden", "409",
    "multiFactorAuthentication", "Password", "saml20", "high", "none", "atRisk", "Browser", "Guest",
    "User-Agent", "mara.holt@harbour.example", "5f0c0002-0000-4000-8000-000000000101", "203.0.113.9",
    "203.0.113.9:443", "[2001:db8::9]:1", "HB-LT0417", "Windows11", '"quoted"', "Microsoft.Advisor",
    "Error", "DE",
]  # fmt: skip
SENTENCES = ["X.509 Certificate", "Add member to role", "Hard Delete user", "Insufficient privileges", "a b"]
TIMES = ["2026-03-04T09:12:44.1234567Z", "2026-03-04T09:12:44+00:00", "2026-03-04 09:12:44.123456789"]
ACTIVITIES = ["Add member to role", "Hard Delete user", "Export"]
GOOD = {
    "entra_signin": {
        "Category": ["SignInLogs", "ManagedIdentitySignInLogs", "ServicePrincipalSignInLogs", ""]
    },
    "entra_audit": dict.fromkeys(["OperationName", "operationName", "ActivityDisplayName"], ACTIVITIES),
    "azure_activity": {
        "OperationNameValue": ["Microsoft.Compute/virtualMachines/write", "a/b/ACTION", "a/listKeys/action"],
        "CategoryValue": ["Administrative", "Policy", ""],
    },
}
"""Values without which most records would be set aside, by source and member."""
_TIMES = ("TimeGenerated", "time", "CreatedDateTime", "ActivityDateTime")

scalars = (
    st.sampled_from([0, 50126, 53003, True, False, None, 53.5, 2**70])
    | st.sampled_from(WORDS + SENTENCES)
    | texts
)
rarely = st.sampled_from([False] * 9 + [True])


def paths_of(spec: SourceSpec) -> Paths:
    """The paths that a source's mapping reads below each of its members."""
    found: dict[str, set[tuple[str | int, ...]]] = {}
    for route in spec.mapping.routes:
        for expr in route.mapping.columns.values():
            for node in walk(expr):
                if isinstance(node, Field) and len(node.path) > 1:
                    found.setdefault(node.member, set()).add(node.path[1:])
    return {member: sorted(paths, key=str) for member, paths in found.items()}


_READ = {
    name: frozenset().union(
        *(members(e) for route in spec.mapping.routes for e in route.mapping.columns.values())
    )
    for name, spec in SPECS.items()
}


def put(into: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return `into` with `value` at `path`."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        held = list(into) if isinstance(into, list) else []
        held += [None] * (step + 1 - len(held))
        held[step] = put(held[step], rest, value)
        return held
    into = dict(into) if isinstance(into, Mapping) else {}
    into[step] = put(into.get(step), rest, value)
    return into


@st.composite
def polymorphic(draw: st.DrawFn, paths: list[tuple[str | int, ...]]) -> Any:
    """An object or a list with some of what the mapping reads, as it is or as its text."""
    value: Any = None
    for path in draw(st.lists(st.sampled_from(paths or [("x",)]), min_size=1, max_size=8)):
        value = put(value, path, draw(json_values if draw(rarely) else scalars))
    form = draw(st.sampled_from(["as it is", "as it is", "text", "cut text"]))
    if form == "as it is":
        return value
    text = json.dumps(value)
    return text if form == "text" else text[: draw(st.integers(0, len(text)))]


@st.composite
def records(draw: st.DrawFn, spec: SourceSpec, paths: Paths) -> dict[str, Any]:
    """One record of the source, in either form or in both at once."""
    shape = spec.file.record
    read = [name for name in shape if attribute(name) in _READ[spec.id]]
    names = draw(st.sets(st.sampled_from(read), min_size=6, max_size=14))
    names |= draw(st.sets(st.sampled_from(sorted(shape)), max_size=3))
    record: dict[str, Any] = {}
    good = GOOD[spec.id] | dict.fromkeys(_TIMES, TIMES)
    for name in sorted(names | (good.keys() & set(read))):
        if name in good and not draw(rarely):
            record[name] = draw(st.sampled_from(good[name]))
        elif shape[name] == "json" and not draw(rarely):
            record[name] = draw(polymorphic(paths.get(attribute(name), [])))
        else:
            record[name] = draw(json_values if draw(rarely) else scalars)
    if draw(st.booleans()):
        record["memberOfTomorrow"] = draw(json_values)
    return dict(draw(st.permutations(list(record.items()))))


def raw_records(name: str) -> st.SearchStrategy[bytes]:
    """Records of a source as JSON bytes."""
    spec = SPECS[name]
    raws = records(spec, paths_of(spec)).flatmap(json_bytes)
    return raws.filter(lambda raw: b"\\ud8" not in raw and b"\\udc" not in raw)
