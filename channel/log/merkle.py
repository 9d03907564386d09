"""The Merkle tree of RFC 6962 section 2.1 in memory: roots and proofs of every earlier size. Verifying is in `proof`.

Each level keeps the hashes of its complete subtrees back to back (32 bytes each, 64 bytes a leaf in all), so every
root and proof takes O(log n) hashes and appending takes one on average.
"""

from __future__ import annotations

import hashlib

from channel.protocol.errors import InvariantError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: the prefix 0x01 keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree of leaf hashes, 32 raw bytes each. A size or index out of range is an InvariantError."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """How many leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf_hash: bytes) -> int:
        """Add one leaf hash; returns its index."""
        if len(leaf_hash) != HASH_BYTES:
            raise InvariantError(f"a leaf hash has {HASH_BYTES} bytes, not {len(leaf_hash)}")
        index = self.size
        self._levels[0] += leaf_hash
        rest, level = index, 0
        while rest & 1:  # this leaf completes a subtree of the next level
            if len(self._levels) == level + 1:
                self._levels.append(bytearray())
            rest >>= 1
            self._levels[level + 1] += node_hash(self._node(level, 2 * rest), self._node(level, 2 * rest + 1))
            level += 1
        return index

    def cut(self, size: int) -> None:
        """Forget every leaf from index `size` on: for trying a group of leaves against a checkpoint."""
        self._check(size)
        for level, hashes in enumerate(self._levels):
            del hashes[HASH_BYTES * (size >> level) :]

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        self._check(index + 1)
        return self._node(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves (default: all); the hash of nothing for an empty tree."""
        size = self.size if size is None else size
        self._check(size)
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Audit path of the leaf at `index` in the tree of `size`, from the leaf upwards (RFC 6962 section 2.1.1)."""
        self._check(size)
        if not 0 <= index < size:
            raise InvariantError(f"no leaf {index} in a tree of {size}")
        path: list[bytes] = []
        start, stop = 0, size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._subtree(middle, stop))
                stop = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """Proof that the tree of `size2` begins with that of `size1` (RFC 6962 section 2.1.2)."""
        self._check(size2)
        if not 0 <= size1 <= size2:
            raise InvariantError(f"no tree of {size1} within one of {size2}")
        if size1 in (0, size2):
            return []
        path: list[bytes] = []
        start, stop = 0, size2
        while stop != size1:
            middle = start + _split(stop - start)
            if size1 <= middle:
                path.append(self._subtree(middle, stop))
                stop = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        if start:  # otherwise the old root is itself this subtree, and the verifier has it
            path.append(self._subtree(start, stop))
        return path[::-1]

    def _node(self, level: int, position: int) -> bytes:
        """Hash of the complete subtree of 2**level leaves at `position` in its level."""
        offset = HASH_BYTES * position
        return bytes(self._levels[level][offset : offset + HASH_BYTES])

    def _subtree(self, start: int, stop: int) -> bytes:
        """Hash of the leaves start..stop, where start is a multiple of the smallest power of two that holds them."""
        parts: list[bytes] = []
        while start < stop:
            level = (stop - start).bit_length() - 1
            parts.append(self._node(level, start >> level))
            start += 1 << level
        digest = parts.pop()
        while parts:
            digest = node_hash(parts.pop(), digest)
        return digest

    def _check(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise InvariantError(f"asked for a tree of {size}; there are {self.size} leaves")


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)
