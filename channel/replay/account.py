"""The account of a ledger: each delivery in one class, each alert with what became of it, as JSON values.

The one place where deliveries are classified. Words for people are in channel/ledger/wording.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from channel.ledger import delivery as dl
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.protocol.times import to_wire

OUTCOMES = (
    "answered",
    "told",
    "unanswered",
    "withdrawn",
    "superseded",
    "expired",
    "awaiting_forward",
    "forwarded_unconfirmed",
)


def classify(delivery: dl.Delivery) -> str:
    """The one class of a delivery, as things stand (docs/scenario.md S71).

    Never passed on comes before unanswered, and passed on without a sign of the addressee before it too, also when the
    window is over. `expired` is the rest: what owed no answer and was not received.
    """
    match delivery.end:
        case dl.End.ANSWERED | dl.End.TOLD | dl.End.WITHDRAWN | dl.End.SUPERSEDED:
            return delivery.end.value
        case _:
            pass
    if delivery.leg is dl.Leg.AWAITING_FORWARD:
        return "awaiting_forward"
    if delivery.unconfirmed:
        return "forwarded_unconfirmed"
    return "unanswered" if delivery.reply in dl.AWAITED else "expired"


def outcomes(ledger: Ledger) -> dict[str, int]:
    """How many deliveries there are of each class; the classes are a partition."""
    counts = Counter(classify(delivery) for delivery in ledger.deliveries.values())
    return {name: counts[name] for name in OUTCOMES}


def alerts(ledger: Ledger) -> list[dict[str, Any]]:
    """Every alert, in the order in which they were raised."""
    return [alert(record) for record in ledger.alerts.values()]


def alert(record: AlertRecord) -> dict[str, Any]:
    """One alert. Times are RFC 3339 or null; `acknowledged` is by party, `relay` for the operator.

    `addressee` is the party at fault in an alert that is about no delivery.
    """
    body = record.body
    return {
        "id": body.alert,
        "notice": body.nid,
        "author": body.author,
        "addressee": body.addressee or body.fault,
        "stage": body.stage,
        "rung": body.rung.value,
        "round": body.round,
        "fault": body.fault,
        "precedence": body.precedence.value,
        "due_at": body.due,
        "raised_at": to_wire(record.raised_ms),
        "acknowledged_at": _time(record.first_ack_ms),
        "acknowledged": {party: to_wire(at_ms) for party, at_ms in record.acked.items()},
        "cleared_at": _time(record.cleared_ms),
        "told": [f"{told.party}/{told.desk}" for told in body.told],
        "ring": f"{body.ring.party}/{body.ring.desk}",
        "detail": body.detail,
    }


def deliveries(ledger: Ledger) -> list[dict[str, Any]]:
    """Every delivery with its states, in the order of the log."""
    rows = []
    for delivery in ledger.deliveries.values():
        notice = ledger.notices[delivery.of]
        row = ledger.charter.deadlines.row(delivery.precedence)
        owed = delivery.reply in dl.AWAITED and delivery.end is dl.End.OPEN
        rows.append(
            {
                "nid": notice.nid,
                "of": delivery.of,
                "index": notice.index,
                "kind": notice.kind,
                "precedence": delivery.precedence.value,
                "author": delivery.author,
                "addressee": delivery.addressee,
                "via": delivery.via,
                "action": delivery.action,
                "logged_at": to_wire(delivery.logged_ms),
                "leg": delivery.leg.value,
                "via_custody": delivery.via_custody.value if delivery.via is not None else None,
                "custody": delivery.custody.value,
                "answer": delivery.reply.value,
                "end": delivery.end.value,
                "outcome": classify(delivery),
                "forwarded_at": _time(delivery.forwarded_ms),
                "received_at": _time(delivery.received_ms),
                "displayed_at": _time(delivery.displayed_ms),
                "answered_at": _time(delivery.answered_ms),
                "answer_due_at": _time(dl.answer_due_ms(delivery, row)) if owed else None,
            }
        )
    return rows


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else to_wire(at_ms)
