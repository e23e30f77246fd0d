"""Merkle trees over decisions: one root stands for all decisions of an object, in their order.

Leaves and nodes are hashed with different prefixes, so that no inner node can pass for a leaf (RFC 6962,
section 2.1, "Merkle Hash Trees").
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from tidewaiter.core.decision import Decision

_encode = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree over `leaves`; of no leaves, the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    return _root([leaf_hash(leaf) for leaf in leaves])


def proof(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at `place` to the root, from the bottom up."""
    return _path([leaf_hash(leaf) for leaf in leaves], place)


def proves(leaf: bytes, place: int, count: int, path: Sequence[bytes], top: bytes) -> bool:
    """Whether `path` shows that `leaf` is at `place` among `count` leaves under the root `top`."""
    if not 0 <= place < count:
        return False
    found = _climb(leaf_hash(leaf), place, count, list(path))
    return found == top


def decisions_root(decisions: Sequence[Decision]) -> str:
    """Return the root over the canonical JSON of decisions, in their order, as 64 hex characters."""
    return root([canonical(decision) for decision in decisions]).hex()


def canonical(decision: Decision) -> bytes:
    """Return the one spelling of a decision: JSON with sorted keys, a confidence as text."""
    body = msgspec.to_builtins(decision)
    if body["confidence"] is not None:
        body["confidence"] = repr(float(body["confidence"]))
    return _encode(body)


def _split(count: int) -> int:
    """Return the largest power of two below `count`: how many leaves the left subtree has."""
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    at = _split(len(hashes))
    return node_hash(_root(hashes[:at]), _root(hashes[at:]))


def _path(hashes: Sequence[bytes], place: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    at = _split(len(hashes))
    if place < at:
        return [*_path(hashes[:at], place), _root(hashes[at:])]
    return [*_path(hashes[at:], place - at), _root(hashes[:at])]


def _climb(found: bytes, place: int, count: int, path: list[bytes]) -> bytes:
    if count == 1:
        return found if not path else b""
    if not path:
        return b""
    other = path.pop()
    at = _split(count)
    if place < at:
        return node_hash(_climb(found, place, at, path), other)
    return node_hash(other, _climb(found, place - at, count - at, path))
