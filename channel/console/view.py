"""Whole screens from a ledger: the view of one moment, a notice's page, the state of the installation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from channel.console import queue, rows, says
from channel.console.picture import own, picture
from channel.console.shapes import AlertRow, Health, NoticePage, NoticeRow, Picture, Pulse, RollCall, View
from channel.console.source import Standing
from channel.ledger import Ledger, deadlines
from channel.ledger.records import NoticeRecord
from channel.protocol import ids
from channel.protocol.statements import Check
from channel.protocol.times import from_wire, to_wire

ENDED_MAX = 500  # notices that have ended and stay on the board: the newest; all others are on the time slider
CLEARED_MAX = 500  # and so with alerts that are over
NOTED = "accounted-for"  # a finding that only notes that all is well
_SKEW_LEAVES = 500  # how far back a party's newest statement is looked for


def view(moment: rows.Moment, index: int, *, live: bool, health: Health | None = None) -> View:
    """Everything on the screens after that leaf."""
    ledger = moment.ledger
    return View(
        index=index,
        at=to_wire(moment.now_ms),
        party=moment.party,
        live=live,
        board=tuple(board(rows.notice_row(moment, record) for record in listed(ledger, moment.party))),
        alerts=tuple(in_order(queue.queue_row(moment, record) for record in queued(ledger))),
        picture=picture(ledger, moment.now_ms, moment.party),
        health=health,
    )


def listed(ledger: Ledger, party: str | None) -> list[NoticeRecord]:
    """The notices on the board: all that are not settled, and the newest of the others."""
    unsettled = {record.of: record for record in _unsettled(ledger) if not rows.settled(ledger, record, party)}
    over = [record for of, record in ledger.notices.items() if of not in unsettled]
    over.sort(key=lambda record: (rows.settled_ms(ledger, record), record.index))
    return [*over[-ENDED_MAX:], *unsettled.values()]


def _unsettled(ledger: Ledger) -> Iterator[NoticeRecord]:
    """What is open, and what an alert stands on."""
    for of, _ in ledger.open:
        yield ledger.notices[of]
    for alert in ledger.alerts.values():
        if alert.standing and alert.body.of in ledger.notices:
            yield ledger.notices[alert.body.of]


def queued(ledger: Ledger) -> list[queue.Raised]:
    """All standing alerts and findings, and the newest that are over."""
    noted = [record for record in ledger.findings.values() if record.body.kind != NOTED]
    all_: list[queue.Raised] = [*ledger.alerts.values(), *noted]
    over = sorted((one for one in all_ if not one.standing), key=lambda one: (one.cleared_ms or 0, one.index))
    return [*over[-CLEARED_MAX:], *(one for one in all_ if one.standing)]


_PRECEDENCES = ("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE")


def board(found: Iterable[NoticeRow]) -> list[NoticeRow]:
    """The order of the board: what is urgent first, then precedence, then the older first."""
    return sorted(found, key=lambda row: (row.rank, _PRECEDENCES.index(row.precedence), row.index))


def in_order(found: Iterable[AlertRow]) -> list[AlertRow]:
    """The order of the alerts: standing, then precedence, then the older first."""
    return sorted(found, key=lambda a: (a.cleared_at is not None, _PRECEDENCES.index(a.precedence), a.raised_at, a.id))


def page(moment: rows.Moment, of: ids.Hash) -> NoticePage:
    """Everything about one notice. KeyError if it is not in that ledger."""
    ledger, record = moment.ledger, moment.ledger.notices[of]
    alerts = [ledger.alerts[id_] for id_ in ledger.alerts_on.get(of, ())]
    raised: list[queue.Raised] = [*alerts, *(one for one in ledger.findings.values() if of in one.body.rests_on)]
    standing = picture(ledger, moment.now_ms, moment.party).features
    resting = (feature for feature in standing if of in feature["properties"].get("rests_on", ()))
    desks = [(d.party, d.desk) for alert in alerts for d in (*alert.body.told, alert.body.ring)]
    desks += [(party, ledger.desk(party, "operations")) for party in (record.author, *record.parties)]
    return NoticePage(
        row=rows.notice_row(moment, record),
        timeline=tuple(says.statement(ledger, entry, moment.witnessed) for entry in says.about(ledger, of)),
        alerts=tuple(in_order(queue.queue_row(moment, one) for one in raised)),
        picture=Picture(features=(*own(ledger, of, moment.now_ms, moment.party), *resting)),
        contacts={f"{party}/{desk}": ledger.contact(party, desk) for party, desk in sorted(set(desks))},
    )


def health(ledger: Ledger, marks: rows.Marks, standing: Standing) -> Health:
    """The state of the installation; skew is that of each party's newest statement."""
    return Health(
        size=ledger.size,
        root=standing.root,
        witnessed_size=standing.witnessed,
        cosigned=standing.cosigned,
        last_stamp_at=to_wire(ledger.last_stamp_ms) if ledger.size else None,
        in_force=ledger.in_force,
        relay=standing.relay,
        broker=standing.broker,
        quarantined=standing.quarantined,
        store=standing.store,
        log_bytes=standing.log_bytes,
        disk_free_bytes=standing.disk_free_bytes,
        alarms=standing.alarms,
        queued=standing.queued,
        parties=tuple(_pulse(ledger, marks, standing, party) for party in ledger.parties),
    )


def _pulse(ledger: Ledger, marks: rows.Marks, standing: Standing, party: str) -> Pulse:
    record, link = ledger.parties[party], standing.links.get(party)
    watch_due_ms = deadlines.watch_due_ms(ledger, party)
    return Pulse(
        party=party,
        acceded=record.acceded,
        suspended=record.suspended,
        present=None if link is None else link.present,
        heard_at=None if link is None or link.heard_ms is None else to_wire(link.heard_ms),
        statement_at=None if record.heard_ms is None else to_wire(record.heard_ms),
        on_watch_at=None if record.on_watch_ms is None else to_wire(record.on_watch_ms),
        watch_until_at=None if watch_due_ms is None else to_wire(watch_due_ms),
        roll_calls=_roll_calls(marks, party),
        feed=len(record.feed),
        has=None if link is None else link.has,
        skew_ms=_skew_ms(ledger, party),
        cosigned_size=None if link is None else link.cosigned_size,
    )


def _roll_calls(marks: rows.Marks, party: str) -> tuple[RollCall, ...]:
    found = sorted((entry for (name, _), entry in marks.checks.items() if name == party), key=lambda one: -one.index)
    checks = ((entry.stamp_ms, entry.opened.body) for entry in found)
    return tuple(
        RollCall(desk=body.desk, state=body.state, at=to_wire(at_ms))
        for at_ms, body in checks
        if isinstance(body, Check)
    )


def _skew_ms(ledger: Ledger, party: str) -> int | None:
    """Of its newest statement; what waited in an outbox is late too, so it is a hint."""
    for entry in islice(reversed(ledger.entries.values()), _SKEW_LEAVES):
        issued = getattr(entry.opened.body, "issued", None)
        if entry.opened.party == party and issued is not None:
            return from_wire(issued) - entry.stamp_ms
    return None
