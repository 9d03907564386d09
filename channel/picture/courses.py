"""Courses of units that move: from two positions, a speed and a direction; and how near two courses come.

Only nominal places count: the place of a point, the middle of a circle. A path or an area has no course.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from channel.picture.plane import Plane, between, length_m
from channel.picture.solid import Place, Solid, shaped
from channel.protocol import limits
from channel.protocol.statements import Circle, Point

AHEAD_MS = 3_600_000  # how far ahead a course makes a finding: an hour is what a watch floor can act on
FOLLOWED_S_MAX = 31_622_400  # 366 days, as long as a position may hold: a time beyond says nothing
_STILL_M_S = 0.1  # slower is not moving: less than the accuracy of most positions over an hour


@dataclass(frozen=True, slots=True)
class Course:
    """Where something is at a time, and its speed east and north in metres a second (0, 0: it stays)."""

    place: Place
    at_ms: int
    east_m_s: float = 0.0
    north_m_s: float = 0.0

    @property
    def speed_m_s(self) -> float:
        """Over the ground."""
        return math.hypot(self.east_m_s, self.north_m_s)


@dataclass(frozen=True, slots=True)
class Approach:
    """Two courses that come nearer to each other: how near, when, and how fast they close now."""

    distance_m: int
    soon_m: int
    """The nearest that they come within the time that courses are followed."""
    closest_m: int
    closest_ms: int
    """The instant of closest approach, however far ahead."""
    closest_in_s: int
    closing_cm_s: int


def has_place(solid: Solid) -> bool:
    """Whether a volume has one nominal place."""
    return isinstance(solid.shape, Point | Circle)


def staying(solid: Solid) -> Course:
    """What has not moved, or of which one position is known."""
    return Course(solid.centre, solid.from_ms)


def course(before: Solid, after: Solid) -> Course | None:
    """From two positions of a unit, the later one second. None if they say nothing of a movement."""
    seconds = (after.from_ms - before.from_ms) / 1000
    if seconds <= 0 or not (has_place(before) and has_place(after)):
        return None
    east_m, north_m = Plane(*after.centre).place(before.centre)
    moved = Course(after.centre, after.from_ms, -east_m / seconds, -north_m / seconds)
    return moved if moved.speed_m_s >= _STILL_M_S else None


def approach(a: Course, b: Course) -> Approach | None:
    """How two courses come nearer, counted from the newer of the two positions; None if they do not."""
    plane = Plane(*between(a.place, b.place))
    at_ms = max(a.at_ms, b.at_ms)
    here, there = plane.place(a.place), plane.place(b.place)
    x, y = (_then(there[i], b, at_ms, i) - _then(here[i], a, at_ms, i) for i in (0, 1))
    east, north = b.east_m_s - a.east_m_s, b.north_m_s - a.north_m_s
    square = east * east + north * north
    apart_m = math.hypot(x, y)
    if square < _STILL_M_S**2 or apart_m == 0:
        return None
    closing_m_s = -(x * east + y * north) / apart_m
    seconds = -(x * east + y * north) / square
    if closing_m_s <= 0 or seconds > FOLLOWED_S_MAX:
        return None
    soon_s = min(seconds, AHEAD_MS / 1000)
    return Approach(
        distance_m=round(length_m(a.place, b.place)) if a.at_ms == b.at_ms else round(apart_m),
        soon_m=round(math.hypot(x + east * soon_s, y + north * soon_s)),
        closest_m=round(math.hypot(x + east * seconds, y + north * seconds)),
        closest_ms=at_ms + round(seconds * 1000),
        closest_in_s=round(seconds),
        closing_cm_s=round(closing_m_s * 100),
    )


def _then(metres: float, of: Course, at_ms: int, axis: int) -> float:
    """A coordinate, followed along its course to a time."""
    return metres + (of.east_m_s, of.north_m_s)[axis] * (at_ms - of.at_ms) / 1000


def within_reach(of: Course, solid: Solid) -> Solid:
    """Everything that a course may come to within the time that courses are followed, as a solid."""
    metres = round(of.speed_m_s * AHEAD_MS / 1000)
    lon, lat = of.place
    centre = (round(lon * 10_000_000), round(lat * 10_000_000))
    circle = Circle(center=centre, radius_m=min(max(metres, 1), limits.RADIUS_M_MAX))
    return shaped(circle, solid.from_ms, solid.until_ms)
