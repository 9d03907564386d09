"""Watches that the relay goes on with the one history that it signed (protocol.md 10.14, 10.15); keeps what it finds.

What is judged here is evidence of the log's own key; how leaves come back is `quarantine`. Small files in the home are
written here, nothing of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from channel.log.checkpoint import Checkpoint, sign
from channel.protocol import ids
from channel.protocol.charter import spans
from channel.protocol.envelope import open_token, seal
from channel.protocol.errors import PeerError
from channel.protocol.frames import DownFrame, DownItem, HaveItem, ReturnedItem, ShowItem, ShownItem, UpFrame, WordItem
from channel.protocol.statements import Quarantine as QuarantineWord
from channel.protocol.statements import Receipt
from channel.protocol.times import to_wire
from channel.relay import quarantine_file
from channel.relay.core import Core
from channel.relay.history import contains
from channel.relay.home import ChannelHome
from channel.relay.quarantine import OWN, Quarantine, Rebuilt, Standing, signed


class Guard:
    """The guard of one relay. `quarantine` is None while all is well."""

    def __init__(self, home: ChannelHome, core: Core, now_ms: int, unread: Mapping[int, tuple[int, bytes]]) -> None:
        """`unread`: leaves that no party reads, kept apart, by index: (stamp, token)."""
        self._home, self._core, self._unread = home.path, core, unread
        self._net = core.folded.ledger.charter.net
        self._origin, self._log_key = f"dcn/{self._net}", core.keys.log.public
        self._log = structlog.get_logger("relay", net=self._net)
        self._kept: quarantine_file.Kept | None = None
        self.quarantine: Quarantine | None = None
        self._changed = False
        kept = quarantine_file.read(home.path)
        head = quarantine_file.head(home.path)
        if kept is not None:
            own = {OWN: head} if self._contradicts(head) else {}
            self._begin(kept.why, kept.since_ms, own | kept.notes)
        elif self._contradicts(head):
            quarantine_file.take_back(home.path)
            self._begin("its own newest checkpoint, kept beside the log", now_ms, {OWN: head})

    @property
    def closed(self) -> bool:
        """Whether the relay takes nothing."""
        return self.quarantine is not None

    @property
    def asked(self) -> bool:
        """Whether a party was asked for its checkpoint and has not shown it."""
        return self._core.history.asked

    def _contradicts(self, note: str) -> bool:
        found = signed(note, self._origin, self._log_key)
        return found is not None and not contains(self._core.folded.tree, found.size, ids.b64url(found.root))

    def _begin(self, why: str, now_ms: int, notes: Mapping[str, str]) -> None:
        ledger = self._core.folded.ledger
        self.quarantine = Quarantine(
            now_ms, why, self._core.folded.tree, self._origin, self._log_key, tuple(ledger.parties), dict(notes),
            receipted=self._receipted,
        )  # fmt: skip
        for index, (stamp, token) in self._unread.items():
            self.quarantine.hold(OWN, index, stamp, token)
        self._core.history.closed = self._changed = True
        self._log.error("quarantine", size=self._core.committed_size, shown=self.quarantine.largest, why=why)
        self.settle()

    def _receipted(self, receipt: str, index: int, stamp: int, token: bytes) -> bool:
        """Whether it is a receipt of this relay for that leaf: then the log must hold it there."""
        try:
            body = open_token(receipt.encode("ascii", "replace"), self._core.folded.ledger.ring, net=self._net).body
        except PeerError:
            return False
        named = isinstance(body, Receipt) and (body.index, body.stamp, body.of)
        return named == (index, stamp, ids.sha256(token))

    # --- what comes -------------------------------------------------------------------------------------------------

    def have(self, party: str, item: HaveItem) -> None:
        """A party says where it is: its word stops nothing, its checkpoint may."""
        if self.quarantine is not None:
            if item.hello:
                self.quarantine.again(party, (item.n, item.size))
        elif not contains(self._core.folded.tree, item.size, item.root):
            self._core.history.ask.add(party)

    def look(self, came: Iterable[tuple[str, UpFrame]], now_ms: int) -> None:
        """All that is shown in frames, before anything in them is staged: in quarantine nothing is."""
        for party, frame in came:
            for item in frame.items:
                if isinstance(item, ShownItem):
                    self.shown(party, item, now_ms)

    def shown(self, party: str, item: ShownItem, now_ms: int) -> None:
        """The checkpoint that a party has pinned."""
        if self.quarantine is None and self._contradicts(item.note):
            quarantine_file.take_back(self._home)
            self._begin(f"shown by {party}", now_ms, {party: item.note})
        self._core.history.shown(party)
        if self.quarantine is not None:
            self.quarantine.shown(party, item.note)
            self._changed = True

    def returned(self, party: str, item: ReturnedItem) -> None:
        """Leaves that a party hands back."""
        if self.quarantine is not None:
            self.quarantine.returned(party, item)
            self._changed = True

    # --- what goes --------------------------------------------------------------------------------------------------

    def wants(self, party: str) -> list[DownFrame]:
        """What is asked of a party now."""
        asked: list[DownItem] = []
        if self.quarantine is not None:
            asked = self.quarantine.wants(party)
        elif party in self._core.history.ask:
            self._core.history.ask.discard(party)
            self._core.history.sent.add(party)
            asked = [ShowItem()]
        return [DownFrame(items=tuple(asked))] if asked else []

    def beat(self, party: str, now_ms: int) -> DownFrame:
        """In quarantine: the word before the heartbeat, and no checkpoint."""
        heartbeat = self._core.heartbeat(party, now_ms)
        if self.quarantine is None:
            return DownFrame(items=(WordItem(token=heartbeat.decode("ascii")),))
        self.quarantine.again(party)
        word = QuarantineWord(
            net=self._net,
            issued=to_wire(max(now_ms, self._core.folded.ledger.last_stamp_ms)),
            to=party,
            size=self._core.committed_size,
            since=to_wire(self.quarantine.since_ms),
            shown=self.quarantine.largest,
        )
        tokens = (seal(word, self._core.keys.machine), heartbeat)
        return DownFrame(items=tuple(WordItem(token=token.decode("ascii")) for token in tokens))

    # --- how it ends ------------------------------------------------------------------------------------------------

    def settle(self) -> Rebuilt | None:
        """Look how it stands and write it down; what to append once the log can go on."""
        if self.quarantine is None:
            return None
        without = quarantine_file.without(self._home) & set(self.quarantine.parties)
        if not self._changed and without == self.quarantine.without:
            return None
        self._changed, self.quarantine.without = False, without
        standing, rebuilt = self.quarantine.settle()
        if rebuilt is not None:
            if standing.given_up:
                quarantine_file.mark(self._home, self._record(standing, self.quarantine.notes))
                self._log.error("leaves_given_up", leaves=spans(standing.given_up), why="no party holds them")
            return rebuilt
        kept = self._record(standing, self.quarantine.notes)
        if kept != self._kept:
            quarantine_file.mark(self._home, kept)
            self._kept = kept
            self._log.error("quarantine_stands", state=kept.state, waiting=kept.waiting, missing=len(kept.missing))
        return None

    def _record(self, standing: Standing, notes: Mapping[str, str]) -> quarantine_file.Kept:
        return quarantine_file.Kept(
            since_ms=standing.since_ms,
            why=standing.why,
            notes=dict(notes),
            size=standing.size,
            root=ids.b64url(self._core.folded.tree.root()),
            shown=standing.shown,
            shown_root=self._shown_root(standing.shown),
            waiting=standing.waiting,
            missing=standing.missing,
            forked=standing.forked,
            unfit=standing.unfit,
            given_up=standing.given_up,
        )

    def _shown_root(self, size: int) -> ids.Hash:
        found = [] if self.quarantine is None else self.quarantine.checkpoints()
        roots = [ids.b64url(one.root) for one in found if one.size == size]
        return roots[0] if roots else ids.b64url(self._core.folded.tree.root())

    def note(self, rebuilt: Rebuilt) -> str:
        """The largest checkpoint, signed again: the same bytes as those that the parties hold."""
        return sign(Checkpoint(self._origin, rebuilt.size, rebuilt.root), self._origin, self._core.keys.log)

    def over(self) -> None:
        """The log contains everything that was shown."""
        quarantine_file.settled(self._home)
        self.quarantine = self._kept = None
        self._core.history.closed = False
        self._log.info("quarantine_over", size=self._core.committed_size)
