"""Totals of a run: deliveries by outcome, alerts, what is still unanswered. Pure; its JSON is a fixed interface."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from channel.ledger import delivery as dl
from channel.ledger.digest import state_digest
from channel.ledger.fold import Folded
from channel.ledger.ledger import Ledger
from channel.protocol import ids
from channel.protocol.times import short, to_wire
from channel.scenario import wording
from channel.scenario.narration import Narrator

OUTCOMES = (
    "answered", "told", "unanswered", "withdrawn", "superseded", "expired", "awaiting_forward", "forwarded_unconfirmed",
)  # fmt: skip
_ENDS = {
    dl.End.ANSWERED: "answered",
    dl.End.TOLD: "told",
    dl.End.WITHDRAWN: "withdrawn",
    dl.End.SUPERSEDED: "superseded",
}


def outcome(delivery: dl.Delivery) -> str:
    """The one outcome of a delivery: the outcomes are a partition.

    Never passed on comes before unanswered, and passed on by voice without a sign of the addressee's before it too.
    `expired` is what owed no answer and was not received: its window is over, or the run is.
    """
    if delivery.end in _ENDS:
        return _ENDS[delivery.end]
    if delivery.leg is dl.Leg.AWAITING_FORWARD:
        return "awaiting_forward"
    if delivery.leg is dl.Leg.BY_VOICE and delivery.reply in (dl.Reply.OWED, dl.Reply.NOT_OWED):
        return "forwarded_unconfirmed"
    return "unanswered" if delivery.reply in dl.AWAITED else "expired"


def outcomes(ledger: Ledger) -> dict[str, int]:
    """How many deliveries came to which outcome, every outcome named."""
    counted = Counter(outcome(delivery) for delivery in ledger.deliveries.values())
    return {name: counted[name] for name in OUTCOMES}


def summary(home: Path, folded: Folded) -> dict[str, object]:
    """The last line of `channel up --scenario ... --exit --json`."""
    ledger = folded.ledger
    return {
        "net": ledger.charter.net,
        "log": str(home / "log.sqlite"),
        "charter": str(home / "charter.jws"),
        "tree_size": folded.tree.size,
        "root": ids.b64url(folded.tree.root()),
        "state_digest": state_digest(ledger),
        "notices": len(ledger.notices),
        "deliveries": outcomes(ledger),
        "alerts": alerts(ledger),
        "refused": sum(refusal.count for refusal in ledger.refused.values()),
    }


def alerts(ledger: Ledger) -> list[dict[str, object]]:
    """Every alert in the order in which it was raised; times are null until they are."""
    return [
        {
            "id": alert,
            "notice": record.body.nid,
            "addressee": record.body.addressee or record.body.fault,
            "stage": record.body.stage,
            "rung": record.body.rung.value,
            "raised_at": to_wire(record.raised_ms),
            "acknowledged_at": _time(record.first_ack_ms),
            "cleared_at": _time(record.cleared_ms),
        }
        for alert, record in ledger.alerts.items()
    ]


def closing(ledger: Ledger, narrator: Narrator) -> list[str]:
    """The list "still unanswered" and the totals, as lines."""
    open_ = [d for d in ledger.deliveries.values() if d.reply in dl.AWAITED and d.end in (dl.End.OPEN, dl.End.EXPIRED)]
    lines = [f"still unanswered: {len(open_)}"]
    lines += [f"  {wording.unanswered(ledger, delivery, narrator.label(delivery.of))}" for delivery in open_]
    counts = outcomes(ledger)
    lines.append(
        f"{len(ledger.notices)} notices, {sum(counts.values())} deliveries: "
        + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    )
    rungs = Counter(record.body.rung.value for record in ledger.alerts.values())
    standing = sum(record.standing for record in ledger.alerts.values())
    by_rung = ", ".join(f"{rungs[rung]} {rung}" for rung in ("operations", "staff", "ministry") if rungs[rung])
    lines.append(f"{len(ledger.alerts)} alerts{f' ({by_rung})' if by_rung else ''}, {standing} standing")
    answered = [d for d in ledger.deliveries.values() if d.answered_ms is not None]
    if answered:
        slowest = max(answered, key=lambda d: (d.answered_ms or 0) - d.base_ms)
        span = short((slowest.answered_ms or 0) - slowest.base_ms)
        lines.append(f"slowest answer: {span}, {wording.route(slowest)} {narrator.label(slowest.of)}")
    refused = sum(refusal.count for refusal in ledger.refused.values())
    if refused:
        lines.append(f"{refused} statements refused")
    return lines


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else to_wire(at_ms)
