"""The library's face: `async with Coalition.connect(home) as channel`, and what a party can say over the channel.

Every verb signs with this home's keys, queues durably, and waits for the relay's signed receipt: RefusedError if the
channel refuses it, QueuedError if there is no receipt within `wait` seconds (then it is sent later). Nothing is
answered, forwarded or signed as displayed unless it is asked for here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from channel.ledger import Leg
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import Addressee, Kind, Level, Notice, Precedence, Shape, Stage, Volume, Word
from channel.protocol.times import to_wire
from clients.core import drafts, proving, sealed
from clients.core.areas import Reader, known_places
from clients.core.client import WAIT_S, Client, QueuedError, Sent
from clients.core.drafts import Draft
from clients.core.inbound import Inbound, inbound_at
from clients.core.proving import Proved

if TYPE_CHECKING:
    from channel.picture.drafts import FindingDraft
    from clients.core.readback import Heard

To = str | Sequence[str | Addressee] | None


class Party(Client):
    """A party on the channel. The four parties' classes differ in `DEFAULTS` only."""

    # --- notices ----------------------------------------------------------------------------------------------------

    def addressees(self, to: To = None) -> list[Addressee]:
        """Those parties, each by its usual route unless `to` says another; without any, by the release rule."""
        names = to or [party for party in self.habits.notify if party in self.parties]
        if not names:
            raise UsageError("say whom it is for: `to` or `info`")
        return drafts.addressees(names, self.habits, self.parties)

    def notice(
        self,
        *,
        to: To = None,
        info: Sequence[str] = (),
        at: str | None = None,
        radius: str | int | None = None,
        accuracy: str | int | None = None,
        circle: Sequence[str] = (),
        path: Sequence[str] = (),
        polygon: Sequence[str] = (),
        geojson: bytes | None = None,
        as_written: bool = False,
        altitude: str | None = None,
        start: str = "now",
        until: str | None = None,
        volumes: Sequence[Volume] = (),
        accounts_for: Sequence[str] | None = None,
        read_back: bool | None = None,
        amends: str | None = None,
        replaces: str | None = None,
        seal: bool = False,
        warn: str | Shape | None = None,
        **members: Any,
    ) -> Draft:
        """A notice, not yet signed. Without `to` and `info` it goes to whom this party's release rule names.

        `at`, `circle` (`PLACE,5km`), `path` (`PLACE;PLACE,800m`), `polygon` (`PLACE;PLACE;PLACE`) are places as this
        party types them, all with the one window and `altitude` (`0-6000m msl`); shapes of a `geojson` file have their
        own, or these, and its places may look swapped if they are meant `as_written`; `volumes` are added as they are.
        `accounts_for`, of an intent: the notices of others that it takes account of; an empty one asks the channel for
        all that there are. A FLASH with a place asks for a read-back unless `read_back` is False. `seal`: only the
        addressees can read it. `warn` is `cell` or `PLACE,RADIUS`: an area that everybody is told of who may not read
        the notice.
        """
        action = self.addressees(to) if to or not info else []
        reader = self.reader
        typed = reader.shapes(at=at, radius=radius, accuracy=accuracy, circle=circle, path=path, polygon=polygon)
        if typed:
            volumes = (*reader.volumes(typed, self.now_ms(), start, until, altitude), *volumes)
        if geojson is not None:
            from clients.core.geojson import volumes as drawn  # geometry takes a while to import

            read = drawn(geojson, reader, self.now_ms(), start=start, until=until, band=altitude, as_written=as_written)
            volumes = (*volumes, *read)
        if read_back and not volumes:
            raise UsageError("a read-back is of a place and a time: this notice has none")
        if read_back and seal:
            raise UsageError("a read-back puts the place into the log in clear: a sealed notice cannot ask for one")
        if accounts_for is not None and drafts.one_of(Kind, str(members.get("kind", "text"))) != Kind.INTENT:
            raise UsageError("only an intent takes account of notices of others: add --kind intent")
        flash = not seal and str(members.get("precedence")).upper() == Precedence.FLASH.value
        draft = drafts.notice(
            self.new_nid(),
            to=action,
            info=tuple(info),
            volumes=volumes,
            read_back=bool(volumes) and (flash if read_back is None else read_back),
            accounts_for=None if accounts_for is None else tuple(self.find(ref) for ref in accounts_for),
            amends=None if amends is None else self.find(amends),
            replaces=None if replaces is None else self.refused(replaces),
            warn=sealed.read_warn(warn, volumes, reader, coarse=seal) if isinstance(warn, str) else warn,
            **members,
        )
        return replace(draft, sealed=seal)

    @property
    def reader(self) -> Reader:
        """Reads places as this party types them, beside those that it has been told of."""
        return Reader(self.habits, known_places(self.ledger))

    async def send(self, *, wait: float = WAIT_S, **members: Any) -> Sent:
        """Send a notice: `to`, `info`, `kind`, `precedence`, `at`, `radius`, `start`, `until`, `text`, `elements`, ...

        `to` names are `regime:russia` (via Russia), `regime` (the usual route) or `regime:` (directly).
        """
        return await self.submit(self.notice(**members), wait)

    def would_cause(self, draft: Draft) -> list[FindingDraft]:
        """The findings that a notice would cause if it were logged now, by what this party has been shown."""
        from channel.picture.ahead import would_cause  # geometry takes a while to import

        seen, of = self.session.replica.seen, self.ledger.charter_of
        now_ms = self.now_ms()
        body = draft.statement(net=self.net, party=self.party, now_ms=now_ms, seen=seen, seq=1, prev=of)
        if not isinstance(body, Notice) or not (body.volumes or body.accounts_for):
            return []
        return would_cause(self.ledger, body, self.party, now_ms)

    async def amend(self, ref: str, *, wait: float = WAIT_S, **changes: Any) -> Sent:
        """Put a new version in the place of a notice of ours: what is not given, or empty, stays as it was."""
        return await self.submit(await self.amended(ref, **changes), wait)

    async def amended(self, ref: str, **changes: Any) -> Draft:
        """The new version of a notice of ours, not yet signed."""
        record = await self.fresh(self.record, ref)
        earlier = record.body
        if not isinstance(earlier, Notice):
            raise UsageError(f"a {earlier.TYPE} is not amended; withdraw it and make it anew")
        if earlier.sealed is not None and not record.unsealed:
            raise UsageError("what that notice says is not in this home any more; withdraw it and make it anew")
        same: dict[str, Any] = {
            name: getattr(earlier, name)
            for name in ("to", "info", "how", "status", "volumes", "elements", "text", "unit", "alleged", "read_back")
        }
        same |= {"kind": earlier.kind.value, "precedence": earlier.precedence.value, "response": earlier.response.value}
        seal = earlier.sealed is not None or changes.pop("seal", False)
        same |= {"warn": earlier.warn, "read_back": earlier.read_back and not seal}
        accounts = changes.pop("accounts_for", None)  # an empty one says something
        given = {name: value for name, value in changes.items() if value not in (None, "", [], ())} | {"seal": seal}
        if accounts is not None or given.get("kind", earlier.kind) == Kind.INTENT:
            same["accounts_for"] = earlier.accounts_for if accounts is None else accounts
        if given.keys() & {"at", "circle", "path", "polygon", "geojson"}:
            same["volumes"] = ()
        return self.notice(**(same | given), amends=ref)

    async def withdraw(self, ref: str, text: str = "", *, desk: str = "operations", wait: float = WAIT_S) -> Sent:
        """Take a notice of ours back, to everybody whom it went to."""
        earlier = await self.fresh(self.record, ref)
        draft = drafts.withdrawal(self.new_nid(), earlier, text, desk)
        hidden = isinstance(earlier.body, Notice) and earlier.body.sealed is not None and bool(text)
        return await self.submit(replace(draft, sealed=hidden), wait)

    async def call(
        self,
        *,
        to: To,
        began: str,
        ended: str,
        readout: str,
        desks: Sequence[str] = (),
        level: str = "operations",
        precedence: str = "ROUTINE",
        info: Sequence[str] = (),
        desk: str = "operations",
        wait: float = WAIT_S,
    ) -> Sent:
        """Put a telephone call on record, for the other side to confirm. `desks` as `party/desk`."""
        action = self.addressees(to)
        level = drafts.one_of(Level, level)
        others = [f"{a.party}/{self.ledger.desk(a.party, level)}" for a in action if a.party in self.parties]
        named = desks or [f"{self.party}/{desk}", *others]
        now_ms = self.now_ms()
        draft = drafts.call(
            self.new_nid(),
            desk,
            to=tuple(action),
            info=tuple(info),
            precedence=Precedence(drafts.one_of(Precedence, precedence)),
            level=level,
            began=to_wire(self.habits.read_time(began, now_ms)),
            ended=to_wire(self.habits.read_time(ended, now_ms)),
            desks=[dict(zip(("party", "desk"), name.partition("/")[::2], strict=True)) for name in named],
            readout=readout,
        )
        return await self.submit(draft, wait)

    async def line(self, *, to: To, desk: str = "operations", wait: float = WAIT_S, **members: Any) -> Sent:
        """Propose, accept or withdraw a version of a line; members as in protocol.md 6.9."""
        action = tuple(self.addressees(to))
        return await self.submit(drafts.line(self.new_nid(), desk, to=action, **members), wait)

    # --- what refers to a notice ------------------------------------------------------------------------------------

    async def displayed(self, ref: str, *, desk: str = "operations", wait: float = WAIT_S) -> Sent | None:
        """Sign that a notice was put before a person on watch: only when it was. None if it was signed before."""
        of = await self.fresh(self.find, ref)
        if self.session.replica.awaits(of):
            raise UsageError("the notice is sealed and not opened here: nobody can have read it")
        if self._displayed(of):
            return None
        return await self.submit(drafts.displayed(of, desk), wait)

    def _displayed(self, of: ids.Hash) -> bool:
        """Whether a `displayed` of ours is in the log or queued."""
        for row in self.session.store.signed_for("receiving", of):
            if ids.is_desk_kid(row.kid) and row.state != "refused":
                return True
        entries = (entry.opened for entry in self.ledger.entries.values())
        mine = (opened.body for opened in entries if opened.party == self.party and opened.type == "receiving")
        return any(getattr(body, "of", None) == of and getattr(body, "stage", None) is Stage.DISPLAYED for body in mine)

    async def answer(
        self,
        ref: str,
        word: str,
        *,
        reason: str | None = None,
        until: str | None = None,
        readback: tuple[str, str] | None = None,
        corrects: str | bool | None = None,
        displayed: bool = False,
        desk: str = "operations",
        wait: float = WAIT_S,
    ) -> Sent:
        """ROGER, WILCO, UNABLE or STANDBY. `displayed`: sign first that a person saw it.

        `readback`: place and time as the officer typed them; UsageError if the author asks for one and it is not
        there. One that does not fit is signed, and does not count: `heard` says so before. `corrects` names the answer
        that this one replaces, True the one in force.
        """
        of = await self.fresh(self.find, ref)
        pt = self._quoted(of, word, readback)
        read = None if readback is None else self.heard(of, *readback).readback
        if read is None and self.read_back_wanted(of, word):
            from clients.core.readback import missing

            raise missing(self.habits, self.now_ms())
        if displayed and not self._displayed(of):
            self.queue(drafts.displayed(of, desk))
        delivery = self.ledger.deliveries.get((of, self.party))
        if corrects is True:
            corrects = delivery.answer_of if delivery is not None else None
        draft = drafts.answer(
            of,
            word,
            desk,
            reason=reason,
            until=None if until is None else to_wire(self.habits.read_time(until, self.now_ms())),
            readback=read,
            corrects=corrects or None,
            pt=pt,
        )
        return await self.submit(draft, wait)

    def _quoted(self, of: ids.Hash, word: str, readback: object) -> ids.Hash | None:
        """The hash of what was sealed, which the answer names: it was read. UsageError for what cannot be said."""
        record = self.ledger.notices.get(of)
        if record is None or not isinstance(record.body, Notice) or record.body.sealed is None:
            return None
        if readback is not None:
            raise UsageError("a read-back puts the place into the log in clear: the answer to a sealed notice has none")
        if self.party not in record.parties:
            raise UsageError(f"it is not for {self.party} to answer: pass it on with `party forward`")
        if record.unsealed:
            return record.body.sealed.pt
        if drafts.one_of(Word, word) in (Word.ROGER, Word.WILCO):
            raise UsageError("the notice is sealed and not opened here; answer UNABLE or STANDBY, and ring the author")
        return None

    def heard(self, ref: str, place: str, time: str) -> Heard:
        """What an officer read back, as understood here, and how it compares with the notice. Nothing is signed."""
        from clients.core import readback  # geometry takes a while to import, and few commands need it

        return readback.heard(self.ledger, self.find(ref), readback.understood(self.habits, self.now_ms(), place, time))

    def read_back_wanted(self, ref: str, word: str) -> bool:
        """Whether an answer with this word counts only with a read-back."""
        record = self.ledger.notices.get(self.find(ref))
        asked = record is not None and isinstance(record.body, Notice) and record.body.read_back
        return asked and drafts.one_of(Word, word) in (Word.ROGER, Word.WILCO)

    async def forward(
        self,
        ref: str,
        to: str | None = None,
        by: Literal["channel", "voice"] = "channel",
        *,
        role: str | None = None,
        contact: str | None = None,
        readback: str | None = None,
        desk: str = "operations",
        wait: float = WAIT_S,
    ) -> Sent:
        """Pass a notice on to `to`. By voice: on whose watch (`role`), to which line, and what was read back."""
        of = await self.fresh(self.find, ref)
        addressee = to or self._awaiting(of)
        voice: dict[str, str] | None = None
        if by == "voice":
            if role is None or readback is None:
                raise UsageError("a forwarding by voice says role and readback: who spoke, and what was read back")
            line = contact or self.ledger.contact(addressee, self.ledger.desk(addressee, "operations"))
            voice = {"role": role, "contact": line, "at": to_wire(self.now_ms()), "readback": readback}
        return await self.submit(drafts.forwarding(of, addressee, voice, desk), wait)

    def _awaiting(self, of: ids.Hash) -> str:
        """The one addressee to whom we have still to pass it on."""
        record = self.ledger.notices.get(of)
        ours = [d for d in self.ledger.deliveries_of(of) if d.via == self.party] if record is not None else []
        waiting = [d.addressee for d in ours if d.leg is Leg.AWAITING_FORWARD] or [d.addressee for d in ours]
        if len(waiting) == 1:
            return waiting[0]
        if not waiting:
            raise UsageError(f"{self.party} is not the intermediary of this notice to anybody")
        raise UsageError(f"say to whom: {', '.join(waiting)}")

    # --- desks ------------------------------------------------------------------------------------------------------

    async def acknowledge(self, alert: str, reason: str, *, desk: str = "operations", wait: float = WAIT_S) -> Sent:
        """A person at this desk has taken notice of an alert; that silences its repetition to this party."""
        record = await self.fresh(self.alert, alert)
        return await self.submit(drafts.acknowledgement(record.body.alert, reason, desk), wait)

    async def check(self, state: str = "on-watch", *, desk: str = "operations", wait: float = WAIT_S) -> Sent:
        """A person at this desk is on watch, or goes off it."""
        return await self.submit(drafts.check(state, desk), wait)

    async def suspend(self, reason: str = "", *, desk: str = "operations", wait: float = WAIT_S) -> Sent:
        """Take no new notices and send none; all that is owed goes on."""
        return await self.submit(drafts.suspension("suspend", reason, desk), wait)

    async def resume(self, reason: str = "", *, desk: str = "operations", wait: float = WAIT_S) -> Sent:
        """Take part again."""
        return await self.submit(drafts.suspension("resume", reason, desk), wait)

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def parties(self) -> tuple[str, ...]:
        """All parties of the charter."""
        return tuple(self.ledger.parties)

    def received(self) -> list[Inbound]:
        """Everything that came for us, in the order of our feed; handing it out marks nothing."""
        self.refresh()
        found = [inbound_at(self, self.ledger, index) for index in self.session.replica.feed()]
        return [inbound for inbound in found if inbound is not None and not self.session.replica.awaits(inbound.of)]

    async def prove(self, ref: str, *, wait: float = WAIT_S, witnessed: bool = False) -> Proved:
        """A bundle on a notice: everything about it that we may read, for anybody to check with the charter alone.

        `witnessed`: only as far as a quorum has cosigned.
        """
        return await proving.prove(self, ref, wait, witnessed=witnessed)

    async def disclose(self, ref: str, *, wait: float = WAIT_S, witnessed: bool = False) -> Proved:
        """The same of a sealed notice of ours or to us, with what was sealed: whoever has the bundle reads it."""
        return await proving.prove(self, ref, wait, disclose=True, witnessed=witnessed)

    async def inbox(self) -> AsyncIterator[Inbound]:
        """What comes for us, each once over all processes and restarts; marked before it is handed out. Never ends.

        A sealed notice comes when it is opened.
        """
        store, position = self.session.store, 0
        shown, closed = store.shown(), list[int]()
        while True:
            pulse, replica = self.runtime.pulse, self.session.replica
            fresh = replica.feed(position)
            position += len(fresh)
            waiting, closed = [*closed, *fresh], []
            for index in waiting:
                inbound = inbound_at(self, self.ledger, index)
                if inbound is None or inbound.key in shown:
                    continue
                if replica.awaits(inbound.of):
                    closed.append(index)
                elif store.show(inbound.key):
                    yield inbound
            self._check()
            await pulse.wait()


__all__ = ["Inbound", "Party", "QueuedError", "Sent"]
