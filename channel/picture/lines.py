"""An agreed line: on which side of it a place lies, and whether a volume reaches across (protocol.md 16.2).

Left and right are as one follows the line's positions. A part that begins where the one before it ends goes on with it;
anything else is a gap. A place whose nearest point of the line is an end, beyond which the line does not go on, is not
covered, and so is one in an excluded area. Rules of this file: the line says nothing where it does not reach, and
nothing closer to it than it was known; who proposed or accepted it is the ledger's (channel/ledger/lines.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np
import shapely

from channel.picture.paths import LEFT, NOT_COVERED, RIGHT, UNDETERMINED, Flat, Paths, Position, Whole
from channel.picture.plane import E7, Floats, Plane, dense, to_e7
from channel.picture.solid import TOUCH_M, Metres, Solid, spread
from channel.protocol.statements import LineStatement, Point

BankName = Literal["left", "right", "undetermined", "not_covered"]
SideName = Literal["mine", "theirs", "undetermined", "not_covered"]

_BANKS: dict[int, BankName] = {
    RIGHT: "right", UNDETERMINED: "undetermined", LEFT: "left", NOT_COVERED: "not_covered"
}  # fmt: skip
_OWN = {"left": LEFT, "right": RIGHT}
_OTHER = {"left": RIGHT, "right": LEFT}

_ASIDE_M = 1.0  # beside the edge of an excluded area, which belongs to it
_SAMPLES = 128  # places looked at along the outline of what a volume holds beyond the line
_OUTLINE_STEP_M = 50.0
_PLACES_MAX = 1_024  # places of one volume that are looked at, more or less: bounds the work that one can cause
_BESIDE_M = 1.0
_WITHIN = 15  # places looked at across the inside of a volume, each way
_CLOSER = 5  # and around the deepest of them, each way
_CLOSER_ROUNDS = 3


class Bank(NamedTuple):
    """Left or right of the line, and how far from it in geodesic metres."""

    bank: BankName
    distance_m: float


class Side(NamedTuple):
    """The same from a party's view: the side that it keeps to, or the other."""

    side: SideName
    distance_m: float


class Crossing(NamedTuple):
    """A volume reaches the other side: the place where it does so furthest, and how far that is from the line."""

    at: Position
    depth_m: float


class _Seen(NamedTuple):
    """Places in a plane, on which hand of the line they lie, and how far from it."""

    spots: Floats
    hands: Whole
    metres: Metres

    def and_(self, more: _Seen) -> _Seen:
        return _Seen(*(np.concatenate(both) for both in zip(self, more, strict=True)))


class AgreedLine:
    """One version of a line. `keeps` says which party stays on which side; parties it does not name are not bound."""

    def __init__(
        self,
        parts: Iterable[Sequence[Position]],
        *,
        keeps: Mapping[str, Literal["left", "right"]] | None = None,
        excluded: Iterable[Sequence[Position]] = (),
        precision_m: float = 0,
    ) -> None:
        self.keeps = dict(keeps or {})
        self.precision_m = float(precision_m)
        self._excluded = shapely.union_all([shapely.Polygon(ring) for ring in excluded])
        self._barred = dense(shapely.transform(self._excluded, lambda e7: e7 / E7))
        self._paths = Paths.of(parts)

    @classmethod
    def of(cls, body: LineStatement) -> AgreedLine:
        """The line that a proposal describes; its geometry was checked before (`geometry.check_line`)."""
        keeps = {keep.party: keep.side for keep in body.keeps}
        return cls(body.parts, keeps=keeps, excluded=body.excluded, precision_m=body.precision_m)

    def bank(self, place: Position, accuracy_m: float = 0) -> Bank:
        """Left, right, undetermined (within the precision, and the place's own accuracy), or not covered."""
        at = self._paths.flat(Plane(place[0] / E7, place[1] / E7), 0)
        _, (hand,), (metres,) = self._look(at, np.zeros((1, 2)), accuracy_m)
        return Bank(_BANKS[int(hand)], float(metres))

    def side(self, place: Position, party: str, accuracy_m: float = 0) -> Side:
        """The party's own side, the other, undetermined or not covered; the last for a party that it does not name."""
        bank, metres = self.bank(place, accuracy_m)
        return Side(self._seen_by(party, bank), metres)

    def crossing(self, solid: Solid, party: str) -> Crossing | None:
        """Where a volume reaches the side that is not the party's, beyond the precision; None if it does not.

        A point's accuracy is doubt: all of it must lie beyond. The width or radius of other shapes is extent.
        """
        if party not in self.keeps:
            return None
        if isinstance(solid.shape, Point):
            own = self.side(solid.shape.at, party, solid.shape.accuracy_m)
            return Crossing(solid.shape.at, own.distance_m) if own.side == "theirs" else None
        plane = Plane(*solid.centre)
        region = self._region(plane, solid)
        if shapely.is_empty(region):
            return None
        outline, begins, ends = _steps(region)
        flat = self._paths.flat(plane, _reach_m(outline))
        seen = self._look(flat, outline)
        found = self._furthest(flat, seen, party) or self._furthest(flat, self._beside(flat, region), party)
        while found is None and len(seen.spots) < _PLACES_MAX:
            begins, ends = self._in_doubt(seen, begins, ends)
            if not len(begins):
                return None
            between = self._look(flat, (seen.spots[begins] + seen.spots[ends]) / 2)
            found = self._furthest(flat, between, party)
            middles = len(seen.spots) + np.arange(len(begins))
            seen = seen.and_(between)
            begins, ends = np.concatenate((begins, middles)), np.concatenate((middles, ends))
        return None if found is None else self._deepest(flat, region, party, found)

    def _deepest(self, flat: Flat, region: Any, party: str, found: Crossing) -> Crossing:
        """From where a region reaches across, to where it does so furthest, as far as a look at its inside shows."""
        west, south, east, north = shapely.bounds(region).tolist()
        for round_ in range(_CLOSER_ROUNDS + 1):
            spots = _grid(region, (west, south, east, north), _CLOSER if round_ else _WITHIN)
            if len(spots):
                found = self._furthest(flat, self._look(flat, spots), party, found) or found
            x, y = flat.plane.project(np.array([found.at], dtype=float) / E7)[0]
            wide = (east - west, north - south)
            step_x, step_y = (length / (_CLOSER if round_ else _WITHIN) for length in wide)
            west, south, east, north = x - step_x, y - step_y, x + step_x, y + step_y
        return found

    def holds(self, solid: Solid, party: str) -> bool:
        """Whether all of a volume, a point's accuracy too, lies on the side that the party keeps to."""
        if party not in self.keeps:
            return False
        plane = Plane(*solid.centre)
        place = spread(plane, solid)
        try:
            if shapely.intersects(place, plane.take(self._barred)):
                return False
        except shapely.errors.GEOSException:  # so wide that the plane does not show it whole: nobody can say
            return False
        outline, _, _ = _steps(place)
        seen = self._look(self._paths.flat(plane, _reach_m(outline)), outline)
        return bool((seen.hands == _OWN[self.keeps[party]]).all()) and self.crossing(solid, party) is None

    def covers(self, solid: Solid) -> bool:
        """Whether the line says a side of any place of a volume, or is too near to say."""
        plane = Plane(*solid.centre)
        outline, _, _ = _steps(spread(plane, solid))
        flat = self._paths.flat(plane, _reach_m(outline))
        return any((self._look(flat, spots).hands != NOT_COVERED).any() for spots in (np.zeros((1, 2)), outline))

    def _furthest(self, flat: Flat, seen: _Seen, party: str, so_far: Crossing | None = None) -> Crossing | None:
        """Of these places the one that is furthest on the other side, and further than what was found so far; None if
        none is."""
        theirs = np.flatnonzero(seen.hands == _OTHER[self.keeps[party]])
        least_m = so_far.depth_m if so_far else 0.0
        for at in theirs[np.argsort(-seen.metres[theirs], kind="stable")][:3].tolist():
            if seen.metres[at] < least_m - self._paths.stray_m:  # nothing in a plane is shorter than on the ground
                return None
            # the plane chooses; what is said is looked at again
            place = to_e7(flat.plane.unproject(seen.spots[at : at + 1])[0])
            side, depth_m = self.side(place, party)
            if side == "theirs":
                return Crossing(place, depth_m) if depth_m > least_m else None
        return None

    def _in_doubt(self, seen: _Seen, begins: Whole, ends: Whole) -> tuple[Whole, Whole]:
        """The steps that are so near the line that they may reach across it between their ends, the nearest first."""
        steps_m = np.hypot(*(seen.spots[ends] - seen.spots[begins]).T)
        near_m = np.minimum(seen.metres[begins], seen.metres[ends])
        unlike = seen.hands[begins] != seen.hands[ends]
        doubt = np.flatnonzero((steps_m > _OUTLINE_STEP_M) & (unlike | (near_m <= self.precision_m + 2 * steps_m)))
        kept = doubt[np.argsort(near_m[doubt], kind="stable")][: _PLACES_MAX // 4]
        return begins[kept], ends[kept]

    def _beside(self, flat: Flat, region: Any) -> _Seen:
        """Places close beside the line, just beyond its precision, that lie in a region: what holds the line whole."""
        reach_m = _reach_m(shapely.get_coordinates(region))
        near = np.searchsorted(flat.pieces, self._paths.near(flat.plane, reach_m))
        (begins, ends), along = flat.corners[:, near], flat.along[near]
        lengths = np.hypot(*along.T)[:, None]
        aside = np.column_stack((-along[:, 1], along[:, 0])) / lengths * (self.precision_m + _BESIDE_M)
        middles = (begins + ends) / 2
        spots = np.concatenate((middles + aside, middles - aside))
        within = spots[shapely.contains_xy(region, spots[:, 0], spots[:, 1])]
        return self._look(flat, within[:: -(-len(within) // (_PLACES_MAX // 2)) or 1])

    def _seen_by(self, party: str, bank: BankName) -> SideName:
        if bank == "undetermined" or bank == "not_covered":
            return bank
        kept = self.keeps.get(party)
        return "not_covered" if kept is None else "mine" if kept == bank else "theirs"

    def _region(self, plane: Plane, solid: Solid) -> Any:
        """What a volume holds outside the excluded areas."""
        region = spread(plane, solid)
        if not shapely.is_empty(self._excluded):
            with suppress(shapely.errors.GEOSException):  # so wide that the plane does not show it whole: all of it
                return shapely.difference(region, shapely.buffer(plane.take(self._barred), _ASIDE_M))
        return region

    def _look(self, flat: Flat, spots: Floats, accuracy_m: float = 0) -> _Seen:
        """At places in a plane that is around or near them."""
        if not len(spots):
            return _Seen(spots, np.zeros(0, dtype=np.int64), np.zeros(0))
        hands, metres = flat.hands(spots)
        hands[metres <= self.precision_m + accuracy_m + TOUCH_M] = UNDETERMINED
        hands[self._in_excluded(flat.plane, spots)] = NOT_COVERED
        return _Seen(spots, hands, metres)

    def _in_excluded(self, plane: Plane, spots: Floats) -> Whole:
        if shapely.is_empty(self._excluded):
            return np.zeros(0, dtype=np.int64)
        places = shapely.points(np.rint(plane.unproject(spots) * E7))
        return np.flatnonzero(shapely.intersects(self._excluded, places))


def _reach_m(spots: Floats) -> float:
    """How far from a plane's centre places lie at most."""
    return float(np.hypot(*spots.T).max())


def _grid(region: Any, bounds: Sequence[float], each_way: int) -> Floats:
    """Places spread evenly over what of a region lies within bounds in the plane."""
    west, south, east, north = bounds
    x, y = np.meshgrid(np.linspace(west, east, each_way), np.linspace(south, north, each_way))
    within = shapely.contains_xy(region, x, y)
    return np.column_stack((x[within], y[within]))


def _steps(region: Any) -> tuple[Floats, Whole, Whole]:
    """Places along the outline of a region in the plane, and at which of them the steps between begin and end."""
    step_m = max(_OUTLINE_STEP_M, float(shapely.length(region)) / _SAMPLES)
    parts = shapely.get_parts(shapely.segmentize(region, step_m))
    areas = shapely.get_dimensions(parts) == 2
    paths = np.concatenate((shapely.get_rings(parts[areas]), parts[~areas]))
    places, path_of = shapely.get_coordinates(paths, return_index=True)
    on = path_of[:-1] == path_of[1:]
    begins = np.flatnonzero(on)
    return places, begins, begins + 1
