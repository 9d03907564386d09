"""One line for people about an alert, and the parts that all lines are made of. Pure text."""

from __future__ import annotations

from channel.ledger import delivery as dl
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.protocol.statements import DeskOf
from channel.protocol.times import dtg, from_wire, short

TEXT_CHARS = 72  # of a notice's text in its line: one screen row with the rest
_NID_CHARS = 13  # of a notice id: its millisecond; more only where two share it
_ALERT_CHARS = 4
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INERT = {ord(char): f"<U+{ord(char):04X}>" for char in _BIDI} | {ord("\n"): " ", ord("\t"): " "}
_ALARMS = {
    "watch": "NOBODY ON WATCH at",
    "hole": "A STATEMENT IS MISSING from",
    "equivocation": "TWO STATEMENTS UNDER ONE NUMBER from",
    "clock": "THE WALL CLOCK IS NOT THAT of",
}
ENDED = {
    dl.End.OPEN: "not ended",
    dl.End.ANSWERED: "been answered",
    dl.End.TOLD: "been received, and owed no answer",
    dl.End.WITHDRAWN: "been withdrawn",
    dl.End.SUPERSEDED: "been superseded",
    dl.End.EXPIRED: "ended unanswered",
}


# --- parts ------------------------------------------------------------------------------------------------------------


def inert(text: str) -> str:
    """A party's words on one line: line breaks become blanks, bidi controls are spelled out."""
    return text.translate(_INERT)


def cut(text: str, chars: int = TEXT_CHARS) -> str:
    """At most so many characters of inert text; what was cut off shows as an ellipsis."""
    return text if len(text) <= chars else text[: chars - 1].rstrip() + "…"


def notice_ref(ledger: Ledger, nid: str) -> str:
    """The shortest beginning of a notice id that no other notice here shares; commands take it."""
    return _shortest(nid, [other for other in ledger.nids if other[:_NID_CHARS] == nid[:_NID_CHARS]], _NID_CHARS)


def alert_ref(ledger: Ledger, alert: str) -> str:
    """The shortest beginning of an alert's id that no other alert here shares; commands take it."""
    return _shortest(alert, [other for other in ledger.alerts if other[:4] == alert[:4]], _ALERT_CHARS)


def _shortest(wanted: str, others: list[str], chars: int) -> str:
    while chars < len(wanted) and any(o != wanted and o.startswith(wanted[:chars]) for o in others):
        chars += 1
    return wanted[:chars]


def route(author: str, addressee: str, via: str | None) -> str:
    """`coalition -> regime via russia`."""
    return f"{author} -> {addressee}" + (f" via {via}" if via is not None else "")


def desk(of: DeskOf) -> str:
    """`russia/staff`."""
    return f"{of.party}/{of.desk}"


def ring(ledger: Ledger, of: DeskOf) -> str:
    """`russia/staff +7 495 ...`: whom to telephone, and where."""
    return f"{desk(of)} {ledger.contact(of.party, of.desk)}"


# --- alerts -----------------------------------------------------------------------------------------------------------


def alert_line(ledger: Ledger, record: AlertRecord, now_ms: int, command: str = "channel") -> str:
    """Who owes what to whom, how late, which leg failed, who was told, whom to ring, and what to type.

    `command` is `channel`, or `party -p NAME` for a party's own desk.
    """
    body = record.body
    told = ", ".join(desk(of) for of in body.told)
    late = now_ms - due_ms(ledger, record)
    overdue = f", {short(late)} overdue" if late >= 1000 else ", due now"
    if body.stage == "silent":
        overdue = ""
    elif body.addressee is None:
        overdue = f": {inert(body.detail)}" if body.detail else ""
    head = f"!! {dtg(record.raised_ms)} {body.precedence.value} {_failed(ledger, record)}{overdue}"
    again = f" (round {body.round})" if body.round > 1 else ""
    ack = f'{command} alerts ack {alert_ref(ledger, body.alert)} --reason "..."'
    return f"{head}{again}; told {told}; ring {ring(ledger, body.ring)}; {ack}"


def _failed(ledger: Ledger, record: AlertRecord) -> str:
    body = record.body
    if body.addressee is None or body.author is None:
        return f"{_ALARMS.get(body.stage, body.stage.upper())} {body.fault}"
    delivery = _delivery(ledger, record)
    via = delivery.via if delivery is not None else body.via
    return f"{route(body.author, body.addressee, via)}{_of(ledger, record)}: {_leg(record, delivery)}"


def _of(ledger: Ledger, record: AlertRecord) -> str:
    """The notice's short id, as commands take it."""
    return "" if record.body.nid is None else f" {notice_ref(ledger, record.body.nid)}"


def _leg(record: AlertRecord, delivery: dl.Delivery | None) -> str:
    """Which leg failed, as it was when the alert was raised."""
    body = record.body
    addressee = str(body.addressee)
    match body.stage:
        case "receipt":
            return f"NOT RECEIVED by {body.fault}"
        case "silent":
            return f"SILENT: nothing is heard from {body.fault}"
        case "standby":
            return f"STANDBY RAN OUT, NO ANSWER from {addressee}"
        case "forward":
            return f"NOT PASSED ON by {body.fault}"
        case "expired":
            if delivery is not None and delivery.reply is dl.Reply.NOT_OWED:
                return f"ENDED, NEVER RECEIVED by {addressee}"
            never = "PASSED ON by" if body.fault != addressee else "ANSWERED by"
            return f"ENDED, NEVER {never} {body.fault}"
        case "answer" if body.fault != addressee:
            if delivery is not None and _passed_on(record, delivery):
                return f"NO ANSWER from {addressee}, passed on late by {body.fault}"
            return f"NOT PASSED ON by {body.fault}"
        case "answer":
            voice = delivery is not None and delivery.leg is dl.Leg.BY_VOICE
            return f"NO ANSWER from {addressee}" + (", passed on by voice, not confirmed" if voice else "")
        case _:
            return f"{body.stage.upper()} {body.fault}"


def _passed_on(record: AlertRecord, delivery: dl.Delivery) -> bool:
    return delivery.forwarded_ms is not None and delivery.forwarded_ms <= record.raised_ms


def _delivery(ledger: Ledger, record: AlertRecord) -> dl.Delivery | None:
    return ledger.deliveries.get((record.body.of or "", record.body.addressee or ""))


def due_ms(ledger: Ledger, record: AlertRecord) -> int:
    """When what the alert is about first fell due: higher rungs and later rounds count from there too."""
    body, delivery = record.body, _delivery(ledger, record)
    if delivery is None:
        return from_wire(body.due)
    row = ledger.charter.deadlines.row(delivery.precedence)
    if body.stage == "forward" or (
        body.stage == "answer" and body.fault == delivery.via and not _passed_on(record, delivery)
    ):
        return delivery.logged_ms + row.forward_ms
    if body.stage == "answer":
        return (delivery.logged_ms if body.via is not None else delivery.base_ms) + row.answer_ms
    if body.stage == "receipt":
        return (delivery.logged_ms if body.via is not None else delivery.base_ms) + row.receipt_ms
    return from_wire(body.due)


def cleared_line(ledger: Ledger, record: AlertRecord) -> str:
    """`160042Z SEP 17 FLASH coalition -> russia 015e86a2-4b40: answered late by 42 s (WILCO); alert 7f3a is over`."""
    body, delivery = record.body, _delivery(ledger, record)
    at_ms = record.cleared_ms if record.cleared_ms is not None else record.raised_ms
    over = f"alert {alert_ref(ledger, body.alert)} is over"
    if delivery is None or body.author is None:
        again = "on watch again" if body.stage == "watch" else "over"
        return f"{dtg(at_ms)} {body.fault}: {again} after {short(at_ms - record.raised_ms)}; {over}"
    where = f"{route(delivery.author, delivery.addressee, delivery.via)}{_of(ledger, record)}"
    return f"{dtg(at_ms)} {delivery.precedence.value} {where}: {_ending(ledger, record, delivery, at_ms)}; {over}"


def _ending(ledger: Ledger, record: AlertRecord, delivery: dl.Delivery, at_ms: int) -> str:
    row = ledger.charter.deadlines.row(delivery.precedence)
    stage = record.body.stage
    if stage in ("answer", "standby", "expired") and delivery.reply in dl.FINAL:
        due = (delivery.logged_ms if delivery.via else delivery.base_ms) + row.answer_ms
        due = due if stage == "answer" else from_wire(record.body.due)
        return f"answered late by {short(max(0, at_ms - due))} ({delivery.reply.value.upper()})"
    if stage == "silent":
        return f"{record.body.fault} is heard again after {short(at_ms - record.raised_ms)}"
    if stage == "forward" and delivery.forwarded_ms is not None and delivery.forwarded_ms <= at_ms:
        by = "by voice, not confirmed" if delivery.leg is dl.Leg.BY_VOICE else "over the channel"
        return f"passed on late by {short(at_ms - due_ms(ledger, record))} ({by})"
    if stage == "receipt" and delivery.end not in (dl.End.WITHDRAWN, dl.End.SUPERSEDED):
        return f"received late by {short(at_ms - due_ms(ledger, record))}"
    return f"the notice has {ENDED[delivery.end]}"
