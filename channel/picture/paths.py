"""The paths of an agreed line: which of their pieces is nearest to a place, and on which hand of it the place lies.

A line is asked of many places of one volume, so what of it may be nearest to any of them is taken into a plane once
(`Paths.flat`). Rule of this file: pieces are left out only where another one is nearer for certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from channel.picture.plane import E7, Floats, Plane, dense
from channel.picture.solid import TOUCH_M, Metres

Position = tuple[int, int]
Whole = NDArray[np.int64]

RIGHT, UNDETERMINED, LEFT, NOT_COVERED = range(4)
"""Hands of a line."""

_SPHERE_M = 6_371_000.0
_SPHERE_DOUBT = 0.01  # by how much distances on a sphere may be wrong: they only choose what is looked at
_PLANE_DOUBT_M = 1.0  # no less than what sums in a plane may be wrong by: the same
_REVERSAL = 1e-6  # two directions of which the sum is less are opposite: the path turns back on itself
_PAIRS = 8_192  # places times pieces that are compared at once; half of the places have fewer pieces near them


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """All paths of a line, edges cut into pieces: piece i goes from place `begins[i]` to place `begins[i] + 1`."""

    places: Floats
    vectors: Floats
    """Of the places, on the unit sphere."""
    begins: Whole
    before: Whole
    """The piece before each piece; -1 where a path begins."""
    after: Whole
    longest_m: float

    @classmethod
    def of(cls, parts: Iterable[Sequence[Position]]) -> Paths:
        """Of a line's parts in protocol positions."""
        return _cut(_joined([np.array(part, dtype=float) / E7 for part in parts]))

    @property
    def stray_m(self) -> float:
        """By how much a distance from the line may differ from one plane to another, no less."""
        return TOUCH_M + self.longest_m**2 / _SPHERE_M

    def near(self, centre: Plane, within_m: float) -> Whole:
        """The pieces that are within so many metres of a place, or little further from it than the nearest."""
        here = _vectors(np.array([[centre.lon, centre.lat]]))[0]
        metres = np.arccos(np.clip(self.vectors @ here, -1, 1)) * _SPHERE_M
        limit_m = (float(metres.min()) + within_m) * (1 + 2 * _SPHERE_DOUBT) + 2 * self.longest_m
        return np.flatnonzero(metres[self.begins] <= limit_m)

    def flat(self, plane: Plane, reach_m: float) -> Flat:
        """What may be nearest to a place within so many metres of a plane's centre."""
        pieces = self.near(plane, 2 * reach_m)
        before, after = self.before[pieces], self.after[pieces]
        first, last = before < 0, after < 0
        begins, ends = self._project(plane, np.where(first, pieces, before), pieces, np.where(last, pieces, after))
        along = ends - begins
        ahead = along / np.hypot(along[..., 0], along[..., 1])[..., None]
        return Flat(
            plane,
            pieces,
            begins[1],
            along[1],
            corners=np.stack((begins[1], ends[1])),
            tangents=ahead[:2] + ahead[1:],
            loose=np.stack((first, last)),
        )

    def _project(self, plane: Plane, *pieces: Whole) -> tuple[Floats, Floats]:
        """Where pieces begin and end in a plane."""
        begins = self.begins[np.stack(pieces)]
        used, where = np.unique(np.stack((begins, begins + 1)), return_inverse=True)
        begun, ended = plane.project(self.places[used])[where.reshape(2, *begins.shape)]
        return begun, ended


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """Pieces of a line in a plane. `corners`, `tangents` and `loose` have two rows: of where pieces begin, and end."""

    plane: Plane
    pieces: Whole
    begins: Floats
    along: Floats
    corners: Floats
    tangents: Floats
    """Of two directions, each of length 1: of the piece before and of the piece after."""
    loose: NDArray[np.bool_]
    """Whether the path does not go on there."""

    def hands(self, spots: Floats) -> tuple[Whole, Metres]:
        """On which hand places lie, and how far from the line they are."""
        best, shares, squares = self._nearest(spots, np.arange(len(self.pieces)))
        hands = _hands(_turn(self.along[best], spots - self.begins[best]))
        corners = np.flatnonzero((shares <= 0) | (shares >= 1))
        if len(corners):
            ends = (shares[corners] >= 1).astype(np.int64)
            hands[corners] = self._at_corners(spots[corners], best[corners], ends)
        return hands, np.sqrt(squares)

    def _nearest(self, spots: Floats, among: Whole) -> tuple[Whole, Metres, Metres]:
        """Of each place its nearest piece, how far along that the nearest point is (beyond it: below 0 or above 1), and
        the square of its distance."""
        if len(spots) * len(among) > _PAIRS:
            among = self._close(spots, among)
        if len(spots) * len(among) > _PAIRS and len(spots) > 1:
            half = len(spots) // 2
            halves = self._nearest(spots[:half], among), self._nearest(spots[half:], among)
            best, shares, squares = (np.concatenate(both) for both in zip(*halves, strict=True))
            return best, shares, squares
        shares, squares = self._apart(spots, among)
        best, rows = squares.argmin(axis=1), np.arange(len(spots))
        return among[best], shares[rows, best], squares[rows, best]

    def _close(self, spots: Floats, among: Whole) -> Whole:
        """Those of pieces that may be nearest to one of these places."""
        low, high = spots.min(axis=0), spots.max(axis=0)
        metres = np.sqrt(self._apart((low + high)[None] / 2, among)[1][0])
        kept: Whole = among[metres <= metres.min() + float(np.hypot(*(high - low))) + _PLANE_DOUBT_M]
        return kept

    def _apart(self, spots: Floats, among: Whole) -> tuple[Metres, Metres]:
        """Of each place, for each piece: how far along that its nearest point is, and the square of its distance."""
        (begin_x, begin_y), (along_x, along_y) = self.begins[among].T, self.along[among].T
        x, y = spots[:, :1], spots[:, 1:]
        shares = ((x - begin_x) * along_x + (y - begin_y) * along_y) / (along_x**2 + along_y**2)
        within = np.clip(shares, 0, 1)
        squares = (x - (begin_x + within * along_x)) ** 2 + (y - (begin_y + within * along_y)) ** 2
        return shares, squares

    def _at_corners(self, spots: Floats, pieces: Whole, ends: Whole) -> Whole:
        """Of places whose nearest point of the line is where a piece begins (0 in `ends`) or ends (1)."""
        tangents, to = self.tangents[ends, pieces], spots - self.corners[ends, pieces]
        hands = _hands(_turn(tangents, to))
        hands[np.hypot(*tangents.T) < _REVERSAL] = UNDETERMINED
        beyond_m = (ends - 0.5) * (tangents * to).sum(axis=1)
        loose = self.loose[ends, pieces]
        hands[loose & (beyond_m > np.maximum(TOUCH_M, 1e-6 * np.hypot(*to.T)))] = NOT_COVERED
        return hands


def _turn(along: Floats, to: Floats) -> Metres:
    """Above 0 where `to` points to the left of `along`."""
    turn: Metres = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    return turn


def _hands(turns: Metres) -> Whole:
    return np.sign(turns).astype(np.int64) + 1


# --- how a line is cut ------------------------------------------------------------------------------------------------


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


def _cut(joined: Sequence[Floats]) -> Paths:
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
    return Paths(every, vectors, first, np.concatenate(before), np.concatenate(after), longest_m)


def _distinct(path: Floats) -> Floats:
    """Without places that repeat the one before."""
    return path[np.concatenate(([True], (np.diff(path, axis=0) != 0).any(axis=1)))]


def _vectors(places: Floats) -> Floats:
    lons, lats = np.radians(places[:, 0]), np.radians(places[:, 1])
    return np.column_stack((np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)))
