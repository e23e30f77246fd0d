"""`evaluate ipv4_lookup`: rows beside the networks that their address lies in.

The columns are those of `lookup`, with the networks' own column among them; by default only rows that match
("ipv4_lookup plugin", Kusto docs, 2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_kql import ir, translate
from duckdb_kql.schema import Schema, lookup_output_columns, output_columns

from tidewaiter.kql import names
from tidewaiter.kql.calls.addresses import network_of

NAME = "ipv4_lookup"
_q = names.quote


@dataclass(frozen=True)
class Ipv4Lookup(ir.Operator):
    """The plugin's arguments: `address` and `extra` are columns of the rows, `network` one of `table`."""

    table: ir.Query
    address: str
    network: str
    extra: tuple[str, ...] = ()
    unmatched: bool = False


def columns_of(op: ir.Operator, columns: list[str], schema: Schema | None) -> list[str] | None:
    """Return the columns behind an operator of this module; None for another."""
    if not isinstance(op, Ipv4Lookup):
        return None
    found: list[str] = lookup_output_columns(columns, output_columns(op.table, schema), list(op.extra))
    return found


def render(op: ir.Operator, prev: str, columns: list[str]) -> str | None:
    """Return the SELECT of an operator of this module; None for another.

    Each address is read once, not once for each network.
    """
    if not isinstance(op, Ipv4Lookup):
        return None
    schema = translate._nested_schema()
    theirs = output_columns(op.table, schema)
    made = lookup_output_columns(columns, theirs, list(op.extra))[len(columns) :]
    kept = [name for name in theirs if name not in op.extra]
    shown = [f"_l.{_q(name)} AS {_q(name)}" for name in columns]
    shown += [f"_r.{_q(name)} AS {_q(new)}" for name, new in zip(kept, made, strict=True)]
    left = f"(SELECT *, {network_of(_q(op.address))} AS _a FROM {prev}) AS _l"
    right = (
        f"(SELECT *, {network_of(_q(op.network))} AS _n FROM ({translate.to_sql(op.table, schema)})) AS _r"
    )
    same = "(_l._a.ip >> (32 - _r._n.bits)) = (_r._n.ip >> (32 - _r._n.bits))"
    equal = [f"_l.{_q(name)} = _r.{_q(name)}" for name in op.extra]
    kind = "LEFT JOIN" if op.unmatched else "JOIN"
    return f"SELECT {', '.join(shown)} FROM {left} {kind} {right} ON {' AND '.join([same, *equal])}"
