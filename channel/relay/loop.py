"""The relay's one loop (protocol.md section 10): frames, ticks and the operator's statements in; commit; then send.

Everything that changes state goes through `_turn`, one commit group at a time: judge, make durable, and only then
receipts, feeds, alarms and acknowledgements to the broker. A failed commit ends the process; the next start recovers.
Frames of all parties are taken in turn, a bounded number of statements each, so that nobody's flood delays another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import structlog

from channel.log.sqlite_file import fatal
from channel.log.store import LinkRow
from channel.protocol import frames, ids, limits, topics
from channel.protocol.errors import FatalError, Unattributable
from channel.protocol.frames import (
    CompareItem,
    CosignatureItem,
    HaveItem,
    ProveItem,
    ReturnedItem,
    TokenItem,
    UpItem,
)
from channel.protocol.statements import ClockStep
from channel.relay import quarantine_file
from channel.relay.boot import Booted
from channel.relay.clock import Clock, RelayClock, SystemClock
from channel.relay.core import Batch
from channel.relay.guard import Guard
from channel.relay.hearing import hear
from channel.relay.home import ChannelHome
from channel.relay.inbox import Inboxes, release
from channel.relay.links import link_to
from channel.relay.operator import Settled, Spool
from channel.relay.sending import Sending
from channel.relay.session import Head, Session
from channel.relay.sinks import AlertSink
from channel.relay.witness import Witnesses

FLUSH_MS = 1_000  # cosignatures are no evidence of the relay's own: a crash may cost the last second's
TICK_S = 0.2  # how often due times are looked at: deadlines are in seconds


class Relay:
    """One net's relay. `gated`: a scenario's relay, which judges what came only when told to."""

    def __init__(
        self,
        home: ChannelHome,
        booted: Booted,
        clock: Clock,
        sink: AlertSink,
        *,
        gated: bool = False,
        broker_host: str | None = None,
    ) -> None:
        self.home = home
        self.core = booted.core
        self.clock = clock
        self.gated = gated
        self.gate: dict[str, dict[ids.Hash, bytes]] = {}
        self._gate_bodies: dict[ids.Hash, bytes] = {}
        self.offline: dict[str, int] = {}
        self._store = booted.store
        self.witnesses = Witnesses.of_store(booted.core.folded.ledger, booted.store)
        self._sink = sink
        self._log = structlog.get_logger("relay", net=booted.core.folded.ledger.charter.net)
        ledger = booted.core.folded.ledger
        self._mono_ms = SystemClock().monotonic_ms  # pacing is on real time also where the net's clock is stepped
        self.sessions = {party: Session(party, heard_at_ms=self._mono_ms()) for party in ledger.parties}
        self._inboxes = Inboxes(ledger.parties)
        self._links = {party: link_to(home, ledger.charter.net, party, broker_host) for party in ledger.parties}
        with self._disk():
            self._spool = Spool(home.path / "operator.sqlite")
            self.guard = Guard(home, self.core, clock.now_ms(), self._spool.unread())
        self._writer = ThreadPoolExecutor(1, "log-writer")
        self._turns = asyncio.Lock()
        self._stopping = False
        self._unflushed_ms: int | None = None
        self._version = ""
        self.opening: Callable[[], None] | None = None
        """What is to be staged before the `start`, once the relay may write."""
        self.head = self._new_head()
        self._down = Sending(
            self.core, self._store, self.guard, self.sessions, self._links,
            head=lambda: self.head, now_ms=lambda: self.clock.now_ms(), mono_ms=self._mono_ms,
        )  # fmt: skip

    # --- running ----------------------------------------------------------------------------------------------------

    async def run(self, version: str) -> None:
        """Until `stop`. FatalError when the log's state is unknown."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._receive(party), name=f"link {party}") for party in self._links]
            tasks += [group.create_task(self._down.run(party), name=f"sender {party}") for party in self._links]
            tasks.append(group.create_task(self._down.beats(), name="heartbeat"))
            tasks.append(group.create_task(self._heads(), name="head"))
            with self._disk():
                if not self.gated:
                    await self._hear()
                if not self._stopping:
                    await self.start(version)
                await self._loop()
            for task in tasks:
                task.cancel()

    async def _hear(self) -> None:
        heard, silent = await hear(
            self.guard, self._store.links(), self._inboxes,
            linked=lambda party: self._links[party].connected, over=lambda: self._stopping,
            asked=self._down.wake, now_ms=self.clock.now_ms,
        )  # fmt: skip
        if silent and not self.guard.closed:
            self._log.warning("unheard", parties=silent)
        for party, frame in heard:
            self._inboxes.put(party, frame)

    async def start(self, version: str) -> None:
        """The `start` leaf and whatever fell due while the relay was down."""
        self._version = version
        async with self._turns:
            self.witnesses.since_ms = self.clock.now_ms()
            if not self.guard.closed:
                self._open()
            await self._finish_turn(self.clock.now_ms())
        lost = self.core.bodies.owed - self._store.bodies()
        self._log.info("started", size=self.core.committed_size, bodies_missing=len(lost))

    def _open(self) -> None:
        """What the relay writes first, as soon as it may."""
        self.core.bodies.leave(self._store.bodies())
        opening, self.opening = self.opening, None
        if opening is not None:
            opening()
        self.core.start(self.clock.now_ms(), self._version)

    async def stop(self) -> None:
        """Finish the present commit group and end `run`."""
        self._stopping = True
        self._inboxes.wake.set()

    def close(self) -> None:
        """A clean stop leaves the log as one file."""
        self._writer.shutdown(wait=True)
        try:
            if not self.guard.closed:
                quarantine_file.put_head(self.home.path, self.core.note)
        except OSError as error:  # an older one finds out less, and harms nothing
            self._log.error("head_not_kept", detail=str(error))
        self._spool.close()
        self._store.close()

    async def _loop(self) -> None:
        while not self._stopping:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._inboxes.wake.wait()
            except TimeoutError:
                pass
            self._inboxes.wake.clear()
            await self.turn()

    async def turn(self) -> None:
        """One commit group: everything that waits, up to each party's bound."""
        async with self._turns:
            now_ms = self.clock.now_ms()
            done = self._take_frames(now_ms)
            settled = [(id_, self._operators(token, now_ms)) for id_, token in self._spool.waiting()]
            await self._finish_turn(now_ms)
            for id_, outcome in settled:
                self._spool.settle(id_, outcome)
            for promise in done:
                release(promise)

    async def commit_gate(self) -> int:
        """Judge what the gate holds, in the order (party, key, sequence): a scenario's outcome depends on no race."""
        async with self._turns:
            now_ms, size = self.clock.now_ms(), self.core.committed_size
            waiting = [(party, of, token) for party, held in self.gate.items() for of, token in held.items()]
            self.gate.clear()
            for party, _, token in sorted(waiting, key=lambda row: (row[0], *self.core.order(row[2]))):
                self.core.submit(token, now_ms, party, self._gate_bodies)
            self._gate_bodies.clear()
            await self._finish_turn(now_ms)
            return self.core.committed_size - size

    async def _resume(self) -> bool:
        """In quarantine: whether every leaf is back, and durable; then the relay goes on."""
        rebuilt = self.guard.settle()
        if rebuilt is None:
            return False
        if rebuilt.leaves:
            note = self.guard.note(rebuilt)
            await self._write(self._store.append, rebuilt.leaves, note)
            self.core.rebuild(rebuilt.leaves, note)
            self._sink.recall()
            self.witnesses.committed(self.core.committed_size, note)
            self.head = self._new_head()
        self.guard.over()
        for session in self.sessions.values():
            session.gone()  # so that each says anew where it is
        self._open()
        self.beat()
        return True

    def _say_words(self, words: list[tuple[str, bytes]]) -> None:
        for party, word in words:
            if party in self.sessions and self.sessions[party].live:
                self.sessions[party].words.append(word)

    async def _finish_turn(self, now_ms: int) -> None:
        if self.guard.closed and not await self._resume():
            self._say_words(self.core.committed(None))
            self._down.wake()
            return
        self._check_clock(now_ms)
        self.core.tick(now_ms, self._silent(now_ms))
        unwitnessed = self.witnesses.due(self.core.committed_size)
        if unwitnessed is not None and unwitnessed.due_ms <= now_ms:
            self.core.raise_alert(unwitnessed, now_ms)
        cosigned = self.witnesses.rows()
        self._store.put_cosignatures(cosigned)
        self.witnesses.kept(cosigned)
        batch = self.core.batch()
        if batch is not None:
            self._store.put_links(self._link_rows())
            await self._write(self._store.append, batch.leaves, batch.note, batch.bodies, batch.spent)
        self._say_words(self.core.committed(batch))
        if batch is not None:
            self.witnesses.committed(self.core.committed_size, batch.note)
            self.head = self._new_head()
            self._tell(batch)
        await self._flush(bool(cosigned), batch is not None)
        self._sink.repeat()
        for session in self.sessions.values():
            session.resend(self._mono_ms())
        self._down.wake()

    async def _flush(self, cosigned: bool, committed: bool) -> None:
        """Cosignatures wait a little for the next commit, then they are made durable by themselves."""
        if cosigned:
            self.head = self._new_head()
        if cosigned and not committed and self._unflushed_ms is None:
            self._unflushed_ms = self._mono_ms()
        if committed:
            self._unflushed_ms = None
        if self._unflushed_ms is not None and self._mono_ms() - self._unflushed_ms >= FLUSH_MS:
            self._unflushed_ms = None
            await self._write(self._store.flush)

    async def _write(self, write: Callable[..., None], *rows: object) -> None:
        try:
            with self._disk():
                await asyncio.get_running_loop().run_in_executor(self._writer, write, *rows)
        except FatalError:
            self._log.error("commit_failed", size=self.core.committed_size)
            raise

    def _disk(self) -> AbstractContextManager[None]:
        """What the disk refuses in here is a FatalError: a file of the home is not what the relay takes it to be."""
        return fatal(self.home.path, "write in")

    def _new_head(self) -> Head:
        size = self.core.committed_size
        note = self.witnesses.note(size, self.core.note)
        return Head(size, note, self.core.feeds(), self.witnesses.witnessed)

    def _tell(self, batch: Batch) -> None:
        ledger = self.core.folded.ledger
        self._spool.keep_unread(leaf for leaf in batch.leaves if not ledger.readers(leaf.index))
        for leaf in batch.leaves:
            opened = ledger.entries[leaf.index].opened
            self._log.info("leaf", index=leaf.index, type=opened.type, party=opened.party)
            if opened.type == "alert":
                self._sink.raised(ledger.alerts[getattr(opened.body, "alert", "")])

    # --- frames in --------------------------------------------------------------------------------------------------

    async def _receive(self, party: str) -> None:
        async def on_payload(topic: str, payload: bytes) -> None:
            await self._arrived(party, topic, payload)

        def on_state(up: bool) -> None:
            self._log.info("link", party=party, up=up)
            if up:
                self._down.beat(party)
                self._down.wake()
                self._inboxes.wake.set()

        await self._links[party].run(on_payload, on_state)

    async def _arrived(self, party: str, topic: str, payload: bytes) -> None:
        """Returns when what came is durable or known to be worthless: then the broker may forget it."""
        if topic != topics.up(self.core.folded.ledger.charter.net, party):
            if payload:
                self.sessions[party].gone()
            return
        try:
            frame = frames.decode_up(payload)
        except Unattributable as error:
            self.core.dropped[error.code] += 1
            return
        promise = self._inboxes.put(party, frame)
        if promise is None:
            self.core.dropped["queue-full"] += 1
            return
        await promise

    def _take_frames(self, now_ms: int) -> list[asyncio.Future[None]]:
        done = []
        taken = list(self._inboxes.take())
        new = [(party, arrived.frame) for party, arrived, items in taken if arrived.taken == len(items)]
        self.guard.look(new, now_ms)  # before anything is staged
        for party, arrived, items in taken:
            self._take(party, items, frames.bodies(arrived.frame), now_ms)
            if arrived.whole:
                done.append(arrived.done)
        return done

    def _take(self, party: str, items: Sequence[UpItem], bodies: dict[ids.Hash, bytes], now_ms: int) -> None:
        session = self.sessions[party]
        session.heard_at_ms = self._mono_ms()
        for item in items:
            match item:
                case TokenItem(token=token):
                    data = token.encode("ascii", "replace")
                    if self.gated:
                        self.gate.setdefault(party, {})[ids.sha256(data)] = data
                        self._gate_bodies |= bodies
                    else:
                        self.core.submit(data, now_ms, party, bodies)
                case HaveItem():
                    if party not in self.offline:
                        self.guard.have(party, item)
                        session.have(item, self._mono_ms(), self.head)
                        if item.hello:
                            self._down.beat(party)  # what it must know before it signs
                case ProveItem():
                    session.asked = None if party in self.offline else item
                case CompareItem():
                    session.compare = None if party in self.offline else item
                case frames.WantItem():
                    session.wanted = None if party in self.offline else item
                case ReturnedItem():
                    self.guard.returned(party, item)
                case CosignatureItem():
                    dropped = self.witnesses.take(item)
                    if dropped is not None:
                        self.core.dropped[dropped] += 1

    def _operators(self, token: bytes, now_ms: int) -> Settled:
        outcome = self.core.submit(token, now_ms, ids.RELAY)
        if outcome.index is not None:
            opened = self.core.folded.ledger.entries[outcome.index].opened
            if isinstance(opened.body, ClockStep) and isinstance(self.clock, RelayClock) and self.clock.step():
                self.clock.apply_step()
        return Settled(outcome.index, outcome.code, outcome.detail)

    def beat(self) -> None:
        """A heartbeat to each party, whether it is there or not."""
        self._down.beat_all()

    async def _heads(self) -> None:
        """The newest checkpoint beside the log: from it a later start knows that the log is older. And who is there."""
        while True:
            if not self.guard.closed:
                await self._write(quarantine_file.put_head, self.home.path, self.core.note)
                self._store.put_links(self._link_rows())
                await self._write(self._store.flush)
            await asyncio.sleep(limits.HEARTBEAT_MS / 1000)

    # --- the rest ---------------------------------------------------------------------------------------------------

    def next_due_ms(self) -> int | None:
        """When the next alert falls due, also for a party that is silent."""
        anything_open = bool(self.core.folded.ledger.open)
        times = [self._silent_from(since) for since in self.offline.values()] if anything_open else []
        times = [at_ms for at_ms in times if at_ms > self.clock.now_ms()]
        unwitnessed = self.witnesses.due(self.core.committed_size)
        times += [] if unwitnessed is None else [unwitnessed.due_ms]
        due = self.core.next_ms()
        return min([*times, *([] if due is None else [due])], default=None)

    def _silent_from(self, since_ms: int) -> int:
        return since_ms + self.core.folded.ledger.charter.terms.silent_ms

    def _silent(self, now_ms: int) -> list[str]:
        """Parties that were not heard for the charter's span: in a scenario, those that it has taken offline."""
        if self.gated:
            return [party for party, since in self.offline.items() if self._silent_from(since) <= now_ms]
        span_ms, mono_ms = self.core.folded.ledger.charter.terms.silent_ms, self._mono_ms()
        silent = [s for s in self.sessions.values() if mono_ms - s.heard_at_ms > span_ms]
        for session in silent:
            session.gone()
        return [session.party for session in silent]

    def _check_clock(self, now_ms: int) -> None:
        step = self.clock.step() if isinstance(self.clock, RelayClock) else None
        if step is not None:
            self.core.clock_stepped(step.old_ms, step.new_ms, now_ms)

    def _link_rows(self) -> dict[str, LinkRow]:
        now_ms, live = self.clock.now_ms(), [session for session in self.sessions.values() if session.live]
        return {session.party: LinkRow(session.have_n, session.size, session.root, now_ms) for session in live}
