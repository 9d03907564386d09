"""A 4D volume made ready for comparing: place, altitude band, time window (protocol.md 16.1).

A solid is a *core* (a point, a path, an area) and a *reach* around it in metres: a point's accuracy, a circle's radius,
half a line's width; an area's reach is 0. Two solids touch when their cores are no further apart than their reaches.
Whether cores have a place in common is judged exactly, in whole 1e-7 degrees, where the protocol's edges are straight;
distances are geodesics between the nearest places, found in a plane around them. Nothing is repaired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

import numpy as np
import shapely
from numpy.typing import NDArray

from channel.picture.forest import Box, longer
from channel.picture.plane import (
    CURVATURE_M_MIN,
    E7,
    Floats,
    Plane,
    between,
    dense,
    length_m,
    lengths_m,
    project,
    to_e7,
)
from channel.protocol import geometry, limits
from channel.protocol.errors import UsageError
from channel.protocol.statements import Altitude, Circle, Line, Point, Polygon, Shape, Volume
from channel.protocol.times import from_wire

TOUCH_M = 0.02  # closer than a position can say: one unit of a coordinate is a centimetre
_ROUNDS = 4
_RADIUS_DEGREE_M = 110_500.0  # the shortest degree of latitude, so that boxes err to the large side
_STRETCH = 5  # across the direction to its centre the plane is longer than the ground by (distance / radius)^2 / 6
_CIRCLE_QUARTER = 16  # pieces of a quarter circle where areas are cut with each other

Place = tuple[float, float]
"""Longitude and latitude in degrees."""

Metres = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A volume made ready. `altitude` None: all altitudes."""

    shape: Shape
    from_ms: int
    until_ms: int
    altitude: Altitude | None
    core: Any
    """Whole 1e-7 degrees."""
    area: Any
    """The core in degrees, its edges in short pieces."""
    edges: Any
    """What is nearest to something outside: `area` itself, or a polygon's rings as lines."""
    reach_m: float
    box: Box
    """Of all of it."""
    centre: Place
    """The middle of its box; of a point or circle its place."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two solids have in common: a time window and, if both say one, an altitude band.

    `certain` is False where one band is above the ground and the other above the sea: they may overlap.
    """

    from_ms: int
    until_ms: int
    altitude: Altitude | None
    certain: bool
    solids: tuple[Solid, Solid] = field(repr=False)

    @property
    def area(self) -> Circle | None:
        """A circle around the common place; None if it is wider than a circle may be. Computed when it is asked for."""
        return common_area(*self.solids)


def solid(volume: Volume) -> Solid:
    """A volume made ready. UsageError if its shape or window is none (protocol.md 2.5)."""
    problem = geometry.check_shape(volume.shape)
    from_ms, until_ms = from_wire(volume.from_), from_wire(volume.until)
    if problem is None and until_ms <= from_ms:
        problem = "window-invalid", "`until` must be later than `from`"
    if problem is not None:
        raise UsageError(f"{problem[0]}: {problem[1]}")
    return shaped(volume.shape, from_ms, until_ms, volume.altitude)


def shaped(shape: Shape, from_ms: int, until_ms: int, altitude: Altitude | None = None) -> Solid:
    """A shape made ready, for a time. The shape was checked before."""
    core, reach_m = _core(shape)
    area = dense(shapely.transform(core, _degrees))
    edges = shapely.boundary(area) if isinstance(shape, Polygon) else area
    west, south, east, north = box = _box(area, reach_m)
    centre = (west + east) / 2, (south + north) / 2
    if isinstance(shape, Point | Circle):
        centre = float(area.x), float(area.y)
    return Solid(shape, from_ms, until_ms, altitude, core, area, edges, reach_m, box, centre)


def _core(shape: Shape) -> tuple[Any, float]:
    match shape:
        case Point(at=place, accuracy_m=reach_m) | Circle(center=place, radius_m=reach_m):
            return shapely.Point(place), float(reach_m)
        case Line(path=path, width_m=width_m):
            return shapely.LineString(path), width_m / 2
        case Polygon(rings=rings):
            return shapely.Polygon(rings[0], rings[1:]), 0.0
        case _:
            assert_never(shape)


def _degrees(e7: Floats) -> Floats:
    return e7 / E7


def _box(area: Any, reach_m: float) -> Box:
    west, south, east, north = (float(value) for value in shapely.bounds(area))
    return widened((west, south, east, north), reach_m)


def widened(box: Box, metres: float) -> Box:
    """A box that holds every place within so many metres of a box; all longitudes where that reaches a pole."""
    west, south, east, north = box
    if not metres:
        return box
    lat_reach = metres / _RADIUS_DEGREE_M
    south, north = south - lat_reach, north + lat_reach
    if south <= -90 or north >= 90:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    furthest = np.radians(max(abs(south), abs(north)))
    lon_reach = min(360.0, lat_reach / float(np.cos(furthest)))
    return west - lon_reach, south, east + lon_reach, north


# --- distances --------------------------------------------------------------------------------------------------------


def distance_m(a: Solid, b: Solid) -> float:
    """Geodesic metres between two solids' nearest places; 0 when they touch. Altitude and time do not count."""
    apart_m = cores_apart_m(a, b) - a.reach_m - b.reach_m
    return apart_m if apart_m > TOUCH_M else 0.0


def cores_apart_m(a: Solid, b: Solid) -> float:
    """Between the nominal places: accuracy, radius and width left out; 0 when they have a place in common."""
    if not _both_points(a, b) and shapely.intersects(a.core, b.core):
        return 0.0
    here, there = nearest(a, b)
    return length_m(here, there)


def nearest(a: Solid, b: Solid) -> tuple[Place, Place]:
    """The places of the cores' edges that are nearest to each other, a's first."""
    if b.box < a.box:  # the same places whichever comes first
        there, here = nearest(b, a)
        return here, there
    if _both_points(a, b):
        return a.centre, b.centre
    here, there = a.centre, b.centre
    apart_m = math.inf
    for _ in range(_ROUNDS):  # each round in a plane around what the last one found: the plane is true near its centre
        found = _nearest_in(Plane(*between(here, there)), a, b)
        found_m = length_m(*found)
        if found_m >= apart_m - TOUCH_M / 10:
            break
        (here, there), apart_m = found, found_m
    return here, there


def _nearest_in(plane: Plane, a: Solid, b: Solid) -> tuple[Place, Place]:
    line = shapely.shortest_line(plane.take(a.edges), plane.take(b.edges))
    (lon, lat), (other_lon, other_lat) = plane.unproject(shapely.get_coordinates(line)).tolist()
    return (lon, lat), (other_lon, other_lat)


def _both_points(a: Solid, b: Solid) -> bool:
    return isinstance(a.shape, Point | Circle) and isinstance(b.shape, Point | Circle)


# --- overlap ----------------------------------------------------------------------------------------------------------


def overlap(a: Solid, b: Solid, *, touching: bool = False) -> Overlap | None:
    """What they have in common in plan and altitude and time, or None. `touching`: that they do in plan is known."""
    from_ms, until_ms = max(a.from_ms, b.from_ms), min(a.until_ms, b.until_ms)
    if from_ms >= until_ms:
        return None
    band = common_band(a.altitude, b.altitude)
    if band is None or not (touching or distance_m(a, b) == 0):
        return None
    altitude, certain = band
    return Overlap(from_ms, until_ms, altitude, certain, (a, b))


def common_band(a: Altitude | None, b: Altitude | None) -> tuple[Altitude | None, bool] | None:
    """(The altitudes that both hold, whether that is certain), or None if they hold none together."""
    if a is None or b is None:
        return (a or b), True
    if a.reference != b.reference:
        return None, False  # how high the ground is there, the channel does not know
    floor_m, ceiling_m = max(a.floor_m, b.floor_m), min(a.ceiling_m, b.ceiling_m)
    if floor_m > ceiling_m:
        return None
    return Altitude(floor_m=floor_m, ceiling_m=ceiling_m, reference=a.reference), True


def common_area(a: Solid, b: Solid) -> Circle | None:
    """A circle around what two solids that touch have in common; None if it is wider than a circle may be."""
    plane = Plane(*(_middle(a.box, b.box) or between(*nearest(a, b))))
    try:
        common = shapely.intersection(spread(plane, a), spread(plane, b))
        around = shapely.minimum_bounding_circle(common)
    except shapely.errors.GEOSException:  # an area so wide that the plane around one place does not show it whole
        return None
    if common.is_empty:  # they only touch, or as good as
        return Circle(center=to_e7(between(*nearest(a, b))), radius_m=1)
    (middle,), outline = shapely.get_coordinates(shapely.centroid(around)), shapely.get_coordinates(around)
    radius_m = math.dist(middle, outline[0])
    if radius_m > limits.RADIUS_M_MAX:
        return None
    return Circle(center=to_e7(plane.back(middle)), radius_m=max(1, math.ceil(radius_m - TOUCH_M)))


def _middle(a: Box, b: Box) -> Place | None:
    """The middle of what two boxes have in common; None if they lie a turn apart."""
    west, south, east, north = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return ((west + east) / 2, (south + north) / 2) if west <= east and south <= north else None


def spread(plane: Plane, of: Solid) -> Any:
    """The whole place of a solid in a plane: its core with its reach around it."""
    core = shapely.Point(plane.place(of.centre)) if isinstance(of.shape, Point | Circle) else plane.take(of.area)
    return shapely.buffer(core, of.reach_m, quad_segs=_CIRCLE_QUARTER) if of.reach_m else core


# --- many at once -----------------------------------------------------------------------------------------------------


class Many(NamedTuple):
    """What distances need of many solids, as arrays."""

    solids: NDArray[np.object_]
    edges: NDArray[np.object_]
    cores: NDArray[np.object_]
    centres: Floats
    reaches_m: Metres
    points: NDArray[np.bool_]

    @classmethod
    def of(cls, solids: Sequence[Solid]) -> Many:
        """Of these solids, in their order."""
        found = cls.empty(len(solids))
        for row, one in enumerate(solids):
            found.put(row, one)
        return found

    @classmethod
    def empty(cls, count: int) -> Many:
        """Room for so many."""
        return cls(
            np.empty(count, dtype=object),
            np.empty(count, dtype=object),
            np.empty(count, dtype=object),
            np.empty((count, 2)),
            np.empty(count),
            np.empty(count, dtype=bool),
        )

    def put(self, row: int, one: Solid) -> None:
        """A solid in a row."""
        self.solids[row], self.edges[row], self.cores[row] = one, one.edges, one.core
        self.centres[row], self.reaches_m[row] = one.centre, one.reach_m
        self.points[row] = isinstance(one.shape, Point | Circle)

    def longer(self, least: int = 0) -> Many:
        """The same with room for as many again, and for so many at least."""
        return Many(*(longer(column, least) for column in self))

    def at(self, rows: NDArray[Any]) -> Many:
        """Some of them."""
        return Many(*(column[rows] for column in self))


def distances_m(one: Solid, others: Many, limit_m: float) -> Metres:
    """`distance_m` to each, to a thousandth; exact as to who touches and who is within `limit_m`. Far faster."""
    alone = np.zeros(len(others.solids), dtype=np.int64)
    return apart_m(Many.of([one]), alone, others, np.array([limit_m]))


def apart_m(ones: Many, which: NDArray[np.int64], others: Many, limits_m: Metres) -> Metres:
    """`distances_m` of pairs: of `ones[which]` to `others`, row by row; `limits_m` one for each of `ones`."""
    centres, limits_of = ones.centres[which], limits_m[which]
    both = ones.points[which] & others.points
    metres = np.empty(len(which))
    metres[both] = lengths_m(centres[both], others.centres[both])
    doubt_m = np.zeros(len(which))
    rest = np.flatnonzero(~both)
    if len(rest):
        metres[rest], stretch_m = _shapes_apart_m(ones, which[rest], others.at(rest))
        doubt_m[rest] = TOUCH_M + stretch_m
    found = metres - ones.reaches_m[which] - others.reaches_m
    open_ = (found > -doubt_m) & (found <= doubt_m) | (np.abs(found - limits_of) <= doubt_m)
    for row in np.flatnonzero(open_ & (metres > 0)):
        found[row] = distance_m(ones.solids[which[row]], others.solids[row])
    found[found <= TOUCH_M] = 0.0
    return found


def _shapes_apart_m(ones: Many, which: NDArray[np.int64], others: Many) -> tuple[Metres, Metres]:
    """Of pairs of which one at least is no point: metres between the cores in a plane around the first, and by how much
    that may be wrong.

    The plane is true from its centre; away from it the plane stretches, and may choose other places as the nearest.
    """
    used, each = np.unique(which, return_inverse=True)
    flat_ones, extents_m = _flat(ones.edges[used], ones.centres[used])
    flat, _ = _flat(others.edges, ones.centres[which])
    metres = np.asarray(shapely.distance(flat_ones[each], flat), dtype=float)
    metres[shapely.intersects(ones.cores[which], others.cores)] = 0.0
    stretch_m = metres * ((extents_m[each] + metres) / CURVATURE_M_MIN) ** 2 / _STRETCH
    return metres, np.where(ones.points[which], 0.0, stretch_m)


def _flat(edges: NDArray[np.object_], centres: Floats) -> tuple[NDArray[np.object_], Metres]:
    """Each in the plane around its own centre, and how far it reaches from there."""
    places, of = shapely.get_coordinates(edges, return_index=True)
    metres = project(centres[of], places)
    extents_m = np.zeros(len(edges))
    np.maximum.at(extents_m, of, np.hypot(metres[:, 0], metres[:, 1]))
    return shapely.set_coordinates(edges.copy(), metres), extents_m
