"""How a party stands: what became of its notices, what it owes, which alerts it has not acknowledged. Pure views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from channel.ledger import AlertRecord, Delivery, End, Ledger, Leg
from channel.ledger import delivery as dl
from channel.protocol.statements import Answer, Forwarding, Precedence
from clients.core import duties
from clients.core.events import Alarm
from clients.core.store import OutboxRow

LinkState = Literal["up", "down", "elsewhere", "none", "stopped"]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One notice of ours to one addressee. `due_ms`: the next deadline, None once it has ended."""

    of: str
    nid: str
    kind: str
    precedence: Precedence
    addressee: str
    via: str | None
    leg: str
    custody: str
    via_custody: str
    reply: str
    end: str
    logged_ms: int
    due_ms: int | None
    answered_ms: int | None


@dataclass(frozen=True, slots=True)
class Owed:
    """What this party owes: an answer, or to pass a notice on to `to`. By voice only `of` is known of the notice."""

    what: Literal["answer", "forward"]
    of: str
    nid: str | None
    author: str | None
    to: str | None
    precedence: Precedence | None
    since_ms: int
    due_ms: int | None


@dataclass(frozen=True, slots=True)
class PartyStatus:
    """`link`: `up`, `down`, `elsewhere` (another process has one), `none` (not asked for), `stopped` (a fork)."""

    net: str
    party: str
    link: LinkState
    why_down: str | None
    n: int
    size: int
    root: str
    witnessed: int
    """Leaves below this index are witnessed (protocol.md 7.9)."""
    deliveries: tuple[DeliveryView, ...]
    owed: tuple[Owed, ...]
    alerts: tuple[AlertRecord, ...]
    alarms: tuple[Alarm, ...]
    waiting: tuple[OutboxRow, ...]
    receipted: tuple[OutboxRow, ...]
    """Statements of ours with a receipt whose leaf is not here yet."""

    @property
    def connected(self) -> bool:
        """Whether what is sent now goes out, from this process or another of the home."""
        return self.link in ("up", "elsewhere")

    @property
    def queued(self) -> int:
        """How many statements wait for their receipt."""
        return len(self.waiting)


def deliveries(ledger: Ledger, party: str) -> Iterator[DeliveryView]:
    """What became of our own notices, in the order of the log."""
    for record in ledger.notices.values():
        if record.author == party:
            for delivery in ledger.deliveries_of(record.of):
                yield view(ledger, delivery)


def view(ledger: Ledger, delivery: Delivery) -> DeliveryView:
    """One delivery with its notice."""
    record = ledger.notices[delivery.of]
    return DeliveryView(
        of=delivery.of,
        nid=record.nid,
        kind=record.kind,
        precedence=delivery.precedence,
        addressee=delivery.addressee,
        via=delivery.via,
        leg=delivery.leg.value,
        custody=delivery.custody.value,
        via_custody=delivery.via_custody.value,
        reply=delivery.reply.value,
        end=delivery.end.value,
        logged_ms=delivery.logged_ms,
        due_ms=duties.next_due_ms(ledger, delivery),
        answered_ms=delivery.answered_ms,
    )


def owed(ledger: Ledger, party: str) -> list[Owed]:
    """What we owe, most urgent first."""
    found = [*_answers(ledger, party), *_forwardings(ledger, party), *_told_by_voice(ledger, party)]
    return sorted(found, key=lambda item: (item.due_ms is None, item.due_ms or 0, item.since_ms))


def _answers(ledger: Ledger, party: str) -> Iterator[Owed]:
    for key in ledger.open:
        delivery = ledger.deliveries[key]
        if delivery.addressee == party and delivery.owed:
            record = ledger.notices[delivery.of]
            row = ledger.charter.deadlines.row(delivery.precedence)
            due_ms = dl.answer_due_ms(delivery, row)
            yield Owed(
                "answer", record.of, record.nid, record.author, None, delivery.precedence, delivery.base_ms, due_ms
            )


def _forwardings(ledger: Ledger, party: str) -> Iterator[Owed]:
    for key in ledger.open:
        delivery = ledger.deliveries[key]
        if delivery.via == party and delivery.leg is Leg.AWAITING_FORWARD and delivery.end is End.OPEN:
            record = ledger.notices[delivery.of]
            row = ledger.charter.deadlines.row(delivery.precedence)
            due_ms = delivery.logged_ms + row.forward_ms
            yield Owed(
                "forward", record.of, record.nid, record.author, delivery.addressee, delivery.precedence,
                delivery.logged_ms, due_ms,
            )  # fmt: skip


def _told_by_voice(ledger: Ledger, party: str) -> Iterator[Owed]:
    answered = {
        entry.opened.body.of
        for entry in ledger.entries.values()
        if entry.opened.party == party and isinstance(entry.opened.body, Answer)
    }
    for of, index in ledger.told_by_voice.items():
        entry = ledger.entries[index]
        body = entry.opened.body
        if of not in ledger.notices and of not in answered and isinstance(body, Forwarding) and body.to == party:
            yield Owed("answer", of, None, None, None, None, entry.stamp_ms, None)
