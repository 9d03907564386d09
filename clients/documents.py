"""What a party's commands print with `--json`: documents of notices, deliveries and alerts as this party sees them.

Only what this party may know is in them: of a notice to several, an addressee sees its own delivery and no other's.
Times are milliseconds since 1970 and, beside them under `..._time`, RFC 3339. Lines for people are in render.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channel.ledger import delivery as dl
from channel.ledger import finding_wording, wording
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord, NoticeRecord
from channel.protocol import phrasebook
from channel.protocol.statements import Answer, Call, Forwarding, LineStatement, Notice
from channel.protocol.times import from_wire, to_wire

Document = dict[str, Any]


def role(ledger: Ledger, me: str, record: NoticeRecord) -> str:
    """What this party is to a notice: `author`, `action`, `info` or `via`."""
    if record.author == me:
        return "author"
    own = ledger.deliveries.get((record.of, me))
    if own is None:
        return "via"
    return "action" if own.action else "info"


def deliveries(ledger: Ledger, me: str, record: NoticeRecord) -> list[dl.Delivery]:
    """Those whose state this party is told: the author all, an intermediary those through it, an addressee its own."""
    return [d for d in ledger.deliveries_of(record.of) if me in (d.author, d.addressee, d.via)]


def wanted(ledger: Ledger, me: str, record: NoticeRecord) -> list[Document]:
    """What is awaited from this party on a notice: to answer it, to pass it on. Each with its due time."""
    row = ledger.charter.deadlines.row(record.body.precedence)
    found: list[Document] = []
    for delivery in deliveries(ledger, me, record):
        if delivery.end is not dl.End.OPEN:
            continue
        if delivery.via == me and delivery.leg is dl.Leg.AWAITING_FORWARD:
            due = delivery.logged_ms + row.forward_ms
            found.append({"do": "forward", "to": delivery.addressee, **_time("due", due)})
        if delivery.addressee == me and delivery.owed:
            found.append({"do": "answer", "to": delivery.author, **_time("due", dl.answer_due_ms(delivery, row))})
    return found


def to_answer_by_voice(ledger: Ledger, me: str) -> Iterator[Document]:
    """Notices that this party was told by voice, whose text it has not got: it may answer them all the same."""
    answered = {
        body.of
        for entry in ledger.entries.values()
        if entry.opened.party == me and isinstance(body := entry.opened.body, Answer)
    }
    for of, index in ledger.told_by_voice.items():
        entry = ledger.entries[index]
        body = entry.opened.body
        if not isinstance(body, Forwarding) or body.voice is None or body.to != me or of in ledger.notices:
            continue
        yield {
            "token_sha256": of,
            "told_by": entry.opened.party,
            "index": index,
            **_time("stamp", entry.stamp_ms),
            "role": body.voice.role,
            "contact": body.voice.contact,
            "at": body.voice.at,
            "readback": body.voice.readback,
            "answered": of in answered,
        }


def notice(ledger: Ledger, me: str, record: NoticeRecord, language: str) -> Document:
    """Everything that this party knows about one notice, line or call."""
    body = record.body
    document: Document = {
        "nid": record.nid,
        "token_sha256": record.of,
        "index": record.index,
        **_time("stamp", record.stamp_ms),
        "type": body.TYPE,
        "kind": record.kind,
        "precedence": body.precedence.value,
        "response": record.response.value,
        "author": record.author,
        "desk": body.desk,
        "issued": body.issued,
        "role": role(ledger, me, record),
        "to": [addressee.model_dump(mode="json", exclude_none=True) for addressee in body.to],
        "info": list(body.info),
    }
    match body:
        case Notice():
            document |= _of_notice(body, language)
            if body.sealed is not None:
                document["sealed"] = {**body.sealed.model_dump(), "opened": record.unsealed}
        case Call():
            document |= {"level": body.level.value, "began": body.began, "ended": body.ended, "text": body.readout}
            document["desks"] = [wording.desk(of) for of in body.desks]
        case LineStatement():
            document |= body.model_dump(
                mode="json", include={"line", "version", "action", "of", "title", "text"}, exclude_none=True
            )
        case _:
            pass
    if record.ended_by is not None:
        document["ended_by"] = record.ended_by
    if (since := wording.doubted_since(ledger, record.of)) is not None:
        document["compromised_since"] = since
    document["findings"] = [finding_wording.document(one) for one in finding_wording.resting_on(ledger, record.of)]
    document["wanted"] = wanted(ledger, me, record)
    document["deliveries"] = [delivery(ledger, one) for one in deliveries(ledger, me, record)]
    return document


def _of_notice(body: Notice, language: str) -> Document:
    plain = body.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        include={"status", "how", "volumes", "unit", "alleged", "read_back", "warn", "amends", "withdraws", "replaces"},
    )
    elements = [
        {"code": element.code, "values": list(element.values), "text": phrasebook.render(element, language)}
        for element in body.elements
    ]
    return {**plain, "text": body.text, "elements": elements}


def delivery(ledger: Ledger, one: dl.Delivery) -> Document:
    """One notice to one addressee: how far it is, and what falls due when."""
    row = ledger.charter.deadlines.row(one.precedence)
    document: Document = {
        "nid": ledger.notices[one.of].nid,
        "token_sha256": one.of,
        "author": one.author,
        "addressee": one.addressee,
        "action": one.action,
        "precedence": one.precedence.value,
        "leg": one.leg.value,
        "custody": one.custody.value,
        "reply": one.reply.value,
        "end": one.end.value,
    }
    if one.via is not None:
        document |= {"via": one.via, "via_custody": one.via_custody.value}
    if (since := wording.doubted_since(ledger, one.answer_of)) is not None:
        document["answer_compromised_since"] = since
    done = {
        "forwarded": one.forwarded_ms,
        "received": one.received_ms,
        "displayed": one.displayed_ms,
        "answered": one.answered_ms,
        "standby_until": one.standby_until_ms,
        "ended": one.ended_ms,
    }
    if one.end is dl.End.OPEN:
        if one.leg is dl.Leg.AWAITING_FORWARD:
            done["forward_due"] = one.logged_ms + row.forward_ms
        elif one.owed:
            done["answer_due"] = dl.answer_due_ms(one, row)
    for name, at_ms in done.items():
        if at_ms is not None:
            document |= _time(name, at_ms)
    return document


def timeline(ledger: Ledger, me: str, of: str) -> list[Document]:
    """Every leaf here that is the notice or is about it, in the log's order."""
    about = {record.body.alert for record in ledger.alerts.values() if record.body.of == of}
    found = []
    for entry in sorted(ledger.entries.values(), key=lambda entry: entry.index):
        body = entry.opened.body
        references = {getattr(body, name, None) for name in ("of", "amends", "withdraws", "replaces")}
        references.update(getattr(body, "rests_on", ()))
        if entry.opened.of != of and of not in references and getattr(body, "alert", None) not in about:
            continue
        since = wording.doubted_since(ledger, entry.opened.of)
        found.append(
            {
                "index": entry.index,
                **_time("stamp", entry.stamp_ms),
                "type": getattr(body, "TYPE", ""),
                "by": entry.opened.party,
                "kid": entry.opened.kid,
                "token_sha256": entry.opened.of,
                **({} if since is None else {"compromised_since": since}),
                "text": wording.entry_lines(ledger, entry, f"party -p {me}")[0],
            }
        )
    return found


def alert(ledger: Ledger, me: str, record: AlertRecord) -> Document:
    """One alert as this party was told it. `acknowledged` is by this party."""
    body = record.body
    document: Document = {
        "id": body.alert,
        "stage": body.stage,
        "rung": body.rung.value,
        "round": body.round,
        "precedence": body.precedence.value,
        "fault": body.fault,
        **_time("due", from_wire(body.due)),
        **_time("raised", record.raised_ms),
        "standing": record.standing,
        "told": [wording.desk(of) for of in body.told],
        "ring": wording.desk(body.ring),
        "contact": ledger.contact(body.ring.party, body.ring.desk),
    }
    named = {
        "nid": body.nid,
        "token_sha256": body.of,
        "author": body.author,
        "addressee": body.addressee,
        "via": body.via,
        "detail": body.detail or None,
        "reason": record.reasons.get(me),
    }
    document |= {name: value for name, value in named.items() if value is not None}
    if me in record.acked:
        document |= _time("acknowledged", record.acked[me])
    if record.cleared_ms is not None:
        document |= _time("cleared", record.cleared_ms)
    return document


def _time(name: str, at_ms: int) -> Document:
    return {name: at_ms, f"{name}_time": to_wire(at_ms)}
