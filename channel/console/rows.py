"""From the ledger to the rows of the board and of the alerts' queue. Pure: a ledger, a time, what is witnessed.

Nothing is decided here that the ledger or its tables do not say; `overdue` is a due time compared with the time given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from channel.console.shapes import Cell, DeliveryShown, Language, NoticeRow
from channel.console.shapes import Precedence as PrecedenceShown
from channel.ledger import (
    Custody,
    Delivery,
    End,
    Ledger,
    Leg,
    NoticeRecord,
    Reply,
)  # fmt: skip
from channel.ledger import delivery as dl
from channel.ledger.grade import of_leaf
from channel.ledger.records import Entry
from channel.protocol import phrasebook
from channel.protocol.statements import (
    Answer,
    Call,
    Check,
    Circle,
    Deadlines,
    Level,
    Line,
    LineStatement,
    Notice,
    Point,
    Polygon,
    Position,
    Receiving,
    Shape,
    Stage,
)
from channel.protocol.times import to_wire

OVERDUE, OWED, OPEN, ENDED = range(4)
_METRES_A_DEGREE = 111_000  # of latitude; for a box on the screen, not for geometry
_ENDS: dict[End, Cell] = {End.WITHDRAWN: "withdrawn", End.SUPERSEDED: "superseded", End.EXPIRED: "expired"}
_REPLIES: dict[Reply, Cell] = {
    Reply.ROGER: "roger",
    Reply.WILCO: "wilco",
    Reply.UNABLE: "unable",
    Reply.STANDBY: "standby",
}
_CUSTODY: dict[Custody, Cell] = {
    Custody.LOGGED: "logged",
    Custody.RECEIVED: "received",
    Custody.DISPLAYED: "displayed",
}


@dataclass(slots=True)
class Marks:
    """Who signed what about a delivery: the ledger keeps the state of an answer, not its leaf. Keys as deliveries'."""

    answers: dict[tuple[str, str], Entry] = field(default_factory=dict)
    displays: dict[tuple[str, str], Entry] = field(default_factory=dict)
    checks: dict[tuple[str, str], Entry] = field(default_factory=dict)
    """The newest answer of each desk to a roll call, by (party, desk)."""

    def take(self, entry: Entry) -> None:
        """Remember the newest answer and the first `displayed` of each delivery, and each desk's newest `check`."""
        body, party = entry.opened.body, entry.opened.party
        if isinstance(body, Answer):
            self.answers[body.of, party] = entry
        elif isinstance(body, Receiving) and body.stage is Stage.DISPLAYED:
            self.displays.setdefault((body.of, party), entry)
        elif isinstance(body, Check):
            self.checks[party, body.desk] = entry

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Marks:
        made = cls()
        for entry in entries:
            made.take(entry)
        return made


@dataclass(slots=True)
class Moment:
    """What rows are made from."""

    ledger: Ledger
    marks: Marks
    now_ms: int
    witnessed: int
    party: str | None
    """Whose console it is; None: the operator's."""
    have: Mapping[str, int] = field(default_factory=dict)
    """How many leaves of its feed each party's client has, where that is known now: a hint."""


# --- the board --------------------------------------------------------------------------------------------------------


def notice_row(moment: Moment, record: NoticeRecord) -> NoticeRow:
    """A row of the board."""
    ledger, body = moment.ledger, record.body
    deliveries = ledger.deliveries_of(record.of)
    cells = tuple(_delivery(moment, one) if reads(moment.party, record, one) else _unseen(one) for one in deliveries)
    notice = body if isinstance(body, Notice) else None
    begins, ends = _window(record)
    text = _text(record)
    return NoticeRow(
        of=record.of,
        nid=record.nid,
        index=record.index,
        logged_at=wire(record.stamp_ms),
        issued_at=body.issued,
        author=record.author,
        desk=body.desk,
        type="notice" if notice else "line" if isinstance(body, LineStatement) else "call",
        kind=record.kind,
        status=notice.status if notice else "operation",
        precedence=precedence(body.precedence),
        response=record.response.value,
        how=notice.how if notice else "human",
        says=_says(record, text),
        text=text,
        sealed=(notice is not None and notice.sealed is not None) or record.unsealed,
        opened=record.unsealed,
        grade=of_leaf(record.index, moment.witnessed).value,
        open=any(cell.open for cell in cells),
        rank=_rank(ledger, record, cells),
        ended_by=record.ended_by,
        amends=notice.amends if notice else None,
        withdraws=notice.withdraws if notice else None,
        unit=notice.unit if notice else None,
        begins_at=begins,
        ends_at=ends,
        box=around(_shapes(record)),
        read_back=notice is not None and notice.read_back,
        deliveries=cells,
    )


def changes_ms(moment: Moment, record: NoticeRecord) -> int | None:
    """When time alone will next change the row: the earliest due time to come."""
    found = [
        owed.due_ms
        for one in moment.ledger.deliveries_of(record.of)
        if reads(moment.party, record, one)
        for owed in dl.obligations(one, moment.ledger.charter.deadlines.row(one.precedence))
        if owed.due_ms > moment.now_ms
    ]
    return min(found, default=None)


def _rank(ledger: Ledger, record: NoticeRecord, cells: tuple[DeliveryShown, ...]) -> int:
    """What never had its answer stays on top until somebody has acknowledged the alert that says so."""
    if any(cell.overdue for cell in cells) or _neglected(ledger, record):
        return OVERDUE
    if any(cell.owed for cell in cells):
        return OWED
    return OPEN if any(cell.open for cell in cells) else ENDED


def settled(ledger: Ledger, record: NoticeRecord, party: str | None) -> bool:
    """Whether nothing is open of it, and nobody has still to take notice that it was never answered."""
    mine = [one for one in ledger.deliveries_of(record.of) if reads(party, record, one)]
    return all(one.end is not End.OPEN for one in mine) and not _neglected(ledger, record)


def settled_ms(ledger: Ledger, record: NoticeRecord) -> int:
    """Since when it is settled: its last end, or when somebody took notice that it was never answered."""
    ends = [one.ended_ms or 0 for one in ledger.deliveries_of(record.of)]
    alerts = [ledger.alerts[id_] for id_ in ledger.alerts_on.get(record.of, ())]
    acks = [alert.first_ack_ms or 0 for alert in alerts if alert.body.stage == "expired"]
    return max((*ends, *acks), default=record.stamp_ms)


def _neglected(ledger: Ledger, record: NoticeRecord) -> bool:
    alerts = [ledger.alerts[id_] for id_ in ledger.alerts_on.get(record.of, ())]
    return any(alert.body.stage == "expired" and alert.standing and not alert.acked for alert in alerts)


def reads(party: str | None, record: NoticeRecord, one: Delivery) -> bool:
    """Whether that party may read what becomes of a delivery (docs/protocol.md 8.1): else its silence means nothing."""
    return party is None or party in (record.author, one.addressee, one.via)


def _unseen(one: Delivery) -> DeliveryShown:
    """Addressed to somebody else by somebody else: that it was addressed is all that there is to show."""
    return DeliveryShown(
        addressee=one.addressee, via=one.via, action=one.action, cell="unseen", owed=False, open=False, late=False,
        overdue=False, unconfirmed=False, via_custody=None, due_at=None, due_stage=None, told_next_at=None,
        told_next=None, logged_at=wire(one.logged_ms), received_at=None, displayed_at=None, forwarded_at=None,
        forwarded_by=None, answered_at=None, standby_until=None, reason=None, by=None,
    )  # fmt: skip


def _delivery(moment: Moment, one: Delivery) -> DeliveryShown:
    row = moment.ledger.charter.deadlines.row(one.precedence)
    owed = dl.obligations(one, row)
    next_ = min((o for o in owed if o.rung is Level.OPERATIONS), key=lambda o: o.due_ms, default=None)
    told = min(
        (o for o in owed if o.rung is not Level.OPERATIONS and o.due_ms > moment.now_ms),
        key=lambda o: o.due_ms,
        default=None,
    )
    overdue = next_ is not None and next_.due_ms <= moment.now_ms
    answered = moment.marks.answers.get((one.of, one.addressee))
    shown = moment.marks.displays.get((one.of, one.addressee))
    signed = answered or shown
    body = answered.opened.body if answered is not None else None
    return DeliveryShown(
        addressee=one.addressee,
        via=one.via,
        action=one.action,
        cell=cell_of(one),
        owed=one.owed,
        open=one.end is End.OPEN,
        late=overdue or _late(one, row),
        overdue=overdue,
        unconfirmed=one.unconfirmed and one.end is End.OPEN,
        via_custody=None if one.via is None else one.via_custody.value,
        due_at=None if next_ is None else wire(next_.due_ms),
        due_stage=None if next_ is None else next_.stage,
        told_next_at=None if told is None else wire(told.due_ms),
        told_next=None if told is None else "staff" if told.rung is Level.STAFF else "ministry",
        logged_at=wire(one.logged_ms),
        received_at=time(one.received_ms),
        displayed_at=time(one.displayed_ms),
        forwarded_at=time(one.forwarded_ms),
        forwarded_by={Leg.BY_VOICE: "voice", Leg.BY_CHANNEL: "channel"}.get(one.leg),
        answered_at=time(one.answered_ms),
        standby_until=time(one.standby_until_ms),
        reason=body.reason if isinstance(body, Answer) else None,
        by=None if signed is None else _held(moment.ledger, signed.opened.kid),
    )


def cell_of(one: Delivery) -> Cell:
    """The one state that a delivery's cell shows."""
    if one.end in _ENDS:
        return _ENDS[one.end]
    if one.reply in _REPLIES:
        return _REPLIES[one.reply]
    if one.end is End.TOLD:
        return "told"
    if one.leg is Leg.AWAITING_FORWARD:
        return "awaiting-forward"
    return "forwarded-unconfirmed" if one.unconfirmed else _CUSTODY[one.custody]


def _late(one: Delivery, row: Deadlines) -> bool:
    return one.answered_ms is not None and one.answered_ms > dl.answer_due_ms(one, row)


def _held(ledger: Ledger, kid: str) -> str:
    return ledger.ring.record(kid).held if kid in ledger.ring else "machine"


def _says(record: NoticeRecord, text: str) -> dict[Language, str]:
    body = record.body
    if not isinstance(body, Notice) or not body.elements:
        return dict.fromkeys(phrasebook.LANGUAGES, text)
    words = [text] if text else []
    return {
        language: "\n".join([*(phrasebook.render(e, language) for e in body.elements), *words])
        for language in phrasebook.LANGUAGES
    }


def _text(record: NoticeRecord) -> str:
    match record.body:
        case Notice(text=text):
            return text
        case Call(readout=readout):
            return readout
        case LineStatement() as line:
            return f"{line.action} {line.line} version {line.version}: {line.title}" + (
                f"\n{line.text}" * bool(line.text)
            )
        case _:
            return ""


def _window(record: NoticeRecord) -> tuple[str | None, str | None]:
    body = record.body
    if isinstance(body, LineStatement):
        return body.from_time, body.until_time
    if not isinstance(body, Notice) or not body.volumes:
        return None, None
    return min(v.from_ for v in body.volumes), max(v.until for v in body.volumes)


def _shapes(record: NoticeRecord) -> list[Shape]:
    body = record.body
    if isinstance(body, LineStatement):
        return [Line(path=part, width_m=0) for part in body.parts]
    if not isinstance(body, Notice):
        return []
    found: list[Shape] = [volume.shape for volume in body.volumes]
    return found or ([body.warn] if body.warn is not None else [])


def around(shapes: Iterable[Shape]) -> tuple[float, float, float, float] | None:
    """Of all shapes, each as wide as it says; near enough to fly there."""
    boxes = [_box_of(shape) for shape in shapes]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _box_of(shape: Shape) -> tuple[float, float, float, float]:
    match shape:
        case Point(at=at, accuracy_m=reach_m):
            places: tuple[Position, ...] = (at,)
        case Circle(center=center, radius_m=reach_m):
            places = (center,)
        case Line(path=path, width_m=width_m):
            places, reach_m = path, width_m // 2
        case Polygon(rings=rings):
            places, reach_m = rings[0], 0
    reach = reach_m / _METRES_A_DEGREE
    lons, lats = [lon / 1e7 for lon, _ in places], [lat / 1e7 for _, lat in places]
    return min(lons) - reach, min(lats) - reach, max(lons) + reach, max(lats) + reach


@lru_cache(maxsize=1 << 16)
def wire(at_ms: int) -> str:
    """Each stamp is in many rows, and in the same row again and again."""
    return to_wire(at_ms)


def precedence(value: object) -> PrecedenceShown:
    return cast(PrecedenceShown, str(value))


def time(at_ms: int | None) -> str | None:
    return None if at_ms is None else wire(at_ms)
