"""The alerts' queue: alerts with what became of them, and findings among them. Pure, as `rows` is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from channel.console import facts
from channel.console.rows import Moment, precedence, time, wire
from channel.console.shapes import AlertRow, Told
from channel.ledger import AlertRecord, FindingRecord, Ledger, alert_wording, finding_wording
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import DeskOf

Raised = AlertRecord | FindingRecord


class UnknownAlertError(UsageError):
    """There is no such alert for this desk, so nothing was signed."""

    code = "unknown-alert"


class UnknownNoticeError(UsageError):
    """There is no such notice for this party, so nothing was signed about it."""

    code = "unknown-notice"


def told_alert(ledger: Ledger, alert: str, party: str | None) -> AlertRecord:
    """The alert, if it was told to that party, or to the operator (None). UnknownAlertError.

    The relay would hold an acknowledgement of an alert that it does not know, and refuse it ten minutes later.
    """
    record = ledger.alerts.get(alert)
    if record is None or (party is not None and all(desk.party != party for desk in record.body.told)):
        raise UnknownAlertError("no such alert was told to this desk: load the page again")
    return record


def alert_row(moment: Moment, record: AlertRecord) -> AlertRow:
    """A row of the alerts' queue."""
    ledger, body = moment.ledger, record.body
    return AlertRow(
        id=body.alert,
        what="alert",
        stage=body.stage,
        rung=body.rung.value,
        round=body.round,
        precedence=precedence(body.precedence),
        of=body.of,
        nid=body.nid,
        author=body.author,
        addressee=body.addressee,
        via=body.via,
        fault=body.fault,
        due_at=wire(alert_wording.due_ms(ledger, record)),
        raised_at=wire(record.raised_ms),
        cleared_at=time(record.cleared_ms),
        cleared_why=None if record.standing else alert_wording.cleared_said(ledger, record),
        ending=() if record.standing else facts.of_ending(ledger, record),
        told=_told(moment, record.index, body.told),
        ring=alert_wording.desk(body.ring),
        contact=ledger.contact(body.ring.party, body.ring.desk),
        acknowledged={party: wire(at) for party, at in record.acked.items()},
        reasons=dict(record.reasons),
        mine=(moment.party or ids.RELAY) in record.acked,
        says=alert_wording.alert_said(ledger, record, record.raised_ms),
        facts=facts.of_alert(ledger, record),
        concerns=(),
        rests_on=(),
        measures={},
    )


def finding_row(moment: Moment, record: FindingRecord) -> AlertRow:
    """A finding in the same queue. Nobody acknowledges it: it stands until its cause ends."""
    ledger, body = moment.ledger, record.body
    known = next((ledger.notices[of] for of in body.rests_on if of in ledger.notices), None)
    return AlertRow(
        id=body.finding,
        what="finding",
        stage=body.kind,
        rung=None,
        round=1,
        precedence=precedence(body.precedence),
        of=None if known is None else known.of,
        nid=None if known is None else known.nid,
        author=None if known is None else known.author,
        addressee=None,
        via=None,
        fault=None,
        due_at=None,
        raised_at=wire(record.raised_ms),
        cleared_at=time(record.cleared_ms),
        cleared_why=None if record.standing else finding_wording.cleared_said(ledger, record),
        ending=() if record.standing else facts.of_ending(ledger, record),
        told=_told(moment, record.index, body.told),
        ring=None,
        contact=None,
        acknowledged={},
        reasons={},
        mine=False,
        says=finding_wording.sentence(ledger, body),
        facts=facts.of_finding(ledger, body),
        concerns=body.concerns,
        rests_on=body.rests_on,
        measures=dict(body.measures),
    )


def _told(moment: Moment, index: int, desks: Iterable[DeskOf]) -> tuple[Told, ...]:
    return tuple(
        Told(
            desk=alert_wording.desk(of),
            how="screen" if of.party == ids.RELAY else "channel",
            has=_has(moment, of.party, index),
        )
        for of in desks
    )


def _has(moment: Moment, party: str, index: int) -> bool | None:
    """Whether that party's client is past this leaf of its feed."""
    have, record = moment.have.get(party), moment.ledger.parties.get(party)
    if have is None or record is None:
        return None
    place = bisect_left(record.feed, index)
    if place == len(record.feed) or record.feed[place] != index:  # a feed may hold earlier leaves between
        place = record.feed.index(index) if index in record.released else len(record.feed)
    return place < have


def queue_row(moment: Moment, record: Raised) -> AlertRow:
    """A row of the queue, whatever it is."""
    return alert_row(moment, record) if isinstance(record, AlertRecord) else finding_row(moment, record)


def queue_id(record: Raised) -> str:
    """Its key in the queue."""
    return record.body.alert if isinstance(record, AlertRecord) else record.body.finding
