"""The plane that geometry is done in: azimuthal equidistant on WGS 84 around a place that is near what is compared.

Rules of this file: places are arrays of (longitude, latitude) in degrees, plane coordinates are metres; distances and
directions from the centre are true, and nothing in the plane is shorter than on the ground. An edge of a shape is
straight in longitude and latitude (protocol.md 2.5), so it is cut into short pieces before it is taken into a plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from channel.protocol.places import geod

Floats = NDArray[np.float64]
"""Rows of two: (longitude, latitude) in degrees, or (x, y) in metres."""

E7 = 10_000_000
CURVATURE_M_MIN = 6_335_000.0  # the ellipsoid's smallest radius of curvature: doubts err to the large side
PIECE_M = (
    2_500.0  # a piece that is straight on the map stays within 0.1 m of one that is straight on the ground (at 35 N)
)
PIECES_MAX = 4_000  # of one shape: bounds the work that one shape can cause; longer shapes are cut more coarsely
_DEGREE_M = 111_320.0


class Plane(NamedTuple):
    """Azimuthal equidistant around (lon, lat)."""

    lon: float
    lat: float

    def project(self, places: Floats) -> Floats:
        """Degrees -> metres east and north of the centre."""
        return project(np.broadcast_to((self.lon, self.lat), places.shape), places)

    def place(self, place: Sequence[float]) -> tuple[float, float]:
        """The same of one place."""
        azimuth, _, metres = geod().inv(self.lon, self.lat, place[0], place[1], return_back_azimuth=False)
        angle = math.radians(azimuth)
        return metres * math.sin(angle), metres * math.cos(angle)

    def unproject(self, metres: Floats) -> Floats:
        """Metres east and north of the centre -> degrees."""
        count = len(metres)
        lons, lats, _ = geod().fwd(
            np.full(count, self.lon),
            np.full(count, self.lat),
            np.degrees(np.arctan2(metres[:, 0], metres[:, 1])),
            np.hypot(metres[:, 0], metres[:, 1]),
            return_back_azimuth=False,
        )
        return np.column_stack((lons, lats))

    def back(self, metres: Sequence[float]) -> tuple[float, float]:
        """Of one place."""
        azimuth, apart_m = math.degrees(math.atan2(metres[0], metres[1])), math.hypot(metres[0], metres[1])
        lon, lat, _ = geod().fwd(self.lon, self.lat, azimuth, apart_m, return_back_azimuth=False)
        return lon, lat

    def take(self, geometries: Any) -> Any:
        """A geometry in degrees, or an array of them, -> the same in the plane."""
        return shapely.transform(geometries, self.project)


def project(centres: Floats, places: Floats) -> Floats:
    """Degrees -> metres east and north of a centre of its own each."""
    azimuths, _, metres = geod().inv(
        centres[:, 0], centres[:, 1], places[:, 0], places[:, 1], return_back_azimuth=False
    )
    angles = np.radians(azimuths)
    return np.column_stack((metres * np.sin(angles), metres * np.cos(angles)))


def dense(geometry: Any) -> Any:
    """The same geometry in degrees with its edges cut into short pieces, each straight on the map."""
    coordinates = shapely.get_coordinates(geometry)
    if len(coordinates) < 2:
        return geometry
    longest_degree = _longest_m(coordinates) / _DEGREE_M
    piece_degrees = max(PIECE_M / _DEGREE_M, longest_degree / PIECES_MAX)
    return shapely.segmentize(geometry, piece_degrees)


def _longest_m(coordinates: Floats) -> float:
    """An upper bound of the length along all coordinates, a degree of longitude taken at the equator."""
    steps = np.diff(coordinates, axis=0)
    return float(np.hypot(steps[:, 0], steps[:, 1]).sum()) * _DEGREE_M


def between(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """The middle of the geodesic between two places in degrees."""
    azimuth, _, metres = geod().inv(a[0], a[1], b[0], b[1])
    lon, lat, _ = geod().fwd(a[0], a[1], azimuth, metres / 2)
    return float(lon), float(lat)


def length_m(a: Sequence[float], b: Sequence[float]) -> float:
    """Length of the geodesic between two places in degrees."""
    return float(geod().inv(a[0], a[1], b[0], b[1])[2])


def lengths_m(places: Floats, others: Floats) -> NDArray[np.float64]:
    """Lengths of the geodesics between places in degrees, row by row."""
    metres: NDArray[np.float64] = geod().inv(
        places[:, 0], places[:, 1], others[:, 0], others[:, 1], return_back_azimuth=False
    )[2]
    return metres


def to_e7(place: Sequence[float]) -> tuple[int, int]:
    """Degrees -> a protocol position."""
    lon = (place[0] + 180) % 360 - 180
    return round(lon * E7), round(place[1] * E7)
