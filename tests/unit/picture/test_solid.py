"""Volumes compared: distance, and overlap in plan, altitude and time (protocol.md 16.1)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from channel.picture import Index, Solid, distance_m, overlap, shaped, solid
from channel.picture.solid import Many, cores_apart_m, distances_m
from channel.protocol.errors import UsageError
from channel.protocol.statements import Altitude, Circle, Point, Polygon, Volume
from tests.unit.picture.shapes import HOUR, agl, at, box, circle, line, msl, point, ring

GEODESICS = Path(__file__).resolve().parents[2] / "vectors" / "geodtest20.csv"
DAY = 24 * HOUR
E7_M = 0.0158  # half a unit of each of four coordinates, along the equator, at the worst


def _geodesics() -> list[dict[str, str]]:
    with GEODESICS.open(encoding="ascii") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", _geodesics(), ids=lambda row: row["s12_m"])
def test_distances_are_the_geodesics_of_the_vectors(row: dict[str, str]) -> None:
    ends = [point(_turned(float(row[f"lon{end}"])), float(row[f"lat{end}"])) for end in "12"]
    assert distance_m(*ends) == pytest.approx(float(row["s12_m"]), abs=2 * E7_M)
    assert distances_m(ends[0], Many.of(ends[1:]), 0)[0] == pytest.approx(float(row["s12_m"]), abs=2 * E7_M)


def _turned(lon: float) -> float:
    return (lon + 180) % 360 - 180


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (point(40.1, 35.3), point(40.2, 35.3), 9095.4),
        (point(40.1, 35.3, 1000), point(40.2, 35.3, 500), 7595.4),
        (circle(40.1, 35.3, 4000), circle(40.2, 35.3, 4000), 1095.4),
        (box(40.0, 35.25, 0.1), point(40.2, 35.3), 9095.4),
        (line((40.1, 35.0), (40.1, 35.6)), point(40.2, 35.3), 9095.4),
        (line((40.1, 35.0), (40.1, 35.6), width_m=2000), point(40.2, 35.3), 8095.4),
    ],
    ids=["points", "accuracies", "circles", "polygon", "line", "width"],
)
def test_a_distance_is_between_the_nearest_places_with_accuracy_radius_and_width(
    a: Solid, b: Solid, expected: float
) -> None:
    assert distance_m(a, b) == pytest.approx(expected, abs=1)
    assert distance_m(a, b) == distance_m(b, a)


def test_the_nominal_places_are_further_apart_than_their_extents() -> None:
    a, b = circle(40.1, 35.3, 5000), circle(40.2, 35.3, 5000)
    assert distance_m(a, b) == 0
    assert cores_apart_m(a, b) == pytest.approx(9095.4, abs=1)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (box(40.0, 35.0, 0.1), box(40.1, 35.0, 0.1)),
        (box(40.0, 35.0, 0.1), box(40.1, 35.1, 0.1)),
        (box(40.0, 35.0, 0.3), box(40.3, 35.05, 0.1)),
        (box(40.0, 35.0, 0.3), point(40.15, 35.3)),
        (box(40.0, 35.0, 0.3), box(40.1, 35.1, 0.1)),
        (line((40.0, 35.0), (40.2, 35.0)), line((40.1, 34.9), (40.1, 35.0))),
    ],
    ids=["an edge", "a corner", "a part of an edge", "a point on an edge", "one within the other", "a path that ends"],
)
def test_shapes_that_touch_are_no_distance_apart_and_overlap(a: Solid, b: Solid) -> None:
    assert distance_m(a, b) == distance_m(b, a) == 0
    both = overlap(a, b)
    assert both is not None
    assert both.area is not None


def test_a_hole_is_not_part_of_an_area() -> None:
    inside = point(40.1, 35.1)
    assert distance_m(box(40.0, 35.0, 0.2, hole=True), inside) == pytest.approx(4559, abs=2)
    assert distance_m(box(40.0, 35.0, 0.2), inside) == 0


def test_an_edge_is_straight_on_the_map_and_not_along_a_geodesic() -> None:
    """Over four degrees the two are kilometres apart: an area holds what its corners enclose on the map."""
    area = shaped(Polygon(rings=(ring(38.0, 34.0, 4.0, 1.0),)), 0, HOUR)
    assert distance_m(area, point(40.0, 34.9999)) == 0
    assert distance_m(area, point(40.0, 35.01)) == pytest.approx(1109, abs=2)


@pytest.mark.parametrize(
    ("a", "b", "common"),
    [
        (None, None, (None, True)),
        (None, msl(0, 100), (msl(0, 100), True)),
        (msl(0, 1000), msl(1000, 2000), (msl(1000, 1000), True)),
        (msl(0, 1000), msl(500, 2000), (msl(500, 1000), True)),
        (msl(0, 999), msl(1000, 2000), None),
        (agl(0, 100), msl(5000, 6000), (None, False)),
    ],
    ids=["all", "one says none", "bands that touch", "bands that overlap", "one above the other", "not comparable"],
)
def test_altitude_bands(a: Altitude | None, b: Altitude | None, common: tuple[Altitude | None, bool] | None) -> None:
    both = overlap(circle(40, 35, 1000, a), circle(40, 35, 1000, b))
    assert (None if both is None else (both.altitude, both.certain)) == common


@pytest.mark.parametrize(("begin", "window"), [(HOUR, None), (HOUR - 1, (HOUR - 1, HOUR)), (-5, (0, HOUR))])
def test_a_window_holds_its_beginning_and_not_its_end(begin: int, window: tuple[int, int] | None) -> None:
    later = shaped(Circle(center=at(40, 35), radius_m=1000), begin, begin + 2 * HOUR)
    both = overlap(circle(40, 35, 1000), later)
    assert (None if both is None else (both.from_ms, both.until_ms)) == window


def test_a_window_of_a_year_overlaps_an_hour_in_it() -> None:
    year = shaped(Circle(center=at(40, 35), radius_m=1000), -DAY, 365 * DAY)
    both = overlap(year, circle(40, 35, 1000))
    assert both is not None
    assert (both.from_ms, both.until_ms) == (0, HOUR)


def test_the_area_of_an_overlap_is_a_circle_around_the_common_place() -> None:
    both = overlap(box(40.0, 35.0, 0.1), box(40.05, 35.05, 0.1))
    assert both is not None
    assert both.area is not None
    assert both.area.center == pytest.approx(at(40.075, 35.075), abs=500)
    assert both.area.radius_m == pytest.approx(3591, abs=3)


def test_an_overlap_wider_than_a_circle_may_be_has_no_area() -> None:
    both = overlap(box(30, 30, 10), box(31, 31, 10))
    assert both is not None
    assert both.area is None


def test_a_long_thin_area_is_as_far_as_its_nearest_part() -> None:
    strip = box(36.0, 35.0, 8.0, 0.0001)
    assert distance_m(strip, point(43.9, 35.1)) == pytest.approx(11083, abs=3)
    assert distance_m(strip, line((36.0, 35.2), (44.0, 35.2))) == pytest.approx(22177, abs=5)


def test_shapes_on_either_side_of_the_antimeridian_are_neighbours() -> None:
    west, east = point(179.99, 10), box(-180, 9.99, 0.1)
    assert distance_m(west, east) == pytest.approx(1096, abs=2)
    index: Index[str] = Index()
    index.add("east", east)
    assert [near.key for near in index.near(west, 2000)] == ["east"]
    assert index.near(west, 1000) == []


def test_an_index_near_a_pole_looks_all_around_it() -> None:
    index: Index[int] = Index()
    for lon in range(-180, 180, 30):
        index.add(lon, point(lon, 89.9))
    assert len(index.near(point(15, 89.9), 25_000)) == 12


def test_an_index_finds_only_what_is_there_at_the_time() -> None:
    index: Index[str] = Index()
    for number in range(200):
        index.add(f"{number:03}", shaped(Point(at=at(40, 35), accuracy_m=0), number * HOUR, (number + 1) * HOUR))
    asked = shaped(Point(at=at(40, 35), accuracy_m=0), 10 * HOUR, 12 * HOUR)
    assert [near.key for near in index.near(asked, 0)] == ["010", "011"]


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (Polygon(rings=((at(40, 35), at(41, 36), at(41, 35), at(40, 36)),)), "volume-invalid"),
        (Circle(center=at(179.9, 0), radius_m=50_000), "volume-antimeridian"),
        (Circle(center=at(0, 89.9), radius_m=50_000), "volume-pole"),
    ],
)
def test_what_is_no_shape_is_refused_and_never_repaired(shape: Circle | Polygon, code: str) -> None:
    window = {"from": "2017-09-16T00:00:00.000Z", "until": "2017-09-16T01:00:00.000Z"}
    with pytest.raises(UsageError, match=code):
        solid(Volume(shape=shape, **window))
