"""Which causes a topic has at a time, who may be told of them, and when to look again (protocol.md 16.3). No state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from channel.ledger import Ledger, NoticeRecord
from channel.picture import reading
from channel.picture.causes import Cause, Meeting, changes_ms, of_meeting
from channel.picture.crossings import AgreedLines, Crossed, caution, crossing
from channel.picture.drafts import cause_of
from channel.picture.gallery import KEPT_MS, Gallery
from channel.picture.topics import INCIDENT, LINE_KIND, WARN_KIND, About, Topic
from channel.protocol.ids import Hash
from channel.protocol.statements import Kind, Notice, Precedence
from channel.protocol.times import from_wire


@dataclass(frozen=True, slots=True)
class Reasons:
    """Asked of a ledger and its gallery. `me`: a client's own picture, of which only it is told."""

    ledger: Ledger
    gallery: Gallery
    me: str | None
    lines: AgreedLines

    def causes(self, topic: Topic, about: About, now_ms: int, eyes: tuple[str, ...] = ()) -> dict[str, Cause]:
        """By kind, what stands as far as each of `eyes` may know: without these, the authors or who would be told."""
        match topic.family:
            case "pair":
                met = [about.meetings[key] for key in sorted(about.meetings)]  # of several the newest is said
                met = [self._on_its_course(one, eyes) for one in met if self._meet(one, eyes)]
                return {cause.kind: cause for one in met for cause in self.of(one, now_ms)}
            case "line":
                found = [about.crossed[index] for index in sorted(about.crossed)]
                found = [c for c in found if c.side.until_ms > now_ms and self._line_eyes(topic, c, eyes)]
                return {LINE_KIND: crossing(found[-1])} if found else {}
            case "warn":
                return self._warning(topic, now_ms)
            case "account":
                return self._account(topic, about, now_ms)

    def of(self, met: Meeting, now_ms: int) -> Iterator[Cause]:
        """What a meeting causes at a time."""
        apart = met.positions and not self.lines.may_be_close(
            self.ledger, met.older, met.newer, met.newer.record.stamp_ms
        )
        return of_meeting(self.ledger, met, now_ms, apart=apart)

    def again_ms(self, met: Meeting, eyes: tuple[str, ...], now_ms: int) -> int | None:
        """When to look at a meeting again; None if it causes nothing any more that one of these parties may know of."""
        ahead = [at_ms for at_ms in changes_ms(self.ledger, met) if at_ms > now_ms]
        return min(ahead) if ahead and self._meet(met, eyes) else None

    def told(self, topic: Topic, cause: Cause) -> tuple[str, ...]:
        """Whom a finding of this cause would be told; nobody: then there is none (16.3.2)."""
        if self.me is not None:
            return (self.me,)
        records = [self.ledger.notices[of] for of in cause.rests_on]
        if topic.family != "pair":
            return (topic.party,) if reading.reads(self.ledger, topic.party, cause.needs) else ()
        if cause.kind == INCIDENT:
            return reading.told_of_incident(self.ledger, records, cause.concerns)
        first = records[0]
        other = next(record for record in records if record.author != first.author)
        return reading.told_of_two(self.ledger, first, other, cause.needs)

    def id_cause(self, topic: Topic, cause: Cause) -> str:
        """The cause in the finding's id (6.17)."""
        if topic.family == "warn":
            return self._record(topic).of
        return cause.rests_on[0] if topic.family == "account" else cause_of(cause.rests_on)

    def look_again(self, topic: Topic, about: About, now_ms: int) -> int | None:
        """The next time at which a topic of no pair may have other causes though nothing is said."""
        if topic.family == "line":
            times = [crossed.side.until_ms for crossed in about.crossed.values()]
        else:
            times = [_over_ms(self.ledger, self._record(topic))]
        return min((at_ms for at_ms in times if at_ms > now_ms), default=None)

    # --- the notice that a warning or an account is of ----------------------------------------------------------------

    def _record(self, topic: Topic) -> NoticeRecord:
        entry = self.ledger.entries[topic.leaf]
        return self.ledger.notices[entry.opened.of]

    def _stands(self, record: NoticeRecord, now_ms: int) -> bool:
        return record.ended_by is None and _over_ms(self.ledger, record) > now_ms

    def _warning(self, topic: Topic, now_ms: int) -> dict[str, Cause]:
        record = self._record(topic)
        area = record.body.warn if isinstance(record.body, Notice) else None
        unread = not reading.reads(self.ledger, topic.party, (record.index,))
        return {WARN_KIND: caution(area)} if area is not None and unread and self._stands(record, now_ms) else {}

    def _account(self, topic: Topic, about: About, now_ms: int) -> dict[str, Cause]:
        if about.account is None or not self._stands(self._record(topic), now_ms):
            return {}
        return {about.account.kind: about.account}

    def _meet(self, met: Meeting, eyes: tuple[str, ...]) -> bool:
        """Both stand; where one is an incident, that one: what was notified before it stays so."""
        stands, eyes = self.gallery.stands, eyes or self.gallery.eyes(met.older.author, met.newer.author)
        if not met.any(Kind.INCIDENT):
            return stands(met.older, eyes) and stands(met.newer, eyes)
        return all(stands(side, eyes) for side in (met.older, met.newer) if side.kind is Kind.INCIDENT)

    def _on_its_course(self, met: Meeting, eyes: tuple[str, ...]) -> Meeting:
        """Without the approach, if a position from which a course was drawn was taken back."""
        if not met.tracks:
            return met
        eyes = eyes or self.gallery.eyes(met.older.author, met.newer.author)
        ended = [track.ended_by for track in met.tracks if track.ended_by is not None]
        back = any(reading.knows_end(self.ledger, of, eyes) for of in ended)
        return replace(met, approach=None) if back else met

    def _line_eyes(self, topic: Topic, crossed: Crossed, eyes: tuple[str, ...]) -> bool:
        return self.gallery.stands(crossed.side, eyes or self.gallery.eyes(crossed.side.author, topic.party))


def _over_ms(ledger: Ledger, record: NoticeRecord) -> int:
    """When a notice is over by time: with its last window.

    Where it shows none, as a sealed one, when the slowest notice would expire (9.4): how urgent it is does not say how
    long its area is to be avoided, and is not told.
    """
    ends = [from_wire(volume.until) for volume in record.body.volumes] if isinstance(record.body, Notice) else []
    slowest_ms = max(ledger.charter.deadlines.row(precedence).ministry_ms for precedence in Precedence)
    return max(ends, default=record.stamp_ms + 4 * slowest_ms)


def may_count(ledger: Ledger, record: NoticeRecord) -> bool:
    """Whether a notice, at the start from the ledger, may still cause or clear something."""
    if not isinstance(record.body, Notice):
        return False
    if record.ended_by is not None and record.body.warn is None and not reading.lingers(ledger, record):
        return False
    return _over_ms(ledger, record) + KEPT_MS > ledger.last_stamp_ms


def rests_newest(ledger: Ledger, rests_on: tuple[Hash, ...]) -> tuple[int, str]:
    """The index of the newest notice that a finding rests on, and the other party (its own, if there is no other)."""
    records = sorted((ledger.notices[of] for of in rests_on if of in ledger.notices), key=lambda record: -record.index)
    if not records:
        return -1, ""
    newest = records[0]
    return newest.index, next((one.author for one in records if one.author != newest.author), newest.author)
