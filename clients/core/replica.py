"""A party's copy of what it may read, in memory: the ledger over its feed, the pinned tree, every tree it believed.

Rebuilt from the store at any moment. `judge` says whether a leaf holds; nothing is stored or sent here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from channel.ledger import Ledger, NoticeRecord
from channel.ledger.records import Entry
from channel.log import leaf as leaf_format
from channel.log.checkpoint import Checkpoint, parse_body, split_note
from channel.log.proof import verify_inclusion
from channel.protocol import ids, outer, sealing
from channel.protocol.envelope import Opened, open_token
from channel.protocol.errors import FatalError, InvariantError, PeerError, Unattributable
from channel.protocol.frames import LeafItem
from channel.protocol.statements import WORDS, Charter, Notice, Receiving, Seen
from clients.core.events import LeafSeen
from clients.core.store import LeafRow, PinRow, Store
from clients.core.store_evidence import TREES_MAX

_WORD_TYPES = frozenset(word.TYPE for word in WORDS)


class Replica:
    """State of one party, folded from its store in the order of its feed."""

    def __init__(self, charter: Charter, of: ids.Hash, party: str, store: Store) -> None:
        self.charter, self.of, self.party, self.store = charter, of, party, store
        self.trees: dict[int, tuple[ids.Hash, str]] = {}
        """Size -> (root, note) of trees that were believed."""
        self.reset()

    def reset(self) -> None:
        """Begin again from the store."""
        self.ledger = Ledger(self.charter, self.of)
        self.received: set[ids.Hash] = set()
        """Notices that our machine signed for, as the log says."""
        self._closed: dict[ids.Hash, None] = {}  # sealed notices of ours or to us whose inner token is not here
        self._feed: list[tuple[int, int, ids.Hash]] = []  # (index, stamp, token's hash) by position
        self._by_index: list[tuple[int, int]] = []
        self.pin = self.store.pin()
        self.follow()

    @property
    def n(self) -> int:
        """Highest position of the own feed that is held; there are no gaps below it."""
        return len(self._feed)

    @property
    def seen(self) -> Seen:
        """The newest verified tree, as statements carry it."""
        return Seen(size=self.pin.size, root=self.pin.root)

    def feed(self, after_n: int = 0) -> list[int]:
        """Indexes of the leaves above a position, in the order of the feed."""
        return [index for index, _, _ in self._feed[after_n:]]

    def follow(self) -> list[LeafSeen]:
        """Take in what is in the store and not in memory: at the start, and what another process stored since."""
        found = []
        for row in self.store.leaves(self.n):
            opened = self._reopen(row)
            self.take(row, opened)
            found.append(LeafSeen(row.n, row.index, row.stamp, opened))
        for of in list(self._closed):
            self._reveal_stored(of)
        for tree in self.store.trees(max(self.trees, default=-1)):
            self.believe(tree)
        self.believe(self.store.pin())
        return found

    def _reopen(self, row: LeafRow) -> Opened:
        """A leaf of the own store, which held when it was stored. FatalError if it does not any more."""
        try:
            if row.n != self.n + 1:
                raise Unattributable("gap", f"position {self.n + 1} of the feed is missing")
            return open_token(row.token, self.ledger.ring, net=self.charter.net)
        except PeerError as error:
            raise FatalError(
                f"leaf {row.index} in this party's store is damaged ({error}): stop its clients, keep a copy of "
                "client.sqlite and move it away; everything but unsent statements is fetched again"
            ) from error

    def take(self, row: LeafRow, opened: Opened) -> None:
        """Fold one more leaf."""
        self.ledger.apply(row.index, row.stamp, opened)
        self.ledger.touched.clear()  # for the relay's index of due times; ours is `duties`
        self._feed.append((row.index, row.stamp, opened.of))
        insort(self._by_index, (row.index, row.stamp))
        if opened.party == self.party and isinstance(opened.body, Receiving):
            self.received.add(opened.body.of)
        if isinstance(opened.body, Notice) and opened.body.sealed is not None:
            record = self.ledger.notices[opened.of]
            if self.party in (record.author, *record.parties):
                self._closed[opened.of] = None
                self._reveal_stored(opened.of)

    # --- what was sealed --------------------------------------------------------------------------------------------

    def awaits(self, of: ids.Hash) -> bool:
        """Whether it is a notice that is sealed to us and not open."""
        return of in self._closed and self.ledger.notices[of].author != self.party

    def awaited(self) -> list[ids.Hash]:
        """All of them, in the order of the feed."""
        return [of for of in self._closed if self.awaits(of)]

    def reveal(self, of: ids.Hash, opened: sealing.OpenedInner) -> None:
        """From now on the ledger shows what the inner says; its leaf is the outer as ever."""
        record = self.ledger.notices[of]
        record.body, record.unsealed = outer.revealed(self._outer(record), opened.body), True
        self._closed.pop(of, None)

    def _outer(self, record: NoticeRecord) -> Notice:
        body = self.ledger.entries[record.index].opened.body
        if not isinstance(body, Notice):
            raise InvariantError("only notices are sealed")
        return body

    def _reveal_stored(self, of: ids.Hash) -> None:
        """With the inner token of the own store, which held when it was stored. FatalError if it does not any more."""
        inner = self.store.inner(of)
        if inner is None:
            return
        try:
            opened = sealing.open_inner_notice(inner, self.ledger.ring, self._outer(self.ledger.notices[of]))
        except sealing.SealedError as error:
            raise FatalError(
                f"what is stored of the sealed notice {of} is damaged ({error}): stop this party's clients and restore "
                "client.sqlite from a copy"
            ) from error
        self.reveal(of, opened)

    # --- trees and leaves -------------------------------------------------------------------------------------------

    def believe(self, pin: PinRow) -> None:
        """This is the newest tree from now on."""
        self.pin = pin
        self.trees[pin.size] = (pin.root, pin.note)
        while len(self.trees) > TREES_MAX:
            self.trees.pop(next(iter(self.trees)))

    def tree_of(self, size: int) -> tuple[ids.Hash, str] | None:
        """(root, note) of a tree of that size that was believed, or that a quorum witnessed in our history."""
        known = (self.pin.root, self.pin.note) if size == self.pin.size else self.trees.get(size)
        note = self.store.cosigned_note(size) if known is None else None
        return known if note is None else (ids.b64url(parse_body(split_note(note)[0]).root), note)

    def holds(self, start: int, stop: int) -> bool:
        """Whether a leaf of ours has an index from `start` up to `stop`."""
        position = bisect_left(self._by_index, (start, 0))
        return position < len(self._by_index) and self._by_index[position][0] < stop

    def from_index(self, start: int) -> Iterator[Entry]:
        """The leaves that we hold from an index on, in the order of the log."""
        for index, _ in self._by_index[bisect_left(self._by_index, (start, 0)) :]:
            yield self.ledger.entries[index]

    def same(self, item: LeafItem) -> bool:
        """Whether a leaf at a position that we hold is the one that we hold there."""
        token = item.token.encode("ascii", "replace")
        return item.n > 0 and self._feed[item.n - 1] == (item.index, item.stamp, ids.sha256(token))

    def judge(self, row: LeafRow, item: LeafItem, checkpoint: Checkpoint) -> Opened:
        """In the order of protocol.md 11.2. PeerError or ProofError says what does not hold."""
        data = b"%d %s" % (row.stamp, row.token)
        leaf_format.decode(data)
        proof = [ids.unb64url(node) for node in item.proof]
        verify_inclusion(leaf_format.leaf_hash(data), row.index, checkpoint.size, proof, checkpoint.root)
        opened = open_token(row.token, self.ledger.ring, net=self.charter.net)
        if opened.type in _WORD_TYPES or (row.index == 0) != (opened.of == self.of):
            raise Unattributable("wrong-leaf", "leaf 0 is the charter that we signed, and no word is a leaf")
        if not self.ledger.ring.valid_at(opened.kid, row.index):
            raise Unattributable("key-not-valid", f"{opened.kid} is not valid at position {row.index}")
        position = bisect_left(self._by_index, (row.index, 0))
        earlier = self._by_index[position - 1][1] if position else 0
        later = self._by_index[position] if position < len(self._by_index) else None
        if earlier > row.stamp or (later is not None and (later[0] == row.index or later[1] < row.stamp)):
            raise Unattributable("wrong-order", f"leaf {row.index} does not fit between the leaves beside it")
        return opened
