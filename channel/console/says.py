"""What one leaf says on the slider and in a notice's timeline, and what was checked of it. Pure."""

from __future__ import annotations

from channel.console import facts
from channel.console.shapes import Event, StatementShown
from channel.ledger import Ledger, alert_wording, finding_wording, wording
from channel.ledger.grade import of_leaf
from channel.ledger.records import Entry
from channel.protocol import ids
from channel.protocol.statements import Acknowledgement, Addressed, Alert, Answer, Finding, Forwarding, Receiving
from channel.protocol.times import to_wire


def event(ledger: Ledger, entry: Entry) -> Event:
    """One leaf on the slider."""
    body = entry.opened.body
    of = entry.opened.of if isinstance(body, Addressed) else getattr(body, "of", None)
    weight = 2 if isinstance(body, Alert | Finding) else 1 if isinstance(body, Addressed | Answer | Forwarding) else 0
    return Event(
        index=entry.index,
        at=to_wire(entry.stamp_ms),
        type=entry.opened.type,
        party=entry.opened.party,
        of=of if of in ledger.notices else None,
        weight=weight,
        says=sentence(ledger, entry),
        facts=facts.of_entry(ledger, entry),
    )


def sentence(ledger: Ledger, entry: Entry) -> str:
    """The channel's own sentence about one leaf, in English."""
    body = entry.opened.body
    match body:
        case Addressed():
            return wording.notice_line(ledger, ledger.notices[entry.opened.of])
        case Alert():
            return alert_wording.alert_said(ledger, ledger.alerts[body.alert], entry.stamp_ms)
        case Finding():
            return finding_wording.finding_line(ledger, body, entry.stamp_ms)
        case Forwarding():
            return wording.forwarding_line(ledger, entry)
        case Receiving():
            return wording.receiving_line(ledger, entry)
        case _:
            return wording.answer_line(ledger, entry)  # of an answer or of anything else


def about(ledger: Ledger, of: ids.Hash) -> list[Entry]:
    """Every leaf about a notice: itself, what refers to it, alerts on it and their acknowledgements."""
    alerts = set(ledger.alerts_on.get(of, ()))
    return [entry for entry in ledger.entries.values() if _concerns(entry, of, alerts)]


def _concerns(entry: Entry, of: ids.Hash, alerts: set[str]) -> bool:
    body = entry.opened.body
    if entry.opened.of == of or (isinstance(body, Acknowledgement) and body.alert in alerts):
        return True
    if isinstance(body, Finding):
        return of in body.rests_on
    return any(getattr(body, name, None) == of for name in ("of", "amends", "withdraws", "replaces"))


def statement(ledger: Ledger, entry: Entry, witnessed: int) -> StatementShown:
    """One leaf of a notice's timeline. The fold opened it, so its signature holds; its key may have gone since."""
    opened = entry.opened
    record = ledger.ring.record(opened.kid)
    since = record.compromised_since
    key = "revoked-later" if record.until is not None else "valid"
    return StatementShown(
        index=entry.index,
        at=to_wire(entry.stamp_ms),
        issued_at=getattr(opened.body, "issued", None),
        type=opened.type,
        party=opened.party,
        desk=getattr(opened.body, "desk", None),
        kid=opened.kid,
        held=record.held,
        signature="valid",
        key="compromised-later" if since is not None and entry.index >= since else key,
        grade=of_leaf(entry.index, witnessed).value,
        of=opened.of,
        says=sentence(ledger, entry),
        facts=facts.of_entry(ledger, entry),
        body=opened.body.model_dump(mode="json", by_alias=True, exclude_none=True),
    )
