"""What a party had been shown and had answered at a moment, as JSON values (protocol.md 8, 9). Pure.

It is made of that party's own feed alone, folded as its client folds it: so it shows no byte that the party could not
read, and at the end of the log it is the view of the party's own store. Nothing here is evidence; bundles are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channel.ledger import delivery as dl
from channel.ledger import wording
from channel.ledger.digest import state_digest
from channel.ledger.ledger import Ledger
from channel.ledger.records import Entry, FindingRecord, NoticeRecord
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import Answer, Forwarding, Receiving, Stage
from channel.protocol.times import to_wire
from channel.replay import account
from channel.replay.moment import Moment

Document = dict[str, Any]


def view(ledger: Ledger, until: Moment, party: str) -> Document:
    """The view of `party` at a moment. `ledger` is the whole log's, folded as far. UsageError: no such party."""
    check_party(ledger, party)
    at = ledger if until.covers(ledger.size - 1, ledger.last_stamp_ms) else as_of(ledger, until)
    return seen_by(feed_of(at, party), party, until.ms)


def check_party(ledger: Ledger, party: str) -> None:
    """UsageError if the charter has no such party: the operator is none."""
    if party not in ledger.parties:
        raise UsageError(f"{party!r} is not a party to this net: {', '.join(ledger.parties)}")


def as_of(ledger: Ledger, until: Moment) -> Ledger:
    """The whole log's ledger as it was at a moment: its leaves folded again, none is opened again."""
    before = Ledger(ledger.charter, ledger.charter_of)
    for entry in ledger.entries.values():
        if not until.covers(entry.index, entry.stamp_ms):
            break
        before.apply(entry.index, entry.stamp_ms, entry.opened)
    return before


def feed_of(ledger: Ledger, party: str) -> Ledger:
    """What the party's own client had folded: its feed, in the order of the feed."""
    own = Ledger(ledger.charter, ledger.charter_of)
    for index in ledger.parties[party].feed:
        entry = ledger.entries[index]
        own.apply(index, entry.stamp_ms, entry.opened)
    return own


def seen_by(own: Ledger, party: str, at_ms: int | None = None) -> Document:
    """The view of a party's own ledger. Without `at_ms` the moment is that of its newest leaf."""
    now_ms = own.last_stamp_ms if at_ms is None else at_ms
    about: dict[str, list[Entry]] = {}
    for entry in own.entries.values():
        if isinstance(entry.opened.body, Receiving | Answer | Forwarding):
            about.setdefault(entry.opened.body.of, []).append(entry)
    records = sorted(own.notices.values(), key=lambda record: record.index)
    return {
        "net": own.charter.net,
        "party": party,
        "at": to_wire(now_ms),
        "leaves": len(own.entries),
        "notices": [_notice(own, party, record, about.get(record.of, []), now_ms) for record in records],
        "told_by_voice": [_by_voice(own, party, of, about[of]) for of in own.told_by_voice if of not in own.notices],
        "alerts": account.alerts(own),
        "findings": [_finding(record) for record in own.findings.values()],
        "state_digest": state_digest(own),
    }


def _finding(record: FindingRecord) -> Document:
    body, cleared_ms = record.body, record.cleared_ms
    return {
        "id": body.finding,
        "kind": body.kind,
        "precedence": body.precedence.value,
        "rests_on": list(body.rests_on),
        "raised_at": to_wire(record.raised_ms),
        "cleared_at": None if cleared_ms is None else to_wire(cleared_ms),
        "detail": wording.inert(body.detail),
    }


def signed(own: Ledger, entry: Entry) -> Document:
    """Where a statement stands and whose hand it shows: `key` desk or machine, `held` by whom the desk's key is."""
    kid = entry.opened.kid
    key = "desk" if ids.is_desk_kid(kid) else "machine" if ids.is_machine_kid(kid) else ids.kid_purpose(kid)
    since = own.ring.doubted(kid, entry.index)
    found: Document = {"index": entry.index, "at": to_wire(entry.stamp_ms), "by": entry.opened.party, "kid": kid}
    found |= {"key": key, "held": own.ring.record(kid).held}
    return found if since is None else {**found, "compromised_since": since}


def _notice(own: Ledger, party: str, record: NoticeRecord, about: list[Entry], now_ms: int) -> Document:
    body = record.body
    return {
        "nid": record.nid,
        "of": record.of,
        "index": record.index,
        "kind": record.kind,
        "precedence": body.precedence.value,
        "response": record.response.value,
        "author": record.author,
        "to": wording.addressees(body),
        "text": wording.said(record),
        "signed": signed(own, own.entries[record.index]),
        "released_at": to_wire(_released_ms(record, party, about)),
        "ended": record.ended_by is not None,
        "deliveries": [
            _delivery(own, one, [entry for entry in about if _concerns(entry, one)], now_ms)
            for one in own.deliveries_of(record.of)
            if party in (one.author, one.addressee, one.via)
        ],
    }


def _released_ms(record: NoticeRecord, party: str, about: list[Entry]) -> int:
    """When the relay let the party have it: with its leaf, or behind an intermediary with the forwarding."""
    direct = [to.party for to in record.body.to if to.via is None] + [to.via for to in record.body.to if to.via]
    if party in (record.author, *direct, *record.body.info):
        return record.stamp_ms
    forwarded = [
        entry.stamp_ms
        for entry in about
        if isinstance(body := entry.opened.body, Forwarding) and body.to == party and body.by == "channel"
    ]
    return min(forwarded, default=record.stamp_ms)


def _concerns(entry: Entry, one: dl.Delivery) -> bool:
    body = entry.opened.body
    if isinstance(body, Forwarding):
        return body.to == one.addressee
    return entry.opened.party in (one.addressee, one.via)


def _delivery(own: Ledger, one: dl.Delivery, about: list[Entry], now_ms: int) -> Document:
    """One notice to one addressee, with every signature that the party may read under it."""
    answers = [
        {"word": body.word.value, "counts": one.answer_of == entry.opened.of, **signed(own, entry)}
        for entry in about
        if isinstance(body := entry.opened.body, Answer) and entry.opened.party == one.addressee
    ]
    forwarded = [
        {"by_channel": body.by == "channel", **signed(own, entry)}
        for entry in about
        if isinstance(body := entry.opened.body, Forwarding)
    ]
    found: Document = {
        "addressee": one.addressee,
        "via": one.via,
        "action": one.action,
        "outcome": account.classify(one),
        "end": one.end.value,
        "received": _stage(own, about, one.addressee, Stage.RECEIVED),
        "displayed": _stage(own, about, one.addressee, Stage.DISPLAYED),
        "answer": one.reply.value,
        "answers": answers,
        "owed": list(_owed(own, one, now_ms)),
    }
    if one.via is not None:
        found |= {
            "leg": one.leg.value,
            "via_received": _stage(own, about, one.via, Stage.RECEIVED),
            "via_displayed": _stage(own, about, one.via, Stage.DISPLAYED),
            "forwarded": forwarded,
        }
    return found


def _stage(own: Ledger, about: list[Entry], by: str, stage: Stage) -> Document | None:
    """The first statement of that stage by that party, if one may be read."""
    for entry in about:
        body = entry.opened.body
        if isinstance(body, Receiving) and body.stage is stage and entry.opened.party == by:
            return signed(own, entry)
    return None


def _owed(own: Ledger, one: dl.Delivery, now_ms: int) -> Iterator[Document]:
    """What is owed on an open delivery, by whom, until when: to receive, to pass on, to answer."""
    if one.end is not dl.End.OPEN:
        return
    row = own.charter.deadlines.row(one.precedence)
    due: list[tuple[str, str, int]] = []
    if one.leg is dl.Leg.AWAITING_FORWARD and one.via is not None:
        if one.via_custody is dl.Custody.LOGGED:
            due.append(("receipt", one.via, one.logged_ms + row.receipt_ms))
        due.append(("forward", one.via, one.logged_ms + row.forward_ms))
    elif one.custody is dl.Custody.LOGGED:
        due.append(("receipt", one.addressee, one.base_ms + row.receipt_ms))
    if one.owed and one.leg is not dl.Leg.AWAITING_FORWARD:
        due.append(("answer", one.addressee, dl.answer_due_ms(one, row)))
    for what, by, due_ms in due:
        yield {"what": what, "by": by, "due_at": to_wire(due_ms), "overdue": due_ms <= now_ms}


def _by_voice(own: Ledger, party: str, of: str, about: list[Entry]) -> Document:
    """A notice of which the party has only the intermediary's word that it was told."""
    entry = own.entries[own.told_by_voice[of]]
    body = entry.opened.body
    voice = body.voice if isinstance(body, Forwarding) else None
    answers = [
        {"word": found.opened.body.word.value, **signed(own, found)}
        for found in about
        if isinstance(found.opened.body, Answer) and found.opened.party == party
    ]
    return {
        "of": of,
        "told": signed(own, entry),
        "to": body.to if isinstance(body, Forwarding) else party,
        "readback": "" if voice is None else wording.inert(voice.readback),
        "answers": answers,
    }
