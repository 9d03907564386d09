"""Every notice's boxes and windows: what may be near a place, said without geometry, and never too little.

For questions about all notices of a ledger, also those that are on no index any more: what stood when an incident
happened, and what a draft may come near. It takes in what the ledger has taken since it was last asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from channel.ledger import Ledger, NoticeRecord
from channel.picture.forest import Box, Forest
from channel.picture.moves import in_order
from channel.picture.solid import Solid, widened
from channel.protocol.statements import Circle, Kind, Line, Notice, Point, Polygon, Shape
from channel.protocol.times import from_wire

_E7 = 10_000_000


class Rough:
    """Rows of boxes and windows, one for each volume of each notice."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._taken = 0
        self._forest = Forest()
        self._records: list[NoticeRecord] = []
        self._units: dict[tuple[str, str], list[NoticeRecord]] = {}
        self._order: dict[tuple[str, str], dict[int, int]] = {}
        """Of the units whose positions are in order: where each stands in it, by its index."""

    def near(self, solids: Sequence[Solid], within_m: float) -> list[NoticeRecord]:
        """Notices whose boxes come within that of one of the solids, at a time in common; in the order of the log."""
        self.catch_up()
        boxes = [widened(one.box, within_m + 1) for one in solids]
        _, rows = self._forest.meeting(boxes, [(one.from_ms, one.until_ms) for one in solids])
        records = {record.index: record for record in (self._records[row] for row in rows.tolist())}
        return [records[index] for index in sorted(records)]

    def positions(self, author: str, unit: str) -> list[NoticeRecord]:
        """Every position of a unit in the ledger, from the first to the newest."""
        self.catch_up()
        positions = self._units.get((author, unit), [])
        if (author, unit) not in self._order:
            positions[:] = in_order(self._ledger, positions)
            self._order[author, unit] = {record.index: place for place, record in enumerate(positions)}
        return positions

    def after(self, record: NoticeRecord, unit: str) -> list[NoticeRecord]:
        """The positions of a unit after one of them."""
        positions = self.positions(record.author, unit)
        return positions[self._order[record.author, unit].get(record.index, len(positions)) + 1 :]

    def tracks(self) -> Iterable[list[NoticeRecord]]:
        """The positions of each unit."""
        self.catch_up()
        return [self.positions(*of) for of in list(self._units)]

    def catch_up(self) -> None:
        """Take in what is new in the ledger."""
        notices = self._ledger.notices
        new = list(islice(reversed(notices.values()), len(notices) - self._taken))
        self._taken = len(notices)
        for record in reversed(new):
            body = record.body
            if not isinstance(body, Notice) or body.status == "test":
                continue
            if body.kind is Kind.POSITION and body.unit is not None and body.volumes:
                self._units.setdefault((record.author, body.unit), []).append(record)
                self._order.pop((record.author, body.unit), None)
            for volume in body.volumes:
                self._forest.add(box(volume.shape), (from_wire(volume.from_), from_wire(volume.until)))
                self._records.append(record)


def box(shape: Shape) -> Box:
    """West, south, east, north in degrees of all that a shape may hold."""
    match shape:
        case Point(at=place, accuracy_m=reach_m) | Circle(center=place, radius_m=reach_m):
            places, metres = [place], float(reach_m)
        case Line(path=path, width_m=width_m):
            places, metres = list(path), width_m / 2
        case Polygon(rings=rings):
            places, metres = list(rings[0]), 0.0
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    return widened((min(lons) / _E7, min(lats) / _E7, max(lons) / _E7, max(lats) / _E7), metres)
