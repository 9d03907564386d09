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
QUESTIONS_MAX = 8  # over one connection, the newest: to these an answer is still taken
AGREED_MAX = 4_096  # trees known to be of our history by a proof
_EMPTY = ids.sha256(b"")


@dataclass(slots=True)
class _Open:
    row: SeenRow
    since_ms: int | None = None  # when it was looked at first
    first_ms: int | None = None  # when it was asked about first: from then on every question is one about it too
    asked_ms: int | None = None  # the first of these over the present connection
    owed_ms: int | None = None  # since when an answer is due from whoever shows a newer tree
    alone: int = 0  # questions about it alone that went unanswered
    shown: int = 0  # newer trees that came in place of an answer


class Comparer:
    """The comparisons of one home. `paused`: the relay says that it is in quarantine, and answers none."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica, self._store = replica, store
        self._open: dict[tuple[str, bool], _Open] = {}  # by the key that named it; True: the newest of that key
        self._ahead: dict[tuple[int, ids.Hash], SeenRow] = {}  # named by the relay, and larger than the pin
        self._agreed: dict[int, ids.Hash] = {}
        self._asked: list[CompareItem] = []  # over this connection and not answered, the newest last
        self._sent_at_ms: int | None = None  # of the newest, while it is waited for
        self._width = limits.COMPARED_TREES_MAX  # trees in the next question
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
        self._lapse(mono_ms)
        for one in self._open.values():
            if one.owed_ms is not None and mono_ms - one.owed_ms >= limits.RESEND_MS:
                one.owed_ms = None
                one.shown += 1
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
        self._asked, self._sent_at_ms = [], None
        for one in self._open.values():
            one.asked_ms = one.owed_ms = None

    def items(self, mono_ms: int) -> list[CompareItem]:
        """The question that is due now; one is open at a time, and after RESEND_MS the next takes its place."""
        for one in self._open.values():
            one.since_ms = mono_ms if one.since_ms is None else one.since_ms
        self._lapse(mono_ms)
        pin = self._replica.pin
        ready = [one for one in self._open.values() if one.row.size <= pin.size]
        if self.paused or self._sent_at_ms is not None or not ready:
            return []
        chosen = sorted(ready, key=lambda one: _turn(one, mono_ms))[: self._width]
        for one in chosen:
            one.first_ms = mono_ms if one.first_ms is None else one.first_ms
        for one in self._open.values():
            if one.first_ms is not None:
                one.asked_ms = mono_ms if one.asked_ms is None else one.asked_ms
                one.owed_ms = mono_ms if one.owed_ms is None else one.owed_ms
        trees = dict.fromkeys((one.row.size, one.row.root) for one in chosen)
        item = CompareItem(
            size=pin.size, root=pin.root, trees=tuple(Tree(size=size, root=root) for size, root in trees)
        )
        self._asked = [*(asked for asked in self._asked if asked != item), item][-QUESTIONS_MAX:]
        self._sent_at_ms = mono_ms
        return [item]

    def _lapse(self, mono_ms: int) -> None:
        """One false tree leaves all of a question unanswered: after RESEND_MS the next is of one tree (11.4)."""
        if self._sent_at_ms is None or mono_ms - self._sent_at_ms < limits.RESEND_MS:
            return
        self._sent_at_ms, self._width = None, 1
        first, *others = self._asked[-1].trees
        for one in self._open.values():
            one.alone += not others and (one.row.size, one.row.root) == (first.size, first.root)

    def answer(self, item: ComparedItem) -> None:
        """Take what was proven. ProofError if it was not asked over this connection, or does not hold."""
        asked = next((asked for asked in reversed(self._asked) if _holds(item, asked)), None)
        if asked is None:
            raise ProofError("unasked-comparison", "no proof of what was asked")
        self._asked.remove(asked)
        self._sent_at_ms, self._width = None, min(2 * self._width, limits.COMPARED_TREES_MAX)
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

        due = [one for one in self._open.values() if one.alone and (one.shown >= SHOWN_MAX or steadily(one))]
        if not due:
            return None
        kept = max(due, key=lambda one: (_of_relay(one), one.alone)).row
        others = ", ".join(sorted({one.row.kid for one in due} - {kept.kid}))
        why = f"{kept.kid} names a tree of {kept.size} leaves that is not shown to be of ours"
        return self._against(kept, f"{why}; nor is one that is named by {others}" if others else why)

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


def _of_relay(one: _Open) -> bool:
    return ids.kid_party(one.row.kid) == ids.RELAY


def _turn(one: _Open, mono_ms: int) -> tuple[int, int, bool, int]:
    """Who is asked about next. What is named later comes later, so that nobody is kept waiting by new names."""
    return one.alone, mono_ms if one.first_ms is None else one.first_ms, not _of_relay(one), -one.row.size


def _holds(item: ComparedItem, asked: CompareItem) -> bool:
    """Whether it proves of each tree asked about that it is within the asker's own."""
    if (item.size, len(item.proofs)) != (asked.size, len(asked.trees)):
        return False
    root = ids.unb64url(asked.root)
    try:
        for tree, proof in zip(asked.trees, item.proofs, strict=True):
            nodes = [ids.unb64url(node) for node in proof]
            verify_consistency(tree.size, ids.unb64url(tree.root), asked.size, root, nodes)
    except ProofError:
        return False
    return True
