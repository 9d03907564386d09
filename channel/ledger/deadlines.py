"""What is due, and the alert that says so (protocol.md 9.2 to 9.4). Policy: asked live with a time, never by the fold.

An agenda is an index of due times over the ledger, rebuilt from it at any moment; it holds no state of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channel.ledger import delivery as dl
from channel.ledger.ledger import Due, Ledger
from channel.protocol import ids
from channel.protocol.statements import DeskOf, Level, Precedence
from channel.protocol.times import short


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """An alert that is due; the relay makes it a statement. Members as in `statements.Alert`."""

    alert: str
    stage: str
    rung: Level
    round: int
    due_ms: int
    fault: str
    told: tuple[DeskOf, ...]
    ring: DeskOf
    precedence: Precedence
    of: str | None = None
    nid: str | None = None
    author: str | None = None
    addressee: str | None = None
    via: str | None = None
    detail: str = ""


class Agenda:
    """Due times of a ledger, earliest first."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._heap: list[tuple[int, tuple[int, str], str, tuple[str, ...]]] = []
        self._queued: dict[Due, int] = {}
        """The one entry of the heap that counts for each thing: others of it are old, and passed over."""

    def refresh(self) -> None:
        """Take in what the ledger says has changed."""
        for due in dict.fromkeys(self._ledger.touched):
            self._queue(due)
        self._ledger.touched.clear()

    def next_ms(self) -> int | None:
        """When the next alert falls due; None if nothing is owed."""
        self.refresh()
        while self._heap:
            at_ms, _, what, key = self._heap[0]
            due = Due(what, key)
            if self._queued.get(due) == at_ms and self._queue(due) == at_ms:
                return at_ms
            heapq.heappop(self._heap)
        return None

    def _queue(self, due: Due) -> int | None:
        """Put it in at its present due time, if it is not there at that time already; None: nothing is owed of it."""
        at_ms = next((draft.due_ms for draft in _drafts(self._ledger, due)), None)
        if at_ms is None:
            self._queued.pop(due, None)
        elif self._queued.get(due) != at_ms:
            self._queued[due] = at_ms
            heapq.heappush(self._heap, (at_ms, self._place(due), due.what, due.key))
        return at_ms

    def due(self, now_ms: int) -> AlertDraft | None:
        """The next alert due at `now_ms`, never early; None when there is none. Apply it before asking again."""
        at_ms = self.next_ms()
        if at_ms is None or at_ms > now_ms:
            return None
        _, _, what, key = self._heap[0]
        return next(_drafts(self._ledger, Due(what, key)))

    def _place(self, due: Due) -> tuple[int, str]:
        """What comes first at one instant: by position in the log, never by a hash, which differs from run to run."""
        match due.what:
            case "delivery":
                return self._ledger.notices[due.key[0]].index, due.key[1]
            case "alert":
                return self._ledger.alerts[due.key[0]].index, ""
            case _:
                return -1, due.key[0]


def _drafts(ledger: Ledger, due: Due) -> Iterator[AlertDraft]:
    """What is or will be due of one thing and is not in the log yet, earliest first."""
    match due.what:
        case "delivery":
            found: Iterable[AlertDraft] = _of_delivery(ledger, due.key)
        case "alert":
            found = _next_round(ledger, due.key[0])
        case "watch":
            found = _watch(ledger, due.key[0])
        case _:
            found = _holes(ledger, due.key[0])
    return iter(sorted(found, key=_order))


def _order(draft: AlertDraft) -> tuple[int, bool, int, str, str, str]:
    """By time; at one instant from the lowest rung up, and an expiry last, because it ends what the others rest on."""
    last, rung = draft.stage == "expired", dl.RUNGS.index(draft.rung)
    return (draft.due_ms, last, rung, draft.stage, draft.via or "", draft.alert)


def _of_delivery(ledger: Ledger, key: tuple[str, ...]) -> Iterator[AlertDraft]:
    delivery = ledger.deliveries[key[0], key[1]]
    if not ledger.in_force:
        return
    for owed in dl.obligations(delivery, ledger.charter.deadlines.row(delivery.precedence)):
        draft = _delivery_alert(ledger, delivery, owed, 1)
        if draft.alert not in ledger.alerts:
            yield draft


def _delivery_alert(ledger: Ledger, delivery: dl.Delivery, owed: dl.Obligation, round_: int) -> AlertDraft:
    early = owed.subject != delivery.addressee
    other = delivery.via if early and delivery.via else owed.fault
    told = [DeskOf(party=delivery.author, desk=ledger.desk(delivery.author, "operations"))]
    if owed.rung is not Level.OPERATIONS:
        told.append(DeskOf(party=delivery.author, desk=ledger.desk(delivery.author, owed.rung.value)))
    told.append(DeskOf(party=other, desk=ledger.desk(other, owed.rung.value)))
    if delivery.via is not None and other != delivery.via:
        told.append(DeskOf(party=delivery.via, desk=ledger.desk(delivery.via, "operations")))
    return AlertDraft(
        alert=ids.alert_id(delivery.of, owed.subject, owed.stage, owed.rung.value, round_),
        stage=owed.stage,
        rung=owed.rung,
        round=round_,
        due_ms=owed.due_ms,
        fault=owed.fault,
        told=tuple(dict.fromkeys(told)),
        ring=DeskOf(party=owed.fault, desk=ledger.desk(owed.fault, owed.rung.value)),
        precedence=delivery.precedence,
        of=delivery.of,
        nid=ledger.notices[delivery.of].nid,
        author=delivery.author,
        addressee=delivery.addressee,
        via=delivery.via if early else None,
    )


def _next_round(ledger: Ledger, alert: str) -> Iterator[AlertDraft]:
    """One answer deadline after the first acknowledgement, if the cause stands and the delivery is open."""
    record = ledger.alerts[alert]
    body = record.body
    delivery = ledger.deliveries.get((body.of or "", body.addressee or ""))
    if delivery is None or record.first_ack_ms is None or not record.standing or delivery.end is not dl.End.OPEN:
        return
    if body.stage == "silent":
        return
    due_ms = record.first_ack_ms + ledger.charter.deadlines.row(delivery.precedence).answer_ms
    owed = dl.Obligation(due_ms, body.stage, body.rung, body.fault, record.subject)
    draft = _delivery_alert(ledger, delivery, owed, body.round + 1)
    if draft.alert not in ledger.alerts:
        yield draft


def _watch(ledger: Ledger, party: str) -> Iterator[AlertDraft]:
    """Nobody on duty: no desk statement of the party within the charter's watch interval."""
    record, due_ms = ledger.parties[party], watch_due_ms(ledger, party)
    if due_ms is None or ledger.alerts_on.get(f"watch/{party}"):
        return
    yield AlertDraft(
        alert=ids.alert_id(f"watch/{party}", party, "watch", "operations", record.watch_alerts + 1),
        stage="watch",
        rung=Level.OPERATIONS,
        round=record.watch_alerts + 1,
        due_ms=due_ms,
        fault=party,
        told=tuple(
            DeskOf(party=party, desk=d)
            for d in dict.fromkeys((ledger.desk(party, "operations"), ledger.desk(party, "staff")))
        ),
        ring=DeskOf(party=party, desk=ledger.desk(party, "staff")),
        precedence=Precedence.PRIORITY,
        detail=f"no desk of {party} has signed anything for {short(ledger.charter.terms.watch_ms)}",
    )


def watch_due_ms(ledger: Ledger, party: str) -> int | None:
    """When nobody on duty becomes an alert, counted from the newest sign of duty, at the earliest from the charter's
    coming into force. None: the charter asks for no watch, or is not in force.
    """
    watch_ms = ledger.charter.terms.watch_ms
    if watch_ms == 0 or ledger.in_force_ms is None:
        return None
    return max(ledger.parties[party].on_watch_ms or 0, ledger.in_force_ms) + watch_ms


def _holes(ledger: Ledger, kid: str) -> Iterator[AlertDraft]:
    party = ids.kid_party(kid)
    if party not in ledger.parties:
        return
    for seq, since_ms in ledger.devices[kid].missing.items():  # the earliest first, and one at a time is enough
        cause = f"{kid}/{seq}"
        if ids.alert_id(cause, party, "hole", "operations", 1) not in ledger.alerts:
            yield _own_alert(ledger, party, "hole", cause, since_ms + ledger.charter.terms.hole_ms)
            return


def _own_alert(ledger: Ledger, party: str, stage: str, cause: str, due_ms: int) -> AlertDraft:
    desk = DeskOf(party=party, desk=ledger.desk(party, "operations"))
    kid, _, seq = cause.rpartition("/")
    details = {
        "hole": f"a statement signed with {kid} under number {seq} never came",
        "equivocation": "the same key and sequence number, or notice id, was used for other bytes: check that key",
    }
    return AlertDraft(
        alert=ids.alert_id(cause, party, stage, "operations", 1),
        stage=stage,
        rung=Level.OPERATIONS,
        round=1,
        due_ms=due_ms,
        fault=party,
        told=(desk,),
        ring=desk,
        precedence=Precedence.IMMEDIATE if stage == "equivocation" else Precedence.ROUTINE,
        detail=details[stage],
    )


def equivocation(ledger: Ledger, party: str, of: str, now_ms: int) -> AlertDraft:
    """The alert that goes with a refusal for equivocation."""
    return _own_alert(ledger, party, "equivocation", of, now_ms)


def clock_stepped(ledger: Ledger, old_ms: int, new_ms: int, now_ms: int) -> AlertDraft:
    """The wall clock moved beyond the limit: the relay goes on by its own until the operator applies it (law 3)."""
    desk = DeskOf(party=ids.RELAY, desk=ledger.desk(ids.RELAY, "operations"))
    seconds = round((new_ms - old_ms) / 1000)
    return AlertDraft(
        alert=ids.alert_id(f"clock/{ledger.clock_steps}", ids.RELAY, "clock", "operations", 1),
        stage="clock",
        rung=Level.OPERATIONS,
        round=1,
        due_ms=now_ms,
        fault=ids.RELAY,
        told=(desk,),
        ring=desk,
        precedence=Precedence.PRIORITY,
        detail=f"the wall clock differs by {seconds} s: check it, then `channel clock --apply REASON`",
    )


def unwitnessed(ledger: Ledger, size: int, missing: Iterable[str], since_ms: int) -> AlertDraft | None:
    """The leaf at `size` is the first without a quorum of cosignatures over it: one alert for the whole net.

    None if it was raised before, or the charter is not in force. `since_ms`: the relay could hear nobody before.
    """
    entry, terms = ledger.entries.get(size), ledger.charter.terms
    alert = ids.alert_id(f"unwitnessed/{size}", ids.RELAY, "unwitnessed", "operations", 1)
    if entry is None or ledger.in_force_ms is None or alert in ledger.alerts:
        return None
    desk = DeskOf(party=ids.RELAY, desk=ledger.desk(ids.RELAY, "operations"))
    return AlertDraft(
        alert=alert,
        stage="unwitnessed",
        rung=Level.OPERATIONS,
        round=1,
        due_ms=max(entry.stamp_ms, ledger.in_force_ms, since_ms) + terms.unwitnessed_ms,
        fault=ids.RELAY,
        told=(desk,),
        ring=desk,
        precedence=Precedence.PRIORITY,
        detail=f"the log from leaf {size} on has not {terms.quorum} cosignatures: missing {', '.join(missing)}",
    )


def silent(ledger: Ledger, party: str, now_ms: int) -> Iterator[AlertDraft]:
    """Alerts for a party that is not heard while it is owed a FLASH or IMMEDIATE: one a delivery (protocol.md 9.3)."""
    for delivery in [ledger.deliveries[key] for key in ledger.open]:
        holder = delivery.via if delivery.leg is dl.Leg.AWAITING_FORWARD else delivery.addressee
        if holder != party or delivery.end is not dl.End.OPEN or delivery.precedence.rank < Precedence.IMMEDIATE.rank:
            continue
        subject = delivery.addressee if holder == delivery.addressee else f"{delivery.addressee} via {holder}"
        owed = dl.Obligation(now_ms, "silent", Level.OPERATIONS, party, subject)
        draft = _delivery_alert(ledger, delivery, owed, 1)
        if draft.alert not in ledger.alerts:
            yield draft
