"""Numbers about the channel and this console in Prometheus' text format: how many and how old, never what or whose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from channel.console.console import Console
from channel.console.rows import reads
from channel.ledger import Delivery
from channel.ledger import delivery as dl
from channel.protocol.statements import Level, Precedence

_Value = tuple[str, int | float]


def exposition(here: Console) -> str:
    """All of them; the worker calls it."""
    lines = []
    for name, kind, help_, values in _metrics(here):
        lines += [f"# HELP channel_{name} {help_}", f"# TYPE channel_{name} {kind}"]
        lines += [f"channel_{name}{labels} {value}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _metrics(here: Console) -> Iterator[tuple[str, str, str, list[_Value]]]:
    ledger, standing, now_ms = here.source.fold.ledger, here.live.standing, here.source.now_ms()
    alerts = [record for record in ledger.alerts.values() if record.standing]
    yield "log_leaves", "gauge", "Leaves in the log.", [("", ledger.size)]
    yield "log_witnessed_leaves", "gauge", "Leaves under a quorum of cosignatures.", [("", standing.witnessed)]
    yield "log_bytes", "gauge", "Size of the log's file, with what is not in it yet.", [("", standing.log_bytes)]
    yield "disk_free_bytes", "gauge", "Free space where the log is.", [("", standing.disk_free_bytes)]
    age_s = max(0, now_ms - ledger.last_stamp_ms) / 1000
    yield "newest_leaf_age_seconds", "gauge", "Channel time since the newest leaf.", [("", age_s)]
    yield "relay_up", "gauge", "Whether a relay writes the log.", [("", int(standing.relay == "up"))]
    yield "broker_up", "gauge", "Whether the broker takes connections.", [("", int(standing.broker == "up"))]
    yield "notices_total", "counter", "Notices in the log.", [("", len(ledger.notices))]
    yield "deliveries_open", "gauge", "Deliveries that have not ended.", _by_precedence(_open(here))
    yield "deliveries_overdue", "gauge", "Those with something overdue.", _by_precedence(_overdue(here, now_ms))
    standing_alerts = _by_precedence(Counter(record.body.precedence for record in alerts))
    yield "alerts_standing", "gauge", "Alerts whose cause stands.", standing_alerts
    unheard = sum(1 for record in alerts if not record.acked)
    yield "alerts_unacknowledged", "gauge", "Those that nobody has acknowledged.", [("", unheard)]
    yield "console_browsers", "gauge", "Open live sockets.", [("", len(here.live.browsers))]
    yield "console_stale", "gauge", "Whether the log cannot be read just now.", [("", int(here.live.stale is not None))]


def _readable(here: Console) -> list[Delivery]:
    """Open deliveries; on a party's console those of which it reads what becomes."""
    ledger, party = here.source.fold.ledger, here.source.facts.party
    found = [ledger.deliveries[key] for key in ledger.open]
    return [one for one in found if reads(party, ledger.notices[one.of], one)]


def _open(here: Console) -> Counter[Precedence]:
    return Counter(one.precedence for one in _readable(here))


def _overdue(here: Console, now_ms: int) -> Counter[Precedence]:
    ledger, found = here.source.fold.ledger, Counter[Precedence]()
    for one in _readable(here):
        owed = dl.obligations(one, ledger.charter.deadlines.row(one.precedence))
        if any(o.rung is Level.OPERATIONS and o.due_ms <= now_ms for o in owed):
            found[one.precedence] += 1
    return found


def _by_precedence(counts: Counter[Precedence]) -> list[_Value]:
    return [(f'{{precedence="{one.value}"}}', counts[one]) for one in reversed(Precedence)]
