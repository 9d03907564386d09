"""Sentences about alerts: who owes what to whom, how late, whose leg, who was told, whom to ring. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from channel.ledger import delivery as dl
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.protocol.statements import Alert, Level
from channel.protocol.times import dtg, short

ID_CHARS_MIN = 4  # enough to tell today's alerts apart; longer where two begin alike


def alert(ledger: Ledger, record: AlertRecord, label: str) -> str:
    """`FLASH coalition -> regime via russia: NOT PASSED ON by russia, overdue after 30 s; told ...; ring ...; ...`."""
    body = record.body
    delivery = _delivery(ledger, body)
    said = _about_party(body) if delivery is None else f"{_what(body, delivery)}{_late(ledger, record, delivery)}"
    turn = f", round {body.round}" if body.round > 1 and delivery is not None else ""
    told = ", ".join(f"{desk.party}/{desk.desk}" for desk in body.told)
    ring = f"{body.ring.party}/{body.ring.desk} {ledger.contact(body.ring.party, body.ring.desk)}"
    return (
        f"{_head(body, delivery, label)}: {said}{turn}; told {told}; ring {ring}; "
        f'channel alerts ack {short_id(ledger, body.alert)} --reason "..."'
    )


def cleared(ledger: Ledger, records: Sequence[AlertRecord], label: str) -> str:
    """What ended these alerts of one delivery (or party), and how late."""
    body = records[0].body
    delivery = _delivery(ledger, body)
    at_ms = records[0].cleared_ms or 0
    names = ", ".join(short_id(ledger, record.body.alert) for record in records)
    head = _head(body, delivery, label)
    if delivery is None:
        over = "somebody is on watch again" if body.stage == "watch" else "over"
        return f"{head}: {over}, after {short(at_ms - records[0].raised_ms)}; cleared {names}"
    return f"{head}: {_ending(ledger, records, delivery, at_ms)}; cleared {names}"


def unanswered(ledger: Ledger, delivery: dl.Delivery, label: str) -> str:
    """A line of the list at the end: what is still owed, since when, and how it stands."""
    state = {
        dl.Leg.DIRECT: "no answer",
        dl.Leg.AWAITING_FORWARD: f"not passed on by {delivery.via}",
        dl.Leg.BY_VOICE: f"passed on by {delivery.via} by voice, not confirmed",
        dl.Leg.BY_CHANNEL: f"passed on by {delivery.via}, no answer",
    }[delivery.leg]
    if delivery.reply is dl.Reply.STANDBY:
        state = "STANDBY, then nothing"
    over = ", window over" if delivery.end is dl.End.EXPIRED else ""
    since = dtg(delivery.logged_ms)
    return f"{since} {delivery.precedence.value:<9} {route(delivery)} {label}: {state}{over}"


def route(delivery: dl.Delivery) -> str:
    """`coalition -> regime via russia`."""
    return f"{delivery.author} -> {delivery.addressee}" + (f" via {delivery.via}" if delivery.via else "")


def short_id(ledger: Ledger, alert_id: str) -> str:
    """The shortest beginning of an alert's id that no other alert has."""
    count = ID_CHARS_MIN
    while count < len(alert_id) and sum(other.startswith(alert_id[:count]) for other in ledger.alerts) > 1:
        count += 1
    return alert_id[:count]


def inert(text: str) -> str:
    """Text of a party, made harmless for a terminal: control and bidi characters are shown as their code points."""
    return "".join(
        f"<U+{ord(char):04X}>" if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") else char for char in text
    )


def _delivery(ledger: Ledger, body: Alert) -> dl.Delivery | None:
    return ledger.deliveries.get((body.of or "", body.addressee or ""))


def _head(body: Alert, delivery: dl.Delivery | None, label: str) -> str:
    if delivery is None:
        return f"{body.precedence.value} {body.fault}"
    return f"{body.precedence.value} {route(delivery)} {label}"


def _about_party(body: Alert) -> str:
    said = {"watch": "NOBODY ON WATCH", "hole": "STATEMENT MISSING", "equivocation": "TWO STATEMENTS IN ONE PLACE"}
    return f"{said.get(body.stage, body.stage.upper())} at {body.fault}" + (f", {body.detail}" if body.detail else "")


def _what(body: Alert, delivery: dl.Delivery) -> str:
    awaiting = delivery.leg is dl.Leg.AWAITING_FORWARD
    match body.stage:
        case "receipt":
            return f"NOT RECEIVED by {body.fault}"
        case "forward":
            return f"NOT PASSED ON by {body.fault}"
        case "answer" if awaiting:
            return f"NO ANSWER from {delivery.addressee}: not passed on by {body.fault}"
        case "answer":
            return f"NO ANSWER from {delivery.addressee}"
        case "standby":
            return f"NO ANSWER AFTER STANDBY from {delivery.addressee}"
        case "expired" if awaiting:
            return f"NEVER PASSED ON by {body.fault}, window over"
        case "expired":
            return f"NEVER {'ANSWERED' if delivery.reply in dl.AWAITED else 'RECEIVED'} by {body.fault}, window over"
        case "silent":
            return f"NOT HEARD from {body.fault}"
        case stage:
            return stage.upper()


def _late(ledger: Ledger, record: AlertRecord, delivery: dl.Delivery) -> str:
    """How much of the time since is beyond the time in which it was due, and which rung is told now."""
    body, now_ms = record.body, record.raised_ms
    if body.stage == "silent":
        return ""
    row = ledger.charter.deadlines.row(delivery.precedence)
    since_ms, since = delivery.logged_ms, "the notice"
    if delivery.forwarded_ms is not None and body.via is None:
        since_ms, since = delivery.forwarded_ms, "it was passed on"
    due_ms = {"receipt": since_ms + row.receipt_ms, "forward": since_ms + row.forward_ms}.get(
        body.stage, dl.answer_due_ms(delivery, row)
    )
    if body.stage == "answer" and body.via is not None:
        due_ms = delivery.logged_ms + row.answer_ms
    rung = "" if body.rung is Level.OPERATIONS else f", now to the {body.rung.value}"
    over_ms = now_ms - due_ms
    if over_ms < 1000:
        return f", overdue after {short(now_ms - since_ms)}{rung}"
    return f", {short(over_ms)} overdue ({short(now_ms - since_ms)} after {since}){rung}"


def _ending(ledger: Ledger, records: Sequence[AlertRecord], delivery: dl.Delivery, at_ms: int) -> str:
    """The cause that ended. Of several alerts the one that says most: an answer before a receipt."""
    row = ledger.charter.deadlines.row(delivery.precedence)
    stages = {record.body.stage for record in records}
    if delivery.answered_ms == at_ms:
        late_ms = at_ms - dl.answer_due_ms(delivery, row)
        late = f"late by {short(late_ms)}" if late_ms > 0 else "in time"
        return f"answered {late} ({delivery.reply.value.upper()})"
    if delivery.end in (dl.End.WITHDRAWN, dl.End.SUPERSEDED):
        return f"{delivery.end.value} by {delivery.author}"
    if delivery.forwarded_ms == at_ms and "forward" in stages:
        return f"passed on late by {short(at_ms - delivery.logged_ms - row.forward_ms)}"
    if "receipt" in stages:
        first_ms = min(record.raised_ms for record in records if record.body.stage == "receipt")
        return f"received late by {short(at_ms - first_ms)}"
    return "heard again" if "silent" in stages else "settled"
