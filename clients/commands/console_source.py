"""A party's source of its own console: the leaves in its home, and what its desk says over its own client.

Leaves are read and folded apart from the client, in the console's worker; the client keeps the link, verifies what
comes, stores it, and signs. So what is on the screens has passed the client's own checks.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from channel.console.moments import Fold
from channel.console.queue import UnknownNoticeError, told_alert
from channel.console.source import Done, Facts, Link, Standing, State, stored_bytes
from channel.protocol.envelope import open_token
from channel.protocol.errors import ChannelError, FatalError, InvariantError, UsageError
from channel.protocol.statements import Notice
from clients.commands import console_before as before
from clients.commands import console_typed as typed
from clients.core.client import QueuedError, Sent
from clients.core.clock import CLOCK_FILE
from clients.core.store import STORE_FILE, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from channel.console.asked import AnswerAsked, DisputeAsked, ForwardingAsked, HeardAsked, NoticeAsked
    from channel.console.shapes_before import CheckedShown, HeardShown
    from clients.core.party import Party

GIVEN = ("response", "at", "radius", "accuracy", "altitude", "until", "unit", "amends")
BATCH_LEAVES = 200  # leaves taken in at once: about 100 ms, then others may use the worker


class PartySource:
    """What one party may read, and its own word."""

    def __init__(self, client: Party) -> None:
        self._client = client
        charter, of = client.home.charter()
        minutes = client.habits.utc_offset_min
        place, time = before.examples(client)
        self.facts = Facts(
            party=client.party,
            coordinates=client.habits.place_system,
            zone=f"Etc/GMT{-minutes // 60:+d}" if minutes % 60 == 0 and minutes else "UTC",
            routes={to: via for to, via in client.habits.via.items() if {to, via} <= set(client.parties)},
            place_example=place,
            time_example=time,
        )
        self.fold = Fold(charter, of, client.party)
        self._path = client.home.path / STORE_FILE
        self._store: Store | None = None
        self._closed: set[str] = set()

    # --- looking: the worker's thread -------------------------------------------------------------------------------

    def poll(self) -> bool:
        """Take in what the client, here or in another process of the home, has stored."""
        store = self._opened()
        rows = store.leaves(len(self.fold))[:BATCH_LEAVES]
        for row in rows:
            try:
                opened = open_token(row.token, self.fold.ledger.ring, net=self.fold.ledger.charter.net)
            except ChannelError as error:
                raise FatalError(f"leaf {row.index} in this party's store does not open: {error}") from error
            self.fold.take(row.index, row.stamp, opened)
            if isinstance(opened.body, Notice) and opened.body.sealed is not None:
                self._closed.add(opened.of)
        self._reveal()
        return bool(rows)

    def _reveal(self) -> None:
        """What the client has opened meanwhile."""
        for of in list(self._closed):
            record = self._client.ledger.notices.get(of)
            if record is not None and record.unsealed:
                self.fold.reveal(of, record.body)
                self._closed.discard(of)

    def now_ms(self) -> int:
        return max(self._client.now_ms(), self.fold.ledger.last_stamp_ms)

    def scenario(self) -> bool:
        return (self._client.home.path / CLOCK_FILE).exists()

    def standing(self) -> Standing:
        store, client = self._opened(), self._client
        pin, witnessed = store.pin(), store.cosigned()
        running = client.runtime
        state: State = "up" if running.connected else "unknown" if running.elsewhere else "down"
        return Standing(
            root=pin.root,
            witnessed=witnessed,
            relay=state,
            broker=state,
            store="sqlite",
            log_bytes=stored_bytes(self._path),
            disk_free_bytes=shutil.disk_usage(self._path.parent).free,
            links={client.party: Link(has=len(self.fold), heard_ms=None)},
            alarms=tuple(alarm.detail for alarm in list(client.session.alarms.values())),
            queued=len(store.queued()),
        )

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store(self._path, self._client.session.ledger.charter_of)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    # --- acting: the event loop -------------------------------------------------------------------------------------

    async def acknowledge(self, alert: str, reason: str) -> Done:
        told_alert(self.fold.ledger, alert, self.facts.party)
        return await in_log_or_queued(self._client.acknowledge(alert, reason))

    async def go_without(self, party: str) -> Done:
        raise InvariantError("a party's console does not decide when the relay goes on")

    async def answer(self, asked: AnswerAsked) -> Done:
        self._known(asked.of)
        typed.time(self._client, asked.until)
        typed.words(asked.reason)
        if asked.read_back is not None:
            typed.read_back(self._client, asked.read_back)
        read = None if asked.read_back is None else (asked.read_back.place, asked.read_back.time)
        answering = self._client.answer(
            asked.of,
            asked.word,
            reason=asked.reason or None,
            until=asked.until,
            readback=read,
            corrects=asked.corrects or None,
            displayed=True,  # whoever answers here has it before them
        )
        return await in_log_or_queued(answering)

    async def heard(self, asked: HeardAsked) -> HeardShown:
        self._known(asked.of)
        typed.read_back(self._client, asked)
        return before.heard(self._client, asked)

    async def forward(self, asked: ForwardingAsked) -> Done:
        self._known(asked.of)
        typed.words(asked.role, asked.contact, asked.read_back)
        role, line, read = asked.role, asked.contact or None, asked.read_back
        forwarding = self._client.forward(asked.of, asked.to, asked.by, role=role, contact=line, readback=read)
        return await in_log_or_queued(forwarding)

    async def check(self, asked: NoticeAsked) -> CheckedShown:
        typed.notice(self._client, asked)
        return before.checked(self._client, self._client.notice(**members_of(asked)))

    async def send(self, asked: NoticeAsked) -> Done:
        typed.notice(self._client, asked)
        if asked.withdraws is not None:
            self._known(asked.withdraws)
            return await in_log_or_queued(self._client.withdraw(asked.withdraws, asked.text))
        return await in_log_or_queued(self._client.send(**members_of(asked)))

    async def displayed(self, of: str) -> Done | None:
        self._known(of)
        try:
            sent = await self._client.displayed(of)
        except QueuedError as error:
            return Done(None, error.of)
        return None if sent is None else Done(sent.index, sent.of)

    def _known(self, of: str) -> None:
        if of not in self.fold.ledger.notices and of not in self._client.ledger.notices:
            raise UnknownNoticeError("there is no such notice here")

    async def bundle(self, of: str) -> bytes:
        return (await self._client.prove(of)).bundle

    async def dispute(self, asked: DisputeAsked) -> bytes:
        raise InvariantError("a party's home holds no whole log to make a report of")

    async def apply_clock(self, reason: str) -> Done:
        raise InvariantError("only the operator applies a step of the clock")


def members_of(asked: NoticeAsked) -> dict[str, Any]:
    """What the library takes, of what the page sends. UsageError for two places, or a place without an end."""
    named = [name for name in ("at", "path", "polygon", "area") if getattr(asked, name) is not None]
    if len(named) > 1:
        raise UsageError(f"a notice from here has one place: {named[0]} or {named[1]}, not both")
    if asked.radius is not None and asked.at is None:
        raise UsageError("a radius belongs to a position")
    if not named and not asked.text.strip():
        raise UsageError("a notice says something: give it words, or a place")
    members: dict[str, Any] = {
        "to": list(asked.to) or None,
        "info": list(asked.info),
        "kind": asked.kind,
        "precedence": asked.precedence,
        "text": asked.text,
        "start": asked.from_,
        "read_back": asked.read_back,
    }
    if asked.area is not None:
        members["geojson"] = json.dumps(asked.area).encode()
    members |= {name: [value] for name in ("path", "polygon") if (value := getattr(asked, name)) is not None}
    given = {name: getattr(asked, name) for name in GIVEN}
    return members | {name: value for name, value in given.items() if value is not None}


async def in_log_or_queued(sending: Awaitable[Sent]) -> Done:
    """In the log; or queued in the home, which is no failure."""
    try:
        sent = await sending
    except QueuedError as error:
        return Done(None, error.of)
    return Done(sent.index, sent.of)
