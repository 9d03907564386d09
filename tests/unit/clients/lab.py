"""A channel in memory for tests of clients: real homes and keys, the relay's real core, no broker and no disk for it.

`Relay` moves frames by hand, so that a test can lose, repeat, reorder and forge them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from channel.founding import found_trial
from channel.ledger.fold import fold
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import frames
from channel.protocol.frames import (
    CompareItem,
    CosignatureItem,
    DownFrame,
    HaveItem,
    ProveItem,
    TokenItem,
    UpFrame,
    WantItem,
)
from channel.relay.core import Core, Keys
from channel.relay.home import ChannelHome
from channel.relay.session import Head
from channel.relay.session import Session as Down
from channel.relay.witness import Witnesses
from clients.core import sealed
from clients.core.drafts import Draft
from clients.core.events import Event
from clients.core.home import PartyHome
from clients.core.session import Session
from clients.core.signers import Signers
from clients.core.store import STORE_FILE, OutboxRow, Store
from tests.unit.protocol.sealed_example import counted
from tests.unit.relay.lab import all_frames

NET = "river-line"
NOW_MS = 1_505_433_600_000


@dataclass
class Relay:
    """The relay's core and its view of each link; what `committed` gives is as durable as a test needs."""

    core: Core
    now_ms: int
    witnesses: Witnesses
    mono_ms: int = 0
    leaves: list[StoredLeaf] = field(default_factory=list)
    downs: dict[str, Down] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path) -> Relay:
        """As a relay would boot from the home's log."""
        channel = ChannelHome.open(home)
        store = SqliteLog(channel.log_file, "read")
        leaves, note = list(store.leaves()), store.newest_note() or ""
        store.close()
        return cls.from_leaves(channel, leaves, note)

    @classmethod
    def from_leaves(cls, channel: ChannelHome, leaves: list[StoredLeaf], note: str) -> Relay:
        keys = Keys(machine=channel.signer("sig/machine-1"), log=channel.signer("sig/log-1"))
        folded = fold(leaves)
        made = cls(Core(folded, keys, note), NOW_MS, Witnesses(folded.ledger), leaves=list(leaves))
        made.witnesses.committed(folded.tree.size, note)
        made.notes[folded.tree.size] = note
        made.downs = {party: Down(party) for party in folded.ledger.parties}
        return made

    def take(self, party: str, frame: UpFrame) -> None:
        """One frame of a party, and the commit after it."""
        for item in frames.decode_up(frames.encode(frame)).items:
            if isinstance(item, TokenItem):
                self.core.submit(item.token.encode(), self.now_ms, party, frames.bodies(frame))
            elif isinstance(item, WantItem):
                self.downs[party].wanted = item
            elif isinstance(item, HaveItem):
                self.downs[party].have(item, self.mono_ms, self.head())
            elif isinstance(item, CosignatureItem):
                self.witnesses.take(item)
            elif isinstance(item, ProveItem):
                self.downs[party].asked = item
            elif isinstance(item, CompareItem):
                self.downs[party].compare = item
        self.commit()

    def commit(self) -> None:
        self.core.tick(self.now_ms)
        batch = self.core.batch()
        if batch is not None:
            self.leaves += batch.leaves
            self.bodies |= batch.bodies
            for ct in batch.spent:
                self.bodies.pop(ct, None)
        words = self.core.committed(batch)
        if batch is not None:
            self.witnesses.committed(self.core.committed_size, batch.note)
            self.notes[self.core.committed_size] = batch.note
        self.witnesses.kept(self.witnesses.rows())
        for party, word in words:
            if party in self.downs and self.downs[party].live:
                self.downs[party].words.append(word)

    def head(self) -> Head:
        size = self.core.committed_size
        note = self.witnesses.note(size, self.core.note)
        return Head(size, note, self.core.feeds(), self.witnesses.witnessed)

    def due(self, party: str) -> list[DownFrame]:
        """What the relay has for a party now, what was not confirmed for 5 s again."""
        self.downs[party].resend(self.mono_ms)
        down = self.downs[party]
        beat = partial(self.core.heartbeat, party, self.now_ms)
        proofs = down.proofs(self.core.folded, self.head(), self.note, beat) if down.asked is not None else None
        frames_due = all_frames(down, self.core.folded, self.head(), self.mono_ms, self.bodies.get)
        wanted = down.bodies(self.core.bodies, self.head(), self.bodies.get)
        frames_due += [] if wanted is None else [wanted]
        asked = [proofs, down.compared(self.core.folded, self.head())]
        return [*(frame for frame in asked if frame is not None), *frames_due]

    def note(self, size: int) -> str | None:
        """A checkpoint of the log with its cosignatures."""
        found = self.notes.get(size)
        return None if found is None else self.witnesses.note(size, found)

    def beat(self, party: str) -> DownFrame:
        return self.downs[party].beat(self.core.folded, self.head(), self.core.heartbeat(party, self.now_ms))


class Lab:
    """A trial channel in a directory, one relay in memory, and a session for each party that a test asks for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found_trial(path, now_ms=NOW_MS, wall_ms=NOW_MS, net=NET, broker_port=4)
        self.channel = ChannelHome.open(path)
        self.relay = Relay.of(path)
        self.sessions: dict[str, Session] = {}
        self.events: dict[str, list[Event]] = {}

    def home(self, party: str) -> PartyHome:
        return PartyHome(self.path / "parties" / party)

    def session(self, party: str) -> Session:
        """The party's session, connected."""
        if party not in self.sessions:
            home = self.home(party)
            charter, of = home.charter()
            store = Store(home.path / STORE_FILE, of)
            self.sessions[party] = Session(
                charter, of, party, store, Signers(home, party), witness=True, seeds=home.enc_seed_of
            )
            self.events.setdefault(party, [])
            self.sessions[party].listen(self.relay.mono_ms)
            self.sessions[party].connected()
        return self.sessions[party]

    def reader(self, party: str, file: Path | None = None) -> Session:
        """A second process of the home, which only follows the store; or one with a store of its own."""
        home = self.home(party)
        charter, of = home.charter()
        store = Store(file or home.path / STORE_FILE, of)
        return Session(charter, of, party, store, Signers(home, party))

    def crash(self, party: str) -> None:
        """The client's process is gone; its files stay."""
        self.sessions.pop(party).store.close()
        self.relay.downs[party].gone()

    def close(self) -> None:
        for party in list(self.sessions):
            self.crash(party)

    def say(self, party: str, draft: Draft) -> OutboxRow:
        """Sign and queue, as a command would."""
        session, now_ms = self.session(party), self.relay.now_ms
        home = self.home(party)
        signer, body = home.signer("sig/machine-1" if draft.machine else f"sig/desk-{draft.desk}"), None
        if draft.sealed:
            draft, body = sealed.seal(draft, session.ledger, party, now_ms, signer, counted(str(draft.nid)))
        row = session.store.sign_and_queue(
            lambda seq, prev: draft.statement(
                net=NET, party=party, now_ms=now_ms, seen=session.replica.seen, seq=seq, prev=prev
            ),
            signer,
            created_ms=now_ms,
            due_ms=now_ms + 15_000,
        )
        if body is not None:
            session.store.put_own(row.of, body)
        session.out.changed()
        return row

    def deliver(self, party: str, payload: bytes) -> list[Event]:
        got = self.session(party).receive(payload, self.relay.now_ms, self.relay.mono_ms)
        self.events[party] += got
        return got

    def up(self, party: str) -> int:
        """Carry what the party has to say to the relay."""
        out = self.session(party).frames(self.relay.now_ms, self.relay.mono_ms)
        for frame in out:
            self.relay.take(party, frame)
        return len(out)

    def down(self, party: str) -> int:
        """Carry what the relay has for the party."""
        due = self.relay.due(party)
        for frame in due:
            self.deliver(party, frames.encode(frame))
        return len(due)

    def settle(self, *parties: str) -> None:
        """Carry frames of these parties both ways until nobody has anything to say."""
        for _ in range(50):
            if not sum([self.up(party) + self.down(party) for party in parties]):
                return
        raise AssertionError("the exchange does not come to rest")

    def advance(self, ms: int) -> None:
        """Time passes for everybody, net's and real."""
        self.relay.now_ms += ms
        self.relay.mono_ms += ms
        self.relay.commit()

    def tick(self, party: str) -> list[Event]:
        got = self.session(party).tick(self.relay.now_ms, self.relay.mono_ms)
        self.events[party] += got
        return got


@contextmanager
def lab_at(path: Path) -> Iterator[Lab]:
    """A lab whose files are closed at the end."""
    lab = Lab(path)
    try:
        yield lab
    finally:
        lab.close()
