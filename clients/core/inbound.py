"""What came for this party, one object a notice: what it says, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from channel.ledger import Ledger, NoticeRecord
from channel.ledger import delivery as dl
from channel.protocol import ids
from channel.protocol.statements import Addressed, Element, Forwarding, Notice, Precedence, Response, Volume
from clients.core.client import WAIT_S, Sent

if TYPE_CHECKING:
    from clients.core.party import Party

Role = Literal["action", "info", "via", "voice"]


@dataclass(frozen=True, slots=True)
class Inbound:
    """A notice, line or call for us; or, `role` voice, only the word that one was passed on to us by voice.

    Nothing is signed by reading it. `deadline_ms` is when our answer falls due, None if none is owed any more.
    """

    party: Party
    of: ids.Hash
    index: int
    stamp_ms: int
    author: str
    role: Role
    record: NoticeRecord | None
    voice: Forwarding | None = None

    @property
    def key(self) -> str:
        """What marks it as handed out: a notice told by voice may come itself later."""
        return f"voice/{self.of}" if self.record is None else self.of

    @property
    def body(self) -> Addressed | None:
        """The signed statement; None of one that we only know by voice."""
        return None if self.record is None else self.record.body

    @property
    def nid(self) -> str | None:
        return None if self.record is None else self.record.nid

    @property
    def text(self) -> str:
        """The author's words, or what was read back on the telephone."""
        if self.voice is not None and self.voice.voice is not None:
            return self.voice.voice.readback
        return str(getattr(self.body, "text", "") or getattr(self.body, "readout", ""))

    @property
    def volumes(self) -> tuple[Volume, ...]:
        return self.body.volumes if isinstance(self.body, Notice) else ()

    @property
    def elements(self) -> tuple[Element, ...]:
        return self.body.elements if isinstance(self.body, Notice) else ()

    @property
    def precedence(self) -> Precedence | None:
        return None if self.body is None else self.body.precedence

    @property
    def response(self) -> Response | None:
        return None if self.record is None else self.record.response

    @property
    def sealed(self) -> bool:
        """Whether only its addressees can read it."""
        return isinstance(self.body, Notice) and self.body.sealed is not None

    @property
    def kind(self) -> str:
        return "voice" if self.record is None else self.record.kind

    @property
    def delivery(self) -> dl.Delivery | None:
        """How it stands between the author and us, now; None for an intermediary that is no addressee."""
        return self.party.ledger.deliveries.get((self.of, self.party.party))

    @property
    def deadline_ms(self) -> int | None:
        delivery = self.delivery
        if delivery is None or not delivery.owed:
            return None
        return dl.answer_due_ms(delivery, self.party.ledger.charter.deadlines.row(delivery.precedence))

    async def displayed(self, wait: float = WAIT_S) -> Sent | None:
        """Sign that it was put before a person on watch; None if that was signed before."""
        return await self.party.displayed(self.of, wait=wait)

    async def roger(self, wait: float = WAIT_S, *, readback: tuple[str, str] | None = None) -> Sent:
        """Understood. `readback`: place and time as a person typed them, where the author asks for it."""
        return await self.party.answer(self.of, "ROGER", readback=readback, wait=wait)

    async def wilco(self, wait: float = WAIT_S, *, readback: tuple[str, str] | None = None) -> Sent:
        """We comply. `readback` as for `roger`."""
        return await self.party.answer(self.of, "WILCO", readback=readback, wait=wait)

    async def unable(self, reason: str, wait: float = WAIT_S) -> Sent:
        return await self.party.answer(self.of, "UNABLE", reason=reason, wait=wait)

    async def standby(self, until: str, wait: float = WAIT_S) -> Sent:
        """Ask for time, once: `until` like `+5min`."""
        return await self.party.answer(self.of, "STANDBY", until=until, wait=wait)

    async def forward(
        self,
        to: str | None = None,
        by: Literal["channel", "voice"] = "channel",
        *,
        role: str | None = None,
        contact: str | None = None,
        readback: str | None = None,
        wait: float = WAIT_S,
    ) -> Sent:
        """Pass it on. By voice: on whose watch, to which line, and what was read back."""
        return await self.party.forward(self.of, to, by, role=role, contact=contact, readback=readback, wait=wait)


def inbound_at(party: Party, ledger: Ledger, index: int) -> Inbound | None:
    """What the leaf at `index` brings for this party's people; None if it is nothing of the kind."""
    entry = ledger.entries[index]
    body, of = entry.opened.body, entry.opened.of
    if isinstance(body, Addressed) and entry.opened.party != party.party:
        record = ledger.notices[of]
        return Inbound(party, of, index, entry.stamp_ms, record.author, _role(record, party.party), record)
    by_voice = isinstance(body, Forwarding) and body.by == "voice" and body.to == party.party
    if isinstance(body, Forwarding) and by_voice and body.of not in ledger.notices:
        return Inbound(party, body.of, index, entry.stamp_ms, entry.opened.party, "voice", None, body)
    return None


def _role(record: NoticeRecord, party: str) -> Role:
    if any(addressee.party == party for addressee in record.body.to):
        return "action"
    return "info" if party in record.body.info else "via"
