"""An agreed line: on which side of it a place lies, and whether a volume reaches across (protocol.md 16.2).

Left and right are as one follows the line's positions. A part that begins where the one before it ends goes on with it;
anything else is a gap. A place whose nearest point of the line is an end, beyond which the line does not go on, is not
covered, and so is one in an excluded area. Rules of this file: the line says nothing where it does not reach, and
nothing closer to it than it was known; who proposed or accepted it is the ledger's (channel/ledger/lines.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from channel.picture.plane import E7, Floats, Plane, dense, to_e7
from channel.picture.solid import TOUCH_M, Solid, spread
from channel.protocol.statements import LineStatement, Point

BankName = Literal["left", "right", "undetermined", "not_covered"]
SideName = Literal["mine", "theirs", "undetermined", "not_covered"]
Position = tuple[int, int]
Whole = NDArray[np.int64]

_NAMES: tuple[BankName, ...] = ("right", "undetermined", "left", "not_covered")
_UNDETERMINED, _NOT_COVERED = 1, 3

_SPHERE_M = 6_371_000.0
_SPHERE_DOUBT = 0.01  # by how much distances on a sphere may be wrong: they only choose what is looked at
_REVERSAL = 0.1  # a path that turns back on itself within 6 degrees has no side at its tip
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


@dataclass(frozen=True, slots=True, eq=False)
class _Paths:
    """All paths of a line, edges cut into pieces: piece i goes from place `begins[i]` to place `begins[i] + 1`."""

    places: Floats
    vectors: Floats
    """Of the places, on the unit sphere."""
    begins: Whole
    before: Whole
    """The piece before each piece; -1 where a path begins."""
    after: Whole
    longest_m: float

    def near(self, centre: Plane, within_m: float) -> Whole:
        """The pieces that are within so many metres of a place, or little further from it than the nearest."""
        here = _vectors(np.array([[centre.lon, centre.lat]]))[0]
        metres = np.arccos(np.clip(self.vectors @ here, -1, 1)) * _SPHERE_M
        limit_m = (float(metres.min()) + within_m) * (1 + 2 * _SPHERE_DOUBT) + 2 * self.longest_m
        return np.flatnonzero(metres[self.begins] <= limit_m)

    def project(self, plane: Plane, pieces: Whole) -> tuple[Floats, Floats]:
        """Where pieces begin and end in a plane."""
        first = self.begins[pieces]
        used = np.unique(np.concatenate((first, first + 1)))
        flat = plane.project(self.places[used])
        return flat[np.searchsorted(used, first)], flat[np.searchsorted(used, first + 1)]


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
        self._paths = _paths(_joined([np.array(part, dtype=float) / E7 for part in parts]))

    @classmethod
    def of(cls, body: LineStatement) -> AgreedLine:
        """The line that a proposal describes; its geometry was checked before (`geometry.check_line`)."""
        keeps = {keep.party: keep.side for keep in body.keeps}
        return cls(body.parts, keeps=keeps, excluded=body.excluded, precision_m=body.precision_m)

    def bank(self, place: Position, accuracy_m: float = 0) -> Bank:
        """Left, right, undetermined (within the precision, and the place's own accuracy), or not covered."""
        centre = Plane(place[0] / E7, place[1] / E7)
        names, metres = self._banks(centre, np.zeros((1, 2)), accuracy_m)
        return Bank(names[0], float(metres[0]))

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
        found = self._furthest(plane, outline, party) or self._furthest(plane, self._beside(plane, region), party)
        places = len(outline)
        while found is None and places < _PLACES_MAX:
            begins, ends = self._in_doubt(plane, begins, ends)
            if not len(begins):
                return None
            middles = (begins + ends) / 2
            found, places = self._furthest(plane, middles, party), places + len(middles)
            begins, ends = np.concatenate((begins, middles)), np.concatenate((middles, ends))
        return None if found is None else self._deepest(plane, region, party, found)

    def _deepest(self, plane: Plane, region: Any, party: str, found: Crossing) -> Crossing:
        """From where a region reaches across, to where it does so furthest, as far as a look at its inside shows."""
        west, south, east, north = shapely.bounds(region).tolist()
        for round_ in range(_CLOSER_ROUNDS + 1):
            spots = _grid(region, (west, south, east, north), _CLOSER if round_ else _WITHIN)
            inner = self._furthest(plane, spots, party)
            found = found if inner is None or inner.depth_m <= found.depth_m else inner
            x, y = plane.project(np.array([found.at], dtype=float) / E7)[0]
            wide = (east - west, north - south)
            step_x, step_y = (length / (_CLOSER if round_ else _WITHIN) for length in wide)
            west, south, east, north = x - step_x, y - step_y, x + step_x, y + step_y
        return found

    def holds(self, solid: Solid, party: str) -> bool:
        """Whether all of a volume, a point's accuracy too, lies on the side that the party keeps to."""
        plane = Plane(*solid.centre)
        place = spread(plane, solid)
        try:
            if shapely.intersects(place, self._barred(plane)):
                return False
        except shapely.errors.GEOSException:  # so wide that the plane does not show it whole: nobody can say
            return False
        names, _ = self._banks(plane, _steps(place)[0], 0)
        return all(self._seen_by(party, name) == "mine" for name in names) and self.crossing(solid, party) is None

    def covers(self, solid: Solid) -> bool:
        """Whether the line says a side of any place of a volume, or is too near to say."""
        plane = Plane(*solid.centre)
        spots = np.concatenate((np.zeros((1, 2)), _steps(spread(plane, solid))[0]))
        return any(name != "not_covered" for name in self._banks(plane, spots, 0)[0])

    def _furthest(self, plane: Plane, spots: Floats, party: str) -> Crossing | None:
        """Of these places the one that is furthest on the other side; None if none is."""
        if not len(spots):
            return None
        names, metres = self._banks(plane, spots, 0)
        theirs = [at for at, name in enumerate(names) if self._seen_by(party, name) == "theirs"]
        for at in sorted(theirs, key=lambda at: -metres[at])[:3]:  # the plane chooses; what is said is looked at again
            place = to_e7(plane.unproject(spots[at : at + 1])[0])
            side, depth_m = self.side(place, party)
            if side == "theirs":
                return Crossing(place, depth_m)
        return None

    def _in_doubt(self, plane: Plane, begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
        """The steps that are so near the line that they may reach across it between their ends, the nearest first."""
        steps_m = np.hypot(*(ends - begins).T)
        names, metres = self._banks(plane, begins, 0)
        others, other_m = self._banks(plane, ends, 0)
        near_m = np.minimum(metres, other_m)
        unlike = np.array([one != other for one, other in zip(names, others, strict=True)])
        doubt = np.flatnonzero((steps_m > _OUTLINE_STEP_M) & (unlike | (near_m <= self.precision_m + 2 * steps_m)))
        kept = doubt[np.argsort(near_m[doubt], kind="stable")][: _PLACES_MAX // 4]
        return begins[kept], ends[kept]

    def _beside(self, plane: Plane, region: Any) -> Floats:
        """Places close beside the line, just beyond its precision, that lie in a region: what holds the line whole."""
        reach_m = float(np.hypot(*shapely.get_coordinates(region).T).max())
        begins, ends = self._paths.project(plane, self._paths.near(plane, reach_m))
        along = ends - begins
        lengths = np.hypot(*along.T)[:, None]
        aside = np.column_stack((-along[:, 1], along[:, 0])) / lengths * (self.precision_m + _BESIDE_M)
        middles = (begins + ends) / 2
        spots = np.concatenate((middles + aside, middles - aside))
        within: Floats = spots[shapely.contains_xy(region, spots[:, 0], spots[:, 1])]
        return within[:: -(-len(within) // (_PLACES_MAX // 2)) or 1]

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
                return shapely.difference(region, shapely.buffer(self._barred(plane), _ASIDE_M))
        return region

    def _barred(self, plane: Plane) -> Any:
        """The excluded areas in a plane."""
        return plane.take(dense(shapely.transform(self._excluded, lambda e7: e7 / E7)))

    def _banks(self, plane: Plane, spots: Floats, accuracy_m: float) -> tuple[list[BankName], NDArray[np.float64]]:
        """Of places in a plane that is around or near them."""
        chosen = self._paths.near(plane, 2 * float(np.hypot(spots[:, 0], spots[:, 1]).max()))
        begins, ends = self._paths.project(plane, chosen)
        along = ends - begins
        share = ((spots[:, None, :] - begins) * along).sum(axis=2) / (along**2).sum(axis=1)
        feet = begins + np.clip(share, 0, 1)[:, :, None] * along
        squares = ((spots[:, None, :] - feet) ** 2).sum(axis=2)
        best = squares.argmin(axis=1)
        rows = np.arange(len(spots))
        metres = np.sqrt(squares[rows, best])
        shares = share[rows, best]
        turns = _turn(along[best], spots - begins[best])
        hands = _hands(turns)
        corners = np.flatnonzero((shares <= 0) | (shares >= 1))
        hands[corners] = self._at_corners(plane, spots[corners], chosen[best[corners]], shares[corners] >= 1)
        names: list[BankName] = [_NAMES[hand] for hand in hands.tolist()]
        for row in np.flatnonzero(metres <= self.precision_m + accuracy_m + TOUCH_M).tolist():
            names[row] = "undetermined"
        for row in self._in_excluded(plane, spots):
            names[row] = "not_covered"
        return names, metres

    def _in_excluded(self, plane: Plane, spots: Floats) -> list[int]:
        if shapely.is_empty(self._excluded):
            return []
        places = shapely.points(np.rint(plane.unproject(spots) * E7))
        found: list[int] = np.flatnonzero(shapely.intersects(self._excluded, places)).tolist()
        return found

    def _at_corners(self, plane: Plane, spots: Floats, pieces: Whole, ahead: NDArray[np.bool_]) -> Whole:
        """Of places whose nearest point of the line is where a piece ends (`ahead`) or begins: a corner, or an end."""
        paths = self._paths
        first = np.where(ahead, pieces, paths.before[pieces])
        second = np.where(ahead, paths.after[pieces], pieces)
        at_end = (first == -1) | (second == -1)
        first, second = np.where(first == -1, second, first), np.where(second == -1, first, second)
        begins, ends = paths.project(plane, np.concatenate((first, second)))
        count = len(spots)
        along = (ends - begins) / np.hypot(*(ends - begins).T)[:, None]
        tangents = along[:count] + along[count:]
        to = spots - np.where(ahead[:, None], ends[:count], begins[count:])
        hands = _hands(_turn(tangents, to))
        hands[np.hypot(*tangents.T) < _REVERSAL] = _UNDETERMINED
        beyond_m = np.where(ahead, 0.5, -0.5) * (tangents * to).sum(axis=1)
        hands[at_end & (beyond_m > np.maximum(TOUCH_M, 1e-6 * np.hypot(*to.T)))] = _NOT_COVERED
        return hands


def _turn(along: Floats, to: Floats) -> NDArray[np.float64]:
    """Above 0 where `to` points to the left of `along`."""
    turn: NDArray[np.float64] = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    return turn


def _hands(turns: NDArray[np.float64]) -> Whole:
    """Places in _NAMES."""
    return np.sign(turns).astype(np.int64) + 1


# --- a line's paths ---------------------------------------------------------------------------------------------------


def _joined(parts: Sequence[Floats]) -> list[Floats]:
    """Parts as paths: one that begins where the part before it ends goes on with it, 180 degrees west being 180 east.

    So the longitudes of a path may run beyond 180.
    """
    paths: list[Floats] = []
    for part in parts:
        if paths and _same(paths[-1][-1], part[0]):
            paths[-1] = np.concatenate((paths[-1], part + (paths[-1][-1] - part[0])))
        else:
            paths.append(part)
    return paths


def _same(place: Floats, other: Floats) -> bool:
    """Whether two places are one; those of a line cut at 180 degrees are a turn apart (RFC 7946, 3.1.9)."""
    return bool((place - other)[0] % 360 == 0 and place[1] == other[1])


def _paths(joined: Sequence[Floats]) -> _Paths:
    places, begins, before, after = [], [], [], []
    count = pieces = 0
    for path in joined:
        own = shapely.get_coordinates(dense(shapely.linestrings(_distinct(path))))
        numbers = np.arange(pieces, pieces + len(own) - 1)
        closed = len(numbers) > 2 and _same(own[0], own[-1])
        before.append(np.concatenate(([numbers[-1] if closed else -1], numbers[:-1])))
        after.append(np.concatenate((numbers[1:], [numbers[0] if closed else -1])))
        begins.append(np.arange(count, count + len(own) - 1))
        places.append(own)
        count, pieces = count + len(own), pieces + len(own) - 1
    every, first = np.concatenate(places), np.concatenate(begins)
    vectors = _vectors(every)
    longest_m = float(np.linalg.norm(vectors[first + 1] - vectors[first], axis=1).max()) * _SPHERE_M
    return _Paths(every, vectors, first, np.concatenate(before), np.concatenate(after), longest_m)


def _distinct(path: Floats) -> Floats:
    """Without places that repeat the one before."""
    return path[np.concatenate(([True], (np.diff(path, axis=0) != 0).any(axis=1)))]


def _vectors(places: Floats) -> Floats:
    lons, lats = np.radians(places[:, 0]), np.radians(places[:, 1])
    return np.column_stack((np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)))


def _grid(region: Any, bounds: Sequence[float], each_way: int) -> Floats:
    """Places spread evenly over what of a region lies within bounds in the plane."""
    west, south, east, north = bounds
    x, y = np.meshgrid(np.linspace(west, east, each_way), np.linspace(south, north, each_way))
    within = shapely.contains_xy(region, x, y)
    return np.column_stack((x[within], y[within]))


def _steps(region: Any) -> tuple[Floats, Floats, Floats]:
    """Places along the outline of a region in the plane, and where the steps between them begin and end."""
    step_m = max(_OUTLINE_STEP_M, float(shapely.length(region)) / _SAMPLES)
    parts = shapely.get_parts(shapely.segmentize(region, step_m))
    areas = shapely.get_dimensions(parts) == 2
    paths = np.concatenate((shapely.get_rings(parts[areas]), parts[~areas]))
    places, path_of = shapely.get_coordinates(paths, return_index=True)
    on = path_of[:-1] == path_of[1:]
    return places, places[:-1][on], places[1:][on]
