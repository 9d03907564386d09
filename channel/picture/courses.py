"""Courses of units that move: from two positions, a speed and a direction; and how near two courses come.

Only nominal places count: the place of a point, the middle of a circle. A path or an area has no course. A course goes
straight on along the geodesic on which the unit came; which way is north changes along it, and from place to place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from channel.picture.solid import Place, Solid, widened
from channel.protocol.places import geod
from channel.protocol.statements import Circle, Point

AHEAD_MS = 3_600_000  # how far ahead a course makes a finding: an hour is what a watch floor can act on
FOLLOWED_MS = 2 * AHEAD_MS  # how far a course is followed at all: an hour to the newer position, and an hour ahead
FOLLOWED_S_MAX = 31_622_400  # 366 days, as long as a position may hold: a time beyond says nothing
_STILL_M_S = 0.1  # slower is not moving: less than the accuracy of most positions over an hour
_ROUNDS = 8  # each takes both courses to where the last one found them nearest; two or three are enough
_STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class Course:
    """Where something is at a time, its heading there in degrees and its speed over the ground (0: it stays)."""

    place: Place
    at_ms: int
    azimuth: float = 0.0
    speed_m_s: float = 0.0

    def after(self, seconds: float) -> tuple[Place, float]:
        """Its place and azimuth so much later."""
        if not self.speed_m_s:
            return self.place, self.azimuth
        lon, lat, back = geod().fwd(*self.place, self.azimuth, self.speed_m_s * seconds)
        return (lon, lat), back + 180


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


@dataclass(frozen=True, slots=True)
class _Apart:
    """Two places, and how fast the one moves seen from the other, along the geodesic between them and across it."""

    metres: float
    along_m_s: float
    across_m_s: float

    @property
    def speed_m_s(self) -> float:
        return math.hypot(self.along_m_s, self.across_m_s)

    @property
    def closest_s(self) -> float:
        """When they would be nearest on flat ground."""
        return -self.metres * self.along_m_s / self.speed_m_s**2 if self.speed_m_s >= _STILL_M_S else 0.0

    @property
    def closest_m(self) -> float:
        """How near they would then be."""
        return self.metres * abs(self.across_m_s) / self.speed_m_s if self.speed_m_s >= _STILL_M_S else self.metres


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
    _, back, metres = geod().inv(*before.centre, *after.centre)
    moved = Course(after.centre, after.from_ms, back + 180, metres / seconds)
    return moved if moved.speed_m_s >= _STILL_M_S else None


def approach(a: Course, b: Course) -> Approach | None:
    """How two courses come nearer, counted from the newer of the two positions; None if they do not."""
    at_ms = max(a.at_ms, b.at_ms)
    a, b = _known(a, at_ms), _known(b, at_ms)
    now = soon = _apart(a, b, at_ms)
    if now.speed_m_s < _STILL_M_S or now.metres == 0 or now.along_m_s >= 0 or now.closest_s > FOLLOWED_S_MAX:
        return None
    soon_s = 0.0
    for _ in range(_ROUNDS):
        then_s = min(max(soon_s + soon.closest_s, 0.0), AHEAD_MS / 1000)
        step_s, soon_s = then_s - soon_s, then_s
        soon = _apart(a, b, at_ms + 1000 * soon_s)
        if abs(step_s) < _STEP_S:
            break
    closest_s = min(max(soon_s + soon.closest_s, 0.0), FOLLOWED_S_MAX)
    return Approach(
        distance_m=round(now.metres),
        soon_m=round(soon.metres),
        closest_m=round(soon.closest_m),
        closest_ms=at_ms + round(closest_s * 1000),
        closest_in_s=round(closest_s),
        closing_cm_s=round(-now.along_m_s * 100),
    )


def _known(of: Course, at_ms: int) -> Course:
    """What was seen an hour ago or longer is where it was seen."""
    return of if at_ms - of.at_ms <= AHEAD_MS else Course(of.place, of.at_ms)


def _apart(a: Course, b: Course, at_ms: float) -> _Apart:
    here, heading = a.after((at_ms - a.at_ms) / 1000)
    there, other = b.after((at_ms - b.at_ms) / 1000)
    azimuth, back, metres = geod().inv(*here, *there)
    own, theirs = math.radians(heading - azimuth), math.radians(other - back - 180)
    along = b.speed_m_s * math.cos(theirs) - a.speed_m_s * math.cos(own)
    return _Apart(metres, along, b.speed_m_s * math.sin(theirs) - a.speed_m_s * math.sin(own))


def within_reach(of: Course, solid: Solid) -> Solid:
    """Everything that a course may come to for as long as it is followed, around the solid of its position."""
    metres = of.speed_m_s * FOLLOWED_MS / 1000 + 1
    lon, lat = of.place
    return replace(solid, reach_m=metres, box=widened((lon, lat, lon, lat), metres))
