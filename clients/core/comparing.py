"""Trees that others say they have seen, compared with our own (protocol.md 10.13, 11.4). Sans I/O.

The relay logs no statement whose `seen` is not of its log (10.14), so one that we read and that is not shown to be of
our history is a fork; so is a heartbeat of another tree. What is still to be compared stands in the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
SHOWN_MAX = 6  # trees that the relay shows, each so long after a question that it could have answered, likewise
AHEAD_MAX = 256  # heartbeats of trees that were not shown yet
AGREED_MAX = 4_096  # trees known to be of our history by a proof
_EMPTY = ids.sha256(b"")


@dataclass(slots=True)
class _Open:
    row: SeenRow
    since_ms: int | None = None  # when it was looked at first
    asked_ms: int | None = None  # when it was asked about first, over the present connection
    shown: int = 0  # newer trees that came in place of an answer


class Comparer:
    """The comparisons of one home. `paused`: the relay says that it is in quarantine, and answers none."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica, self._store = replica, store
        self._open: dict[tuple[str, bool], _Open] = {}  # by the key that named it; True: the newest of that key
        self._ahead: dict[tuple[int, ids.Hash], SeenRow] = {}  # named by the relay, and larger than the pin
        self._agreed: dict[int, ids.Hash] = {}
        self._asked: CompareItem | None = None
        self._sent_at_ms: int | None = None
        self._owed_ms: int | None = None  # since when an answer is due from whoever shows a newer tree
        self.paused = False
        for row in store.seen_rows():
            self._open[row.kid, row.newest] = _Open(row)

    def take(self, opened: Opened) -> trust.Contradiction | None:
        """Compare the `seen` of one leaf; a Contradiction if it is known to be of another history."""
        seen = getattr(opened.body, "seen", None)
        return None if seen is None else self._compare(SeenRow(opened.kid, True, seen.size, seen.root, opened.token))

    def beat(self, opened: Opened, size: int, root: ids.Hash) -> trust.Contradiction | None:
        """Compare the tree of a heartbeat: now, or when the pin has come so far."""
        row = SeenRow(opened.kid, True, size, root, opened.token)
        if size <= self._replica.pin.size:
            return self._compare(row)
        self._ahead.setdefault((size, root), row)
        while len(self._ahead) > AHEAD_MAX:
            self._ahead.pop(next(iter(self._ahead)))
        return None

    def grown(self, mono_ms: int) -> trust.Contradiction | None:
        """A newer tree was believed. Who shows it is there, and could have answered what it was asked before."""
        if self._asked is not None and self._owed_ms is not None and mono_ms - self._owed_ms >= limits.RESEND_MS:
            self._owed_ms = self._sent_at_ms = None
            asked = {(tree.size, tree.root) for tree in self._asked.trees}
            for one in self._open.values():
                one.shown += (one.row.size, one.row.root) in asked
        reached = [key for key in self._ahead if key[0] <= self._replica.pin.size]
        found = [self._compare(self._ahead.pop(key)) for key in reached]
        return next((one for one in found if one is not None), None)

    def _compare(self, row: SeenRow) -> trust.Contradiction | None:
        known = self._root(row.size)
        if known is None:
            self._later(row)
        elif known != row.root:
            return self._against(row, f"{row.kid} names another tree of {row.size} leaves")
        return None

    def _root(self, size: int) -> ids.Hash | None:
        known = self._replica.tree_of(size)
        return known[0] if known is not None else _EMPTY if size == 0 else self._agreed.get(size)

    def _against(self, row: SeenRow, why: str) -> trust.Contradiction:
        known = self._replica.tree_of(row.size)
        ours = self._replica.pin.note if known is None or not known[1] else known[1]
        return trust.Contradiction(trust.contradiction(ours, row.token.decode("ascii"), why))

    def _later(self, row: SeenRow) -> None:
        """Of each key the oldest and the newest: its device has verified itself that one leads to the other."""
        newest = self._open.get((row.kid, True))
        if newest is not None and (newest.row.size, newest.row.root) == (row.size, row.root):
            return
        if newest is not None and (row.kid, False) not in self._open:
            oldest = replace(newest.row, newest=False)
            self._open[row.kid, False] = replace(newest, row=oldest)
            self._store.put_seen(oldest)
        self._open[row.kid, True] = _Open(row)
        self._store.put_seen(row)

    # --- asking -----------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """A new connection: what was asked over the last one is asked over this."""
        self._asked = self._sent_at_ms = self._owed_ms = None
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
        self._owed_ms = mono_ms if self._owed_ms is None else self._owed_ms
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
        self._asked = self._sent_at_ms = self._owed_ms = None
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

        def steadily(one: _Open) -> bool:
            if self.paused or one.asked_ms is None or heard_at_ms is None or steady_ms is None:
                return False
            since_ms = max(one.asked_ms, steady_ms)
            return mono_ms - since_ms >= PROOF_MS and heard_at_ms > since_ms

        for one in self._open.values():
            if one.shown >= SHOWN_MAX or steadily(one):
                why = f"{one.row.kid} names a tree of {one.row.size} leaves that is not shown to be of ours"
                return self._against(one.row, why)
        return None

    def late(self, mono_ms: int) -> list[Alarm]:
        """What is open for long, whatever the connection."""
        return [
            Alarm(
                "seen-unproven",
                one.row.kid,
                f"{one.row.kid} names a tree of {one.row.size} leaves, and the relay has not shown yet that it is "
                "of the history that we were shown",
            )
            for one in self._open.values()
            if one.since_ms is not None and mono_ms - one.since_ms >= PROOF_MS
        ]
