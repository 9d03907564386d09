"""Shapes for tests of the picture, in degrees: `at(40.1, 35.3)`, `circle`, `box`, `line`, made ready as solids."""

from __future__ import annotations

from channel.picture import Solid, shaped
from channel.protocol.statements import Altitude, Circle, Line, Point, Polygon, Position

HOUR = 3_600_000


def at(lon: float, lat: float) -> Position:
    return round(lon * 1e7), round(lat * 1e7)


def point(lon: float, lat: float, accuracy_m: int = 0) -> Solid:
    return shaped(Point(at=at(lon, lat), accuracy_m=accuracy_m), 0, HOUR)


def circle(lon: float, lat: float, radius_m: int, altitude: Altitude | None = None) -> Solid:
    return shaped(Circle(center=at(lon, lat), radius_m=radius_m), 0, HOUR, altitude)


def ring(west: float, south: float, width: float, height: float | None = None) -> tuple[Position, ...]:
    north, east = south + (width if height is None else height), west + width
    return at(west, south), at(east, south), at(east, north), at(west, north)


def box(west: float, south: float, width: float, height: float | None = None, hole: bool = False) -> Solid:
    rings = [ring(west, south, width, height)]
    if hole:
        rings.append(ring(west + width / 4, south + width / 4, width / 2))
    return shaped(Polygon(rings=tuple(rings)), 0, HOUR)


def line(*places: tuple[float, float], width_m: int = 0) -> Solid:
    return shaped(Line(path=tuple(at(*place) for place in places), width_m=width_m), 0, HOUR)


def msl(floor_m: int, ceiling_m: int) -> Altitude:
    return Altitude(floor_m=floor_m, ceiling_m=ceiling_m, reference="msl")


def agl(floor_m: int, ceiling_m: int) -> Altitude:
    return Altitude(floor_m=floor_m, ceiling_m=ceiling_m, reference="agl")
