from __future__ import annotations

from hashlib import sha256

from hypothesis import assume, given
from hypothesis import strategies as st

from tidewaiter.core.decision import Decision
from tidewaiter.govern.merkle import decisions_root, leaf_hash, node_hash, proof, proves, root

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=20)


def test_the_tree_is_that_of_rfc_6962():
    assert root([]) == sha256(b"").digest()
    assert root([b"a"]) == sha256(b"\0a").digest()
    three = node_hash(node_hash(leaf_hash(b"a"), leaf_hash(b"b")), leaf_hash(b"c"))
    assert root([b"a", b"b", b"c"]) == three


@given(LEAVES, st.data())
def test_every_leaf_is_proven_and_no_other(leaves, data):
    place = data.draw(st.integers(0, len(leaves) - 1))
    path, top = proof(leaves, place), root(leaves)

    assert proves(leaves[place], place, len(leaves), path, top)
    assert not proves(leaves[place] + b"x", place, len(leaves), path, top)
    assert not proves(leaves[place], place, len(leaves), [*path, b"x" * 32], top)
    if path:
        assert not proves(leaves[place], place, len(leaves), path[:-1], top)


@given(LEAVES, LEAVES)
def test_other_leaves_have_another_root(one, other):
    assume(one != other)

    assert root(one) != root(other)


DECISIONS = st.builds(
    Decision,
    event_id=st.text(max_size=5),
    action=st.sampled_from(["drop", "duplicate", "quarantine"]),
    reason=st.text(max_size=5),
    confidence=st.none() | st.floats(0, 1),
)


@given(st.lists(DECISIONS, max_size=6), st.lists(DECISIONS, max_size=6))
def test_other_decisions_have_another_root(one, other):
    assume(one != other)

    assert decisions_root(one) != decisions_root(other)
    assert decisions_root(one) == decisions_root(list(one))
