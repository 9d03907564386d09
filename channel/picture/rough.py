"""Every notice's boxes and windows as columns: what may be near a place, said without geometry, and never too little.

For questions about all notices of a ledger, also those that are on no index any more: what stood when an incident
happened, and what a draft may come near. It takes in what the ledger has taken since it was last asked.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from channel.ledger import Ledger, NoticeRecord
from channel.picture.solid import Box, Solid, widened
from channel.protocol.statements import Circle, Kind, Line, Notice, Point, Polygon, Shape
from channel.protocol.times import from_wire

_E7 = 10_000_000
_FIRST_ROWS = 256
_TURNS = (-360.0, 0.0, 360.0)


class Rough:
    """Rows of (west, south, east, north, from, until), one for each volume of each notice."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._taken = 0
        self._rows: NDArray[np.float64] = np.empty((_FIRST_ROWS, 6))
        self._records: list[NoticeRecord] = []
        self._units: dict[tuple[str, str], list[NoticeRecord]] = {}

    def near(self, solids: Iterable[Solid], within_m: float) -> list[NoticeRecord]:
        """Notices whose boxes come within that of one of the solids, at a time in common; in the order of the log."""
        self._catch_up()
        rows = self._rows[: len(self._records)]
        found = np.zeros(len(rows), dtype=bool)
        for one in solids:
            west, south, east, north = widened(one.box, within_m + 1)
            meets = (
                (rows[:, 4] < one.until_ms) & (rows[:, 5] > one.from_ms) & (rows[:, 1] <= north) & (rows[:, 3] >= south)
            )
            across = [(rows[:, 0] <= east + turn) & (rows[:, 2] >= west + turn) for turn in _TURNS]
            found |= meets & np.logical_or.reduce(across)
        records = {record.index: record for record in (self._records[row] for row in np.flatnonzero(found).tolist())}
        return [records[index] for index in sorted(records)]

    def positions(self, author: str, unit: str) -> list[NoticeRecord]:
        """Every position of a unit in the ledger, in its order."""
        self._catch_up()
        return self._units.get((author, unit), [])

    def _catch_up(self) -> None:
        for record in islice(self._ledger.notices.values(), self._taken, None):
            self._taken += 1
            body = record.body
            if not isinstance(body, Notice) or body.status == "test":
                continue
            if body.kind is Kind.POSITION and body.unit is not None and body.volumes:
                insort(self._units.setdefault((record.author, body.unit), []), record, key=_index)
            for row in rows_of(body):
                if len(self._records) == len(self._rows):
                    self._rows = np.concatenate((self._rows, np.empty_like(self._rows)))
                self._rows[len(self._records)] = row
                self._records.append(record)


def rows_of(body: Notice) -> Iterator[tuple[float, ...]]:
    """Box and window of each volume."""
    for volume in body.volumes:
        yield (*box(volume.shape), from_wire(volume.from_), from_wire(volume.until))


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


def _index(record: NoticeRecord) -> int:
    return record.index
