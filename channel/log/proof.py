"""Verifying Merkle proofs: RFC 9162 sections 2.1.3.2 and 2.1.4.2, which need no tree. Making them is in `merkle`.

Whatever is handed in, the outcome is that the proof holds or ProofError: also of what is no number and no hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from channel.log.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from channel.protocol.errors import ProofError, UsageError
from channel.protocol.octets import octets

_SIZES = 2**64  # a tree's size has 64 bits (RFC 9162 4.10)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> None:
    """The leaf is at `index` of the tree with this size and root; ProofError (`bad-inclusion`) otherwise."""
    code = "bad-inclusion"
    _numbers(code, index, size)
    leaf_hash, root = _hashes(code, (leaf_hash, root))
    path = _hashes(code, proof)
    if index >= size:
        raise ProofError(code, f"no leaf {index} in a tree of {size}")
    node, last, digest = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise ProofError(code, "the proof is too long")
        if node & 1 or node == last:
            digest = node_hash(sibling, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError(code, "the proof is too short")
    if digest != root:
        raise ProofError(code, f"leaf {index} is not under this root of size {size}")


def verify_consistency(size1: int, root1: bytes, size2: int, root2: bytes, proof: Iterable[bytes]) -> None:
    """The tree of `size2` begins with the tree of `size1`; ProofError (`bad-consistency`) otherwise.

    From size 0 everything follows, with an empty proof, if `root1` is the empty tree's (C2SP tlog-witness). One tree is
    consistent with itself: nothing is hashed then, and its root is not looked into.
    """
    code = "bad-consistency"
    _numbers(code, size1, size2)
    path = _hashes(code, proof)
    if size1 == size2 >= 1 and not path and _octets(code, root1) == _octets(code, root2):
        return  # one root, whatever it is: nothing is hashed
    root1, root2 = _hashes(code, (root1, root2))
    if size1 > size2:
        raise ProofError(code, f"size {size1} cannot grow to size {size2}")
    if any(size == 0 and root != EMPTY_ROOT for size, root in ((size1, root1), (size2, root2))):
        raise ProofError(code, "a tree without leaves has only the empty root")
    if size1 in (0, size2):
        if path:
            raise ProofError(code, "the proof is too long")
        if size1 == size2 and root1 != root2:
            raise ProofError(code, f"two different roots of size {size1}")
        return
    old, new = grown(size1, size2, root1, path)
    if old != root1:
        raise ProofError(code, f"the proof does not lead to the root of size {size1}")
    if new != root2:
        raise ProofError(code, f"the proof does not lead to the root of size {size2}")


def grown(size1: int, size2: int, root1: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots as the proof gives them, for 0 < size1 < size2; `root1` counts for powers of two only. ProofError."""
    # A power of two is one complete subtree, whose hash the verifier holds already: the proof leaves it out.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    if not path:
        raise ProofError("bad-consistency", "the proof is too short")
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("bad-consistency", "the proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("bad-consistency", "the proof is too short")
    return old, new


def _numbers(code: str, *numbers: object) -> None:
    if any(type(number) is not int or not 0 <= number < _SIZES for number in numbers):
        raise ProofError(code, "an index and a size are whole numbers from 0 to 2^64 - 1")


def _octets(code: str, *hashes: object) -> tuple[bytes, ...]:
    try:
        return tuple(map(octets, hashes))
    except (TypeError, UsageError):
        raise ProofError(code, "a proof is a list of hashes, each as bytes") from None


def _hashes(code: str, hashes: object) -> tuple[bytes, ...]:
    """The hashes as bytes, each read once: a proof may be handed in as an iterator."""
    try:
        found = _octets(code, *cast("Iterable[object]", hashes))
    except TypeError:
        raise ProofError(code, "a proof is a list of hashes, each as bytes") from None
    if any(len(digest) != HASH_BYTES for digest in found):
        raise ProofError(code, f"every hash has {HASH_BYTES} bytes")
    return found
