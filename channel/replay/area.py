"""The area of a dispute: read from GeoJSON, and whether a notice's shape touches it.

Nothing is repaired. Distances are geodesic: a circle is a ring of geodesic end points, a line with a width the hulls of
such rings along it. Edges of areas are straight in the plane of longitude and latitude, as the protocol's own are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, assert_never

from channel.protocol import geometry
from channel.protocol.errors import UsageError
from channel.protocol.places import geod
from channel.protocol.statements import Circle, Line, Point, Polygon, Shape

AREA_BYTES_MAX = 1_048_576  # an area in dispute is drawn by hand, or cut from a map: some thousand vertices
_POLYGONS_MAX = 1_000  # areas in one file
_E7 = 10_000_000
_RING_VERTICES = 72  # of a circle: drawn around it, never inside, so it errs outwards by a thousandth of its radius
_PIECE_M = 10_000  # of a line: in such pieces an edge that is straight on the map stays within metres of a geodesic
_PIECES_MAX = 2_000
_HOW = "draw it as a Polygon or MultiPolygon in GeoJSON (WGS 84, longitude first, rings closed)"

Place = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True, slots=True)
class Area:
    """Polygons, each a list of closed rings of (longitude, latitude) in degrees, the outer ring first."""

    polygons: tuple[tuple[tuple[Place, ...], ...], ...]
    shapes: tuple[Any, ...]
    """The same as shapely polygons."""

    def to_geojson(self) -> dict[str, Any]:
        """As one MultiPolygon."""
        return {"type": "MultiPolygon", "coordinates": [[list(map(list, ring)) for ring in p] for p in self.polygons]}

    def corners(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        places = [place for rings in self.polygons for place in rings[0]]
        lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
        return min(lons), min(lats), max(lons), max(lats)

    def swapped(self) -> Area | None:
        """With latitude and longitude in each other's place, as if they had been written so; None: no such places."""
        polygons = tuple(tuple(tuple((y, x) for x, y in ring) for ring in rings) for rings in self.polygons)
        if any(abs(lat) > 90 for rings in polygons for ring in rings for _, lat in ring):
            return None
        return Area(polygons, tuple(_shape(number, rings) for number, rings in enumerate(polygons, start=1)))


# --- reading ----------------------------------------------------------------------------------------------------------


def read_area(data: bytes) -> Area:
    """The polygons of a GeoJSON file. UsageError says what is wrong with it, and where."""
    if len(data) > AREA_BYTES_MAX:
        raise UsageError(f"the area's file is larger than {AREA_BYTES_MAX} bytes: {_HOW}")
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the area's file is not JSON: {_HOW}") from error
    polygons = tuple(_polygons(value, 0))
    if not polygons:
        raise UsageError(f"there is no area in the file: {_HOW}")
    if len(polygons) > _POLYGONS_MAX:
        raise UsageError(f"{len(polygons)} areas in one file; at most {_POLYGONS_MAX}")
    return Area(polygons, tuple(_shape(number, rings) for number, rings in enumerate(polygons, start=1)))


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _polygons(value: object, depth: int) -> Iterator[tuple[tuple[Place, ...], ...]]:
    if not isinstance(value, dict) or depth > 3:
        raise UsageError(f"expected a GeoJSON object: {_HOW}")
    if "crs" in value and "CRS84" not in json.dumps(value["crs"]) and "4326" not in json.dumps(value["crs"]):
        raise UsageError("the file names another coordinate system; GeoJSON is WGS 84 (RFC 7946, section 4)")
    match value.get("type"):
        case "FeatureCollection":
            for feature in _list(value.get("features"), "features"):
                yield from _polygons(feature, depth + 1)
        case "Feature":
            yield from _polygons(value.get("geometry"), depth + 1)
        case "GeometryCollection":
            for part in _list(value.get("geometries"), "geometries"):
                yield from _polygons(part, depth + 1)
        case "Polygon":
            yield _rings(value.get("coordinates"))
        case "MultiPolygon":
            for coordinates in _list(value.get("coordinates"), "coordinates"):
                yield _rings(coordinates)
        case other:
            raise UsageError(f"{other!r} is no area: {_HOW}")


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise UsageError(f"`{name}` is a list with something in it: {_HOW}")
    return value


def _rings(value: object) -> tuple[tuple[Place, ...], ...]:
    rings = tuple(
        tuple(_place(place) for place in _list(ring, "a ring")) for ring in _list(value, "coordinates of a Polygon")
    )
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise UsageError("a ring has at least four positions, and the last is the first again (RFC 7946, 3.1.6)")
    return rings


def _place(value: object) -> Place:
    numbers: list[Any] = value if isinstance(value, list) and 2 <= len(value) <= 3 else [None]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise UsageError("a position is [longitude, latitude] in degrees")
    lon, lat = numbers[:2]
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise UsageError(f"there is no place at {str(value)[:60]}: longitude comes first, then latitude")
    return float(lon), float(lat)


def _shape(number: int, rings: Sequence[Sequence[Place]]) -> Any:
    import shapely

    shape = shapely.Polygon(rings[0], rings[1:])
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise UsageError(f"area {number} of the file is not one area ({reason}): draw it without crossing itself")
    return shape


# --- touching ---------------------------------------------------------------------------------------------------------


def touches(area: Area, shape: Shape) -> bool | None:
    """Whether they have at least one place in common, edges included. None: the shape means no place on the map."""
    if geometry.check_shape(shape) is not None:
        return None
    return any(own.intersects(part) for part in _parts(shape) for own in area.shapes)


def _parts(shape: Shape) -> Iterator[Any]:
    import shapely

    match shape:
        case Point(at=centre, accuracy_m=reach_m) | Circle(center=centre, radius_m=reach_m):
            yield _disc(_degrees(centre), reach_m)
        case Line(path=path, width_m=width_m):
            yield from _band([_degrees(position) for position in path], width_m / 2)
        case Polygon(rings=rings):
            shell, *holes = ([_degrees(position) for position in ring] for ring in rings)
            yield shapely.Polygon(shell, holes)
        case _:
            assert_never(shape)


def _degrees(position: tuple[int, int]) -> Place:
    return position[0] / _E7, position[1] / _E7


def _disc(centre: Place, reach_m: float) -> Any:
    """All places within so many metres: a ring drawn around the circle."""
    import shapely

    if not reach_m:
        return shapely.Point(centre)
    azimuths = [360 * step / _RING_VERTICES for step in range(_RING_VERTICES)]
    around_m = reach_m / math.cos(math.pi / _RING_VERTICES)
    lons, lats, _ = geod().fwd(
        [centre[0]] * _RING_VERTICES, [centre[1]] * _RING_VERTICES, azimuths, [around_m] * _RING_VERTICES
    )
    return shapely.Polygon([(_beside(lon, centre[0]), lat) for lon, lat in zip(lons, lats, strict=True)])


def _beside(lon: float, centre: float) -> float:
    """The longitude counted without a jump at 180 degrees."""
    return centre + (lon - centre + 180) % 360 - 180


def _band(path: Sequence[Place], half_width_m: float) -> Iterator[Any]:
    import shapely

    if not half_width_m:
        yield shapely.LineString(path)
        return
    before = _disc(path[0], half_width_m)
    for begin, end in pairwise(path):
        length_m = float(geod().inv(*begin, *end)[2])
        pieces = min(_PIECES_MAX, max(1, math.ceil(length_m / _PIECE_M)))
        for piece in range(1, pieces + 1):
            share = piece / pieces
            here = (begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share)
            after = _disc(here, half_width_m)
            yield shapely.union_all([before, after]).convex_hull
            before = after
