"""A party's client as an object: its home, store and session, what it queues, and what there is to read.

What a party can say is in `party`, built on `queue` and `submit` here. A client either keeps the link (`connect`) or
only reads the store and queues (`open`), for a command beside a running client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from channel.ledger import AlertRecord, Ledger, NoticeRecord
from channel.protocol import ids
from channel.protocol.envelope import Signer
from channel.protocol.errors import ChannelError, FatalError, RefusedError, TransientError, UsageError
from channel.protocol.statements import Precedence, Statement
from clients.core import duties, lookup, sealed, status
from clients.core.clock import Clock, SystemClock, random_bytes
from clients.core.drafts import Draft
from clients.core.events import Event
from clients.core.home import PartyHome, PartySettings, locate
from clients.core.runtime import Link, Runtime
from clients.core.session import Session
from clients.core.signers import MACHINE, Signers
from clients.core.status import LinkState, PartyStatus
from clients.core.store import STORE_FILE, OutboxRow, Store
from clients.defaults import Defaults

T = TypeVar("T")
WAIT_S = 10.0
FRESH_S = 2.0  # beyond it what is named is taken for not there
QUIET_S = 0.2  # nothing new for this long: the relay has sent what it had


@dataclass(frozen=True, slots=True)
class Sent:
    """In the log: what the signed receipt says. `nid` is None for what has none, like an answer.

    `replaces`: the token that this one stands in for, because it was refused and could be sealed anew.
    """

    nid: str | None
    of: ids.Hash
    index: int
    stamp: int
    receipt: str
    replaces: ids.Hash | None = None


class QueuedError(TransientError):
    """No receipt yet: the statement is safe in the outbox and goes out by itself when there is a link."""

    code = "queued"

    def __init__(self, of: ids.Hash, nid: str | None, why: str | None) -> None:
        reason = f" ({why})" if why else ""
        super().__init__(
            f"queued: the channel cannot be reached{reason}; it is sent by the next command or a running client"
        )
        self.of = of
        self.nid = nid


class OwnRefusedError(RefusedError):
    """The relay refused what was signed here. It is an alarm from soon on, unless `told` is called."""

    def __init__(self, code: str, detail: str, of: ids.Hash, home: PartyHome) -> None:
        super().__init__(code, detail)
        self.of = of
        self._home = home

    def told(self) -> None:
        """Where it cannot be stored that somebody knows, it stays an alarm. The client may have ended before."""
        with suppress(ChannelError):
            store = Store(self._home.path / STORE_FILE, self._home.charter()[1])
            with closing(store):
                store.tell_refused(self.of)


class Client:
    """One process's hold on a party's home. Use it with `async with`; one that was opened also with `with`."""

    DEFAULTS: ClassVar[Defaults | None] = None

    def __init__(
        self,
        home: PartyHome,
        *,
        link: bool,
        clock: Clock | None = None,
        make_link: Callable[[], Link] | None = None,
    ) -> None:
        self.home = home
        self.settings = home.settings()
        self.party = self.settings.party
        self.net = self.settings.net
        self.habits = self.DEFAULTS or _plain(self.settings)
        self._link = link
        self._clock: Clock = clock or SystemClock.of_home(home.path)
        self._make_link = make_link
        self.signers = Signers(home, self.party)
        self._session: Session | None = None
        self._runtime: Runtime | None = None

    @classmethod
    def connect(
        cls,
        home: Path | str | None = None,
        party: str | None = None,
        clock: Clock | None = None,
        *,
        make_link: Callable[[], Link] | None = None,
    ) -> Self:
        """A client that keeps the link, or waits for it while another process of the home has it.

        `home` is the party's own or a channel's; without it the newest at hand. UsageError says what was looked for.
        """
        return cls(_located(home, party or cls._usual(home)), link=True, clock=clock, make_link=make_link)

    @classmethod
    def open(cls, home: Path | str | None = None, party: str | None = None, clock: Clock | None = None) -> Self:
        """A client without a link: reads what is stored, and queues for whoever has the link."""
        return cls(_located(home, party or cls._usual(home)), link=False, clock=clock)

    @classmethod
    def _usual(cls, home: Path | str | None) -> str:
        if home is not None and PartyHome(Path(home)).enrolled:
            return PartyHome(Path(home)).settings().party
        if cls.DEFAULTS is None:
            raise UsageError("say which party: Party.connect(home, party=NAME)")
        return cls.DEFAULTS.party

    # --- life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._link:
            raise UsageError("a client with a link is used with `async with`")
        self._load()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.session.store.close()

    async def __aenter__(self) -> Self:
        session = self._load()
        self._runtime = Runtime(self.home, session, self._clock, make_link=self._make_link)
        self._runtime.start(link=self._link)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.runtime.close()
        finally:
            self.session.store.close()

    def _load(self) -> Session:
        charter, of = self.home.charter()
        store = Store(self.home.path / STORE_FILE, of)
        try:
            self._session = Session(
                charter, of, self.party, store, self.signers, witness=self._link, seeds=self.home.enc_seed_of
            )
        except BaseException:
            store.close()
            raise
        return self._session

    @property
    def session(self) -> Session:
        """The verified state. Only inside `with`."""
        if self._session is None:
            raise UsageError("a client is used inside `async with`")
        return self._session

    @property
    def runtime(self) -> Runtime:
        """The running link and its watchers. Only inside `async with`."""
        if self._runtime is None:
            raise UsageError("this needs `async with`")
        return self._runtime

    @property
    def clock(self) -> Clock:
        """The net's clock."""
        return self._clock if self._runtime is None else self._runtime.clock

    def signer(self, kind: str) -> Signer:
        """The key that signs now, of `sig/machine` or `sig/desk-NAME`; UsageError if there is none.

        What it signs is queued in the same transaction, so that no process uses a key that was changed.
        """
        return self.signers.take(self.ledger.ring, kind, self.ledger.size)

    # --- saying -----------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The net's time."""
        return self.clock.now_ms()

    def new_nid(self) -> str:
        """An id for a notice of ours."""
        return ids.uuid7(self.now_ms(), random_bytes(10))

    def queue(self, draft: Draft, signer: Signer | None = None) -> OutboxRow:
        """Sign, with `signer` what neither machine nor desk signs, and queue it durably. UsageError if it cannot be."""
        session, now_ms = self.session, self.now_ms()

        def build(seq: int, prev: ids.Hash) -> Statement:
            seen = session.replica.seen
            return draft.statement(net=self.net, party=self.party, now_ms=now_ms, seen=seen, seq=seq, prev=prev)

        due_ms = now_ms + self.ledger.charter.deadlines.row(self._precedence(draft)).receipt_ms
        kind = MACHINE if draft.machine else f"sig/desk-{draft.desk}"
        _ = signer or self.signer(kind)  # here, because a person may be asked for a passphrase: nobody else waits
        with session.store.transaction():
            self.refresh()  # the newest `seen` and keys, also beside a running client
            signer = signer or self.signer(kind)
            body = None
            if draft.sealed:
                draft, body = sealed.seal(draft, self.ledger, self.party, now_ms, signer, random_bytes)
            row = session.store.sign_and_queue(build, signer, created_ms=now_ms, due_ms=due_ms)
            if (replaced := draft.members.get("replaces")) is not None:
                session.store.tell_refused(str(replaced))
            if body is not None:
                session.store.put_own(row.of, body)
        if self._runtime is not None:
            self._runtime.queued()
        return row

    async def submit(self, draft: Draft, wait: float = WAIT_S) -> Sent:
        """`queue`, and wait for the receipt. OwnRefusedError; QueuedError after `wait` seconds without one.

        Whoever catches the first calls its `told` once a person knows of it, or the program has dealt with it.

        What was sealed to a key that its addressee has just changed is sealed anew, once (protocol.md 11.12).
        """
        refused = self.queue(draft).of
        try:
            return await self.settled(refused, wait)
        except RefusedError as error:
            if error.code != "sealed-body" or not draft.sealed:
                raise
        # The refusal's leaf stands behind those of the keys, so the newest is known now.
        again = replace(draft, members={**draft.members, "nid": self.new_nid(), "replaces": refused})
        return replace(await self.settled(self.queue(again).of, wait), replaces=refused)

    async def settled(self, of: ids.Hash, wait: float = WAIT_S) -> Sent:
        """Wait for the receipt of a statement in the outbox. OwnRefusedError; QueuedError."""
        try:
            async with asyncio.timeout(wait):
                while True:
                    pulse = self.runtime.pulse
                    sent = self._outcome(of)
                    if sent is not None:
                        return sent
                    self._check()
                    await pulse.wait()
        except TimeoutError:
            row = self.session.store.outbox_row(of)
            raise QueuedError(of, row.nid if row is not None else None, self.runtime.why_down) from None

    def _outcome(self, of: ids.Hash) -> Sent | None:
        row = self.session.store.outbox_row(of)
        if row is None:
            raise UsageError(f"{of} was not signed here")
        if row.state == "refused":
            raise OwnRefusedError(row.code or "", row.detail or "", of, self.home)
        if row.index is None or row.stamp is None or row.receipt is None:
            return None
        return Sent(row.nid, of, row.index, row.stamp, row.receipt.decode("ascii"))

    def _check(self) -> None:
        if self.runtime.failure is not None:
            raise self.runtime.failure
        if self.session.stopped is not None:
            raise FatalError(self.session.stopped)

    def _precedence(self, draft: Draft) -> Precedence:
        """Of a notice its own; of what refers to one, that one's: it tells when a missing receipt is an alarm."""
        own = draft.members.get("precedence")
        if isinstance(own, Precedence):
            return own
        record = self.ledger.notices.get(str(draft.members.get("of", "")))
        return record.body.precedence if record is not None else Precedence.PRIORITY

    # --- reading ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take in what another process of this home has stored."""
        if self._runtime is None:
            self.session.follow()
        else:
            self._runtime.refresh()

    @property
    def ledger(self) -> Ledger:
        """Everything that this party may read, folded."""
        return self.session.ledger

    async def events(self) -> AsyncIterator[Event]:
        """What happens from now on, until the client ends: with the error, if its own work ended by one."""
        async for event in self.runtime.events():
            yield event

    async def caught_up(self, wait: float = 5.0) -> bool:
        """Wait until what is here is new: the relay has answered and is quiet, or another process has the link.

        In either case the leaves that our receipts name are here then, so that what was sent can be referred to.
        """
        try:
            async with asyncio.timeout(wait):
                await self.until(lambda: self.runtime.connected or self.runtime.elsewhere)
                await self.until(self._holds_own)
                await self.until(lambda: self.session.replica.n > 0)  # in a new home leaf 0 at least is to come
                held = -1
                while held != self.session.replica.n and not self.runtime.elsewhere:
                    held = self.session.replica.n
                    await asyncio.sleep(QUIET_S)
        except TimeoutError:
            return False
        return True

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until something holds that changes only with what comes, or with what another process stores."""
        while True:
            pulse = self.runtime.pulse
            if met():
                return
            self._check()
            await pulse.wait()

    def _holds_own(self) -> bool:
        """A receipt may come before its leaf. Our own leaves come in the order of the log, so the newest tells."""
        self.refresh()
        return self.session.store.newest_logged() < self.ledger.size

    def status(self) -> PartyStatus:
        """How this party stands now, by what is stored here."""
        self.refresh()
        session, replica = self.session, self.session.replica
        running = self._runtime
        if running is None:
            session.tick(self.now_ms(), self.clock.monotonic_ms())
        else:
            running.tick()
        return PartyStatus(
            net=self.net,
            party=self.party,
            link=self._link_state(),
            why_down=None if running is None else running.why_down,
            n=replica.n,
            size=replica.pin.size,
            root=replica.pin.root,
            witnessed=session.witness.witnessed,
            deliveries=tuple(status.deliveries(self.ledger, self.party)),
            owed=tuple(status.owed(self.ledger, self.party)),
            alerts=tuple(duties.unacknowledged(self.ledger, self.party)),
            alarms=tuple(session.alarms.values()),
            waiting=tuple(session.store.queued()),
            receipted=tuple(session.store.receipted()),
        )

    def _link_state(self) -> LinkState:
        if self.session.stopped is not None:
            return "stopped"
        if self._runtime is not None and self._runtime.owner:
            return "up" if self._runtime.connected else "down"
        if self._runtime is not None and self._runtime.elsewhere:
            return "elsewhere"
        with self.home.connection_lock() as free:
            if free:
                return "none"
        return "elsewhere" if self.home.link_elsewhere() else "down"

    def find(self, ref: str) -> ids.Hash:
        """A notice by its id, its token's hash, or an unambiguous beginning of either. UsageError says what to do."""
        return lookup.notice(self.ledger, ref)

    def refused(self, ref: str) -> ids.Hash:
        """A notice of ours that was refused, likewise."""
        return lookup.refused(self.ledger, self.party, ref)

    async def fresh(self, look: Callable[[str], T], ref: str) -> T:
        """`find`, `record` or `alert`, after waiting for what is new if it is not here yet."""
        try:
            return look(ref)
        except UsageError:
            if self._runtime is None or not await self.caught_up():
                raise
        # The relay has answered, and may be slow to send the rest.
        with suppress(TimeoutError):
            async with asyncio.timeout(FRESH_S):
                await self.until(lambda: _finds(look, ref))
        return look(ref)

    def record(self, ref: str) -> NoticeRecord:
        """The notice itself. UsageError if it is not one that we can read."""
        of = self.find(ref)
        record = self.ledger.notices.get(of)
        if record is None:
            raise UsageError(f"the notice {of} is not here: only what this party may read is")
        return record

    def alert(self, prefix: str) -> AlertRecord:
        """An alert by an unambiguous beginning of its id."""
        return lookup.alert(self.ledger, prefix)


def _located(home: Path | str | None, party: str) -> PartyHome:
    return locate(None if home is None else Path(home), party)


def _plain(settings: PartySettings) -> Defaults:
    """The habits of a party that has no module of its own."""
    return Defaults(
        party=settings.party,
        name=settings.name,
        language=settings.language,
        place_system="latlon",
        utc_offset_min=0,
        time_style="zulu",
        via={},
        notify=(),
        desks=settings.desks,
    )


def _finds(look: Callable[[str], object], ref: str) -> bool:
    try:
        look(ref)
    except UsageError:
        return False
    return True
