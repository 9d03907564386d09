"""The tree and its proofs against the recursive definitions of RFC 6962 section 2.1, for any size and change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.log.leaf import leaf_hash
from channel.log.merkle import Tree, node_hash
from channel.log.proof import verify_consistency, verify_inclusion
from channel.protocol.errors import ProofError

SIZE_MAX = 130
HASHES = [leaf_hash(b"%d" % index) for index in range(SIZE_MAX)]
TREE = Tree()
for _digest in HASHES:
    TREE.append(_digest)


def _split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def _head(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = _split(len(hashes))
    return node_hash(_head(hashes[:middle]), _head(hashes[middle:]))


def _path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    middle = _split(len(hashes))
    if index < middle:
        return [*_path(index, hashes[:middle]), _head(hashes[middle:])]
    return [*_path(index - middle, hashes[middle:]), _head(hashes[:middle])]


def _subproof(size: int, hashes: Sequence[bytes], is_whole: bool) -> list[bytes]:
    if size == len(hashes):
        return [] if is_whole else [_head(hashes)]
    middle = _split(len(hashes))
    if size <= middle:
        return [*_subproof(size, hashes[:middle], is_whole), _head(hashes[middle:])]
    return [*_subproof(size - middle, hashes[middle:], False), _head(hashes[:middle])]


@st.composite
def _within(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, SIZE_MAX))
    return draw(st.integers(0, size - 1)), size


@st.composite
def _grown(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, SIZE_MAX))
    return draw(st.integers(1, size)), size


@given(st.integers(0, SIZE_MAX))
def test_the_root_is_the_one_of_the_definition(size: int) -> None:
    assert TREE.root(size) == _head(HASHES[:size])


@given(_within())
def test_the_audit_path_is_the_one_of_the_definition_and_verifies(case: tuple[int, int]) -> None:
    index, size = case
    proof = TREE.inclusion(index, size)
    assert proof == _path(index, HASHES[:size])
    verify_inclusion(HASHES[index], index, size, proof, TREE.root(size))


@given(_grown())
def test_the_consistency_proof_is_the_one_of_the_definition_and_verifies(case: tuple[int, int]) -> None:
    size1, size2 = case
    proof = TREE.consistency(size1, size2)
    assert proof == _subproof(size1, HASHES[:size2], True)
    verify_consistency(size1, TREE.root(size1), size2, TREE.root(size2), proof)


@given(_within(), st.integers(0, SIZE_MAX), st.integers(0, SIZE_MAX))
def test_an_audit_path_holds_for_no_other_place(case: tuple[int, int], index: int, size: int) -> None:
    """Another size may share the path (its root is another then); with the right root only the right place holds."""
    proof = TREE.inclusion(*case)
    if index == case[0]:
        return
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[case[0]], index, size, proof, TREE.root(case[1]))


@given(st.data())
def test_a_changed_audit_path_does_not_verify(data: st.DataObject) -> None:
    index, size = data.draw(_within())
    proof = TREE.inclusion(index, size)
    changed = data.draw(_changed(proof))
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[index], index, size, changed, TREE.root(size))


@given(st.data())
def test_a_changed_consistency_proof_does_not_verify(data: st.DataObject) -> None:
    size1, size2 = data.draw(_grown())
    changed = data.draw(_changed(TREE.consistency(size1, size2)))
    with pytest.raises(ProofError):
        verify_consistency(size1, TREE.root(size1), size2, TREE.root(size2), changed)


@given(_grown(), st.sampled_from(("old", "new")), st.integers(0, 255))
def test_a_fork_does_not_verify(case: tuple[int, int], which: str, bit: int) -> None:
    size1, size2 = case
    roots = {"old": TREE.root(size1), "new": TREE.root(size2)}
    roots[which] = _flipped(roots[which], bit)
    with pytest.raises(ProofError):
        verify_consistency(size1, roots["old"], size2, roots["new"], TREE.consistency(size1, size2))


@given(st.integers(0, 2**60), st.integers(0, 2**60), st.lists(st.binary(max_size=33), max_size=70))
def test_any_proof_gives_an_answer_or_a_proof_error(first: int, second: int, proof: list[bytes]) -> None:
    root = TREE.root()
    for check in (
        lambda: verify_inclusion(HASHES[0], first, second, proof, root),
        lambda: verify_consistency(first, root, second, root, proof),
    ):
        try:
            check()
        except ProofError:
            pass


@st.composite
def _changed(draw: st.DrawFn, proof: list[bytes]) -> list[bytes]:
    """The proof with a bit flipped, or one hash more or less."""
    at = draw(st.integers(0, len(proof)))
    if at < len(proof) and draw(st.booleans()):
        if draw(st.booleans()):
            return [*proof[:at], *proof[at + 1 :]]
        return [*proof[:at], _flipped(proof[at], draw(st.integers(0, 255))), *proof[at + 1 :]]
    return [*proof[:at], draw(st.sampled_from(HASHES)), *proof[at:]]


def _flipped(digest: bytes, bit: int) -> bytes:
    value = bytearray(digest)
    value[bit // 8] ^= 1 << bit % 8
    return bytes(value)
