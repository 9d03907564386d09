"""The situation: which causes of findings there are, and which findings to raise and to clear (protocol.md 16.3, 16.5).

State derived from the ledger, beside it: no part of the fold nor of the digest, and rebuilt from it at every start. The
relay applies each leaf after the ledger took it, asks what is due, and makes leaves of that. A client asks the same
code over its own ledger (`me`): then all that its feed shows counts, and nobody else is told anything.

Rules of this file: what is found depends on the ledger and the time, not on the order in which things came; whatever
has an order here has that of the log, never that of a hash.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from channel.ledger import FindingRecord, Ledger, NoticeRecord
from channel.ledger.records import Entry
from channel.picture import reading
from channel.picture.accounts import accounted, accounting
from channel.picture.causes import Cause, Meeting, Shown, began_ms, shown
from channel.picture.crossings import AgreedLines, Crossed
from channel.picture.drafts import FindingDraft, cleared, finding_id, raised
from channel.picture.gallery import KEPT_MS, Gallery, Neighbours, Side, side_of, unit_of
from channel.picture.reasons import Reasons, may_count, rests_newest
from channel.picture.recall import Recall, eyes_of
from channel.picture.topics import (
    ACCOUNT_KINDS,
    INCIDENT,
    PAIR_KINDS,
    About,
    Family,
    Topic,
    topic_of,
    warned_id,
)
from channel.protocol import limits
from channel.protocol.forms import Kind
from channel.protocol.statements import Answer, Finding, Forwarding, Notice

MEETINGS_MAX = 4 * limits.FINDINGS_PER_NOTICE_MAX  # of one notice with one party's before it: what one can cost


class Situation:
    """All causes of one ledger. `me`: a client's own picture, over what its feed shows."""

    def __init__(self, ledger: Ledger, me: str | None = None) -> None:
        self._ledger, self._me = ledger, me
        self._gallery = Gallery(ledger, me)
        self._lines = AgreedLines()
        self._crossed: dict[int, tuple[Crossed, ...]] = {}
        self._topics: dict[Topic, About] = {}
        self._topics_of: dict[Side, dict[Topic, None]] = {}
        self._warned: dict[str, Topic] = {}
        self._raised: Counter[tuple[int, str]] = Counter()  # by a notice's index, with another party's before it
        self._asking: Counter[int] = Counter()  # meetings that a notice is in, by its index
        self._dirty: dict[Topic, None] = {}
        self._times: list[tuple[int, Topic]] = []
        self._ends: list[tuple[int, int]] = []
        self._reasons = Reasons(ledger, self._gallery, me, self._lines)
        self._rebuild()

    # --- in ---------------------------------------------------------------------------------------------------------

    def apply(self, entry: Entry) -> None:
        """Take in one leaf, which the ledger has taken before."""
        ledger = self._ledger
        match entry.opened.body:
            case Notice():
                self._took(ledger.notices[entry.opened.of])
            case Forwarding(of=of) if of in ledger.notices:
                self._released(ledger.notices[of])
            case Answer(of=of) if of in ledger.notices:
                self._touch(side_of(ledger.notices[of]))
            case Finding() as body:
                self._found(body)
            case _:
                return

    def due(self, now_ms: int) -> list[FindingDraft]:
        """The findings to raise and to clear at `now_ms`; each is handed out once, and applied when it is a leaf."""
        while self._times and self._times[0][0] <= now_ms:
            topic = heapq.heappop(self._times)[1]
            if topic in self._topics:
                self._dirty[topic] = None
        drafts = [draft for topic in sorted(self._dirty) for draft in self._judge(topic, now_ms)]
        self._dirty.clear()
        while self._ends and self._ends[0][0] <= now_ms:
            self._forget(heapq.heappop(self._ends)[1])
        return sorted(drafts, key=self._order)

    def _order(self, draft: FindingDraft) -> tuple[list[int], str, str, str]:
        """By the notices that it rests on."""
        at = [self._ledger.notices[of].index for of in draft.rests_on]
        return at, draft.kind, draft.told[0].party, draft.state

    def next_ms(self) -> int | None:
        """When there may be something due though nothing is said; None if time alone changes nothing."""
        if self._dirty:
            return self._ledger.last_stamp_ms
        while self._times and self._times[0][1] not in self._topics:
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    def causes(self, now_ms: int) -> list[Cause]:
        """What stands at a time, in the order of the log; in a client's own picture also what the log does not say."""
        return [cause for _, cause in self._standing_causes(now_ms)]

    def unlogged(self, now_ms: int) -> list[Cause]:
        """Of these, what no finding in this ledger says: what is between others, or may not be told (16.3.2)."""
        return [cause for about, cause in self._standing_causes(now_ms) if cause.kind not in about.standing]

    def _standing_causes(self, now_ms: int) -> list[tuple[About, Cause]]:
        found = [
            (about, cause)
            for topic, about in self._topics.items()
            if topic.family in ("pair", "line")
            for cause in self._reasons.causes(topic, about, now_ms).values()
        ]
        return sorted(found, key=lambda pair: (pair[1].needs, pair[1].kind))

    # --- leaves -----------------------------------------------------------------------------------------------------

    def _took(self, record: NoticeRecord) -> None:
        """A notice: what it ends, what it meets, whom it warns, what it takes account of."""
        for ended in self._ended_by(record):
            self._gallery.settle(ended)
            self._touch(side_of(ended))
            for course in self._gallery.of_side(ended) if unit_of(ended) is not None else ():
                self._enter(course)
        side = self._show(record)
        if side is not None:
            self._touch(side_of(record))
            self._enter(side)
            self._came_late(side)
            self._thin(record)
        self._tell(record, side)

    def _came_late(self, side: Shown) -> None:
        """A position of a unit that has a later one: that one's course may be another now."""
        later = [course for course in self._gallery.of_side(side.record) if course is not side]
        if side.unit is None or self._gallery.stands(side):
            return
        for topic in self._topics_of.get(side.side, {}):
            meetings = self._topics[topic].meetings
            for key, met in meetings.items():
                if met.tracks and {course.index for course in later} & set(key):
                    meetings[key] = replace(met, approach=None, tracks=())
        for course in later:
            self._enter(course)

    def _ended_by(self, record: NoticeRecord) -> list[NoticeRecord]:
        """What a notice amends or withdraws, of what is known."""
        body = record.body
        said = (body.amends, body.withdraws) if isinstance(body, Notice) else ()
        return [self._ledger.notices[of] for of in said if of is not None and of in self._ledger.notices]

    def _tell(self, record: NoticeRecord, side: Shown | None) -> None:
        """Whom a notice warns, and whether it is answered with what it takes no account of."""
        if self._me is None:
            self._warn(record)
            if side is not None and side.kind is Kind.INTENT and side.body.accounts_for is not None:
                self._account(side)

    def _enter(self, side: Shown, below: int | None = None) -> None:
        """What a notice that stands meets, and which lines it crosses, as far as the feeds go by now.

        `below`: of what has a lower index only.
        """
        if self._gallery.belongs(side):
            limits = None if below is None else [below]
            self._meets(side, next(self._gallery.neighbours([side], self._proximity_m, limits)), below)

    def _meets(self, side: Shown, around: Neighbours, below: int | None) -> None:
        counts = partial(self._counts, side)
        met_with: Counter[str] = Counter()
        for found in self._gallery.meetings(side, around, self._proximity_m, counts, below):
            other = found.older if found.newer is side else found.newer
            met_with[other.author] += 1
            if met_with[other.author] <= MEETINGS_MAX:
                self._join(found)
        self._cross_all(side)

    def _counts(self, side: Shown, other: Shown) -> bool:
        """Whether two notices may cause a finding that may be told."""
        needs = (side.index, other.index)
        if side.kind is Kind.INCIDENT or other.kind is Kind.INCIDENT:
            said = [one.author for one in (side, other) if one.kind is Kind.INCIDENT]
            read = self._me is not None or any(reading.reads(self._ledger, author, needs) for author in said)
            return read and (self._incident_in(side, other) or self._incident_in(other, side))
        if side.author == other.author:
            return False
        if self._me is None and not reading.told_of_two(self._ledger, side.record, other.record, needs):
            return False
        eyes = self._gallery.eyes(side.author, other.author)
        return self._gallery.stands(side, eyes) and self._gallery.stands(other, eyes)

    def _incident_in(self, said: Shown, area: Shown) -> bool:
        """Whether an area stood when an incident happened."""
        begin_ms = began_ms(said)
        eyes = self._gallery.eyes(said.author)
        known = said.kind is Kind.INCIDENT and area.record.stamp_ms <= begin_ms
        return known and self._gallery.stood(area, begin_ms, eyes)

    def _join(self, met: Meeting) -> None:
        one, other = met.older.side, met.newer.side
        topic = self._topic("pair", (one, other) if one < other else (other, one))
        meetings, key = self._topics[topic].meetings, (met.older.index, met.newer.index)
        if key not in meetings:
            self._asking.update(key)
        meetings[key] = met

    def _cross_all(self, side: Shown) -> None:
        if side.index not in self._crossed:
            self._crossed[side.index] = tuple(self._lines.crossed(self._ledger, side))
        for crossed in self._crossed[side.index]:
            self._cross(crossed)

    def _cross(self, crossed: Crossed) -> None:
        """A finding for each party of the line that may read the notice."""
        side, needs = crossed.side.side, (crossed.side.index, crossed.version.index)
        for party in crossed.version.named if self._me is None else (self._me,):
            if reading.reads(self._ledger, party, needs):
                topic = self._topic("line", (side,), crossed.version.index, party)
                self._topics[topic].crossed[crossed.side.index] = crossed

    def _warn(self, record: NoticeRecord) -> None:
        """Each party that may not read it is told its `warn` area, whatever that party has there."""
        if not isinstance(record.body, Notice) or record.body.warn is None:
            return
        for party in self._ledger.parties:
            if not reading.reads(self._ledger, party, (record.index,)):
                topic = self._topic("warn", (side_of(record),), record.index, party)
                self._warned[warned_id(record.of, party)] = topic

    def _account(self, side: Shown) -> None:
        """An intent is answered once, by what there was at its leaf."""
        topic = self._topic("account", (side.side,), side.index, side.author)
        said = (finding_id(side.record.of, side.author, kind, 1) for kind in sorted(ACCOUNT_KINDS))
        before = next((self._ledger.findings[finding] for finding in said if finding in self._ledger.findings), None)
        self._topics[topic].account = self._accounting(side) if before is None else accounted(before.body)

    def _accounting(self, side: Shown) -> Cause:
        around = self._gallery.around(side, self._proximity_m, below=side.index)
        relevant = (
            other
            for other in around
            if other.author != side.author
            and reading.reads(self._ledger, side.author, (other.index,))
            and self._gallery.stands(other, self._gallery.eyes(side.author))
        )
        return accounting(side, relevant)

    def _released(self, record: NoticeRecord) -> None:
        """A notice came to another party: what it ended may be known now, and it may meet what that party sent."""
        self._touch(side_of(record))
        for ended in self._ended_by(record):
            self._gallery.settle(ended)
            self._touch(side_of(ended))
        self._show(record)
        for side in self._gallery.of_side(record):  # of a unit also those whose course is known now
            self._enter(side)
        self._thin(record)

    def _show(self, record: NoticeRecord) -> Shown | None:
        """On the picture, until some time after its last window."""
        new = record.index not in self._gallery.notices
        side = self._gallery.add(record) if may_count(self._ledger, record) else None
        if side is not None and new:
            heapq.heappush(self._ends, (side.until_ms + KEPT_MS, side.index))
        return side

    def _found(self, body: Finding) -> None:
        topic = self._warned.get(body.finding) or topic_of(self._ledger, body)
        if topic is None:
            return
        standing = self._about(topic).standing
        if body.state == "raised":
            standing[body.kind] = body.finding
        elif standing.pop(body.kind, None) is not None:
            self._dirty[topic] = None  # it may be forgotten now

    # --- topics -----------------------------------------------------------------------------------------------------

    def _topic(self, family: Family, sides: tuple[Side, ...], leaf: int = -1, party: str = "") -> Topic:
        """A topic that is to be looked at anew."""
        topic = Topic(family, sides, leaf, party)
        self._about(topic)
        self._dirty[topic] = None
        return topic

    def _about(self, topic: Topic) -> About:
        if topic not in self._topics:
            self._topics[topic] = About()
            for side in topic.sides:
                self._topics_of.setdefault(side, {})[topic] = None
        return self._topics[topic]

    def _touch(self, side: Side) -> None:
        self._dirty |= self._topics_of.get(side, {})

    def _judge(self, topic: Topic, now_ms: int) -> Iterator[FindingDraft]:
        """What is to be raised and cleared of a topic; then when to look again."""
        about = self._topics.get(topic)
        if about is None:
            return
        ledger, causes = self._ledger, self._reasons.causes(topic, about, now_ms)
        for kind, finding in sorted(about.standing.items()):
            record = ledger.findings[finding]
            if kind not in causes and kind not in self._reasons.causes(topic, about, now_ms, eyes_of(record)):
                yield cleared(record)
        for kind in sorted(causes.keys() - about.standing.keys()):
            told = self._reasons.told(topic, causes[kind])
            if told and self._room(topic, causes[kind]):
                yield raised(ledger, causes[kind], told, self._reasons.id_cause(topic, causes[kind]), topic.party)
        self._thin_topic(topic, about, now_ms)

    def _room(self, topic: Topic, cause: Cause) -> bool:
        """One notice causes findings with so many of another party's before it: a flood hides nobody else's."""
        if topic.family != "pair":
            return True
        newest = rests_newest(self._ledger, cause.rests_on)
        self._raised[newest] += 1
        return self._raised[newest] <= limits.FINDINGS_PER_NOTICE_MAX

    def _thin_topic(self, topic: Topic, about: About, now_ms: int) -> None:
        """Forget what causes nothing any more in anybody's eyes; else note when to look again."""
        times: list[int] = []
        eyes = [party for finding in about.standing.values() for party in eyes_of(self._ledger.findings[finding])]
        for key, met in list(about.meetings.items()):
            everybody = tuple(dict.fromkeys((met.older.author, met.newer.author, *eyes)))
            at_ms = self._reasons.again_ms(met, everybody, now_ms)
            if at_ms is not None:
                times.append(at_ms)
                continue
            del about.meetings[key]
            self._asking.subtract(key)
            for side in (met.older, met.newer):
                self._thin(side.record)
        if topic.family != "pair":
            times += [at_ms for at_ms in (self._reasons.look_again(topic, about, now_ms),) if at_ms is not None]
        if times:
            heapq.heappush(self._times, (min(times), topic))
        elif not about.standing:
            del self._topics[topic]
            for one in topic.sides:
                self._topics_of[one].pop(topic, None)
                if not self._topics_of[one]:
                    del self._topics_of[one]

    def _thin(self, record: NoticeRecord) -> None:
        """Of a unit only the last two positions that each party may read are kept, and what something asks for."""
        for index in self._gallery.surplus(record):
            if self._asking[index] <= 0:
                self._forget(index)

    def _forget(self, index: int) -> None:
        self._gallery.forget(index)
        self._crossed.pop(index, None)
        self._asking.pop(index, None)

    @property
    def _proximity_m(self) -> int:
        return self._ledger.charter.terms.proximity_m

    # --- the start --------------------------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """From the ledger as it is: what stands or may still be met, and what standing findings ask for."""
        ledger = self._ledger
        recall = Recall(ledger, self._me)
        kept = recall.kept()
        self._gallery.know(kept)
        self._enter_all([record for record in kept if may_count(ledger, record)])
        for finding in ledger.findings.values():
            self._raised[rests_newest(ledger, finding.body.rests_on)] += finding.body.kind in PAIR_KINDS
            if finding.standing:
                self._recall(finding, recall)

    def _enter_all(self, records: list[NoticeRecord]) -> None:
        """The same as if each was taken in by itself, in their order; what is near what is looked up together."""
        sides = [self._show(record) for record in records]
        shown_ = [side for side in sides if side is not None]
        around = self._gallery.neighbours(shown_, self._proximity_m, [side.index for side in shown_])
        for record, side in zip(records, sides, strict=True):
            for ended in self._ended_by(record):
                for course in self._gallery.of_side(ended) if unit_of(ended) is not None else ():
                    if course.index < record.index:
                        self._enter(course, below=record.index)
            if side is not None:
                found = next(around)
                if self._gallery.belongs(side):
                    self._meets(side, found, below=side.index)
            self._tell(record, side)

    def _recall(self, finding: FindingRecord, recall: Recall) -> None:
        """A standing finding, and the newest notices of its sides that all who were told it know of."""
        self._found(finding.body)
        topic = topic_of(self._ledger, finding.body)
        if topic is None or topic.family not in ("pair", "line"):
            return
        self._dirty[topic] = None  # one of another version's policy may have no cause by ours: then it is cleared
        ready = shown if finding.body.kind == INCIDENT else self._gallery.recall
        known = []
        for records in recall.known(topic, finding):
            known += [side for record in records if (side := ready(record)) is not None][-1:]
        if topic.family == "pair" and len(known) == 2:
            if tuple(sorted(one.index for one in known)) in self._topics[topic].meetings:
                return
            met = self._gallery.meet(known[0], known[1], self._proximity_m)
            if met is not None:
                self._join(met)
        elif topic.family == "line" and known:
            self._cross_all(known[0])
