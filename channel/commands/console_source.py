"""The operator's source of a console: the log, read beside the relay that writes it, and the operator's desk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
from threading import Lock

from channel.commands.dispute import judged, moment
from channel.console.asked import AnswerAsked, DisputeAsked, ForwardingAsked, HeardAsked, NoticeAsked
from channel.console.moments import Fold
from channel.console.queue import told_alert
from channel.console.shapes_before import CheckedShown, HeardShown
from channel.console.source import Done, Facts, Link, Standing, State, stored_bytes
from channel.ledger.fold import Folded, begin
from channel.log.checkpoint import parse_body, split_note
from channel.log.lock import holder
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import ids, limits
from channel.protocol.envelope import open_token
from channel.protocol.errors import (
    ChannelError,
    FatalError,
    InvariantError,
    ProofError,
    RefusedError,
    TransientError,
    UsageError,
)  # fmt: skip
from channel.protocol.statements import Acknowledgement, ClockStep, Statement
from channel.protocol.times import to_wire
from channel.relay.clock import SystemClock, pause
from channel.relay.home import ChannelHome
from channel.relay.operator import WAIT_S_MAX, Settled, Spool, newest, statement
from channel.relay.quarantine_file import FILE as QUARANTINE
from channel.relay.quarantine_file import go_without
from channel.replay.area import read_area
from channel.replay.dispute import Query
from channel.replay.dispute_document import document
from channel.replay.dispute_html import page
from channel.replay.proving import prove

BATCH_LEAVES = 200  # leaves taken in at once: about 100 ms, then others may use the worker
BROKER_S = 0.5
PRESENT_MS = 3 * limits.HEARTBEAT_MS  # the relay notes at each of its heartbeats who is there
SPOOL_S = 0.05
BROKER_TURNS = 10  # looks at links between two at the broker


class OperatorSource:
    """The whole log of one home. `stepped`: a scenario holds the clock, which then stands at the newest stamp."""

    def __init__(self, home: ChannelHome, *, stepped: bool = False) -> None:
        self._home, self._stepped = home, stepped
        charter, of = home.charter()
        self.facts = Facts(party=None, coordinates="latlon", zone="UTC")
        self.fold = Fold(charter, of)
        self.tree = Tree()
        self._log: SqliteLog | None = None
        self._file: tuple[int, int] | None = None
        """Which file is open: device and number. Under the log's name there may be another by now."""
        self._proven: tuple[int, int] | None = None
        """The file that is known to begin with the leaves that were taken in."""
        self._ended: FatalError | None = None
        self._lock = Lock()
        """Held while ledger and tree change, and while a statement of the desk is made from them."""
        self._broker: State = "unknown"
        self._looks = 0

    def poll(self) -> bool:
        """Take in up to `BATCH_LEAVES`. After an error the log is opened anew at the next call."""
        if self._ended is not None:
            raise self._ended
        try:
            log = self._opened()
            start = self.tree.size
            size = log.size
            if size < start:
                self._proven = None
                raise FatalError(
                    f"{self._home.log_file} has fewer leaves than before: what is shown stays old until the relay has "
                    "taken the others back"
                )
            if self._proven != self._file:
                self._prove(log)
            for leaf in log.leaves(start, min(size, start + BATCH_LEAVES)):
                self._take(leaf)
            return size > start
        except ChannelError:
            self._shut()
            raise

    def _prove(self, log: SqliteLog) -> None:
        """A file that was put in the log's place goes on from what is shown, or nothing more is shown."""
        tree = Tree()
        for leaf in log.leaves(0, self.tree.size):
            tree.append(leaf.leaf_hash)
        if tree.root() != self.tree.root():
            self._ended = FatalError(
                f"{self._home.log_file} holds other leaves than before: see channel quarantine, then start the console "
                "again"
            )
            raise self._ended
        self._proven = self._file

    def _take(self, leaf: StoredLeaf) -> None:
        if leaf.index == 0:
            opened = begin(leaf).ledger.entries[0].opened
        else:
            try:
                opened = open_token(leaf.token, self.fold.ledger.ring, net=self.fold.ledger.charter.net)
            except ChannelError as error:
                raise FatalError(f"leaf {leaf.index} of the log does not open: {error}") from error
        with self._lock:
            self.tree.append(leaf.leaf_hash)
            self.fold.take(leaf.index, leaf.stamp, opened)

    def now_ms(self) -> int:
        """Never before the newest stamp."""
        stamp_ms = self.fold.ledger.last_stamp_ms
        if self._stepped and not self._home.clock_file.exists():
            return stamp_ms
        return max(stamp_ms, SystemClock.of_home(self._home.path).now_ms())

    def scenario(self) -> bool:
        return self._stepped or self._home.clock_file.exists()

    def standing(self) -> Standing:
        log = self._opened()
        quorum = self.fold.ledger.charter.terms.quorum
        cosigned = tuple(log.cosignatures(log.size))
        relay: State = "up" if holder(self._home.log_file) is not None else "down"
        since_ms = self.now_ms() - PRESENT_MS
        links = {
            party: Link(
                row.have_n,
                row.heard_ms,
                present=row.heard_ms >= since_ms if relay == "up" else None,
                cosigned_size=log.size if party in cosigned else None,
            )
            for party, row in log.links().items()
        }
        return Standing(
            root=_root(log.newest_note()),
            witnessed=log.witnessed(quorum),
            cosigned=cosigned,
            relay=relay,
            broker=self._look_at_broker(),
            quarantined=(self._home.path / QUARANTINE).exists(),
            store="sqlite",
            log_bytes=stored_bytes(self._home.log_file),
            disk_free_bytes=shutil.disk_usage(self._home.path).free,
            links=links,
        )

    def _look_at_broker(self) -> State:
        """Whether its port takes connections; asked seldom, because a full queue there would cost half a second."""
        if self._looks % BROKER_TURNS == 0:
            settings = self._home.settings()
            try:
                host = os.environ.get("CHANNEL_BROKER_HOST", settings.host)
                with socket.create_connection((host, settings.port), BROKER_S):
                    self._broker = "up"
            except OSError:
                self._broker = "down"
        self._looks += 1
        return self._broker

    async def acknowledge(self, alert: str, reason: str) -> Done:
        """The operator's desk signs; the running relay logs it."""
        told_alert(self.fold.ledger, alert, None)
        return await self._say(Acknowledgement, alert=alert, reason=reason)

    async def apply_clock(self, reason: str) -> Done:
        """The operator's desk takes over the wall clock's time (docs/protocol.md, law 3)."""
        old, new = to_wire(self.fold.ledger.last_stamp_ms), to_wire(SystemClock.of_home(self._home.path).now_ms())
        return await self._say(ClockStep, old=old, new=new, reason=reason)

    async def go_without(self, party: str) -> Done:
        """As `channel quarantine --without` does it."""
        await asyncio.to_thread(go_without, self._home.path, party, tuple(self.fold.ledger.parties))
        return Done(None)

    async def answer(self, asked: AnswerAsked) -> Done:
        raise InvariantError("the operator's console answers for nobody")

    async def heard(self, asked: HeardAsked) -> HeardShown:
        raise InvariantError("the operator's console answers for nobody")

    async def forward(self, asked: ForwardingAsked) -> Done:
        raise InvariantError("the operator's console passes on nothing")

    async def check(self, asked: NoticeAsked) -> CheckedShown:
        raise InvariantError("the operator's console sends for nobody")

    async def send(self, asked: NoticeAsked) -> Done:
        raise InvariantError("the operator's console sends for nobody")

    async def displayed(self, of: str) -> Done | None:
        raise InvariantError("the operator's console signs nothing of a party's")

    async def bundle(self, of: str) -> bytes:
        """As `channel prove` makes it."""
        key = (self._home.keys / "sig-machine-1.pem").exists()
        signer = self._home.signer("sig/machine-1") if key else None
        return (await asyncio.to_thread(prove, self._home.log_file, of, signer)).bundle

    async def dispute(self, asked: DisputeAsked) -> bytes:
        """As `channel dispute` makes it."""
        return await asyncio.to_thread(self._dispute, asked)

    def _dispute(self, asked: DisputeAsked) -> bytes:
        area = read_area(json.dumps(asked.area).encode())
        query = Query(area, moment("from", asked.from_), moment("until", asked.until), asked.party)
        if query.until_ms < query.from_ms:
            raise UsageError("the time in dispute ends before it begins")
        reading, found, report = judged(self._home.log_file, query, None)
        if asked.html:
            return page(reading, found, report).encode()
        return json.dumps(document(reading, found, report), ensure_ascii=False).encode()

    async def _say(self, model: type[Statement], **members: object) -> Done:
        settled = await asyncio.to_thread(self._settled, model, members)
        if settled is None:
            raise TransientError("the relay did not answer: start it with `channel up` or `channel relay`")
        if settled.code is not None:
            raise RefusedError(settled.code, settled.detail)
        return Done(settled.index)

    def _settled(self, model: type[Statement], members: dict[str, object]) -> Settled | None:
        """Hand it to the relay and wait for its verdict, in a thread of its own. None: no answer."""
        spool, clock = Spool(self._home.path / "operator.sqlite"), SystemClock()
        try:
            id_ = self._submit(spool, model, members)
            until_ms = clock.monotonic_ms() + WAIT_S_MAX * 1000
            while (settled := spool.outcome(id_)) is None and clock.monotonic_ms() < until_ms:
                pause(SPOOL_S)
            return settled
        finally:
            spool.close()

    def _submit(self, spool: Spool, model: type[Statement], members: dict[str, object]) -> int:
        """Sign as of one state of the log, and hand it over."""
        signer = self._home.signer("sig/desk-operations")
        with self._lock:
            folded, now_ms = Folded(self.fold.ledger, self.tree), self.now_ms()
            return spool.submit(
                lambda seq, prev: statement(model, folded, now_ms, seq, prev, **members),
                signer,
                newest(folded.ledger, signer.kid),
            )

    def _opened(self) -> SqliteLog:
        try:
            status = self._home.log_file.stat()
        except OSError as error:
            raise FatalError(f"cannot look at {self._home.log_file}: {error.strerror}; put it back") from error
        there = status.st_dev, status.st_ino
        if self._log is None or self._file != there:
            self._shut()
            self._log, self._file = SqliteLog(self._home.log_file, "read"), there
        return self._log

    def _shut(self) -> None:
        if self._log is not None:
            with contextlib.suppress(ChannelError):
                self._log.close()
            self._log = None

    def close(self) -> None:
        """Release the log: its writer can then leave it as one file."""
        self._shut()


def _root(note: str | None) -> str:
    try:
        return ids.b64url(parse_body(split_note(note or "")[0]).root)
    except ProofError:
        return ""
