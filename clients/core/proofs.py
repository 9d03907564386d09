"""Proofs asked for (protocol.md 10.11): what this home wants proven under one checkpoint, and what came for it.

Sans I/O. What is wanted stands in the store, so that any process of the home may ask and the one with the link sends.
Nothing that comes counts before it is verified here against a root that was believed.
"""

from __future__ import annotations

from channel.log import cosignature
from channel.log import leaf as leaf_format
from channel.log.checkpoint import open_note
from channel.log.proof import verify_inclusion
from channel.protocol import ids, limits
from channel.protocol.errors import ProofError
from channel.protocol.frames import ProofsItem, ProveItem
from clients.core import trust
from clients.core.replica import Replica
from clients.core.store import Store

ASKED_MAX = 12  # times that one question goes out over one link: whoever asked has given up by then


class Prover:
    """The questions of one home. `note` of a size is the fullest that came with an answer."""

    def __init__(self, replica: Replica, store: Store, origin: str, log_key: bytes) -> None:
        self._replica, self._store = replica, store
        self._origin, self._log_key = origin, log_key
        self._stale = True
        self._asked: ProveItem | None = None
        self._count = 0
        self._sent_at_ms: int | None = None

    def changed(self) -> None:
        """The store may hold other questions than before."""
        self._stale = True

    def again(self) -> None:
        """What was sent may be lost: it goes out once more."""
        self._sent_at_ms, self._count, self._stale = None, 0, True

    def items(self, mono_ms: int) -> list[ProveItem]:
        """The question that is due now; one at a time, sent again until it is answered."""
        if self._stale:
            self._stale = False
            self._ask()
        waits = self._sent_at_ms is not None and mono_ms - self._sent_at_ms < limits.RESEND_MS
        if self._asked is None or waits or self._count >= ASKED_MAX:
            return []
        self._sent_at_ms, self._count = mono_ms, self._count + 1
        return [self._asked]

    def _ask(self) -> None:
        size, indexes = self._store.wanted_proofs(limits.PROVE_INDEXES_MAX)
        known = self._replica.tree_of(size)
        item = None if known is None or not indexes else ProveItem(size=size, root=known[0], indexes=tuple(indexes))
        if item != self._asked:
            self._asked, self._sent_at_ms, self._count = item, None, 0

    def take(self, item: ProofsItem) -> trust.Contradiction | None:
        """Keep what holds. ProofError if anything does not; a Contradiction if the log signed another root."""
        asked = self._asked
        if asked is None or item.size != asked.size or len(item.proofs) > len(asked.indexes):
            raise ProofError("unasked-proofs", "not an answer to what was asked")
        known = self._replica.tree_of(item.size)
        if known is None:
            raise ProofError("unknown-tree", f"no tree of {item.size} leaves was believed here")
        checkpoint = open_note(item.note, self._origin, self._log_key)
        if checkpoint.size != item.size:
            raise ProofError("bad-note", f"a checkpoint of {checkpoint.size} leaves, not of {item.size}")
        if ids.b64url(checkpoint.root) != known[0]:
            return trust.Contradiction(trust.contradiction(known[1], item.note, f"two roots of size {item.size}"))
        found = dict(zip(asked.indexes, item.proofs, strict=False))
        for index, proof in found.items():
            entry = self._replica.ledger.entries.get(index)
            if entry is None:
                raise ProofError("unknown-leaf", f"leaf {index} is not held here")
            data = leaf_format.encode(entry.stamp_ms, entry.opened.token)
            nodes = [ids.unb64url(node) for node in proof]
            verify_inclusion(leaf_format.leaf_hash(data), index, checkpoint.size, nodes, checkpoint.root)
        keys = cosignature.witnesses(self._replica.ledger.ring, item.size)
        cosignature.open_cosignatures(item.note, self._replica.charter.net, keys)
        self._store.put_proofs(item.size, item.note, found)
        self._stale = True
        return None
