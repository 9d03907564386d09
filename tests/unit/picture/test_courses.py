"""Courses along exact geodesics: how near two units come, at every latitude (protocol.md 16.3.1)."""

from __future__ import annotations

import math

import pytest

from channel.picture.courses import AHEAD_MS, Course, approach, course, staying, within_reach
from channel.picture.plane import to_e7
from channel.picture.solid import Solid, distance_m, shaped
from channel.protocol.places import geod
from channel.protocol.statements import Point

MINUTE_MS = 60_000


def spot(lon: float, lat: float, minutes: int) -> Solid:
    return shaped(Point(at=to_e7((lon, lat)), accuracy_m=10), minutes * MINUTE_MS, 600 * MINUTE_MS)


def along(lon: float, lat: float, azimuth: float, metres: float) -> tuple[float, float]:
    found: tuple[float, float] = geod().fwd(lon, lat, azimuth, metres)[:2]
    return found


@pytest.mark.parametrize("aside_m", [-17_000, -15_000, 0, 15_000, 17_000])
@pytest.mark.parametrize("apart_m", [40_000, 150_000, 1_000_000])
@pytest.mark.parametrize(("lon", "lat"), [(40, 0), (40, 35), (179.9, 60), (-40, -60), (40, 80), (40, 89.9)])
def test_a_course_follows_its_geodesic_though_north_turns_on_the_way(
    lon: float, lat: float, apart_m: int, aside_m: int
) -> None:
    post = along(lon, lat, 90, apart_m)
    azimuth = geod().inv(lon, lat, *post)[0] + math.degrees(math.asin(aside_m / apart_m))
    before = along(lon, lat, azimuth + 180, apart_m / 2)
    moved = course(spot(*before, 0), spot(lon, lat, 30))
    assert moved is not None
    near = approach(moved, staying(spot(*post, 30)))
    steps = (along(lon, lat, azimuth, apart_m * share / 2_000) for share in range(1_700, 2_101))
    true_m = min(geod().inv(*step, *post)[2] for step in steps)
    assert near is not None
    assert near.closest_m == pytest.approx(true_m, abs=max(2, apart_m / 4_000))
    assert near.soon_m == near.closest_m
    assert near.distance_m == pytest.approx(apart_m, abs=1)


def test_two_that_move_side_by_side_towards_a_pole_come_nearer() -> None:
    """Along meridians, which meet there: on a map with parallel norths they never would."""
    own, other = (course(spot(lon, 80, 0), spot(lon, 81, 20)) for lon in (10, 14))
    assert own is not None
    assert other is not None
    near = approach(own, other)
    assert near is not None
    assert near.soon_m == pytest.approx(geod().inv(10, 84, 14, 84)[2], rel=0.001)


@pytest.mark.parametrize(("lon", "lat"), [(40, 35), (179.99, 60), (-40, 88), (0, -89.99)])
@pytest.mark.parametrize("speed_m_s", [1, 250, 2_500])
def test_the_reach_holds_every_place_that_a_course_comes_to(lon: float, lat: float, speed_m_s: float) -> None:
    for azimuth in range(0, 360, 15):
        of = Course((lon, lat), 0, azimuth, speed_m_s)
        reach = within_reach(of, spot(lon, lat, 0))
        (far_lon, far_lat), _ = of.after(2 * AHEAD_MS / 1000)
        west, south, east, north = reach.box
        assert south <= far_lat <= north
        assert any(west <= far_lon + turn <= east for turn in (-360, 0, 360))
        assert distance_m(reach, spot(far_lon, far_lat, 0)) == 0
