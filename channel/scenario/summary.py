"""How a run ends: its summary as JSON, a fixed interface, and the closing list for people. Pure.

How deliveries are classified and alerts listed is the account's (channel/replay).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from channel.ledger import delivery as dl
from channel.ledger import wording
from channel.ledger.digest import state_digest
from channel.ledger.fold import Folded
from channel.ledger.ledger import Ledger
from channel.protocol import ids
from channel.protocol.times import dtg, short
from channel.replay import account
from channel.scenario.narration import Narrator


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
        "deliveries": account.outcomes(ledger),
        "alerts": account.alerts(ledger),
        "refused": sum(refusal.count for refusal in ledger.refused.values()),
    }


def closing(ledger: Ledger, narrator: Narrator) -> list[str]:
    """The list "still unanswered" and the totals, as lines."""
    open_ = [d for d in ledger.deliveries.values() if d.reply in dl.AWAITED and d.end in (dl.End.OPEN, dl.End.EXPIRED)]
    lines = [f"still unanswered: {len(open_)}"]
    lines += [f"  {_open(delivery, narrator.label(delivery.of))}" for delivery in open_]
    counts = account.outcomes(ledger)
    lines.append(
        f"{len(ledger.notices)} notices, {sum(counts.values())} deliveries: "
        + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    )
    rungs = Counter(record.body.rung.value for record in ledger.alerts.values())
    standing = sum(record.standing for record in ledger.alerts.values())
    by_rung = ", ".join(f"{rungs[rung]} {rung}" for rung in ("operations", "staff", "ministry") if rungs[rung])
    lines.append(f"{len(ledger.alerts)} alerts{f' ({by_rung})' if by_rung else ''}, {standing} standing")
    if ledger.findings:
        kinds = Counter(record.body.kind for record in ledger.findings.values())
        still = sum(record.standing for record in ledger.findings.values())
        by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        lines.append(f"{len(ledger.findings)} findings ({by_kind}), {still} standing")
    answered = [d for d in ledger.deliveries.values() if d.answered_ms is not None]
    if answered:
        slowest = max(answered, key=lambda d: (d.answered_ms or 0) - d.base_ms)
        span = short((slowest.answered_ms or 0) - slowest.base_ms)
        lines.append(f"slowest answer: {span}, {_route(slowest)} {narrator.label(slowest.of)}")
    refused = sum(refusal.count for refusal in ledger.refused.values())
    if refused:
        lines.append(f"{refused} statements refused")
    return lines


def _open(delivery: dl.Delivery, label: str) -> str:
    """A line of the list: what is still owed, since when, and how it stands."""
    head = f"{dtg(delivery.logged_ms)} {delivery.precedence.value:<9} {_route(delivery)} {label}"
    return f"{head}: {wording.missing(delivery)}"


def _route(delivery: dl.Delivery) -> str:
    return wording.route(delivery.author, delivery.addressee, delivery.via)
