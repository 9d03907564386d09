"""The facts of a dispute: of each notice on an area and a time, what is proven of each party's knowledge, and when.

Pure over a folded log. Positions in the log come first; a time is an interval, never an instant. The sentences are in
dispute_claims.py, the page is in dispute_html.py. What a key signed where it was not valid counts for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from channel.ledger.ledger import Ledger
from channel.ledger.records import Entry, NoticeRecord
from channel.protocol import ids
from channel.protocol.statements import (
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Call,
    Finding,
    Forwarding,
    Notice,
    Receiving,
    Shape,
    Stage,
    Word,
)
from channel.protocol.times import from_wire
from channel.replay.area import Area, touches
from channel.replay.reading import Reading
from channel.replay.witnessed import Quorum


class Level(StrEnum):
    """What is proven of a party and a notice, the least first; protocol.md section 15 says what each one shows."""

    NOTHING = "nothing"
    IN_LOG = "in-the-log"
    BY_VOICE = "forwarded-by-voice"
    BY_CHANNEL = "forwarded-by-channel"
    RECEIVED = "received"
    PASSED_ON = "passed-on"
    DISPLAYED = "displayed"
    ANSWERED = "answered"

    @property
    def rank(self) -> int:
        """0 for nothing."""
        return tuple(Level).index(self)


@dataclass(frozen=True, slots=True)
class Query:
    """The area and the time in dispute, both ends included; with `party`, only notices that it wrote or was to get."""

    area: Area
    from_ms: int
    until_ms: int
    party: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that proves a level. `not_before_ms`: the stamp of the newest leaf that its signer names as seen.

    `stamp_ms` is the relay's: it was signed before. `witnessed` says before when a quorum had the leaf before them.
    """

    level: Level
    word: Word | None
    entry: Entry
    key: str
    """`desk`, `machine`, or another purpose."""
    held: str
    """By whom, as the charter or the key's enrolment says: `person` or `machine`."""
    not_before_ms: int | None
    witnessed: Quorum | None
    saw_other_log: bool
    compromised_since: int | None
    closes: bool
    """Of an answer: whether it is the one that the delivery ended with."""

    @property
    def kid(self) -> str:
        return self.entry.opened.kid

    @property
    def stamp_ms(self) -> int:
        return self.entry.stamp_ms


@dataclass(frozen=True, slots=True)
class Told:
    """What is proven of one party and one notice. `role`: action, information, or intermediary (only to pass it on)."""

    party: str
    via: str | None
    role: str
    steps: tuple[Step, ...]

    def at(self, moment_ms: int | None = None) -> Step | None:
        """The statement of the highest level that was in the log by then; None: nothing. Of equals the last."""
        found: Step | None = None
        for step in self.steps:
            if moment_ms is not None and step.stamp_ms > moment_ms:
                continue
            if found is None or (step.level.rank, step.closes) >= (found.level.rank, found.closes):
                found = step
        return found

    def maybe_by(self, moment_ms: int) -> tuple[Step, ...]:
        """Statements that came into the log later, and of which nothing shows that they were signed later."""
        return tuple(
            step
            for step in self.steps
            if step.stamp_ms > moment_ms
            and step.entry.opened.party == self.party
            and (step.not_before_ms is None or step.not_before_ms <= moment_ms)
        )


@dataclass(frozen=True, slots=True)
class Act:
    """What came after a notice: `alert`, `acknowledgement`, `amendment`, `withdrawal`, `call`, `finding`."""

    what: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Disputed:
    """A notice that touches area and time. `placed` is False when a shape of it means no place on the map."""

    record: NoticeRecord
    step: Step
    told: tuple[Told, ...]
    after: tuple[Act, ...]
    placed: bool

    @property
    def body(self) -> Notice:
        body = self.record.body
        if not isinstance(body, Notice):
            raise TypeError("only notices have volumes")
        return body


@dataclass(frozen=True, slots=True)
class Dispute:
    """All of them, in the order of the log, and what could not be judged by place."""

    query: Query
    notices: tuple[Disputed, ...]
    sealed: tuple[NoticeRecord, ...]
    """Sealed notices whose outer shows no area."""
    without_area: dict[str, int]
    """How many notices, lines and calls have no area, by kind."""
    refused: int
    key_not_valid: tuple[int, ...]
    """Leaves that count for nothing here, because their key was not valid at their position."""
    swapped: bool
    """Nothing was found, and something would have been with latitude and longitude in each other's place."""


def judge(reading: Reading, query: Query, witnessed: Callable[[int], Quorum | None]) -> Dispute:
    """The facts. `witnessed` gives the first quorum of cosignatures that covers a leaf."""
    return _Judge(reading, query, witnessed).run()


# --- which notices ----------------------------------------------------------------------------------------------------


def shapes_of(body: Notice) -> list[Shape]:
    """Where a notice is about; of a sealed one whose outer has no volumes, the area in which others may be warned."""
    shapes: list[Shape] = [volume.shape for volume in body.volumes]
    return shapes or ([body.warn] if body.sealed is not None and body.warn is not None else [])


def _in_time(query: Query, begin: str, end: str) -> bool:
    return from_wire(begin) <= query.until_ms and from_wire(end) >= query.from_ms


def _concerns(query: Query, body: Notice) -> tuple[bool, bool]:
    """(whether it touches area and time, whether all that was asked could be placed)."""
    if not body.volumes:
        found = [touches(query.area, shape) for shape in shapes_of(body)]
    else:
        timely = [volume for volume in body.volumes if _in_time(query, volume.from_, volume.until)]
        found = [touches(query.area, volume.shape) for volume in timely]
    return any(one is not False for one in found), None not in found


class _Judge:
    def __init__(self, reading: Reading, query: Query, witnessed: Callable[[int], Quorum | None]) -> None:
        self._ledger: Ledger = reading.folded.ledger
        self._tree = reading.folded.tree
        self._query = query
        self._witnessed = witnessed
        self._about: dict[str, list[Entry]] = {}
        self._calls: list[Entry] = []
        self._invalid: list[int] = []

    def run(self) -> Dispute:
        self._sort()
        found, sealed, without = [], [], Counter[str]()
        records = [record for record in self._ledger.notices.values() if self._is_asked_for(record)]
        for record in records:
            body = record.body
            if isinstance(body, Notice) and shapes_of(body):
                concerned, placed = _concerns(self._query, body)
                found += [self._disputed(record, placed)] if concerned else []
            elif isinstance(body, Notice) and body.sealed is not None:
                sealed.append(record)
            else:
                without[record.kind] += 1
        return Dispute(
            self._query,
            tuple(found),
            tuple(sealed),
            dict(sorted(without.items())),
            refused=sum(refusal.count for refusal in self._ledger.refused.values()),
            key_not_valid=tuple(self._invalid),
            swapped=not found and self._is_swapped(records),
        )

    def _is_swapped(self, records: list[NoticeRecord]) -> bool:
        area = self._query.area.swapped()
        bodies = [record.body for record in records]
        return area is not None and any(
            _concerns(replace(self._query, area=area), body)[0] for body in bodies if isinstance(body, Notice)
        )

    def _sort(self) -> None:
        """One pass over the log: what is about which notice."""
        alerts: dict[str, str] = {}
        for entry in self._ledger.entries.values():
            if entry.index and not self._ledger.ring.valid_at(entry.opened.kid, entry.index):
                self._invalid.append(entry.index)
                continue
            ofs: list[str | None] = []
            match entry.opened.body:
                case Receiving(of=of) | Answer(of=of) | Forwarding(of=of):
                    ofs = [of]
                case Alert(of=of, alert=alert):
                    ofs = [of]
                    alerts[alert] = of or ""
                case Acknowledgement(alert=alert):
                    ofs = [alerts.get(alert)]
                case Finding(rests_on=rests_on):
                    ofs = list(rests_on)
                case Notice(amends=amends, withdraws=withdraws):
                    ofs = [amends, withdraws]
                case Call():
                    self._calls.append(entry)
                case _:
                    pass
            for of in ofs:
                if of:
                    self._about.setdefault(of, []).append(entry)

    def _is_asked_for(self, record: NoticeRecord) -> bool:
        by_party = self._query.party is None or self._query.party in _concerned(record)
        return by_party and record.index not in self._invalid

    # --- one notice ---------------------------------------------------------------------------------------------------

    def _disputed(self, record: NoticeRecord, placed: bool) -> Disputed:
        own = self._step(self._ledger.entries[record.index], Level.IN_LOG)
        told = tuple(self._told(record, own, party, via, role) for party, via, role in _rows(record.body))
        return Disputed(record, own, told, tuple(self._after(record)), placed)

    def _told(self, record: NoticeRecord, own: Step, party: str, via: str | None, role: str) -> Told:
        steps = [] if via is not None else [own]
        steps += [
            self._step(entry, level, self._closes(record.of, party, entry))
            for entry in self._about.get(record.of, ())
            if (level := _level(entry, party, via)) is not None
        ]
        return Told(party, via, role, tuple(steps))

    def _closes(self, of: str, party: str, entry: Entry) -> bool:
        body, delivery = entry.opened.body, self._ledger.deliveries.get((of, party))
        return isinstance(body, Answer) and delivery is not None and delivery.answer_of == entry.opened.of

    def _step(self, entry: Entry, level: Level, closes: bool = False) -> Step:
        opened, ring = entry.opened, self._ledger.ring
        seen = getattr(opened.body, "seen", None)
        size = 0 if seen is None or seen.size > entry.index else seen.size
        same = size == 0 or seen is None or ids.b64url(self._tree.root(size)) == seen.root
        key = ring.record(opened.kid)
        since = key.compromised_since
        return Step(
            level=level,
            word=opened.body.word if isinstance(opened.body, Answer) else None,
            entry=entry,
            key=_kind(opened.kid),
            held=key.held,
            not_before_ms=self._ledger.entries[size - 1].stamp_ms if size and same else None,
            witnessed=self._witnessed(entry.index),
            saw_other_log=not same or (seen is not None and seen.size > entry.index),
            compromised_since=since if since is not None and entry.index >= since else None,
            closes=closes,
        )

    def _after(self, record: NoticeRecord) -> Iterator[Act]:
        acts = [Act(what, entry) for entry in self._about.get(record.of, ()) if (what := _what(entry, record.of))]
        acts += [Act("call", entry) for entry in self._calls if self._is_call_on(record, entry)]
        yield from sorted(acts, key=lambda act: act.entry.index)

    def _is_call_on(self, record: NoticeRecord, entry: Entry) -> bool:
        """A call of the author's with one who was to know, begun after the notice and within its or the disputed time.

        It names no notice: that it was about this one is not shown.
        """
        call, notice = entry.opened.body, record.body
        if not isinstance(call, Call) or not isinstance(notice, Notice) or entry.index <= record.index:
            return False
        took_part = {entry.opened.party, *(desk.party for desk in call.desks)}
        ends = [self._query.until_ms, *(from_wire(volume.until) for volume in notice.volumes)]
        others = _concerned(record) - {record.author}
        timely = record.stamp_ms <= from_wire(call.began) <= max(ends)
        return record.author in took_part and bool(took_part & others) and timely


def _concerned(record: NoticeRecord) -> set[str]:
    return {record.author, *record.parties, *(to.via for to in record.body.to if to.via is not None)}


def _rows(body: Addressed) -> Iterator[tuple[str, str | None, str]]:
    """(party, via, role): the addressees in their order; then who had only to pass it on."""
    named = {*(to.party for to in body.to), *body.info}
    for to in body.to:
        yield to.party, to.via, "action"
    for party in body.info:
        yield party, None, "information"
    for via in dict.fromkeys(to.via for to in body.to if to.via is not None and to.via not in named):
        yield str(via), None, "intermediary"


def _level(entry: Entry, party: str, via: str | None) -> Level | None:
    """What a statement about the notice proves of the party; None: nothing."""
    signer = entry.opened.party
    match entry.opened.body:
        case Receiving(stage=stage) if signer == party:
            return Level.DISPLAYED if stage is Stage.DISPLAYED else Level.RECEIVED
        case Answer() if signer == party:
            return Level.ANSWERED
        case Forwarding() if signer == party:
            return Level.PASSED_ON
        case Forwarding(to=to, by=by) if to == party and signer == via:
            return Level.BY_VOICE if by == "voice" else Level.BY_CHANNEL
        case _:
            return None


def _what(entry: Entry, of: str) -> str:
    match entry.opened.body:
        case Alert():
            return "alert"
        case Acknowledgement():
            return "acknowledgement"
        case Finding():
            return "finding"
        case Notice(withdraws=withdraws) if withdraws == of:
            return "withdrawal"
        case Notice():
            return "amendment"
        case _:
            return ""


def _kind(kid: str) -> str:
    if ids.is_desk_kid(kid):
        return "desk"
    return "machine" if ids.is_machine_kid(kid) else ids.kid_purpose(kid)
