"""Proofs that a party asks for (protocol.md 10.11): inclusion of its own leaves under a checkpoint of the log. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from channel.ledger.fold import Folded
from channel.protocol import ids
from channel.protocol.frames import DownFrame, ProofsItem, ProveItem

BUDGET_BYTES = 200 * 1024  # of a frame, for proofs: the note and the padding come beside them
HASH_COST_BYTES = 47


def answer(item: ProveItem, folded: Folded, released: Sequence[int], note: str | None) -> DownFrame | None:
    """The frame with the proofs, or None: then nothing is said, whatever the reason.

    `released`: the party's feed as far as it is durable; `note`: the checkpoint of the size asked for, if there is one.
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
    return DownFrame(items=(ProofsItem(size=item.size, note=note, proofs=tuple(proofs)),))
