"""One line for people about an alert, and the parts that all lines are made of. Pure text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from channel.ledger import delivery as dl
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.protocol.statements import DeskOf, Level
from channel.protocol.times import dtg, from_wire, short

TEXT_CHARS = 72  # of a notice's text in its line: one screen row with the rest
_NID_CHARS = 13  # of a notice id: its millisecond; more only where two share it
_ALERT_CHARS = 4
_UNSEEN = ("Cc", "Cf", "Co", "Cs")
_BREAKS = "\n\t\u2028\u2029"
_JOINERS = "\u200c\u200d"  # they shape letters of Arabic script, and neither hide nor turn anything
JUST_MS = 1000  # less than this beyond a deadline is the moment itself
_ALARMS = {
    "watch": "NOBODY ON WATCH at",
    "hole": "A STATEMENT IS MISSING from",
    "equivocation": "TWO STATEMENTS UNDER ONE NUMBER from",
    "clock": "THE WALL CLOCK IS NOT THAT of",
    "unwitnessed": "TOO FEW WITNESSES of",
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
    """A party's words on one line: line breaks become blanks; what is not seen, bidi controls too, is spelled out."""
    return "".join(_inert(char) for char in text)


def _inert(char: str) -> str:
    if char in _BREAKS:
        return " "
    unseen = unicodedata.category(char) in _UNSEEN and char not in _JOINERS
    return f"<U+{ord(char):04X}>" if unseen else char


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
    return f"{desk(of)} {inert(ledger.contact(of.party, of.desk))}"


# --- alerts -----------------------------------------------------------------------------------------------------------


def alert_line(ledger: Ledger, record: AlertRecord, now_ms: int, command: str = "channel", label: str = "") -> str:
    """Who owes what to whom, how late, which leg failed, who was told, whom to ring, and what to type.

    `command` is `channel`, or `party -p NAME` for a party's own desk; `label` names the notice instead of its short id.
    """
    body, said = record.body, alert_said(ledger, record, now_ms, label)
    told = ", ".join(desk(of) for of in body.told)
    ack = f'{command} alerts ack {alert_ref(ledger, body.alert)} --reason "..."'
    head = f"!! {dtg(record.raised_ms)} {body.precedence.value} {said}"
    return f"{head}; told {told}; ring {ring(ledger, body.ring)}; {ack}"


def alert_said(ledger: Ledger, record: AlertRecord, now_ms: int, label: str = "") -> str:
    """The part of `alert_line` that says what is wrong: `coalition -> russia 015e86a2-4b40: NO ANSWER from russia`."""
    body = record.body
    if body.addressee is None or body.author is None:
        said = _ALARMS.get(body.stage, body.stage.upper()) + f" {body.fault}"
        return said + (f": {inert(body.detail)}" if body.detail else "")
    said = f"{_where(ledger, record, label)}: {_failed(ledger, record, now_ms)}"
    said += f", now to the {body.rung.value}" if body.rung is not Level.OPERATIONS else ""
    return said + (f", round {body.round}" if body.round > 1 else "")


def _where(ledger: Ledger, record: AlertRecord, label: str) -> str:
    body, delivery = record.body, _delivery(ledger, record)
    via = delivery.via if delivery is not None else body.via
    named = label or (notice_ref(ledger, body.nid) if body.nid is not None else "")
    return f"{route(str(body.author), str(body.addressee), via)} {named}".rstrip()


def _failed(ledger: Ledger, record: AlertRecord, now_ms: int) -> str:
    """Which leg failed, and how late it is at that time."""
    body, delivery = record.body, _delivery(ledger, record)
    since = "" if delivery is None else _since(record, delivery, now_ms)
    over_ms = now_ms - due_ms(ledger, record)
    match body.stage:
        case "receipt":
            return f"NOT RECEIVED by {body.fault}{_overdue(over_ms, since)}"
        case "forward":
            return f"NOT PASSED ON by {body.fault}{_overdue(over_ms, since)}"
        case "silent":
            return f"NOT HEARD from {body.fault}"
        case "answer" if delivery is not None and body.via is not None:
            return _no_answer_via(ledger, record, delivery, now_ms)
        case "answer":
            said = f"NO ANSWER from {body.addressee}"
        case "standby":
            said = f"NO ANSWER AFTER STANDBY from {body.addressee}"
        case "expired":
            said = f"{_never(record, delivery)} by {body.fault}, {_over(delivery)}"
        case stage:
            return f"{stage.upper()} {body.fault}"
    return said + (f", {since}" if since else "") + _beyond(over_ms)


def _no_answer_via(ledger: Ledger, record: AlertRecord, delivery: dl.Delivery, now_ms: int) -> str:
    """The author's own count, from the notice: whether and when the intermediary passed it on is part of it."""
    said = f"NO ANSWER from {delivery.addressee}, {short(now_ms - delivery.logged_ms)} after the notice"
    if not _passed_on(delivery, now_ms):
        row = ledger.charter.deadlines.row(delivery.precedence)
        return f"{said}: NOT PASSED ON by {delivery.via}{_beyond(now_ms - delivery.logged_ms - row.forward_ms)}"
    after = short(delivery.base_ms - delivery.logged_ms)
    how = " by voice" if delivery.leg is dl.Leg.BY_VOICE else ""
    passed = f"(passed on by {delivery.via}{how} after {after}{_unconfirmed(delivery, now_ms)})"
    return f"{said} {passed}{_beyond(now_ms - due_ms(ledger, record))}"


def _never(record: AlertRecord, delivery: dl.Delivery | None) -> str:
    if record.body.fault != record.body.addressee:
        return "NEVER PASSED ON"
    return "NEVER RECEIVED" if delivery is not None and delivery.reply is dl.Reply.NOT_OWED else "NEVER ANSWERED"


def _over(delivery: dl.Delivery | None) -> str:
    return "window over" if delivery is not None and delivery.window_end_ms is not None else "no longer awaited"


def _since(record: AlertRecord, delivery: dl.Delivery, now_ms: int) -> str:
    """`30 s after the notice`, or `after it was passed on`: what the deadline of the party at fault counts from."""
    if record.body.via is None and _passed_on(delivery, now_ms):
        by_voice = f" by voice{_unconfirmed(delivery, now_ms)}" if delivery.leg is dl.Leg.BY_VOICE else ""
        return f"{short(now_ms - delivery.base_ms)} after it was passed on{by_voice}"
    return f"{short(now_ms - delivery.logged_ms)} after the notice"


def _overdue(over_ms: int, since: str) -> str:
    """`, overdue after 30 s` at the deadline itself; `, 5 min overdue (6 min after the notice)` later."""
    if over_ms < JUST_MS:
        return f", overdue after {since.partition(' after ')[0]}" if since else ", overdue"
    return f", {short(over_ms)} overdue" + (f" ({since})" if since else "")


def _beyond(over_ms: int) -> str:
    return f", {short(over_ms)} overdue" if over_ms >= JUST_MS else ""


def _passed_on(delivery: dl.Delivery, now_ms: int) -> bool:
    return delivery.forwarded_ms is not None and delivery.forwarded_ms <= now_ms


def _unconfirmed(delivery: dl.Delivery, now_ms: int) -> str:
    """Told by voice, and until then not a sign of the addressee's own."""
    confirmed = delivery.received_ms is not None and delivery.received_ms <= now_ms
    return ", not confirmed" if delivery.leg is dl.Leg.BY_VOICE and not confirmed else ""


def _delivery(ledger: Ledger, record: AlertRecord) -> dl.Delivery | None:
    return ledger.deliveries.get((record.body.of or "", record.body.addressee or ""))


def due_ms(ledger: Ledger, record: AlertRecord) -> int:
    """When what the alert is about first fell due: higher rungs and later rounds count from there too.

    The author's alerts count from the notice, the addressee's from the forwarding or from where STANDBY moved it to.
    """
    body, delivery = record.body, _delivery(ledger, record)
    if delivery is None:
        return from_wire(body.due)
    row = ledger.charter.deadlines.row(delivery.precedence)
    start_ms = delivery.logged_ms if body.via is not None else delivery.base_ms
    match body.stage:
        case "receipt":
            return start_ms + row.receipt_ms
        case "forward":
            return start_ms + row.forward_ms
        case "answer" if body.via is not None or body.rung is Level.OPERATIONS:
            return start_ms + row.answer_ms
        case "answer" | "standby":
            return dl.answer_due_ms(delivery, row)
        case "expired" if body.fault != body.addressee:
            return start_ms + row.forward_ms
        case "expired" if delivery.reply is dl.Reply.NOT_OWED:
            return start_ms + row.receipt_ms
        case "expired":
            return dl.answer_due_ms(delivery, row)
        case _:
            return from_wire(body.due)


# --- what ends --------------------------------------------------------------------------------------------------------


def together(records: Iterable[AlertRecord]) -> list[list[AlertRecord]]:
    """Cleared alerts, those in one list that ended at once on one delivery (or of one party): one line tells them."""
    groups: dict[tuple[object, ...], list[AlertRecord]] = {}
    for record in records:
        body = record.body
        about = (body.of, body.addressee) if body.of is not None else (body.stage, body.fault)
        groups.setdefault((record.cleared_ms, *about), []).append(record)
    return list(groups.values())


def cleared_line(ledger: Ledger, *records: AlertRecord, label: str = "") -> str:
    """What ended these alerts, and how late: several are those of one delivery, of one instant.

    `-- 160042Z SEP 17 FLASH coalition -> regime via russia 015e86a2-4b40: answered late by 42 s (WILCO); cleared 7f3a`.
    """
    first = records[0]
    at_ms = first.cleared_ms if first.cleared_ms is not None else first.raised_ms
    names = ", ".join(alert_ref(ledger, record.body.alert) for record in records)
    said = cleared_said(ledger, *records, label=label)
    return f"-- {dtg(at_ms)} {first.body.precedence.value} {said}; cleared {names}"


def cleared_said(ledger: Ledger, *records: AlertRecord, label: str = "") -> str:
    """The part of `cleared_line` that says why it is over."""
    first, over = records[0], ending(ledger, *records)
    if _delivery(ledger, first) is None:
        why = "somebody is on watch again" if over.kind == "on-watch" else "over"
        return f"{first.body.fault}: {why}, after {short(over.after_ms)}"
    return f"{_where(ledger, first, label)}: {_said_over(over)}"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why alerts of one delivery, or of one party, or a finding, are over: of several causes the one that says most.

    `kind`: answered, withdrawn, superseded, passed-on, passed-on-by-voice, received, heard, on-watch, over; of a
    finding also window-over, no-more.
    """

    kind: str
    who: str
    after_ms: int
    """Since it was raised."""
    late_ms: int | None = None
    """Beyond the earliest deadline of the alerts that wanted it; None: none of them did."""
    word: str = ""
    """Of an answer."""


def ending(ledger: Ledger, *records: AlertRecord) -> Ending:
    """What ended these alerts, which were cleared at one instant: an answer, then a forwarding, then a receipt."""
    first, delivery = records[0], _delivery(ledger, records[0])
    at_ms = first.cleared_ms if first.cleared_ms is not None else first.raised_ms
    after_ms, fault = at_ms - first.raised_ms, first.body.fault
    if delivery is None:
        return Ending("on-watch" if first.body.stage == "watch" else "over", fault, after_ms)
    if delivery.end is dl.End.ANSWERED and delivery.ended_ms == at_ms:
        late_ms = _late_ms(ledger, records, at_ms, "answer", "standby", "expired")
        return Ending("answered", delivery.addressee, after_ms, late_ms, delivery.reply.value.upper())
    if delivery.end in (dl.End.WITHDRAWN, dl.End.SUPERSEDED) and delivery.ended_ms == at_ms:
        return Ending(delivery.end.value, delivery.author, after_ms)
    late_ms = _late_ms(ledger, records, at_ms, "forward")
    if late_ms is not None or delivery.forwarded_ms == at_ms:
        kind = "passed-on-by-voice" if delivery.leg is dl.Leg.BY_VOICE else "passed-on"
        return Ending(kind, delivery.via or fault, after_ms, late_ms)
    late_ms = _late_ms(ledger, records, at_ms, "receipt")
    if late_ms is not None:
        return Ending("received", fault, after_ms, late_ms)
    return Ending("heard", fault, after_ms)


def _said_over(over: Ending) -> str:
    late = "in time" if over.late_ms is None else _late(over.late_ms)
    match over.kind:
        case "answered":
            return f"answered {late} ({over.word})"
        case "passed-on":
            return f"passed on {late} (over the channel)"
        case "passed-on-by-voice":
            return f"passed on {late} (by voice, not confirmed)"
        case "received":
            return f"received {late}"
        case "heard":
            return f"{over.who} is heard again after {short(over.after_ms)}"
        case _:
            return f"{over.kind} by {over.who}"


def _late_ms(ledger: Ledger, records: tuple[AlertRecord, ...], at_ms: int, *stages: str) -> int | None:
    """Counted from the earliest deadline of the alerts of these stages; None if there are none."""
    return max((at_ms - due_ms(ledger, record) for record in records if record.body.stage in stages), default=None)


def _late(late_ms: int) -> str:
    """`late by 42 s`."""
    return f"late by {short(late_ms)}" if late_ms >= JUST_MS else "late by less than 1 s"
