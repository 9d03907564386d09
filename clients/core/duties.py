"""What a client notices by itself as time passes (protocol.md 9.3.6, 11.6). Pure: asked with a time, decides nothing.

These alarms are the client's own and say so: they hold also when the relay is silent or dishonest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from channel.ledger import AlertRecord, Delivery, Ledger
from channel.ledger import delivery as dl
from channel.protocol import ids
from channel.protocol.statements import Precedence
from channel.protocol.times import short
from clients.core.events import Alarm
from clients.core.store import OutboxRow

GRACE_MS = 5_000  # the relay's alert may be under way, or who waits is just being told
REFUSED_MS = 86_400_000  # a refusal of which nobody was told is an alarm for a day
REPEAT_FLASH_MS = 30_000


def unalerted(ledger: Ledger, party: str, now_ms: int) -> Iterator[Alarm]:
    """Deadlines of our own notices that passed although the relay has not said so."""
    if not ledger.in_force:
        return
    for key in ledger.open:
        delivery = ledger.deliveries[key]
        if delivery.author != party:
            continue
        for owed in dl.obligations(delivery, ledger.charter.deadlines.row(delivery.precedence)):
            alert = ids.alert_id(delivery.of, owed.subject, owed.stage, owed.rung.value, 1)
            if owed.due_ms + GRACE_MS <= now_ms and alert not in ledger.alerts:
                yield Alarm(
                    "relay-silent",
                    alert,
                    f"{owed.stage} of {owed.subject} to {ledger.notices[delivery.of].nid} is "
                    f"{short(now_ms - owed.due_ms)} overdue and the relay has raised no alert: it is silent, "
                    f"unreachable or dishonest; ring {owed.fault}",
                )


def unreceipted(rows: Iterable[OutboxRow], at_ms: Callable[[OutboxRow], int]) -> Iterator[Alarm]:
    """Statements of ours that the relay has not taken by their receipt deadline. `at_ms`: the time for a row."""
    for row in rows:
        if row.due_ms <= at_ms(row):
            waited = short(at_ms(row) - row.created_ms)
            yield Alarm(
                "no-receipt", row.of, f"a {row.type} signed {waited} ago is not in the log yet; it is sent on and on"
            )


def unseen(rows: Iterable[OutboxRow], at_ms: Callable[[OutboxRow], int]) -> Iterator[Alarm]:
    """Statements of ours of which the relay signed a receipt, and shows us no leaf: nobody may have been told."""
    for row in rows:
        if row.due_ms + GRACE_MS <= at_ms(row):
            yield Alarm(
                "no-leaf",
                row.of,
                f"the relay signed that a {row.type} is leaf {row.index}, and does not show it to us: take it for not "
                "delivered, and ring whom it is for",
            )


def refused(rows: Iterable[OutboxRow], now_ms: int) -> Iterator[Alarm]:
    """Statements of ours that were refused, and nobody was told."""
    for row in rows:
        if (row.stamp or row.created_ms) + GRACE_MS <= now_ms:
            again = f"; send it again with --replaces {row.nid}" if row.nid is not None else ""
            yield Alarm("refused", row.of, f"a {row.type} went to nobody: refused, {row.code}: {row.detail}{again}")


def unacknowledged(ledger: Ledger, party: str) -> list[AlertRecord]:
    """Alerts told to a desk of ours that none of ours has acknowledged, and that still matter, oldest first."""
    return [
        record
        for record in ledger.alerts.values()
        if record.standing and party not in record.acked and any(told.party == party for told in record.body.told)
    ]


def repeat_ms(ledger: Ledger, precedence: Precedence) -> int:
    """How often an alert is repeated until it is acknowledged."""
    if precedence is Precedence.FLASH:
        return REPEAT_FLASH_MS
    return ledger.charter.deadlines.row(precedence).receipt_ms


def next_due_ms(ledger: Ledger, delivery: Delivery) -> int | None:
    """The earliest thing owed on an open delivery; None once it has ended."""
    row = ledger.charter.deadlines.row(delivery.precedence)
    return min((owed.due_ms for owed in dl.obligations(delivery, row)), default=None)
