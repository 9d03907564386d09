"""Volumes and shapes: whether they mean anything, and distances between places. Coordinates as typed are in places.py.

A refusal is a value, `(code, detail)`: the details count and name members, and never quote a coordinate. Rules of this
file: lengths are geodesic metres, never degrees; validity is judged in the plane of longitude and latitude, in whole
1e-7 degrees, so that every implementation sees the same edges; nothing is ever repaired (a repaired area is not the
area that was signed, and repairing takes minutes where refusing takes a millisecond).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from pydantic import ValidationError

from channel.protocol import limits
from channel.protocol.codes import REFUSALS
from channel.protocol.errors import UsageError
from channel.protocol.places import geod
from channel.protocol.statements import Circle, Kind, Line, Point, Polygon, Shape, Volume
from channel.protocol.times import from_wire

Problem = tuple[str, str]
"""A refusal's code and its detail."""

CODES: dict[str, str] = {
    code: REFUSALS[code]
    for code in (
        "window-invalid", "window-past", "window-too-long", "window-too-far",
        "volume-invalid", "volume-antimeridian", "volume-pole", "too-many-vertices",
    )
}  # fmt: skip
"""Every code that this file gives, with its meaning."""

_E7 = 10_000_000
_HALF_TURN = 180 * _E7
_TURN = 360 * _E7
_POLE = 90 * _E7
_CURVATURE_M_MIN = 6_335_000  # the ellipsoid's smallest radius of curvature: extents err to the large side
_SWAPPED_M = (
    250_000  # this far from every other place of the net it is looked at again; swapped at Deir ez-Zor is 680 km
)
_SWAPPED_NEARER = 4  # and it must be so many times nearer to them when swapped

Position = tuple[int, int]


# --- checks ---------------------------------------------------------------------------------------------------------


def check_volumes(volumes: Sequence[Volume], *, kind: str, issued_ms: int, warn: Shape | None = None) -> Problem | None:
    """The first thing wrong with a notice's volumes and `warn` area, or None; `issued_ms` is its own `issued`."""
    shapes = [volume.shape for volume in volumes] + ([] if warn is None else [warn])
    total = sum(vertex_count(shape) for shape in shapes)
    if total > limits.VERTICES_MAX:
        return "too-many-vertices", f"{total} vertices in all; at most {limits.VERTICES_MAX}"
    for number, volume in enumerate(volumes, start=1):
        problem = (
            _check_window(volume, issued_ms)
            or (_check_past(volume, issued_ms) if kind == Kind.INTENT else None)
            or _check_altitude(volume)
            or check_shape(volume.shape)
        )
        if problem is not None:
            return problem[0], f"volume {number}: {problem[1]}"
    if warn is not None and (problem := check_shape(warn)) is not None:
        return problem[0], f"warn: {problem[1]}"
    return None


def check_shape(shape: Shape) -> Problem | None:
    """The first thing wrong with a shape on its own, or None."""
    if (count := vertex_count(shape)) > limits.VERTICES_MAX:
        return "too-many-vertices", f"{count} vertices; at most {limits.VERTICES_MAX}"
    match shape:
        case Point(at=centre, accuracy_m=reach_m) | Circle(center=centre, radius_m=reach_m):
            return _check_reach((centre,), reach_m)
        case Line(path=path, width_m=width_m):
            return _check_path(path, width_m / 2)
        case Polygon(rings=rings):
            return _check_polygon(rings)
        case _:
            assert_never(shape)


def check_line(parts: Sequence[Sequence[Position]], excluded: Sequence[Sequence[Position]]) -> Problem | None:
    """The first thing wrong with a de-confliction line's parts and excluded rings, or None."""
    total = sum(len(path) for path in (*parts, *excluded))
    if total > limits.VERTICES_MAX:
        return "too-many-vertices", f"{total} vertices in all; at most {limits.VERTICES_MAX}"
    for name, paths, check in (("part", parts, check_path), ("excluded area", excluded, _check_ring_alone)):
        for number, path in enumerate(paths, start=1):
            problem = check(path)
            if problem is not None:
                return problem[0], f"{name} {number}: {problem[1]}"
    return None


def vertex_count(shape: Shape) -> int:
    """Vertices of a shape; a point and a circle have one."""
    match shape:
        case Line(path=path):
            return len(path)
        case Polygon(rings=rings):
            return sum(len(ring) for ring in rings)
        case _:
            return 1


def _check_window(volume: Volume, issued_ms: int) -> Problem | None:
    begin_ms, end_ms = from_wire(volume.from_), from_wire(volume.until)
    if end_ms <= begin_ms:
        return "window-invalid", "`until` must be later than `from`"
    if end_ms - begin_ms > limits.WINDOW_MS_MAX:
        return "window-too-long", f"the window is longer than {limits.WINDOW_MS_MAX // 86_400_000} days"
    if begin_ms - issued_ms > limits.FUTURE_MS_MAX:
        return "window-too-far", f"the window begins more than {limits.FUTURE_MS_MAX // 86_400_000} days after `issued`"
    return None


def _check_past(volume: Volume, issued_ms: int) -> Problem | None:
    """Intents only: what has been may be told at any time, but not announced."""
    if from_wire(volume.until) <= issued_ms:
        return "window-past", "the window was over at `issued`; report what has happened as an incident or a position"
    return None


def _check_altitude(volume: Volume) -> Problem | None:
    band = volume.altitude
    if band is not None and band.floor_m > band.ceiling_m:
        return "volume-invalid", "altitude: `floor_m` is above `ceiling_m`"
    return None


def _check_path(path: Sequence[Position], half_width_m: float) -> Problem | None:
    return _check_reach(path, half_width_m) or _check_span(path) or _check_length(path)


def check_path(path: Sequence[Position]) -> Problem | None:
    """The first thing wrong with one path of a line, however many positions it has, or None."""
    return _check_path(path, 0)


def _check_length(path: Sequence[Position]) -> Problem | None:
    if len(set(path)) < 2:
        return "volume-invalid", "the path has no length"
    return None


def _check_ring_alone(ring: Sequence[Position]) -> Problem | None:
    return _check_polygon((ring,))


def _check_polygon(rings: Sequence[Sequence[Position]]) -> Problem | None:
    for ring in rings:
        if ring[0] == ring[-1]:
            return "volume-invalid", "the closing vertex of a ring is not repeated"
        if _encircles_pole(ring):
            return "volume-pole", "a ring runs around a pole, where maps of the parties do not show it as an area"
        problem = _check_reach(ring, 0) or _check_span(ring)
        if problem is not None:
            return problem
        if _doubled_area(ring) == 0:
            return "volume-invalid", "a ring has no area, or crosses itself"
    return _check_valid(rings)


def _check_valid(rings: Sequence[Sequence[Position]]) -> Problem | None:
    import shapely

    shell, *holes = rings
    polygon = shapely.Polygon(shell, holes)
    if polygon.is_valid:
        return None
    reason = str(shapely.is_valid_reason(polygon)).partition("[")[0].strip().lower()  # the bracket quotes a coordinate
    return "volume-invalid", f"the area is not one area: {reason}"


def _check_reach(positions: Iterable[Position], reach_m: float) -> Problem | None:
    """Nothing within `reach_m` metres of any position may be a pole, or on the far side of the antimeridian."""
    lat_reach = math.degrees(reach_m / _CURVATURE_M_MIN)
    for lon_e7, lat_e7 in positions:
        lat = abs(lat_e7) / _E7
        if lat + lat_reach >= 90:
            return "volume-pole", "it reaches a pole; end it before 90 degrees of latitude"
        lon_reach = _lon_reach(lat, lat_reach)
        if reach_m and abs(lon_e7) / _E7 + lon_reach > 180:
            return "volume-antimeridian", "it reaches across 180 degrees of longitude; give one volume for each side"
    return None


def _lon_reach(lat: float, lat_reach: float) -> float:
    """Degrees of longitude that a cap of `lat_reach` degrees around latitude `lat` takes in; it holds no pole."""
    return math.degrees(math.asin(min(1.0, math.sin(math.radians(lat_reach)) / math.cos(math.radians(lat)))))


def _check_span(path: Sequence[Position]) -> Problem | None:
    lons = [lon for lon, _ in path]
    if max(lons) - min(lons) >= _HALF_TURN:
        return "volume-antimeridian", "it spans 180 degrees of longitude or more; give one volume for each side"
    return None


def _encircles_pole(ring: Sequence[Position]) -> bool:
    """Whether the ring, followed the shorter way at each step, goes around the globe."""
    turned = 0
    for (lon, _), (next_lon, _) in _edges(ring):
        step = (next_lon - lon + _HALF_TURN) % _TURN - _HALF_TURN
        if step == -_HALF_TURN:
            return False  # neither way is shorter; the span of such a ring is refused anyway
        turned += step
    return turned != 0


def _doubled_area(ring: Sequence[Position]) -> int:
    """Twice the signed area in units of 1e-14 square degrees, exact."""
    return sum(lon * next_lat - next_lon * lat for (lon, lat), (next_lon, next_lat) in _edges(ring))


def _edges(ring: Sequence[Position]) -> Iterator[tuple[Position, Position]]:
    return zip(ring, (*ring[1:], ring[0]), strict=True)


# --- measures -------------------------------------------------------------------------------------------------------


def distance_m(a: Position, b: Position) -> float:
    """Length of the geodesic between two places on the WGS 84 ellipsoid."""
    return float(geod().inv(a[0] / _E7, a[1] / _E7, b[0] / _E7, b[1] / _E7)[2])


def positions(shape: Shape) -> Iterator[Position]:
    """Everything that a shape names, in its order: a place, a path, an area's rings."""
    match shape:
        case Point(at=position) | Circle(center=position):
            yield position
        case Line(path=path):
            yield from path
        case Polygon(rings=rings):
            for ring in rings:
                yield from ring
        case _:
            assert_never(shape)


def looks_swapped(position: Position, known: Sequence[Position]) -> bool:
    """A hint for people, never a refusal: far from all known places, yet near one of them when swapped."""
    swapped = (position[1], position[0])
    if not known or abs(swapped[1]) > _POLE:
        return False
    nearest_m = math.inf
    for other in reversed(known):  # the newest first: one that is near settles it
        nearest_m = min(nearest_m, distance_m(position, other))
        if nearest_m <= _SWAPPED_M:
            return False
    return min(distance_m(swapped, other) for other in known) * _SWAPPED_NEARER <= nearest_m


# --- making shapes --------------------------------------------------------------------------------------------------


def point(position: Position, accuracy_m: int) -> Point:
    """A place with its accuracy; UsageError if it is not on the globe or vaguer than the limit."""
    try:
        return Point(at=position, accuracy_m=accuracy_m)
    except ValidationError as error:
        raise UsageError(_RANGE.format("accuracy", 0, limits.RADIUS_M_MAX, accuracy_m)) from error


def circle(center: Position, radius_m: int) -> Circle:
    """A circle; UsageError if it is not on the globe or wider than the limit."""
    try:
        return Circle(center=center, radius_m=radius_m)
    except ValidationError as error:
        raise UsageError(_RANGE.format("radius", 1, limits.RADIUS_M_MAX, radius_m)) from error


_RANGE = "a place is within 180 degrees of longitude and 90 of latitude, and its {} is {} to {} metres, not {}"
