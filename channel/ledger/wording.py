"""One line for people about each thing in the ledger: notices, answers, forwardings, alerts, deliveries. Pure text.

Colour, tables and the reader's own language and coordinates are not here. Lines are English, times are DTGs, and text
that a party wrote is made inert: it stays on its line and cannot turn the reading direction.
"""

from __future__ import annotations

from channel.ledger import delivery as dl
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord, Entry, NoticeRecord
from channel.protocol import phrasebook
from channel.protocol.statements import (
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Call,
    Check,
    ClockStep,
    DeskOf,
    Finding,
    Forwarding,
    KeyStatement,
    LineStatement,
    Notice,
    Receiving,
    Refusal,
    Revocation,
    Start,
    Suspension,
    Word,
)
from channel.protocol.times import dtg, from_wire, short

TEXT_CHARS = 72  # of a notice's text in its line: one screen row with the rest
_NID_CHARS = 13  # of a notice id: its millisecond; more only where two share it
_ALERT_CHARS = 4
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INERT = {ord(char): f"<U+{ord(char):04X}>" for char in _BIDI} | {ord("\n"): " ", ord("\t"): " "}
_WANTED = {"R": "ROGER or UNABLE", "WU": "WILCO or UNABLE", "NE": "no answer"}
_ALARMS = {
    "watch": "NOBODY ON WATCH at",
    "hole": "A STATEMENT IS MISSING from",
    "equivocation": "TWO STATEMENTS UNDER ONE NUMBER from",
    "clock": "THE WALL CLOCK IS NOT THAT of",
}
_ENDED = {
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


def said(record: NoticeRecord) -> str:
    """What a notice says, inert: its text, else its elements in English; a call's readout, a line's title."""
    body = record.body
    match body:
        case Notice():
            return inert(body.text) or " ".join(phrasebook.render(element, "en") for element in body.elements)
        case Call():
            return inert(body.readout)
        case LineStatement():
            return f"{body.action} {body.line} version {body.version}: {body.title}"
        case _:
            return ""


def addressees(body: Addressed) -> str:
    """`russia, regime via russia; info sdf`."""
    to = ", ".join(a.party + (f" via {a.via}" if a.via else "") for a in body.to)
    info = f"info {', '.join(body.info)}" if body.info else ""
    return "; ".join(part for part in (to, info) if part)


# --- what parties sign ------------------------------------------------------------------------------------------------


def notice_line(ledger: Ledger, record: NoticeRecord, text_chars: int = TEXT_CHARS) -> str:
    """`160030Z SEP 17 FLASH coalition -> russia, regime via russia: intent 015e86a2-4b40 "..."`."""
    body = record.body
    kind = record.kind
    if isinstance(body, Notice):
        kind += f" ({body.status.upper()})" if body.status != "operation" else ""
        kind += _earlier(ledger, body)
    text = cut(said(record), text_chars)
    line = f"{dtg(record.stamp_ms)} {body.precedence.value} {record.author} -> {addressees(body)}: {kind}"
    return f"{line} {notice_ref(ledger, record.nid)}" + (f' "{text}"' if text else "")


def _earlier(ledger: Ledger, body: Notice) -> str:
    for word, of in (("amends", body.amends), ("withdraws", body.withdraws), ("replaces", body.replaces)):
        if of is not None:
            earlier = ledger.notices.get(of)
            return f", {word} {notice_ref(ledger, earlier.nid) if earlier else of[:8]}:"
    return ""


def answer_line(ledger: Ledger, entry: Entry) -> str:
    """`160031Z SEP 17 FLASH coalition -> russia: WILCO by russia/operations after 40 s`."""
    body = entry.opened.body
    if not isinstance(body, Answer):
        return _other_line(ledger, entry)
    delivery = ledger.deliveries.get((body.of, entry.opened.party))
    by = f"{body.word.value} by {entry.opened.party}/{body.desk}"
    if body.word is Word.STANDBY and body.until is not None:
        by += f" until {dtg(from_wire(body.until))}"
    if delivery is not None:
        by += f" after {short(entry.stamp_ms - delivery.base_ms)}"
    if body.corrects is not None:
        by += ", correcting its earlier answer"
    note = f"; {_no_effect(delivery, entry)}" if delivery is not None and _no_effect(delivery, entry) else ""
    reason = f': "{cut(inert(body.reason))}"' if body.reason else ""
    return f"{_about(ledger, entry, body.of, entry.opened.party)}: {by}{reason}{note}"


def _no_effect(delivery: dl.Delivery, entry: Entry) -> str:
    """Why an answer that is in the log changed nothing, if so."""
    body = entry.opened.body
    if not isinstance(body, Answer):
        return ""
    if delivery.end not in (dl.End.OPEN, dl.End.ANSWERED) and (delivery.ended_ms or 0) <= entry.stamp_ms:
        return f"kept as late evidence, the notice had {_ENDED[delivery.end]}"
    if dl.REPLY[delivery.response, body.word] is None and delivery.action:
        return f"still owed: {_WANTED[delivery.response.value]}"
    return ""


def forwarding_line(ledger: Ledger, entry: Entry) -> str:
    """`160031Z SEP 17 FLASH coalition -> regime via russia: PASSED ON by russia over the channel after 20 s`."""
    body = entry.opened.body
    if not isinstance(body, Forwarding):
        return _other_line(ledger, entry)
    delivery = ledger.deliveries.get((body.of, body.to))
    how = "over the channel"
    if body.voice is not None:
        how = f"by voice ({inert(body.voice.role)} to {inert(body.voice.contact)})"
    after = f" after {short(entry.stamp_ms - delivery.logged_ms)}" if delivery is not None else ""
    tail = ""
    if body.voice is not None:
        tail = f' "{cut(inert(body.voice.readback))}"; {body.to} has not confirmed it itself'
    return f"{_about(ledger, entry, body.of, body.to)}: PASSED ON by {entry.opened.party} {how}{after}{tail}"


def receiving_line(ledger: Ledger, entry: Entry) -> str:
    """`160030Z SEP 17 FLASH coalition -> russia: received by russia (machine)`."""
    body = entry.opened.body
    if not isinstance(body, Receiving):
        return _other_line(ledger, entry)
    party = entry.opened.party
    who = "machine" if body.stage.value == "received" else f"shown to a person at {body.desk}"
    deliveries = ledger.deliveries_of(body.of) if body.of in ledger.notices else []
    subject = next((d.addressee for d in deliveries if party in (d.addressee, d.via)), party)
    return f"{_about(ledger, entry, body.of, subject)}: {body.stage.value} by {party} ({who})"


def _about(ledger: Ledger, entry: Entry, of: str, addressee: str) -> str:
    """Time, precedence and route of the delivery that a leaf is about."""
    delivery = ledger.deliveries.get((of, addressee))
    if delivery is None:
        return f"{dtg(entry.stamp_ms)} {of[:8]} -> {addressee}"
    where = route(delivery.author, delivery.addressee, delivery.via)
    ref = notice_ref(ledger, ledger.notices[of].nid)
    return f"{dtg(entry.stamp_ms)} {delivery.precedence.value} {where} {ref}"


def delivery_line(ledger: Ledger, delivery: dl.Delivery, now_ms: int) -> str:
    """`FLASH coalition -> regime via russia 015e86a2-4b40: not passed on by russia, 30 s overdue`."""
    where = route(delivery.author, delivery.addressee, delivery.via)
    ref = notice_ref(ledger, ledger.notices[delivery.of].nid)
    return f"{delivery.precedence.value} {where} {ref}: {delivery_state(ledger, delivery, now_ms)}"


def delivery_state(ledger: Ledger, delivery: dl.Delivery, now_ms: int) -> str:
    """How far a delivery is, and what is awaited from whom until when: `no answer from regime, due in 20 s`."""
    if delivery.end is dl.End.ANSWERED and delivery.answered_ms is not None:
        return f"{delivery.reply.value.upper()} after {short(delivery.answered_ms - delivery.base_ms)}"
    if delivery.end is not dl.End.OPEN:
        return "told" if delivery.end is dl.End.TOLD else _ENDED[delivery.end].removeprefix("been ")
    row = ledger.charter.deadlines.row(delivery.precedence)
    if delivery.leg is dl.Leg.AWAITING_FORWARD:
        return f"not passed on by {delivery.via}, {_until(delivery.logged_ms + row.forward_ms, now_ms)}"
    if delivery.reply is dl.Reply.NOT_OWED:
        return f"not received by {delivery.addressee}, {_until(delivery.base_ms + row.receipt_ms, now_ms)}"
    state = "STANDBY" if delivery.reply is dl.Reply.STANDBY else "no answer"
    voice = ", told by voice and not confirmed" if delivery.leg is dl.Leg.BY_VOICE else f", {delivery.custody.value}"
    return f"{state} from {delivery.addressee}{voice}, {_until(dl.answer_due_ms(delivery, row), now_ms)}"


def _until(at_ms: int, now_ms: int) -> str:
    return f"due in {short(at_ms - now_ms)}" if at_ms > now_ms else f"{short(now_ms - at_ms)} overdue"


def leaf_line(ledger: Ledger, entry: Entry, command: str = "channel") -> str:
    """One line for any leaf, as of the ledger right after it. `command` is what acknowledges an alert."""
    body = entry.opened.body
    match body:
        case Addressed():
            return notice_line(ledger, ledger.notices[entry.opened.of])
        case Answer():
            return answer_line(ledger, entry)
        case Forwarding():
            return forwarding_line(ledger, entry)
        case Receiving():
            return receiving_line(ledger, entry)
        case Alert():
            return alert_line(ledger, ledger.alerts[body.alert], entry.stamp_ms, command)
        case _:
            return _other_line(ledger, entry)


def _other_line(ledger: Ledger, entry: Entry) -> str:
    body, party = entry.opened.body, entry.opened.party
    return f"{dtg(entry.stamp_ms)} {_other(ledger, party, body)}"


def _other(ledger: Ledger, party: str, body: object) -> str:
    match body:
        case Refusal():
            more = f" and {body.count - 1} more" if body.count > 1 else ""
            return f"REFUSED {body.party}{more}: {body.code}, {inert(body.detail)}"
        case Acknowledgement():
            ref = alert_ref(ledger, body.alert)
            return f'alert {ref} acknowledged by {party}/{body.desk}: "{cut(inert(body.reason))}"'
        case Check():
            return f"{party}/{body.desk} is {body.state.replace('-', ' ')}"
        case Suspension():
            done = "SUSPENDS the channel" if body.action == "suspend" else "takes part again"
            return f"{party} {done}" + (f': "{cut(inert(body.reason))}"' if body.reason else "")
        case KeyStatement():
            return f"{party} enrols the key {body.key.kid}"
        case Revocation():
            return f'{party} withdraws the key {body.kid}: "{cut(inert(body.reason))}"'
        case ClockStep():
            return f'the channel\'s clock was set from {body.old} to {body.new}: "{cut(inert(body.reason))}"'
        case Start():
            down = f" after {short(body.downtime_ms)}" if body.downtime_ms else ""
            return f"the channel started{down}"
        case Finding():
            return f"{body.kind} {body.state}: {inert(body.detail)}"
        case _:
            return f"{getattr(body, 'TYPE', 'leaf')} by {party}"


# --- alerts -----------------------------------------------------------------------------------------------------------


def alert_line(ledger: Ledger, record: AlertRecord, now_ms: int, command: str = "channel") -> str:
    """Who owes what to whom, how late, which leg failed, who was told, whom to ring, and what to type.

    `command` is `channel`, or `party -p NAME` for a party's own desk.
    """
    body = record.body
    told = ", ".join(desk(of) for of in body.told)
    late = now_ms - due_ms(ledger, record)
    overdue = f", {short(late)} overdue" if late >= 1000 else ", due now"
    if body.addressee is None:
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
    return f"{route(body.author, body.addressee, via)}: {_leg(record, delivery)}"


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
    """`160042Z SEP 17 FLASH coalition -> regime via russia: answered late by 42 s (WILCO); alert 7f3a is over`."""
    body, delivery = record.body, _delivery(ledger, record)
    at_ms = record.cleared_ms if record.cleared_ms is not None else record.raised_ms
    over = f"alert {alert_ref(ledger, body.alert)} is over"
    if delivery is None or body.author is None:
        again = "on watch again" if body.stage == "watch" else "over"
        return f"{dtg(at_ms)} {body.fault}: {again} after {short(at_ms - record.raised_ms)}; {over}"
    where = route(delivery.author, delivery.addressee, delivery.via)
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
    return f"the notice has {_ENDED[delivery.end]}"
