"""The notices that are on the picture: made ready, indexed, with the positions of each unit in the order of time.

What is here is geometry over notices; what follows from it is situation.py's. What stands is asked by what parties may
know: a notice that was ended, or a position with a later one of its unit, meets nothing new once all who may read it
may read that too, and stays for as long as something still asks. An incident meets what stood when it happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from channel.ledger import Ledger, NoticeRecord
from channel.picture import reading
from channel.picture.causes import Meeting, Shown, Side, meeting, shown, side_of, unit_of
from channel.picture.courses import Approach, Course, approach, course, has_place, staying, within_reach
from channel.picture.index import Index, Near
from channel.picture.moves import in_order
from channel.picture.rough import Rough
from channel.picture.solid import common_band, distance_m
from channel.protocol.forms import Kind
from channel.protocol.statements import Notice

KEPT_MS = 30 * 86_400_000  # how long after its window a notice can still be met by an incident that is reported late

PAST_MAX = 64  # notices of one party that an incident is held against though they stand no more: bounds the work


class Neighbours(NamedTuple):
    """What a notice may meet."""

    near: dict[int, list[tuple[int, int, float]]]
    """By index, of each two volumes that are near each other: (the notice's own, the other's, metres apart)."""
    coming: frozenset[int]
    """Indexes of positions to which its course, or theirs to it, may come near."""


class Gallery:
    """Notices by log index, and what is near what. `me`: of a client's ledger, all of which that party may read."""

    def __init__(self, ledger: Ledger, me: str | None = None) -> None:
        self._ledger, self._me = ledger, me
        self.notices: dict[int, Shown] = {}
        self.units: dict[tuple[str, str], list[int]] = {}
        """Positions of a unit, by author and unit, from the first to the newest: those that still say where it is."""
        self._placed: dict[int, tuple[Shown | None, ...]] = {}
        """What is indexed, with the positions before it by which its reach was drawn."""
        self._positions: Index[tuple[int, int]] = Index()
        self._others: Index[tuple[int, int]] = Index()
        self._reaches: Index[tuple[int, int]] = Index()
        """How far a unit that moves may come, beside its newest position."""
        self._moved: dict[int, dict[int, Course | None]] = {}
        """By a position's index and that of one before it of its unit, how it moved."""
        self._rough = Rough(ledger)

    # --- in and out -------------------------------------------------------------------------------------------------

    def add(self, record: NoticeRecord) -> Shown | None:
        """Take a notice in, if there is anything of it to show."""
        found = self.notices.get(record.index) or shown(record)
        if found is None:
            return None
        unit = unit_of(record)
        if record.index not in self.notices and unit is not None:
            positions = self.units.setdefault((record.author, unit), [])
            if record.index not in positions:
                records = [record, *(self._record(index) for index in positions)]
                positions[:] = [one.index for one in in_order(self._ledger, records)]
        self.notices[record.index] = found
        self.settle(record)
        return found

    def recall(self, record: NoticeRecord) -> Shown | None:
        """A notice that a standing finding rests on."""
        return self.notices.get(record.index) or self.add(record)

    def know(self, records: Iterable[NoticeRecord]) -> None:
        """Positions that say where a unit is, or that it is no more where it was, though they may show nothing."""
        known: dict[tuple[str, str], list[NoticeRecord]] = {}
        for record in records:
            unit, body = unit_of(record), record.body
            if unit is not None and isinstance(body, Notice) and body.volumes and body.status != "test":
                known.setdefault((record.author, unit), []).append(record)
        for of, positions in known.items():
            self.units[of] = [one.index for one in in_order(self._ledger, positions)]

    def _record(self, index: int) -> NoticeRecord:
        found = self.notices.get(index)  # a draft is in no log
        return self._ledger.notices[self._ledger.entries[index].opened.of] if found is None else found.record

    def settle(self, record: NoticeRecord) -> None:
        """What is known of its end, or of its unit, may have changed: what stands for nobody meets nothing new."""
        unit = unit_of(record)
        for index in [record.index] if unit is None else list(self.units.get((record.author, unit), ())):
            found = self.notices.get(index)
            if found is not None and self.belongs(found):
                self._place(found)
            else:
                self._leave(index)

    def _place(self, found: Shown) -> None:
        index, before = found.index, tuple(self._befores(found))
        if index not in self._placed:
            among = self._positions if found.kind is Kind.POSITION else self._others
            for number, part in enumerate(found.solids):
                among.add((index, number), part)
        if self._placed.get(index) != before:
            self._placed[index] = before
            moving = self._fastest(found, before)
            if moving is not None and moving.speed_m_s:
                self._reaches.add((index, 0), within_reach(moving, found.solids[0]))

    def surplus(self, record: NoticeRecord) -> list[int]:
        """Positions of its unit by which nobody goes any more."""
        positions = self.units.get((record.author, unit_of(record) or ""), [])
        needed = reading.newest_two(self._ledger, positions, self._me) if len(positions) > 2 else positions
        return [index for index in positions if index not in needed]

    def forget(self, index: int) -> None:
        """It is over, and nothing asks for it any more."""
        found = self.notices.get(index)
        if found is None:
            return
        self._leave(index)
        del self.notices[index]
        self._moved.pop(index, None)
        unit = found.unit
        if unit is not None:
            positions = self.units[found.author, unit]
            for old in self.surplus(found.record):  # the rest says what is later than what is still here
                if old not in self.notices:
                    positions.remove(old)
            if not any(position in self.notices for position in positions):
                del self.units[found.author, unit]

    def _leave(self, index: int) -> None:
        if self._placed.pop(index, None) is None:
            return
        found = self.notices[index]
        among = self._positions if found.kind is Kind.POSITION else self._others
        for number in range(len(found.solids)):
            among.remove((index, number))
        self._reaches.remove((index, 0))

    def of_side(self, record: NoticeRecord) -> list[Shown]:
        """What new notices may meet of it: the notice, or of a unit every position by which somebody goes."""
        unit = unit_of(record)
        indexes = [record.index] if unit is None else self.units.get((record.author, unit), ())
        return [self.notices[index] for index in indexes if index in self._placed]

    # --- what stands ------------------------------------------------------------------------------------------------

    def eyes(self, *authors: str) -> tuple[str, ...]:
        """By whose knowledge a notice stands that these parties have to do with; nobody's: by all that is here."""
        return tuple(dict.fromkeys(authors)) if self._me is None else ()

    def belongs(self, side: Shown) -> bool:
        """Whether a notice stands as far as somebody who may read it may know."""
        readers = self._ledger.readers(side.index) if self._me is None else ()
        return self.stands(side) or any(self.stands(side, (party,)) for party in readers)

    def stands(self, side: Shown, eyes: Iterable[str] = ()) -> bool:
        """Whether a notice stands; with `eyes`, whether it does as far as each of these parties may know."""
        ended = side.record.ended_by
        if ended is not None and reading.knows_end(self._ledger, ended, eyes):
            return False
        if side.unit is None:
            return True
        for index in reversed(self.units.get((side.author, side.unit), ())):
            if index == side.index:
                break
            if reading.reads_all(self._ledger, eyes, (index,)):
                return False
        return True

    def stood(self, side: Shown, at_ms: int, eyes: tuple[str, ...]) -> bool:
        """Whether a notice stood at a past time, as far as these parties may know now."""
        ended = self._ledger.notices.get(side.record.ended_by or "")
        later = [record for record in (ended,) if record is not None]
        if side.unit is not None:
            later += self._rough.after(side.record, side.unit)
        known = (one for one in later if one.stamp_ms <= at_ms)
        return not any(reading.reads_all(self._ledger, eyes, (one.index,)) for one in known)

    def course(self, side: Shown, eyes: Iterable[str] = ()) -> Course | None:
        """How a unit moved to this position, as far as these parties may know; that it stays, without an earlier one.

        None if it has no one place.
        """
        return self._fastest(side, (self.before(side, eyes),))

    def _fastest(self, side: Shown, befores: Iterable[Shown | None]) -> Course | None:
        if not has_place(side.solids[0]):
            return None
        moved = (self._course(before, side) for before in befores if before is not None)
        found = [one for one in moved if one is not None]
        return max(found, key=lambda one: one.speed_m_s) if found else staying(side.solids[0])

    def _course(self, before: Shown, side: Shown) -> Course | None:
        known = self._moved.setdefault(side.index, {})
        if before.index not in known:
            known[before.index] = course(before.solids[0], side.solids[0])
        return known[before.index]

    def before(self, side: Shown, eyes: Iterable[str] = ()) -> Shown | None:
        """The position of its unit before this one, of those that these parties may read."""
        if side.unit is None:
            return None
        positions = self.units.get((side.author, side.unit), [])
        at = positions.index(side.index) if side.index in positions else 0
        earlier = reversed(positions[:at])
        known = (index for index in earlier if reading.reads_all(self._ledger, eyes, (index,)))
        found = self.notices.get(next(known, -1))
        ended = None if found is None else found.record.ended_by
        return None if ended is not None and reading.knows_end(self._ledger, ended, eyes) else found

    def _befores(self, side: Shown) -> list[Shown | None]:
        """The positions before it, by what each party may read."""
        if side.unit is None:
            return [None]
        readers = self._ledger.readers(side.index) if self._me is None else ()
        found = [self.before(side), *(self.before(side, (party,)) for party in readers)]
        return list({id(one): one for one in found}.values())

    # --- what is near what ------------------------------------------------------------------------------------------

    def around(self, side: Shown, proximity_m: int, below: int) -> Iterator[Shown]:
        """Notices that this one overlaps, and positions and sites no further away than that; in log order.

        `below`: of those with a lower index.
        """
        found: dict[int, None] = {}
        for part in side.solids:
            found |= dict.fromkeys(near.key[0] for near in self._positions.near(part, proximity_m))
            for near in self._others.near(part, proximity_m):
                over = near.distance_m == 0 and common_band(part.altitude, near.solid.altitude) is not None
                if over or self.notices[near.key[0]].kind is Kind.SITE:
                    found[near.key[0]] = None
        return (self.notices[index] for index in sorted(found) if index < below)

    def neighbours(
        self, sides: Sequence[Shown], proximity_m: int, below: Sequence[int] | None = None
    ) -> Iterator[Neighbours]:
        """What each of these may meet, looked up together; with `below`, only what has a lower index than its own."""
        parts = [(number, part, side) for number, side in enumerate(sides) for part in side.solids]
        solids = [part for _, part, _ in parts]
        within_m = [proximity_m if side.kind is Kind.POSITION else 0 for _, _, side in parts]
        limits = None if below is None else [(below[number], 0) for number, _, _ in parts]
        positions = self._positions.near_each(solids, within_m, limits)
        others = self._others.near_each(solids, [0] * len(solids), limits)
        moving = [number for number, side in enumerate(sides) if side.kind is Kind.POSITION]
        coming = self._coming(
            [sides[number] for number in moving], proximity_m, None if below is None else [below[n] for n in moving]
        )
        for side in sides:
            near: dict[int, list[tuple[int, int, float]]] = {}
            for number in range(len(side.solids)):
                for found in (*next(positions), *next(others)):
                    near.setdefault(found.key[0], []).append((number, found.key[1], found.distance_m))
            yield Neighbours(near, next(coming) if side.kind is Kind.POSITION else frozenset())

    def _coming(
        self, sides: Sequence[Shown], proximity_m: int, below: Sequence[int] | None
    ) -> Iterator[frozenset[int]]:
        """Of each position: the indexes of those to which its course, or theirs to it, may come near."""
        limits = None if below is None else [(index, 0) for index in below]
        courses = [self._fastest(side, self._befores(side)) for side in sides]
        placed = [number for number, own in enumerate(courses) if own is not None]
        moving = [number for number in placed if (own := courses[number]) is not None and own.speed_m_s]
        reach = [side.solids[0] for side in sides]
        for number in moving:
            reach[number] = within_reach(cast("Course", courses[number]), reach[number])

        def near(among: Index[tuple[int, int]], numbers: list[int]) -> Iterator[list[Near[tuple[int, int]]]]:
            keys = None if limits is None else [limits[number] for number in numbers]
            return among.near_each([reach[number] for number in numbers], [proximity_m] * len(numbers), keys)

        reached, passed = near(self._reaches, placed), near(self._positions, moving)
        for own in courses:
            found = next(reached) if own is not None else []
            if own is not None and own.speed_m_s:
                found += [one for one in next(passed) if one.key[1] == 0]
            yield frozenset(one.key[0] for one in found)

    def meetings(
        self, side: Shown, around: Neighbours, proximity_m: int, counts: Callable[[Shown], bool],
        below: int | None = None,
    ) -> Iterator[Meeting]:  # fmt: skip
        """Every meeting with a notice that `counts`, in the order of the log; `below`: with those of a lower index."""
        near = dict(around.near)
        others = {index: self.notices[index] for index in {*near, *around.coming} - {side.index}}
        if side.kind is Kind.INCIDENT:
            for past in self._past(side, counts, below):
                others[past.index], near[past.index] = past, list(_touching(side, past))
        for index in sorted(others):
            other = others[index]
            apart = side.author == other.author or index not in around.coming
            if (index in near or not apart) and counts(other):
                coming = None if apart else self._approach(side, other, proximity_m)
                if index in near or coming is not None:
                    yield self._meet(side, other, near.get(index, []), coming)

    def _past(self, side: Shown, counts: Callable[[Shown], bool], below: int | None) -> Iterator[Shown]:
        """What is on no index any more and may have stood when an incident happened: the newest of each author's."""
        seen: Counter[str] = Counter()
        for record in reversed(self._rough.near(side.solids, 0)):
            if record.index in self._placed or record.index == side.index or seen[record.author] >= PAST_MAX:
                continue
            if below is not None and record.index >= below:
                continue
            past = self.notices.get(record.index) or shown(record)
            if past is not None and counts(past):
                seen[record.author] += 1
                yield past

    def meet(self, side: Shown, other: Shown, proximity_m: int) -> Meeting | None:
        """The meeting of these two, looked at without the index; None if they have nothing to do with each other."""
        both = side.kind is Kind.POSITION and other.kind is Kind.POSITION
        near = list(_touching(side, other, proximity_m if both else 0))
        coming = self._approach(side, other, proximity_m) if both else None
        return self._meet(side, other, near, coming) if near or coming is not None else None

    def _approach(self, side: Shown, other: Shown, proximity_m: int) -> Approach | None:
        """How the courses of two positions come nearer than that, whichever is given first."""
        first, second = (side, other) if side.index < other.index else (other, side)
        eyes = self.eyes(first.author, second.author)
        own, theirs = self.course(first, eyes), self.course(second, eyes)
        close = None if own is None or theirs is None else approach(own, theirs)
        return close if close is not None and close.soon_m < proximity_m else None

    def _meet(self, side: Shown, other: Shown, near: list[tuple[int, int, float]], coming: Approach | None) -> Meeting:
        met = meeting(side, other, near)
        if coming is None:
            return met
        eyes = self.eyes(side.author, other.author)
        moving = [one for one in (side, other) if (own := self.course(one, eyes)) is not None and own.speed_m_s]
        tracks = tuple(before.record for one in moving if (before := self.before(one, eyes)) is not None)
        return Meeting(met.older, met.newer, met.near, met.common, coming, tracks)


def _touching(side: Shown, other: Shown, within_m: int = 0) -> Iterator[tuple[int, int, float]]:
    """(volume of the one, volume of the other, metres apart) of those within that, at a time in common."""
    for i, one in enumerate(side.solids):
        for j, two in enumerate(other.solids):
            if one.from_ms < two.until_ms and two.from_ms < one.until_ms:
                metres = distance_m(one, two)
                if metres <= within_m:
                    yield i, j, metres


__all__ = ["KEPT_MS", "Gallery", "Side", "side_of", "unit_of"]
