"""An agreed line: on which side of it a place lies, and whether a volume reaches across (protocol.md 16.2).

Left and right are as one follows the line's positions. A part that begins where the one before it ends goes on with it;
anything else is a gap. A place whose nearest point of the line is an end, beyond which the line does not go on, is not
covered, and so is one in an excluded area. Rules of this file: the line says nothing where it does not reach, and
nothing closer to it than it was known; who proposed or accepted it is the ledger's (channel/ledger/lines.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

_SPHERE_M = 6_371_000.0
_SPHERE_DOUBT = 0.01  # by how much distances on a sphere may be wrong: they only choose what is looked at
_REVERSAL = 0.1  # a path that turns back on itself within 6 degrees has no side at its tip
_SAMPLES = 128  # places looked at along the outline of what a volume holds beyond the line
_OUTLINE_STEP_M = 50.0


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
    """All paths of a line, edges cut into pieces: piece i goes from `begins[i]` to `ends[i]` (degrees)."""

    begins: Floats
    ends: Floats
    before: NDArray[np.int64]
    """The piece before each piece; -1 where a path begins."""
    after: NDArray[np.int64]
    vectors: Floats
    """Of `begins`, on the unit sphere."""
    longest_m: float


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
        self._map = shapely.multilinestrings([shapely.linestrings(path) for path in _whole(self._paths)])

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
        outline = _sampled(self._beyond_precision(plane, solid))
        if not len(outline):
            return None
        names, metres = self._banks(plane, outline, 0)
        theirs = [at for at, name in enumerate(names) if self._seen_by(party, name) == "theirs"]
        for at in sorted(theirs, key=lambda at: -metres[at])[:3]:  # the plane chooses; what is said is looked at again
            place = to_e7(plane.unproject(outline[at : at + 1])[0])
            side, depth_m = self.side(place, party)
            if side == "theirs":
                return Crossing(place, depth_m)
        return None

    def _seen_by(self, party: str, bank: BankName) -> SideName:
        if bank == "undetermined" or bank == "not_covered":
            return bank
        kept = self.keeps.get(party)
        return "not_covered" if kept is None else "mine" if kept == bank else "theirs"

    def _beyond_precision(self, plane: Plane, solid: Solid) -> Any:
        """The part of a volume, in the plane, that is further from the line than it was known."""
        region = spread(plane, solid)
        near = shapely.buffer(plane.take(self._map), max(self.precision_m, TOUCH_M))
        try:
            return shapely.difference(region, near)
        except shapely.errors.GEOSException:  # so wide that the plane does not show it whole: all of it is looked at
            return region

    def _banks(self, plane: Plane, spots: Floats, accuracy_m: float) -> tuple[list[BankName], NDArray[np.float64]]:
        """Of places in a plane that is around or near them."""
        chosen = self._near(plane, spots)
        begins, ends = plane.project(self._paths.begins[chosen]), plane.project(self._paths.ends[chosen])
        along = ends - begins
        share = ((spots[:, None, :] - begins) * along).sum(axis=2) / (along**2).sum(axis=1)
        feet = begins + np.clip(share, 0, 1)[:, :, None] * along
        squares = ((spots[:, None, :] - feet) ** 2).sum(axis=2)
        best = squares.argmin(axis=1)
        rows = np.arange(len(spots))
        metres = np.sqrt(squares[rows, best])
        shares = share[rows, best]
        turns = _turn(along[best], spots - begins[best])
        names: list[BankName] = [_hand(float(turn)) for turn in turns]
        for row in np.flatnonzero((shares <= 0) | (shares >= 1)).tolist():
            names[row] = self._at_corner(plane, spots[row], int(chosen[best[row]]), ahead=bool(shares[row] >= 1))
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

    def _at_corner(self, plane: Plane, spot: NDArray[np.float64], piece: int, *, ahead: bool) -> BankName:
        """Of one place whose nearest point of the line is where this piece ends (`ahead`) or begins."""
        paths = self._paths
        first, second = (piece, int(paths.after[piece])) if ahead else (int(paths.before[piece]), piece)
        if first == -1 or second == -1:
            begin, end = plane.project(np.array([paths.begins[piece], paths.ends[piece]]))
            tip, outward = (end, end - begin) if ahead else (begin, begin - end)
            beyond_m = float((spot - tip) @ outward / np.hypot(*outward))
            if beyond_m > max(TOUCH_M, 1e-6 * float(np.hypot(*(spot - tip)))):
                return "not_covered"
            return _hand(float(_turn(end - begin, spot - begin)))
        a, b = plane.project(np.array([paths.begins[first], paths.ends[first]]))
        c, d = plane.project(np.array([paths.begins[second], paths.ends[second]]))
        tangent = (b - a) / np.hypot(*(b - a)) + (d - c) / np.hypot(*(d - c))
        if np.hypot(*tangent) < _REVERSAL:
            return "undetermined"
        return _hand(float(_turn(tangent, spot - c)))

    def _near(self, plane: Plane, spots: Floats) -> NDArray[np.int64]:
        """The pieces among which the nearest of each of the places is."""
        centre = _vectors(np.array([[plane.lon, plane.lat]]))[0]
        from_centre_m = np.arccos(np.clip(self._paths.vectors @ centre, -1, 1)) * _SPHERE_M
        spread_m = float(np.hypot(spots[:, 0], spots[:, 1]).max())
        limit_m = (float(from_centre_m.min()) + 2 * spread_m) * (1 + 2 * _SPHERE_DOUBT) + 2 * self._paths.longest_m
        return np.flatnonzero(from_centre_m <= limit_m)


def _turn(along: Floats, to: Floats) -> NDArray[np.float64]:
    """Above 0 where `to` points to the left of `along`."""
    turn: NDArray[np.float64] = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    return turn


def _hand(turn: float) -> BankName:
    return "undetermined" if turn == 0 else "left" if turn > 0 else "right"


# --- a line's paths ---------------------------------------------------------------------------------------------------


def _joined(parts: Sequence[Floats]) -> list[Floats]:
    """Parts as paths: one that begins where the part before it ends goes on with it."""
    paths: list[Floats] = []
    for part in parts:
        if paths and (paths[-1][-1] == part[0]).all():
            paths[-1] = np.concatenate((paths[-1], part))
        else:
            paths.append(part)
    return paths


def _paths(joined: Sequence[Floats]) -> _Paths:
    begins, ends, before, after = [], [], [], []
    count = 0
    for path in joined:
        places = shapely.get_coordinates(dense(shapely.linestrings(_distinct(path))))
        pieces = len(places) - 1
        closed = pieces > 2 and bool((places[0] == places[-1]).all())
        begins.append(places[:-1])
        ends.append(places[1:])
        numbers = np.arange(count, count + pieces)
        before.append(np.concatenate(([numbers[-1] if closed else -1], numbers[:-1])))
        after.append(np.concatenate((numbers[1:], [numbers[0] if closed else -1])))
        count += pieces
    all_begins, all_ends = np.concatenate(begins), np.concatenate(ends)
    vectors = _vectors(all_begins)
    longest_m = float(np.linalg.norm(_vectors(all_ends) - vectors, axis=1).max()) * _SPHERE_M * (1 + _SPHERE_DOUBT)
    return _Paths(all_begins, all_ends, np.concatenate(before), np.concatenate(after), vectors, longest_m)


def _distinct(path: Floats) -> Floats:
    """Without places that repeat the one before."""
    return path[np.concatenate(([True], (np.diff(path, axis=0) != 0).any(axis=1)))]


def _whole(paths: _Paths) -> list[Floats]:
    """The pieces as whole paths again."""
    starts = np.flatnonzero(np.concatenate(([True], (paths.begins[1:] != paths.ends[:-1]).any(axis=1))))
    stops = [*starts[1:].tolist(), len(paths.begins)]
    return [
        np.concatenate((paths.begins[begin:stop], paths.ends[stop - 1 : stop]))
        for begin, stop in zip(starts.tolist(), stops, strict=True)
    ]


def _vectors(places: Floats) -> Floats:
    lons, lats = np.radians(places[:, 0]), np.radians(places[:, 1])
    return np.column_stack((np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)))


def _sampled(region: Any) -> Floats:
    """Places along the outline of a region in the plane."""
    if shapely.is_empty(region):
        return np.empty((0, 2))
    step_m = max(_OUTLINE_STEP_M, float(shapely.length(region)) / _SAMPLES)
    places: Floats = shapely.get_coordinates(shapely.segmentize(region, step_m))
    return places
