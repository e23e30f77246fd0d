"""IP addresses: `ipv4_*`, `ipv6_*`, `has_ipv4*`.

Every rule and example is of the function's page in the Kusto documentation (2026-11): what is no address
gives null, an address may carry its own prefix (`10.0.0.0/8`), and the shortest prefix counts.
"""

from __future__ import annotations

from tidewaiter.kql.calls.forms import Form, form, value_of

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_PRIVATE = (("10.0.0.0", 8), ("172.16.0.0", 12), ("192.168.0.0", 16))


def network_of(text: str) -> str:
    """SQL of {'ip': bigint, 'bits': prefix}, both null for what is no address."""
    pattern = rf"^\s*{_IPV4}(?:/(3[0-2]|[12]?[0-9]))?\s*$"
    named = f"regexp_extract(CAST({text} AS VARCHAR), '{pattern}', ['a', 'b', 'c', 'd', 'n'])"
    number = " + ".join(
        f"TRY_CAST(_o.{part} AS BIGINT) * {256**power}"
        for part, power in zip("abcd", (3, 2, 1, 0), strict=True)
    )
    bits = "CASE WHEN _o.n <> '' THEN CAST(_o.n AS INTEGER) ELSE 32 END"
    return value_of(named, "_o", f"{{'ip': {number}, 'bits': {bits}}}")


def _masked(ip: str, bits: str) -> str:
    return f"({ip} >> (32 - {bits}))"


def _in_range(address: str, network: str) -> str:
    same = f"{_masked('_a.ip', '_n.bits')} = {_masked('_n.ip', '_n.bits')}"
    whole = f"CASE WHEN _a.ip IS NOT NULL AND _n.ip IS NOT NULL THEN {same} END"
    return value_of(network_of(address), "_a", value_of(network_of(network), "_n", whole))


def ipv4_in_range(address: str, network: str) -> str:
    """SQL of whether an address lies in a network; null where one of both is none."""
    return _in_range(address, network)


def _any_of(found: str) -> str:
    """SQL of a list of answers: true if one is, null if none is and one is unknown."""
    return value_of(
        found,
        "_f",
        "CASE WHEN list_contains(_f, true) THEN true "
        "WHEN len(list_filter(_f, lambda _x: _x IS NULL)) > 0 THEN NULL ELSE false END",
    )


def _texts(args: tuple[str, ...]) -> str:
    """SQL of one list of strings from arguments that are strings or dynamic arrays of them."""
    lists = [
        f"CASE WHEN json_type(to_json({arg})) = 'ARRAY' "
        f"THEN list_transform(json_extract(to_json({arg}), '$[*]'), lambda _t: coalesce(_t ->> '$', '')) "
        f"ELSE [coalesce(to_json({arg}) ->> '$', '')] END"
        for arg in args
    ]
    return f"flatten([{', '.join(lists)}])"


def _in_any_range(address: str, *networks: str) -> str:
    each = f"list_transform({_texts(networks)}, lambda _r: {_in_range(address, '_r')})"
    return _any_of(each)


def _private(address: str) -> str:
    tests = []
    for network, bits in _PRIVATE:
        number = sum(
            int(part) << shift for part, shift in zip(network.split("."), (24, 16, 8, 0), strict=True)
        )
        tests.append(f"(_a.ip >> {32 - bits}) = {number >> (32 - bits)}")
    return value_of(network_of(address), "_a", f"CASE WHEN _a.ip IS NOT NULL THEN {' OR '.join(tests)} END")


def _compared(result: str) -> object:
    def body(left: str, right: str, prefix: str = "32") -> str:
        bits = f"least(_a.bits, _b.bits, CAST({prefix} AS INTEGER))"
        masked = f"{{'x': {_masked('_a.ip', bits)}, 'y': {_masked('_b.ip', bits)}}}"
        compared = value_of(masked, "_m", result)
        known = f"_a.ip IS NOT NULL AND _b.ip IS NOT NULL AND CAST({prefix} AS INTEGER) BETWEEN 0 AND 32"
        whole = f"CASE WHEN {known} THEN {compared} END"
        return value_of(network_of(left), "_a", value_of(network_of(right), "_b", whole))

    return body


_SIGN = "CASE WHEN _m.x < _m.y THEN CAST(-1 AS BIGINT) WHEN _m.x > _m.y THEN 1 ELSE 0 END"
_SAME = "(_m.x = _m.y)"


def _suffix(text: str) -> str:
    return value_of(network_of(text), "_a", "CASE WHEN _a.ip IS NOT NULL THEN CAST(_a.bits AS BIGINT) END")


# Addresses in a text


def _found(text: str) -> str:
    """SQL of the addresses in a text; letters and digits beside one belong to it and spoil it."""
    runs = f"regexp_extract_all(coalesce(CAST({text} AS VARCHAR), ''), '[0-9A-Za-z.]+')"
    trimmed = f"list_transform({runs}, lambda _w: trim(_w, '.'))"
    return f"list_filter({trimmed}, lambda _w: regexp_full_match(_w, '{_IPV4}'))"


def _has(text: str, *wanted: str) -> str:
    return f"list_has_any({_found(text)}, {_texts(wanted)})"


def _has_prefix(text: str, *wanted: str) -> str:
    """A prefix is a whole address, or ends with a dot."""
    pattern = rf"{_IPV4}|({_OCTET}\.){{1,3}}"
    prefixes = f"list_filter({_texts(wanted)}, lambda _w: regexp_full_match(_w, '{pattern}'))"
    starts = "starts_with(_i, _s) AND (ends_with(_s, '.') OR _i = _s)"
    return (
        f"len(list_filter({_found(text)}, lambda _i: "
        f"len(list_filter({prefixes}, lambda _s: {starts})) > 0)) > 0"
    )


ADDRESSES: dict[str, Form] = {
    each.name: each
    for each in (
        form("ipv4_is_in_range", _in_range, 2),
        form("ipv4_is_in_any_range", _in_any_range, 2, None),
        form("ipv4_is_private", _private),
        form("ipv4_compare", _compared(_SIGN), 2, 3),  # type: ignore[arg-type]
        form("ipv4_is_match", _compared(_SAME), 2, 3),  # type: ignore[arg-type]
        form("ipv4_netmask_suffix", _suffix),
        form("has_ipv4", _has, 2),
        form("has_any_ipv4", _has, 2, None),
        form("has_ipv4_prefix", _has_prefix, 2),
        form("has_any_ipv4_prefix", _has_prefix, 2, None),
    )
}
