"""Trees that others say they have seen, compared with our own (protocol.md 10.13, 11.4). Sans I/O.

The relay logs no statement whose `seen` is not of its log (10.14), so one that we read and that is not shown to be of
our history is a fork. What is still to be compared stands in the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from channel.log.proof import verify_consistency
from channel.protocol import ids, limits
from channel.protocol.envelope import Opened
from channel.protocol.errors import ProofError
from channel.protocol.frames import ComparedItem, CompareItem, Tree
from clients.core import trust
from clients.core.events import Alarm
from clients.core.replica import Replica
from clients.core.store import Store
from clients.core.store_evidence import SeenRow

PROOF_MS = 30_000  # without a proof from a relay that is there for so long on one connection it is a fork
AGREED_MAX = 4_096  # trees known to be of our history by a proof
_EMPTY = ids.sha256(b"")


@dataclass(slots=True)
class _Open:
    row: SeenRow
    since_ms: int | None = None  # when it was looked at first
    asked_ms: int | None = None  # when it was asked about first, over the present connection


class Comparer:
    """The comparisons of one home. `paused`: the relay says that it is in quarantine, and answers none."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica, self._store = replica, store
        self._open: dict[tuple[str, bool], _Open] = {}  # by who named it; True: the newest of that party
        self._agreed: dict[int, ids.Hash] = {}
        self._asked: CompareItem | None = None
        self._sent_at_ms: int | None = None
        self.paused = False
        for row in store.seen_rows():
            self._open[row.party, row.newest] = _Open(row)

    def take(self, opened: Opened) -> trust.Contradiction | None:
        """Compare the `seen` of one leaf; a Contradiction if it is known to be of another history."""
        seen = getattr(opened.body, "seen", None)
        if seen is None:
            return None
        known = self._root(seen.size)
        if known is None:
            self._later(SeenRow(opened.party, True, seen.size, seen.root, opened.token))
        elif known != seen.root:
            return self._against(seen.size, opened.token, f"{opened.kid} has seen another tree of {seen.size} leaves")
        return None

    def _root(self, size: int) -> ids.Hash | None:
        known = self._replica.tree_of(size)
        return known[0] if known is not None else _EMPTY if size == 0 else self._agreed.get(size)

    def _against(self, size: int, token: bytes, why: str) -> trust.Contradiction:
        known = self._replica.tree_of(size)
        ours = self._replica.pin.note if known is None or not known[1] else known[1]
        return trust.Contradiction(trust.contradiction(ours, token.decode("ascii"), why))

    def _later(self, row: SeenRow) -> None:
        """Of each party the oldest and the newest: it has verified itself that one leads to the other."""
        newest = self._open.get((row.party, True))
        if newest is not None and (newest.row.size, newest.row.root) == (row.size, row.root):
            return
        if newest is not None and (row.party, False) not in self._open:
            oldest = SeenRow(row.party, False, newest.row.size, newest.row.root, newest.row.token)
            self._open[row.party, False] = _Open(oldest, newest.since_ms, newest.asked_ms)
            self._store.put_seen(oldest)
        self._open[row.party, True] = _Open(row)
        self._store.put_seen(row)

    # --- asking -----------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """A new connection: what was asked over the last one is asked over this."""
        self._asked = self._sent_at_ms = None
        for one in self._open.values():
            one.asked_ms = None

    def items(self, mono_ms: int) -> list[CompareItem]:
        """The question that is due now; one is open at a time, and is sent again until it is answered."""
        for one in self._open.values():
            one.since_ms = mono_ms if one.since_ms is None else one.since_ms
        waits = self._sent_at_ms is not None and mono_ms - self._sent_at_ms < limits.RESEND_MS
        if self.paused or waits or not self._open:
            return []
        pin = self._replica.pin
        ready = sorted((one for one in self._open.values() if one.row.size <= pin.size), key=lambda one: -one.row.size)
        chosen = ready[: limits.COMPARED_TREES_MAX]
        if not chosen:
            return []
        for one in chosen:
            one.asked_ms = mono_ms if one.asked_ms is None else one.asked_ms
        trees = dict.fromkeys((one.row.size, one.row.root) for one in chosen)
        self._asked = CompareItem(
            size=pin.size, root=pin.root, trees=tuple(Tree(size=size, root=root) for size, root in trees)
        )
        self._sent_at_ms = mono_ms
        return [self._asked]

    def answer(self, item: ComparedItem) -> None:
        """Take what was proven. ProofError if it was not asked, or does not hold."""
        asked = self._asked
        if asked is None or (item.size, len(item.proofs)) != (asked.size, len(asked.trees)):
            raise ProofError("unasked-comparison", "not an answer to what was asked")
        root = ids.unb64url(asked.root)
        for tree, proof in zip(asked.trees, item.proofs, strict=True):
            nodes = [ids.unb64url(node) for node in proof]
            verify_consistency(tree.size, ids.unb64url(tree.root), asked.size, root, nodes)
        self._asked = self._sent_at_ms = None
        for tree in asked.trees:
            self._agree(tree.size, tree.root)

    def _agree(self, size: int, root: ids.Hash) -> None:
        self._agreed[size] = root
        while len(self._agreed) > AGREED_MAX:
            self._agreed.pop(next(iter(self._agreed)))
        for key, one in list(self._open.items()):
            if (one.row.size, one.row.root) == (size, root):
                del self._open[key]
                self._store.drop_seen(one.row)

    # --- what does not come -----------------------------------------------------------------------------------------

    def overdue(self, mono_ms: int, heard_at_ms: int | None, steady_ms: int | None) -> trust.Contradiction | None:
        """No proof in time from a relay that was there since it was asked; `steady_ms`: since when it is."""
        for one in self._open.values():
            if self.paused or one.asked_ms is None or heard_at_ms is None or steady_ms is None:
                continue
            since_ms = max(one.asked_ms, steady_ms)
            if mono_ms - since_ms >= PROOF_MS and heard_at_ms > since_ms:
                why = f"{one.row.party} has seen a tree of {one.row.size} leaves that is not shown to be of ours"
                return self._against(one.row.size, one.row.token, why)
        return None

    def late(self, mono_ms: int) -> list[Alarm]:
        """What is open for long, whatever the connection."""
        return [
            Alarm(
                "seen-unproven",
                one.row.party,
                f"{one.row.party} has seen a tree of {one.row.size} leaves, and the relay has not shown yet that it is "
                "of the history that we were shown",
            )
            for one in self._open.values()
            if one.since_ms is not None and mono_ms - one.since_ms >= PROOF_MS
        ]
