"""Lines and courses judged the slow way: geodesics between single places, no plane, no index, no early end.

What is doubtful by less than the code under test promises (protocol.md 16.2.3, 16.3.1) is called doubtful.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from channel.protocol.places import geod

Place = tuple[float, float]
"""Longitude and latitude in degrees."""
Floats = NDArray[np.float64]
Hand = Literal["left", "right", "undetermined", "not_covered"]

_SHARES = np.linspace(0.0, 1.0, 9)
_ROUNDS = 6
_MOMENT_S = 0.01  # how fast two close now is by how much they did so shortly after
_STRAIGHT = 1e-6  # of an edge: its direction at a place is that of so short a piece of it


def lengths_m(froms: Floats, tos: Floats) -> Floats:
    """Of the geodesics from places to places."""
    return np.asarray(geod().inv(froms[:, 0], froms[:, 1], tos[:, 0], tos[:, 1])[2])


# --- lines ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bank:
    """Which side of a line a place is on, and how far from it. `sure`: a metre more or less changes nothing."""

    hand: Hand
    metres: float
    sure: bool


def banks(path: Sequence[Place], precision_m: float, places: Floats) -> list[Bank]:
    """On which side of one path each place lies: the nearest place of every edge is tried for, closer and closer."""
    edges = np.array(list(pairwise(path)), dtype=float)
    metres = np.full(len(places), np.inf)
    share, at = np.zeros(len(places)), np.zeros(len(places), dtype=int)
    for number, (begin, end) in enumerate(edges):
        edge_m, edge_share = _to_edge(begin, end, places)
        nearer = edge_m < metres - 1e-3
        metres[nearer], share[nearer], at[nearer] = edge_m[nearer], edge_share[nearer], number
    found = zip(places.tolist(), metres.tolist(), share.tolist(), at.tolist(), strict=True)
    return [_bank(edges, precision_m, (x, y), m, s, number) for (x, y), m, s, number in found]


def _to_edge(begin: Floats, end: Floats, places: Floats) -> tuple[Floats, Floats]:
    """(metres, share of the edge) of the place of an edge that is nearest to each place."""
    low, high = np.zeros(len(places)), np.ones(len(places))
    best, best_share = np.full(len(places), np.inf), np.zeros(len(places))
    for _ in range(_ROUNDS):
        shares = low[:, None] + (high - low)[:, None] * _SHARES
        tried = begin + shares[:, :, None] * (end - begin)
        from_ = np.repeat(places, len(_SHARES), axis=0)
        metres = lengths_m(from_, tried.reshape(-1, 2)).reshape(shares.shape)
        at = metres.argmin(axis=1)
        rows = np.arange(len(places))
        better = metres[rows, at] < best
        best[better], best_share[better] = metres[rows, at][better], shares[rows, at][better]
        width = (high - low) / (len(_SHARES) - 1)
        low, high = np.clip(best_share - width, 0, 1), np.clip(best_share + width, 0, 1)
    return best, best_share


def _bank(edges: Floats, precision_m: float, place: Place, metres: float, share: float, number: int) -> Bank:
    begin, end = edges[number]
    foot = begin + share * (end - begin)
    away = _azimuth((float(foot[0]), float(foot[1])), place)
    before = after = _along(begin, end, share)
    at_end = share <= 1e-9 or share >= 1 - 1e-9
    if share <= 1e-9 and number > 0:
        before, at_end = _along(*edges[number - 1], 1.0), False
    elif share >= 1 - 1e-9 and number + 1 < len(edges):
        after, at_end = _along(*edges[number + 1], 0.0), False
    along = before + _turn(after - before) / 2
    turn = _turn(away - along)
    sure = abs(metres - precision_m) > 1 and 2 < abs(turn) < 178
    if metres <= precision_m:
        return Bank("undetermined", metres, sure=abs(metres - precision_m) > 1)
    beyond = abs(turn) < 90 if share > 0.5 else abs(turn) > 90
    if at_end and abs(abs(turn) - 90) > 0.5 and beyond:
        return Bank("not_covered", metres, sure)
    return Bank("right" if turn > 0 else "left", metres, sure and not (at_end and abs(abs(turn) - 90) > 1e-3))


def _along(begin: Floats, end: Floats, share: float) -> float:
    """The direction of an edge at a place of it: edges are straight on the map."""
    low, high = max(0.0, share - _STRAIGHT), min(1.0, share + _STRAIGHT)
    first, last = begin + low * (end - begin), begin + high * (end - begin)
    return _azimuth((float(first[0]), float(first[1])), (float(last[0]), float(last[1])))


def _azimuth(here: Place, there: Place) -> float:
    return float(geod().inv(*here, *there)[0])


def _turn(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


# --- courses ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moving:
    """Where something is at a time, and where it was before (None: it stays). Seconds."""

    place: Place
    at_s: float
    before: tuple[Place, float] | None = None

    def then(self, times_s: Floats) -> Floats:
        """Its places at these times, straight on along the geodesic on which it came."""
        count = len(times_s)
        if self.before is None:
            return np.tile(np.array(self.place), (count, 1))
        (lon, lat), began_s = self.before
        _, back, metres = geod().inv(lon, lat, *self.place)
        ahead_m = float(metres) * (times_s - self.at_s) / (self.at_s - began_s)
        ends = geod().fwd(
            np.full(count, self.place[0]), np.full(count, self.place[1]), np.full(count, back + 180), ahead_m
        )
        return np.column_stack(ends[:2])


@dataclass(frozen=True, slots=True)
class Closing:
    """How two things come nearer to each other within an hour of the newer position."""

    now_m: float
    closest_m: float
    speed_m_s: float


def closing(a: Moving, b: Moving) -> Closing:
    """Second by second."""
    begin_s = max(a.at_s, b.at_s)
    times_s = begin_s + np.concatenate((np.arange(0.0, 3_601.0), (_MOMENT_S,)))
    metres = lengths_m(a.then(times_s), b.then(times_s))
    return Closing(float(metres[0]), float(metres.min()), float(metres[0] - metres[-1]) / _MOMENT_S)


# --- places of a volume -----------------------------------------------------------------------------------------------


def places_of(shape: dict[str, Any], each_way: int) -> tuple[Floats, float]:
    """Places spread over a circle or along a path and its width, and how far apart they are at most, in metres."""
    if shape["type"] == "circle":
        return _disc(shape["center"], shape["radius_m"], each_way)
    found, apart_m = [], 0.0
    for begin, end in pairwise(shape["path"]):
        length_m = float(lengths_m(np.array([begin]) / 1e7, np.array([end]) / 1e7)[0])
        for share in np.linspace(0.0, 1.0, 4 * each_way):
            middle = [one + share * (other - one) for one, other in zip(begin, end, strict=True)]
            found.append(_disc(middle, shape["width_m"] / 2, 5)[0] if shape["width_m"] else np.array([middle]) / 1e7)
        apart_m = max(apart_m, length_m / (4 * each_way) + shape["width_m"] / 2)
    return np.concatenate(found), apart_m


def _disc(center: Sequence[float], radius_m: float, each_way: int) -> tuple[Floats, float]:
    lon, lat = (value / 1e7 for value in center)
    rings = [(radius_m * ring / each_way, max(1, 6 * ring)) for ring in range(each_way + 1)]
    metres = np.array([reach for reach, count in rings for _ in range(count)])
    turns = np.array([360.0 * step / count for _, count in rings for step in range(count)])
    ends = geod().fwd(np.full(len(turns), lon), np.full(len(turns), lat), turns, metres)
    return np.column_stack(ends[:2]), 1.05 * radius_m * math.tau / 6 / each_way
