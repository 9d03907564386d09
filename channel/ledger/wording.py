"""One line for people about each thing in the ledger: notices, answers, forwardings, alerts, deliveries. Pure text.

Colour, tables and the reader's own language and coordinates are not here. Lines are English, times are DTGs, and text
that a party wrote is made inert: it stays on its line and cannot turn the reading direction.
"""

from __future__ import annotations

from channel.ledger import delivery as dl
from channel.ledger.alert_wording import (
    ENDED,
    JUST_MS,
    TEXT_CHARS,
    alert_line,
    alert_ref,
    cleared_line,
    cut,
    desk,
    due_ms,
    inert,
    notice_ref,
    ring,
    route,
    together,
)
from channel.ledger.finding_wording import finding_line
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord, Entry, NoticeRecord
from channel.protocol import phrasebook
from channel.protocol.statements import (
    Accession,
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Call,
    Charter,
    Check,
    ClockStep,
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

_WANTED = {"R": "ROGER or UNABLE", "WU": "WILCO or UNABLE", "NE": "no answer"}

__all__ = [
    "addressees",
    "alert_line",
    "alert_ref",
    "answer_line",
    "cleared_line",
    "cut",
    "delivery_line",
    "delivery_state",
    "desk",
    "doubt",
    "doubted_since",
    "due_ms",
    "entry_lines",
    "forwarding_line",
    "inert",
    "missing",
    "notice_line",
    "notice_ref",
    "receiving_line",
    "ring",
    "route",
    "said",
    "sealed_kind",
    "together",
]


def said(record: NoticeRecord) -> str:
    """What a notice says, inert: its text, else its elements in English; a call's readout, a line's title."""
    body = record.body
    match body:
        case Notice():
            return inert(body.text) or " ".join(phrasebook.render(element, "en") for element in body.elements)
        case Call():
            return inert(body.readout)
        case LineStatement():
            return f"{body.action} {body.line} version {body.version}: {inert(body.title)}"
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
        kind = sealed_kind(record)
        kind += f" ({body.status.upper()})" if body.status != "operation" else ""
        kind += _earlier(ledger, body)
    text = cut(said(record), text_chars)
    line = f"{dtg(record.stamp_ms)} {body.precedence.value} {record.author} -> {addressees(body)}: {kind}"
    return f"{line} {notice_ref(ledger, record.nid)}" + (f' "{text}"' if text else "") + doubt(ledger, record.of)


def doubt(ledger: Ledger, of: str | None) -> str:
    """`, its party calls this key compromised since leaf 9`, of what such a key signed (protocol.md 5.5)."""
    since = doubted_since(ledger, of)
    return "" if since is None else f", its party calls this key compromised since leaf {since}"


def doubted_since(ledger: Ledger, of: str | None) -> int | None:
    """That leaf; None of a statement that is not doubted, or not here."""
    index = None if of is None else ledger.index_of.get(of)
    return None if index is None else ledger.ring.doubted(ledger.entries[index].opened.kid, index)


def sealed_kind(record: NoticeRecord) -> str:
    """`intent`; of a sealed notice `SEALED intent` to whom it is open, else `SEALED notice`."""
    body = record.body
    if not isinstance(body, Notice) or body.sealed is None:
        return record.kind
    return f"SEALED {record.kind if record.unsealed else 'notice'}"


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
    none = "it does not count: the read-back does not fit" if entry.opened.of in ledger.misread else ""
    none = none or (_no_effect(delivery, entry) if delivery is not None else "")
    note = f"; {none}" if none else ""
    reason = f': "{cut(inert(body.reason))}"' if body.reason else ""
    return f"{_about(ledger, entry, body.of, entry.opened.party)}: {by}{reason}{note}"


def _no_effect(delivery: dl.Delivery, entry: Entry) -> str:
    """Why an answer that is in the log changed nothing, if so."""
    body = entry.opened.body
    if not isinstance(body, Answer):
        return ""
    if delivery.end not in (dl.End.OPEN, dl.End.ANSWERED) and (delivery.ended_ms or 0) <= entry.stamp_ms:
        return f"kept as late evidence, the notice had {ENDED[delivery.end]}"
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
        word = f"{delivery.reply.value.upper()} after {short(delivery.answered_ms - delivery.base_ms)}"
        return word + doubt(ledger, delivery.answer_of)
    if delivery.end is dl.End.EXPIRED:
        return missing(delivery)
    if delivery.end is not dl.End.OPEN:
        return "told" if delivery.end is dl.End.TOLD else delivery.end.value
    row = ledger.charter.deadlines.row(delivery.precedence)
    if delivery.leg is dl.Leg.AWAITING_FORWARD:
        due = delivery.logged_ms + row.forward_ms
    elif delivery.reply is dl.Reply.NOT_OWED:
        due = delivery.base_ms + row.receipt_ms
    else:
        due = dl.answer_due_ms(delivery, row)
    return f"{missing(delivery)}, {_until(due, now_ms)}"


def missing(delivery: dl.Delivery) -> str:
    """What a delivery without its end lacks, and how it was passed on: `no answer from regime, passed on by russia`."""
    if delivery.leg is dl.Leg.AWAITING_FORWARD:
        state = f"not passed on by {delivery.via}"
    elif delivery.reply is dl.Reply.NOT_OWED:
        state = f"not received by {delivery.addressee}"
    else:
        word = "no answer after STANDBY" if delivery.reply is dl.Reply.STANDBY else "no answer"
        state = f"{word} from {delivery.addressee}"
    how = {dl.Leg.BY_VOICE: " by voice", dl.Leg.BY_CHANNEL: ""}.get(delivery.leg)
    if how is not None:
        state += f", passed on by {delivery.via}{how}"
    if delivery.leg is not dl.Leg.AWAITING_FORWARD and delivery.reply is not dl.Reply.NOT_OWED:
        state += ", not confirmed" if delivery.unconfirmed else f", {delivery.custody.value}"
    return state + (", window over" if delivery.end is dl.End.EXPIRED else "")


def _until(at_ms: int, now_ms: int) -> str:
    if at_ms > now_ms:
        return f"due in {short(at_ms - now_ms)}"
    return "overdue" if now_ms - at_ms < JUST_MS else f"{short(now_ms - at_ms)} overdue"


def entry_lines(ledger: Ledger, entry: Entry, command: str = "channel") -> tuple[str, ...]:
    """What one leaf says, then the alerts that it ended. `command` is what acknowledges an alert."""
    body = entry.opened.body
    match body:
        case Addressed():
            line = notice_line(ledger, ledger.notices[entry.opened.of])
        case Alert():
            return (alert_line(ledger, ledger.alerts[body.alert], entry.stamp_ms, command),)
        case Finding():
            return (finding_line(ledger, body, entry.stamp_ms),)
        case Answer():
            line = answer_line(ledger, entry)
        case Forwarding():
            line = forwarding_line(ledger, entry)
        case Receiving():
            line = receiving_line(ledger, entry)
        case _:
            line = _other_line(ledger, entry)
    line += "" if isinstance(body, Addressed) else doubt(ledger, entry.opened.of)
    return (line, *(cleared_line(ledger, *records) for records in together(_ended_by(ledger, entry))))


def _ended_by(ledger: Ledger, entry: Entry) -> list[AlertRecord]:
    """Alerts that a leaf cleared: those on its notice, or on its signer's watch, that ended at its stamp."""
    body, causes = entry.opened.body, [f"silent/{entry.opened.party}", f"watch/{entry.opened.party}"]
    causes += [of for name in ("of", "amends", "withdraws") if (of := getattr(body, name, None)) is not None]
    found = [
        record
        for record in ledger.alerts.values()
        if record.cleared_ms == entry.stamp_ms
        and (record.body.of if record.body.stage not in ("silent", "watch") else _about_party(record)) in causes
    ]
    return [] if isinstance(body, Alert | Refusal) else found


def _about_party(record: AlertRecord) -> str:
    return f"{record.body.stage}/{record.body.fault}"


def _other_line(ledger: Ledger, entry: Entry) -> str:
    body, party = entry.opened.body, entry.opened.party
    return f"{dtg(entry.stamp_ms)} {_other(ledger, party, body)}"


def _other(ledger: Ledger, party: str, body: object) -> str:
    match body:
        case Charter():
            return (
                f"the charter of {body.net}: {inert(body.title)}; {', '.join(member.party for member in body.parties)}"
            )
        case Accession():
            return f"{party} accedes to the charter"
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
        case _:
            return f"{getattr(body, 'TYPE', 'leaf')} by {party}"
