"""What a trail stops recording once its event selectors are set to the given ones.

A trail records an event when any of its selectors matches it. Source: AWS CloudTrail API Reference,
`EventSelector`, `AdvancedEventSelector` and `AdvancedFieldSelector`, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.asim.mapping.operators import Value

_USUAL = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
"""Sources that AWS itself offers to leave out for cost; leaving them out blinds nobody to an attacker."""
_OTHER_STORES = frozenset({"ConfigurationItem", "Evidence", "ActivityAuditLog", "Insight"})
_TESTS = ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")


def event_selectors(basic: Value, advanced: Value) -> dict[str, str] | None:
    """Judge selectors as a request carries them (`eventSelectors`, `advancedEventSelectors`).

    Returns null when a selector still records management events, writes at least, in full; else `kind`:
    `nothing`, `management` (data events only), `writes` (those are lost), `actor` (someone's events are left
    out) or `narrowed`; `lost` says it in words. Several narrow selectors that cover all between them are
    taken for narrow.
    """
    if not isinstance(basic, list) and not isinstance(advanced, list):
        return None
    basics = [item for item in _list(basic) if isinstance(item, dict)]
    fields = [_fields(item) for item in _list(advanced) if isinstance(item, dict)]
    categories = {value for field in fields for value in field.get("eventCategory", {}).get("equals", ())}
    if categories and categories <= _OTHER_STORES:
        return None
    watched = [_basic(item) for item in basics if item.get("includeManagementEvents") is not False]
    watched += [_advanced(field) for field in fields if "Management" in _equals(field, "eventCategory")]
    if not watched:
        if categories - _OTHER_STORES or any(_has_data(item) for item in basics):
            return {"kind": "management", "lost": "no management events, data events only"}
        return {"kind": "nothing", "lost": "no events at all"}
    if any(not kind for kind, _ in watched):
        return None
    gravest = next((found for found in watched if found[0] == "actor"), watched[0])
    return {"kind": gravest[0], "lost": ", ".join(dict.fromkeys(lost for _, lost in watched))}


def _basic(selector: Mapping[str, Value]) -> tuple[str, str]:
    if selector.get("readWriteType") == "ReadOnly":
        return "writes", "no write events"
    excluded = {
        text for text in _list(selector.get("excludeManagementEventSources")) if isinstance(text, str)
    }
    return _narrowed("eventSource", "notEquals", excluded - _USUAL)


def _advanced(fields: Mapping[str, Mapping[str, list[str]]]) -> tuple[str, str]:
    if _equals(fields, "readOnly") == {"true"}:
        return "writes", "no write events"
    for name, tests in fields.items():
        if name in ("eventCategory", "readOnly"):
            continue
        for test, values in tests.items():
            usual = _USUAL if (name, test) == ("eventSource", "notEquals") else frozenset()
            if unusual := set(values) - usual:
                return _narrowed(name, test, unusual)
    return "", ""


def _narrowed(field: str, test: str, values: set[str]) -> tuple[str, str]:
    if not values:
        return "", ""
    without = "no events" if test.startswith("not") else "only events"
    kind = "actor" if field.startswith("userIdentity") else "narrowed"
    return kind, f"{without} where {field} is {', '.join(sorted(values)[:5])}"


def _fields(selector: Mapping[str, Value]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for item in _list(selector.get("fieldSelectors")):
        if not isinstance(item, dict) or not isinstance(item.get("field"), str):
            continue
        for test in _TESTS:
            values = [value for value in _list(item.get(test)) if isinstance(value, str)]
            if values:
                found.setdefault(item["field"], {}).setdefault(test, []).extend(values)
    return found


def _equals(fields: Mapping[str, Mapping[str, list[str]]], name: str) -> set[str]:
    return set(fields.get(name, {}).get("equals", ()))


def _has_data(selector: Mapping[str, Value]) -> bool:
    resources = [item for item in _list(selector.get("dataResources")) if isinstance(item, dict)]
    return any(_list(item.get("values")) for item in resources)


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []
