"""One notice to one addressee: the two small machines of protocol.md section 9, as tables.

Everything that can happen to a delivery is in this file. `step` is pure: a delivery and an event give a delivery; every
event is defined in every state. What is owed and until when is `obligations`; nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from channel.protocol.answering import WORDS
from channel.protocol.statements import Deadlines, Level, Precedence, Response, Word


class Leg(StrEnum):
    """Whether the notice goes straight to the addressee, or how far the intermediary has passed it on."""

    DIRECT = "direct"
    AWAITING_FORWARD = "awaiting-forward"
    BY_VOICE = "forwarded-by-voice"
    BY_CHANNEL = "forwarded-by-channel"


class Custody(StrEnum):
    LOGGED = "logged"
    RECEIVED = "received"
    DISPLAYED = "displayed"


class Reply(StrEnum):
    """State of the answer."""

    NOT_OWED = "not-owed"
    OWED = "owed"
    STANDBY = "standby"
    ROGER = "roger"
    WILCO = "wilco"
    UNABLE = "unable"


class End(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    TOLD = "told"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


FINAL = frozenset({Reply.ROGER, Reply.WILCO, Reply.UNABLE})
AWAITED = frozenset({Reply.OWED, Reply.STANDBY})

CUSTODY: dict[tuple[Custody, Custody], Custody] = {
    (Custody.LOGGED, Custody.RECEIVED): Custody.RECEIVED,
    (Custody.LOGGED, Custody.DISPLAYED): Custody.DISPLAYED,
    (Custody.RECEIVED, Custody.RECEIVED): Custody.RECEIVED,
    (Custody.RECEIVED, Custody.DISPLAYED): Custody.DISPLAYED,
    (Custody.DISPLAYED, Custody.RECEIVED): Custody.DISPLAYED,
    (Custody.DISPLAYED, Custody.DISPLAYED): Custody.DISPLAYED,
}
"""(custody, stage signed for) -> custody. Stages may be jumped; nothing goes back."""

LEG: dict[tuple[Leg, str], Leg] = {
    (Leg.DIRECT, "channel"): Leg.DIRECT,
    (Leg.DIRECT, "voice"): Leg.DIRECT,
    (Leg.AWAITING_FORWARD, "channel"): Leg.BY_CHANNEL,
    (Leg.AWAITING_FORWARD, "voice"): Leg.BY_VOICE,
    (Leg.BY_VOICE, "channel"): Leg.BY_CHANNEL,
    (Leg.BY_VOICE, "voice"): Leg.BY_VOICE,
    (Leg.BY_CHANNEL, "channel"): Leg.BY_CHANNEL,
    (Leg.BY_CHANNEL, "voice"): Leg.BY_CHANNEL,
}
"""(leg, how it was passed on) -> leg."""

REPLY: dict[tuple[Response, Word], Reply | None] = {
    (asked, word): Reply[word.name] if word in words else None for asked, words in WORDS.items() for word in Word
}
"""(response asked for, word given) -> the answer; None: a wrong word, which is logged and changes nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice to one addressee. Times are stamps in milliseconds."""

    of: str
    author: str
    addressee: str
    via: str | None
    action: bool
    response: Response
    precedence: Precedence
    logged_ms: int
    window_end_ms: int | None
    leg: Leg
    reply: Reply
    custody: Custody = Custody.LOGGED
    via_custody: Custody = Custody.LOGGED
    end: End = End.OPEN
    forwarded_ms: int | None = None
    standby_until_ms: int | None = None
    answered_ms: int | None = None
    answer_of: str | None = None
    ended_ms: int | None = None
    received_ms: int | None = None
    displayed_ms: int | None = None
    shortened_ms: int | None = None
    """A finding made the answer due by then at the latest (protocol.md 16.4)."""

    @property
    def key(self) -> tuple[str, str]:
        """(token hash, addressee)."""
        return (self.of, self.addressee)

    @property
    def owed(self) -> bool:
        """Whether an answer is still awaited."""
        return self.reply in AWAITED and self.end is End.OPEN

    @property
    def unconfirmed(self) -> bool:
        """Passed on, by voice or over the channel, and no sign of the addressee itself: neither custody nor a word."""
        passed_on = self.leg in (Leg.BY_VOICE, Leg.BY_CHANNEL)
        return passed_on and self.custody is Custody.LOGGED and self.reply in (Reply.NOT_OWED, Reply.OWED)

    @property
    def base_ms(self) -> int:
        """The instant that the addressee's own deadlines run from."""
        return self.logged_ms if self.forwarded_ms is None else self.forwarded_ms


@dataclass(frozen=True, slots=True)
class Received:
    """`by` signed for a stage: the addressee for its custody, the intermediary for its own."""

    at_ms: int
    by: str
    stage: Custody


@dataclass(frozen=True, slots=True)
class Forwarded:
    at_ms: int
    how: str


@dataclass(frozen=True, slots=True)
class Answered:
    at_ms: int
    of: str
    word: Word
    until_ms: int | None
    answer_ms: int
    """That precedence's answer time: STANDBY moves the deadline by at most this."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The author withdrew or superseded it, or it expired."""

    at_ms: int
    end: End


@dataclass(frozen=True, slots=True)
class Shortened:
    """A finding that the addressee was told stands on it: the answer is due by `due_ms` at the latest."""

    at_ms: int
    due_ms: int


Event = Received | Forwarded | Answered | Ended | Shortened


def opened(
    *, of: str, author: str, addressee: str, via: str | None, action: bool, response: Response, precedence: Precedence,
    logged_ms: int, window_end_ms: int | None,
) -> Delivery:  # fmt: skip
    """A new delivery. Information addressees, and response NE, owe no answer."""
    owes = action and response is not Response.NE
    return Delivery(
        of=of,
        author=author,
        addressee=addressee,
        via=via,
        action=action,
        response=response,
        precedence=precedence,
        logged_ms=logged_ms,
        window_end_ms=window_end_ms,
        leg=Leg.DIRECT if via is None else Leg.AWAITING_FORWARD,
        reply=Reply.OWED if owes else Reply.NOT_OWED,
    )


def step(delivery: Delivery, event: Event) -> Delivery:
    """The one transition function. Never raises: every event has a row in every state."""
    match event:
        case Received():
            return _closed(_received(delivery, event), event.at_ms)
        case Forwarded():
            leg = LEG[delivery.leg, event.how]
            first = delivery.forwarded_ms is None and leg is not Leg.DIRECT and delivery.end is End.OPEN
            moved = replace(delivery, leg=leg, forwarded_ms=event.at_ms if first else delivery.forwarded_ms)
            by_author = delivery.end in (End.WITHDRAWN, End.SUPERSEDED)
            return _closed(delivery if by_author else moved, event.at_ms)
        case Answered():
            return _closed(_answered(delivery, event), event.at_ms)
        case Ended():
            if delivery.end is not End.OPEN:
                return delivery
            return replace(delivery, end=event.end, ended_ms=event.at_ms)
        case Shortened():
            return _shortened(delivery, event)
        case _:
            assert_never(event)


def _received(delivery: Delivery, event: Received) -> Delivery:
    if event.by == delivery.addressee:
        custody = CUSTODY[delivery.custody, event.stage]
        return replace(
            delivery,
            custody=custody,
            received_ms=event.at_ms if delivery.received_ms is None else delivery.received_ms,
            displayed_ms=event.at_ms
            if delivery.displayed_ms is None and custody is Custody.DISPLAYED
            else delivery.displayed_ms,
        )
    if event.by == delivery.via:
        return replace(delivery, via_custody=CUSTODY[delivery.via_custody, event.stage])
    return delivery


def _answered(delivery: Delivery, event: Answered) -> Delivery:
    reply = REPLY[delivery.response, event.word]
    if reply is None or delivery.reply is Reply.NOT_OWED or delivery.end not in (End.OPEN, End.ANSWERED):
        return delivery
    if reply is Reply.STANDBY:
        if delivery.reply is not Reply.OWED or event.until_ms is None:
            return delivery
        due_ms = _earlier(delivery.base_ms + event.answer_ms, delivery.shortened_ms)
        until_ms = min(max(event.until_ms, event.at_ms), due_ms + event.answer_ms)
        return replace(delivery, reply=reply, standby_until_ms=until_ms)
    return replace(delivery, reply=reply, answered_ms=event.at_ms, answer_of=event.of)


def _shortened(delivery: Delivery, event: Shortened) -> Delivery:
    """An answer that is owed falls due earlier, never later; also one that STANDBY put off."""
    if not delivery.owed:
        return delivery
    if delivery.standby_until_ms is not None:
        return replace(delivery, standby_until_ms=min(delivery.standby_until_ms, event.due_ms))
    return replace(delivery, shortened_ms=_earlier(event.due_ms, delivery.shortened_ms))


def _earlier(due_ms: int, other_ms: int | None) -> int:
    return due_ms if other_ms is None else min(due_ms, other_ms)


def _closed(delivery: Delivery, at_ms: int) -> Delivery:
    """End it when nothing is owed any more."""
    if delivery.end is not End.OPEN:
        return delivery
    if delivery.reply in FINAL:
        return replace(delivery, end=End.ANSWERED, ended_ms=at_ms)
    if delivery.reply is Reply.NOT_OWED and delivery.custody is not Custody.LOGGED:
        return replace(delivery, end=End.TOLD, ended_ms=at_ms)
    return delivery


@dataclass(frozen=True, slots=True)
class Obligation:
    """What is overdue from `due_ms` on, and whose leg it is. `subject` goes into the alert's id."""

    due_ms: int
    stage: str
    rung: Level
    fault: str
    subject: str


RUNGS = (Level.OPERATIONS, Level.STAFF, Level.MINISTRY)


def answer_due_ms(delivery: Delivery, row: Deadlines) -> int:
    """When the addressee's answer falls due: from the notice or the forwarding; moved by STANDBY, or a finding."""
    if delivery.standby_until_ms is not None:
        return delivery.standby_until_ms
    return _earlier(delivery.base_ms + row.answer_ms, delivery.shortened_ms)


def expires_ms(delivery: Delivery, row: Deadlines) -> int:
    """When an open delivery ends without an answer (protocol.md 9.4)."""
    if delivery.window_end_ms is None:
        return delivery.logged_ms + 4 * row.ministry_ms
    if delivery.reply is Reply.NOT_OWED:
        awaiting = delivery.leg is Leg.AWAITING_FORWARD
        return max(delivery.window_end_ms, delivery.base_ms + (row.forward_ms if awaiting else row.receipt_ms))
    return max(delivery.window_end_ms, answer_due_ms(delivery, row))


def obligations(delivery: Delivery, row: Deadlines) -> tuple[Obligation, ...]:
    """Everything owed on an open delivery, each with its due time. Empty once it has ended."""
    if delivery.end is not End.OPEN:
        return ()
    owed = _via_obligations(delivery, row) if delivery.via is not None else []
    if delivery.leg is not Leg.AWAITING_FORWARD:
        owed += _addressee_obligations(delivery, row)
    fault = delivery.via if delivery.leg is Leg.AWAITING_FORWARD and delivery.via else delivery.addressee
    owed.append(Obligation(expires_ms(delivery, row), "expired", Level.OPERATIONS, fault, delivery.addressee))
    return tuple(owed)


def _via_obligations(delivery: Delivery, row: Deadlines) -> list[Obligation]:
    via, subject, start = str(delivery.via), f"{delivery.addressee} via {delivery.via}", delivery.logged_ms
    owed = []
    if delivery.leg is Leg.AWAITING_FORWARD:
        if delivery.via_custody is Custody.LOGGED:
            owed.append(Obligation(start + row.receipt_ms, "receipt", Level.OPERATIONS, via, subject))
        owed.append(Obligation(start + row.forward_ms, "forward", Level.OPERATIONS, via, subject))
        if delivery.reply in AWAITED:
            owed.append(Obligation(start + row.staff_ms, "answer", Level.STAFF, via, subject))
            owed.append(Obligation(start + row.ministry_ms, "answer", Level.MINISTRY, via, subject))
    if delivery.reply is Reply.OWED:
        in_time = delivery.forwarded_ms is not None and delivery.forwarded_ms <= start + row.forward_ms
        fault = delivery.addressee if in_time else via
        owed.append(Obligation(start + row.answer_ms, "answer", Level.OPERATIONS, fault, subject))
    return owed


def _addressee_obligations(delivery: Delivery, row: Deadlines) -> list[Obligation]:
    base, party = delivery.base_ms, delivery.addressee
    owed = []
    if delivery.custody is Custody.LOGGED:
        owed.append(Obligation(base + row.receipt_ms, "receipt", Level.OPERATIONS, party, party))
    if delivery.reply in AWAITED:
        stage = "answer" if delivery.reply is Reply.OWED else "standby"
        owed.append(Obligation(answer_due_ms(delivery, row), stage, Level.OPERATIONS, party, party))
        owed.append(Obligation(base + row.staff_ms, "answer", Level.STAFF, party, party))
        owed.append(Obligation(base + row.ministry_ms, "answer", Level.MINISTRY, party, party))
    return owed


def cause_stands(delivery: Delivery, stage: str, subject: str) -> bool:
    """Whether the cause of an alert on this delivery still stands. Expiry never ends a cause."""
    if delivery.end not in (End.OPEN, End.EXPIRED):
        return False
    if stage == "receipt":
        if subject == delivery.addressee:
            return delivery.custody is Custody.LOGGED
        return delivery.via_custody is Custody.LOGGED and delivery.leg is Leg.AWAITING_FORWARD
    if stage == "forward":
        return delivery.leg is Leg.AWAITING_FORWARD
    if stage in ("answer", "standby"):
        return delivery.reply in AWAITED
    return True
