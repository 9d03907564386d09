"""The notices that are on the picture: made ready, indexed, with the positions of each unit in the order of the log.

What is here is geometry over notices; who may read them and what follows from it is situation.py's. A notice that was
ended, or a position with a later one of its unit, meets nothing new, and stays for as long as something still asks.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator

from channel.ledger import Ledger, NoticeRecord
from channel.picture import reading
from channel.picture.causes import Meeting, Shown, meeting, shown
from channel.picture.courses import Approach, Course, approach, course, has_place, staying, within_reach
from channel.picture.index import Index
from channel.picture.solid import distance_m
from channel.protocol.forms import Kind
from channel.protocol.statements import Notice

KEPT_MS = 30 * 86_400_000  # how long after its window a notice can still be met by an incident that is reported late

Side = tuple[str, str, int]
"""(author, unit, -1) of a position of a unit, else (author, "", index): what a finding joins (protocol.md 16.3.3)."""


def side_of(record: NoticeRecord) -> Side:
    """Which side of a finding a notice is."""
    unit = unit_of(record)
    return (record.author, unit, -1) if unit is not None else (record.author, "", record.index)


def unit_of(record: NoticeRecord) -> str | None:
    """The unit whose position this is, if it says one."""
    body = record.body
    return body.unit if isinstance(body, Notice) and body.kind is Kind.POSITION else None


class Gallery:
    """Notices by log index, and what is near what."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.notices: dict[int, Shown] = {}
        self.units: dict[tuple[str, str], list[int]] = {}
        """Positions of a unit, by author and unit, in the order of the log."""
        self._positions: Index[tuple[int, int]] = Index()
        self._others: Index[tuple[int, int]] = Index()
        self._reaches: Index[tuple[int, int]] = Index()
        """How far a unit that moves may come, beside its newest position."""

    # --- in and out -------------------------------------------------------------------------------------------------

    def add(self, record: NoticeRecord) -> Shown | None:
        """Take a notice in, if there is anything of it to show."""
        found = self.notices.get(record.index) or shown(record)
        if found is None or record.index in self.notices:
            return found
        self.notices[record.index] = found
        unit = unit_of(record)
        if unit is not None:
            positions = self.units.setdefault((record.author, unit), [])
            insort(positions, record.index)
            for index in positions[-2:-1]:  # those before it left when it came
                self._leave(index)
        if self.is_newest(found) and record.ended_by is None:
            among = self._positions if found.body.kind is Kind.POSITION else self._others
            for number, part in enumerate(found.solids):
                among.add((record.index, number), part)
            moving = self.course(found)
            if moving is not None and moving.speed_m_s:
                self._reaches.add((record.index, 0), within_reach(moving, found.solids[0]))
        return found

    def end(self, index: int) -> None:
        """It was amended or withdrawn: nothing new meets it."""
        if index in self.notices:
            self._leave(index)

    def forget(self, index: int) -> None:
        """It is over, and nothing asks for it any more."""
        found = self.notices.get(index)
        if found is None:
            return
        self._leave(index)
        del self.notices[index]
        unit = unit_of(found.record)
        if unit is not None:
            positions = self.units[found.author, unit]
            while positions and positions[0] not in self.notices:  # the rest says what is later than what is still here
                positions.pop(0)
            if not positions:
                del self.units[found.author, unit]

    def _leave(self, index: int) -> None:
        found = self.notices.get(index)
        for number in range(len(found.solids) if found is not None else 0):
            self._positions.remove((index, number))
            self._others.remove((index, number))
        self._reaches.remove((index, 0))

    # --- what stands ------------------------------------------------------------------------------------------------

    def is_newest(self, side: Shown) -> bool:
        """Whether no later position of its unit is here."""
        unit = unit_of(side.record)
        return unit is None or self.units[side.author, unit][-1] == side.index

    def stands(self, side: Shown, eyes: Iterable[str] = ()) -> bool:
        """Whether a notice stands; with `eyes`, whether it does as far as each of these parties may know."""
        ended = side.record.ended_by
        if ended is not None and reading.knows_end(self._ledger, ended, eyes):
            return False
        unit = unit_of(side.record)
        if unit is None:
            return True
        later = [index for index in self.units.get((side.author, unit), ()) if index > side.index]
        return not any(reading.reads_all(self._ledger, eyes, (index,)) for index in later)

    def course(self, side: Shown) -> Course | None:
        """How a unit moved to this position; that it stays, without an earlier one; None if it has no one place."""
        if not has_place(side.solids[0]):
            return None
        before = self.before(side)
        moved = None if before is None else course(before.solids[0], side.solids[0])
        return moved or staying(side.solids[0])

    def before(self, side: Shown) -> Shown | None:
        """The position of its unit before this one."""
        unit = unit_of(side.record)
        if unit is None:
            return None
        earlier = [index for index in self.units.get((side.author, unit), ()) if index < side.index]
        return self.notices.get(earlier[-1]) if earlier else None

    # --- what is near what ------------------------------------------------------------------------------------------

    def around(self, side: Shown, proximity_m: int) -> Iterator[Shown]:
        """Notices in whose place this one is, and positions and sites no further away than that; in log order."""
        found: dict[int, None] = {}
        for part in side.solids:
            found |= dict.fromkeys(near.key[0] for near in self._positions.near(part, proximity_m))
            for near in self._others.near(part, proximity_m):
                if near.distance_m == 0 or self.notices[near.key[0]].body.kind is Kind.SITE:
                    found[near.key[0]] = None
        return (self.notices[index] for index in sorted(found) if index != side.index)

    def meetings(self, side: Shown, proximity_m: int, counts: Callable[[Shown], bool]) -> Iterator[Meeting]:
        """Every meeting with a notice that `counts`, in the order of the log."""
        position = side.body.kind is Kind.POSITION
        near: dict[int, list[tuple[int, int, float]]] = {}
        for number, part in enumerate(side.solids):
            for found in self._positions.near(part, proximity_m if position else 0):
                near.setdefault(found.key[0], []).append((number, found.key[1], found.distance_m))
            for found in self._others.near(part, 0):
                near.setdefault(found.key[0], []).append((number, found.key[1], found.distance_m))
        coming = self._coming(side, proximity_m) if position else {}
        for index in sorted({*near, *coming} - {side.index}):
            if counts(self.notices[index]):
                yield self._meet(side, self.notices[index], near.get(index, []), coming.get(index))

    def meet(self, side: Shown, other: Shown, proximity_m: int) -> Meeting | None:
        """The meeting of these two, looked at without the index; None if they have nothing to do with each other."""
        both = side.body.kind is Kind.POSITION and other.body.kind is Kind.POSITION
        near = [
            (i, j, metres)
            for i, one in enumerate(side.solids)
            for j, two in enumerate(other.solids)
            if one.from_ms < two.until_ms and two.from_ms < one.until_ms
            and (metres := distance_m(one, two)) <= (proximity_m if both else 0)
        ]  # fmt: skip
        coming = self._approach(side, other, proximity_m) if both else None
        return self._meet(side, other, near, coming) if near or coming is not None else None

    def _approach(self, side: Shown, other: Shown, proximity_m: int) -> Approach | None:
        """How the courses of two positions come nearer than that, whichever is given first."""
        first, second = (side, other) if side.index < other.index else (other, side)
        own, theirs = self.course(first), self.course(second)
        close = None if own is None or theirs is None else approach(own, theirs)
        return close if close is not None and close.soon_m < proximity_m else None

    def _meet(self, side: Shown, other: Shown, near: list[tuple[int, int, float]], coming: Approach | None) -> Meeting:
        met = meeting(side, other, near)
        if coming is None:
            return met
        moving = (one for one in (side, other) if (own := self.course(one)) is not None and own.speed_m_s)
        tracks = tuple(one.record for one in map(self.before, moving) if one is not None)
        return Meeting(met.older, met.newer, met.near, met.common, coming, tracks)

    def _coming(self, side: Shown, proximity_m: int) -> dict[int, Approach]:
        """Positions of others whose course and this one's come nearer, by index."""
        own = self.course(side)
        if own is None:
            return {}
        reach = within_reach(own, side.solids[0]) if own.speed_m_s else side.solids[0]
        found = {near.key[0] for near in self._reaches.near(reach, proximity_m)}
        if own.speed_m_s:
            found |= {near.key[0] for near in self._positions.near(reach, proximity_m) if near.key[1] == 0}
        others = (self.notices[index] for index in sorted(found - {side.index}))
        met = {other.index: self._approach(side, other, proximity_m) for other in others if other.author != side.author}
        return {index: close for index, close in met.items() if close is not None}


__all__ = ["KEPT_MS", "Gallery", "Side", "side_of", "unit_of"]
