"""GeoJSON read strictly: features with shapes of this protocol, or a reason that names the feature.

RFC 7946: WGS 84, longitude first, rings closed. Rules of this file: nothing is repaired, thinned or guessed; what
cannot be taken as it stands is refused with a code and the feature's name. Files are read by whoever calls.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from channel.picture.plane import E7
from channel.protocol import geometry, limits
from channel.protocol.errors import UsageError
from channel.protocol.places import geod
from channel.protocol.statements import Line, Polygon, Position, Shape

FILE_BYTES_MAX = 10_000_000  # a plan for a whole theatre; larger files are maps, not plans
_NAME_CHARS = 60
_NUMBER_MAX = 1e9
_DIGITS_MAX = 4_000  # no number of a plan is as long; Python stops at 4,300, and says how to raise that
_RINGS_MAX = 64  # of one area (protocol.md 2.5)
_FAR_M = 100_000.0  # closer than this to the rest of a file a place is where it was meant
_SPREADS = 3  # nor is it swapped because a file is wide
_TIMES = 5  # swapped it must be so many times closer
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character: no program can print it
_NESTED = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPoint": 1, "MultiLineString": 2, "MultiPolygon": 3}

CODES = {
    "file-too-large": "the file is larger than 10 MB",
    "bad-json": "not strict JSON: also NaN, Infinity, and a member that occurs twice",
    "bad-geojson": "not as RFC 7946 says, or of a type that is no shape here",
    "out-of-range": "a longitude beyond 180 or a latitude beyond 90 degrees",
    "looks-swapped": "latitude and longitude seem to be in each other's place",
    "altitude-in-position": "a height stands in a position; it belongs in floor_m and ceiling_m",
    "bad-property": "a property is missing, or is not what it must be",
    "duplicate-id": "two features have the same id",
    **geometry.CODES,
}
"""Every code of a `GeoJsonError`; those of shapes are the protocol's (section 12.1)."""


class GeoJsonError(UsageError):
    """A file or a feature that cannot be taken. `code` is one of CODES; `feature` is its name, empty for the file."""

    def __init__(self, code: str, detail: str, feature: str = "") -> None:
        super().__init__(f"{feature}: {code}: {detail}" if feature else f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.feature = feature


@dataclass(frozen=True, slots=True)
class Member:
    """A feature of a file as it stands there, before it is judged."""

    number: int
    value: Any

    @property
    def id(self) -> str | int | None:
        """The id that it says, if that is one."""
        said = _id(self.value)
        return said if isinstance(said, str | int) and not isinstance(said, bool) else None

    @property
    def type(self) -> str:
        """Its geometry's type as it says it; empty if it says none."""
        geometry_ = self.value.get("geometry") if isinstance(self.value, dict) else None
        type_ = geometry_.get("type") if isinstance(geometry_, dict) else None
        return type_ if isinstance(type_, str) else ""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: `id` as the file gives it (its own, or of its properties, else None), its place in the file from 1.

    `type` is the geometry's; `coordinates` are those of RFC 7946 with protocol positions, rings still closed.
    """

    number: int
    id: str | int | None
    type: str
    coordinates: Any
    properties: dict[str, Any]

    @property
    def logged(self) -> bool:
        """Whether it comes out of a log, by its token's hash: it was signed so, and nobody types it."""
        return isinstance(self.properties.get("token_sha256"), str)

    @property
    def name(self) -> str:
        """What errors call it: `feature 3 (strike-1)`."""
        return f"feature {self.number}" + ("" if self.id is None else f" ({str(self.id)[:_NAME_CHARS]})")

    def fault(self, code: str, detail: str) -> GeoJsonError:
        """An error about this feature."""
        return GeoJsonError(code, detail, self.name)

    def paths(self) -> tuple[tuple[Position, ...], ...]:
        """The paths of a LineString or MultiLineString, in order. GeoJsonError for other types."""
        if self.type == "LineString":
            return (self.coordinates,)
        if self.type == "MultiLineString":
            paths: tuple[tuple[Position, ...], ...] = self.coordinates
            return paths
        raise self.fault("bad-geojson", f"a line is a LineString or MultiLineString, not a {self.type}")

    def shapes(self, *, radius_m: int | None = None, accuracy_m: int = 0, width_m: int = 0) -> tuple[Shape, ...]:
        """The shapes of its geometry, several of a Multi type; a point with `radius_m` is a circle. GeoJsonError."""
        shapes = tuple(self._shapes(radius_m, accuracy_m, width_m))
        if sum(geometry.vertex_count(shape) for shape in shapes) > limits.VERTICES_MAX:
            raise self.fault("too-many-vertices", f"more than {limits.VERTICES_MAX} vertices: what fits in a notice")
        for shape in shapes:
            problem = geometry.check_shape(shape)
            if problem is not None:
                raise self.fault(*problem)
        return shapes

    def _shapes(self, radius_m: int | None, accuracy_m: int, width_m: int) -> Iterator[Shape]:
        multiple = self.type.startswith("Multi")
        for coordinates in self.coordinates if multiple else (self.coordinates,):
            match self.type.removeprefix("Multi"):
                case "Point" if radius_m is not None:
                    yield geometry.circle(coordinates, radius_m)
                case "Point":
                    yield geometry.point(coordinates, accuracy_m)
                case "LineString":
                    yield Line(path=self._counted(coordinates), width_m=width_m)
                case _:
                    if len(coordinates) > _RINGS_MAX:
                        raise self.fault("volume-invalid", f"an area has at most {_RINGS_MAX} rings")
                    yield Polygon(rings=tuple(self._counted(ring[:-1]) for ring in coordinates))

    def _counted(self, path: tuple[Position, ...]) -> tuple[Position, ...]:
        if len(path) > limits.VERTICES_MAX:
            raise self.fault("too-many-vertices", f"{len(path)} vertices; at most {limits.VERTICES_MAX}")
        return path


def read(data: bytes, *, as_written: bool = False) -> tuple[Feature, ...]:
    """All features of a file: a collection, one feature, or a bare geometry. GeoJsonError says what is wrong where.

    A position that is far from the rest of the file, and close to it with its numbers swapped, is refused too, unless
    the caller says that it is `as_written`, or it is of a feature that comes out of a log.
    """
    return taken(members(data), as_written=as_written)


def taken(chosen: Iterable[Member], *, as_written: bool = False) -> tuple[Feature, ...]:
    """These features of a file, judged; the others are nobody's concern."""
    features = tuple(_feature(member.number, member.value) for member in chosen)
    if not as_written:
        _check_swapped(features)
    return features


def members(data: bytes) -> tuple[Member, ...]:
    """What stands in a file, in its order; none in an empty collection. GeoJsonError if it is no GeoJSON at all."""
    if len(data) > FILE_BYTES_MAX:
        raise GeoJsonError("file-too-large", f"{len(data)} bytes; at most {FILE_BYTES_MAX}")
    try:
        value = json.loads(
            data.decode("utf-8-sig"), parse_constant=_no_constant, parse_int=_int, object_pairs_hook=_once
        )
    except UnicodeDecodeError as error:
        raise GeoJsonError("bad-json", "not UTF-8") from error
    except json.JSONDecodeError as error:
        raise GeoJsonError("bad-json", f"{error.msg}, line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise GeoJsonError("bad-json", str(error)[:200]) from error
    except RecursionError as error:
        raise GeoJsonError("bad-json", "nested too deep") from error
    return tuple(Member(number, one) for number, one in enumerate(_members(value), start=1))


def empty() -> GeoJsonError:
    """Of a file that must hold something, and holds nothing."""
    return GeoJsonError("bad-geojson", "there is no feature in the file")


def whole(feature: Feature, name: str, low: int, high: int, outwards: Callable[[float], int] = math.ceil) -> int | None:
    """A property in metres, parts of one rounded `outwards`; None without it or with null. GeoJsonError."""
    value = feature.properties.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -_NUMBER_MAX < value < _NUMBER_MAX:
        raise feature.fault("bad-property", f"`{name}` is a number of metres, not {str(value)[:_NAME_CHARS]!r}")
    metres = outwards(value)
    if not low <= metres <= high:
        raise feature.fault("bad-property", f"`{name}` is {low} to {high}, not {value:g}")
    return metres


# --- parsing ----------------------------------------------------------------------------------------------------------


def _int(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise ValueError(f"a number of {len(digits)} digits; at most {_DIGITS_MAX}")
    return int(digits)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name in members if sum(other == name for other, _ in pairs) > 1)
        raise ValueError(f"the member {twice[:_NAME_CHARS]!r} occurs twice in one object")
    return members


def _members(value: Any) -> Iterable[Any]:
    if not isinstance(value, dict):
        raise GeoJsonError("bad-geojson", "expected a GeoJSON object")
    crs = json.dumps(value.get("crs"))
    if value.get("crs") is not None and "CRS84" not in crs and "4326" not in crs:
        raise GeoJsonError("bad-geojson", "the file names another coordinate system; GeoJSON is WGS 84 (RFC 7946, 4)")
    match value.get("type"):
        case "FeatureCollection":
            features = value.get("features")
            if not isinstance(features, list):
                raise GeoJsonError("bad-geojson", "`features` is a list")
            return features
        case "Feature":
            return [value]
        case _:
            return [{"type": "Feature", "properties": {}, "geometry": value}]


def _id(value: Any) -> Any:
    """What a feature says as its id, of its own or among its properties."""
    if not isinstance(value, dict):
        return None
    properties = value.get("properties")
    return value.get("id", properties.get("id") if isinstance(properties, dict) else None)


def _feature(number: int, value: Any) -> Feature:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        raise GeoJsonError("bad-geojson", "not a Feature", f"feature {number}")
    properties = value.get("properties") or {}
    if not isinstance(properties, dict):
        raise GeoJsonError("bad-geojson", "`properties` is an object or null", f"feature {number}")
    id_ = _id(value)
    if isinstance(id_, bool) or not isinstance(id_, str | int | None) or _SURROGATE.search(str(id_)):
        raise GeoJsonError("bad-geojson", "`id` is a text or a whole number", f"feature {number}")
    bare = Feature(number, id_, "", (), properties)
    geometry_ = value.get("geometry")
    if not isinstance(geometry_, dict):
        raise bare.fault("bad-geojson", "it has no geometry")
    type_ = geometry_.get("type")
    if not isinstance(type_, str) or type_ not in _NESTED:
        raise bare.fault("bad-geojson", f"a {str(type_)[:_NAME_CHARS]!r} is no shape; give each part as a feature")
    coordinates = _nested(bare, geometry_.get("coordinates"), _NESTED[type_])
    feature = Feature(number, id_, type_, coordinates, properties)
    if type_.endswith("Polygon"):
        for rings in coordinates if type_ == "MultiPolygon" else (coordinates,):
            _check_rings(feature, rings)
    if type_.endswith("LineString") and any(len(path) < 2 for path in feature.paths()):
        raise feature.fault("bad-geojson", "a path has at least two positions")
    return feature


def _check_rings(feature: Feature, rings: Sequence[Sequence[Position]]) -> None:
    if any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):
        raise feature.fault("bad-geojson", "a ring has at least four positions, and the last is the first (RFC 7946)")


def _nested(feature: Feature, value: Any, depth: int) -> Any:
    if depth == 0:
        return _position(feature, value)
    if not isinstance(value, list) or not value:
        raise feature.fault("bad-geojson", "`coordinates` are lists of positions, none of them empty")
    return tuple(_nested(feature, one, depth - 1) for one in value)


def _position(feature: Feature, value: Any) -> Position:
    numbers = value if isinstance(value, list) else []
    plain = all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    if not plain or not 2 <= len(numbers) <= 3:
        raise feature.fault("bad-geojson", "a position is [longitude, latitude] in degrees")
    if not all(-_NUMBER_MAX < number < _NUMBER_MAX for number in numbers):
        raise feature.fault("out-of-range", "a position holds a number that no place has")
    if len(numbers) == 3 and numbers[2]:
        raise feature.fault("altitude-in-position", "give heights as the properties floor_m and ceiling_m")
    lon, lat = numbers[:2]
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        swapped = abs(lon) <= 90 and abs(lat) <= 180
        hint = "; it looks swapped: longitude comes first" if swapped else ""
        raise feature.fault("out-of-range", f"longitude {lon:.6g}, latitude {lat:.6g}{hint}")
    return round(lon * E7), round(lat * E7)


# --- swapped ----------------------------------------------------------------------------------------------------------


def _check_swapped(features: Sequence[Feature]) -> None:
    owners = [(feature, position) for feature in features for position in _positions(feature.coordinates)]
    at = swapped_among([position for _, position in owners], [feature.logged for feature, _ in owners])
    if at is not None:
        feature, (lon_e7, lat_e7) = owners[at]
        raise feature.fault(
            "looks-swapped",
            f"longitude {lon_e7 / E7:g}, latitude {lat_e7 / E7:g} is far from the rest of the file, and close to it "
            "the other way round: longitude comes first (--as-written takes it all the same)",
        )


def _positions(coordinates: Any) -> Iterator[Position]:
    if coordinates and isinstance(coordinates[0], int):
        yield coordinates
        return
    for one in coordinates:
        yield from _positions(one)


def swapped_among(positions: Sequence[Position], sure: Sequence[bool]) -> int | None:
    """The first of at least three places that is far from where most are, and among them with its numbers swapped.

    Those that are `sure` say where most are, and are not doubted.
    """
    if len(positions) < 3:
        return None
    places = np.array(positions, dtype=float) / E7
    middle = np.median(places, axis=0)
    from_middle_m = _lengths_m(middle, places)
    far_m = max(_FAR_M, _SPREADS * float(np.median(from_middle_m)))
    there = np.flatnonzero((from_middle_m > far_m) & (np.abs(places[:, 0]) <= 90) & ~np.array(sure))
    found = there[_far_less(_lengths_m(middle, places[there][:, ::-1]), from_middle_m[there])]
    return int(found[0]) if len(found) else None


def looks_swapped(as_written_m: float, swapped_m: float) -> bool:
    """Whether a place is far from what it is compared with, and with its numbers swapped close to it."""
    return as_written_m > _FAR_M and bool(_far_less(swapped_m, as_written_m))


def must_be_swapped(at: Position, as_written_m: float, paths: Iterable[Sequence[Position]]) -> bool:
    """Whether a place that looks swapped cannot well be meant: neither number is one of the line's, both are the other
    way round, and it is far from the line for one of that extent.
    """
    lons, lats = zip(*(position for path in paths for position in path), strict=True)
    (west, east), (south, north) = (min(lons), max(lons)), (min(lats), max(lats))
    lon, lat = at
    if west <= lon <= east or south <= lat <= north or not (west <= lat <= east and south <= lon <= north):
        return False
    extent_m = geod().inv(west / E7, south / E7, east / E7, north / E7)[2]
    return as_written_m > float(extent_m) / 2


def _far_less(metres: Any, other_m: Any) -> Any:
    return metres * _TIMES < other_m


def _lengths_m(middle: Any, places: Any) -> Any:
    count = len(places)
    return np.asarray(geod().inv(np.full(count, middle[0]), np.full(count, middle[1]), places[:, 0], places[:, 1])[2])
