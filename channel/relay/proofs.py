"""Proofs that a party asks for: inclusion of its own leaves under a checkpoint of the log (protocol.md 10.11), and
consistency of trees that it knows of (10.13). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from channel.ledger.fold import Folded
from channel.protocol import ids
from channel.protocol.frames import ComparedItem, CompareItem, DownFrame, ProofsItem, ProveItem, WordItem
from channel.relay.history import contains

BUDGET_BYTES = 200 * 1024  # of a frame, for proofs: the note and the padding come beside them
HASH_COST_BYTES = 47


def answer(
    item: ProveItem, folded: Folded, released: Sequence[int], note: str | None, beat: Callable[[int], bytes]
) -> DownFrame | None:
    """The frame with the proofs, or None: then nothing is said, whatever the reason.

    `released`: the party's feed as far as it is durable; `note`: the checkpoint of the size asked for, if there is one;
    `beat`: a heartbeat at that size.
    """
    ascending = list(item.indexes) == sorted(set(item.indexes))
    if note is None or not ascending or item.indexes[-1] >= item.size:
        return None
    if item.root != ids.b64url(folded.tree.root(item.size)):
        return None
    if not set(item.indexes) <= set(released):
        return None
    proofs: list[tuple[ids.Hash, ...]] = []
    budget = BUDGET_BYTES
    for index in item.indexes:
        proof = tuple(ids.b64url(node) for node in folded.tree.inclusion(index, item.size))
        budget -= HASH_COST_BYTES * len(proof) + 4
        if proofs and budget < 0:
            break
        proofs.append(proof)
    word = WordItem(token=beat(item.size).decode("ascii"))
    return DownFrame(items=(word, ProofsItem(size=item.size, note=note, proofs=tuple(proofs))))


def compared(item: CompareItem, folded: Folded, size: int) -> DownFrame | None:
    """The frame with a consistency proof for each tree asked about; None: nothing is said, whatever the reason.

    `size`: what is durable. Who names a size and its root holds both, so the proof tells it nothing new.
    """
    if item.size > size or not contains(folded.tree, item.size, item.root):
        return None
    for tree in item.trees:
        if tree.size > item.size or not contains(folded.tree, tree.size, tree.root):
            return None
    proofs = [folded.tree.consistency(tree.size, item.size) for tree in item.trees]
    found = tuple(tuple(ids.b64url(node) for node in proof) for proof in proofs)
    return DownFrame(items=(ComparedItem(size=item.size, proofs=found),))
