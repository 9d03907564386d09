"""The area of a dispute: strict GeoJSON in; whether a shape touches it is a matter of geodesic metres."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channel.protocol.errors import UsageError
from channel.protocol.places import geod
from channel.protocol.statements import Circle, Line, Point, Polygon
from channel.replay.area import AREA_BYTES_MAX, Area, read_area, touches

BOX = [[40.19, 35.38], [40.22, 35.38], [40.22, 35.40], [40.19, 35.40], [40.19, 35.38]]
POLYGON = {"type": "Polygon", "coordinates": [BOX]}


def area(value: object = POLYGON) -> Area:
    return read_area(json.dumps(value).encode())


def e7(lon: float, lat: float) -> tuple[int, int]:
    return round(lon * 1e7), round(lat * 1e7)


def east_of_the_box(metres: float) -> tuple[int, int]:
    lon, lat, _ = geod().fwd(40.22, 35.39, 90, metres)
    return e7(lon, lat)


@pytest.mark.parametrize(
    "value",
    [
        POLYGON,
        {"type": "Feature", "properties": {}, "geometry": POLYGON},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": POLYGON}]},
        {"type": "MultiPolygon", "coordinates": [[BOX]]},
        {"type": "GeometryCollection", "geometries": [POLYGON]},
    ],
)
def test_every_form_of_geojson_that_holds_an_area_is_read(value: object) -> None:
    assert area(value).polygons == ((tuple((lon, lat) for lon, lat in BOX),),)
    assert area(value).corners() == (40.19, 35.38, 40.22, 35.40)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"type": "Polygon", "coordinates": [[[NaN, 1]]]}', "not JSON"),
        (b"[]", "expected a GeoJSON object"),
        (b'{"type": "Point", "coordinates": [40, 35]}', "no area"),
        (b'{"type": "FeatureCollection", "features": []}', "something in it"),
        (b'{"type": "Feature", "geometry": null}', "expected a GeoJSON object"),
        (json.dumps({"type": "Polygon", "coordinates": [BOX[:-1]]}).encode(), "the first again"),
        (json.dumps({"type": "Polygon", "coordinates": [[[True, 35]] * 4]}).encode(), "longitude, latitude"),
        (json.dumps({"type": "Polygon", "coordinates": [[[40, "35"]] * 4]}).encode(), "longitude, latitude"),
        (json.dumps({"type": "Polygon", "coordinates": [[[40, 95]] * 4]}).encode(), "longitude comes first"),
        (json.dumps({"type": "Polygon", "coordinates": [[[10**400, 1]] * 4]}).encode(), "longitude comes first"),
        (
            json.dumps({"type": "Polygon", "coordinates": [[BOX[0], BOX[2], BOX[1], BOX[3], BOX[0]]]}).encode(),
            "crossing itself",
        ),
        (json.dumps(POLYGON | {"crs": {"properties": {"name": "EPSG:28407"}}}).encode(), "WGS 84"),
        (b" " * (AREA_BYTES_MAX + 1), "larger than"),
    ],
)
def test_what_is_no_area_is_refused_with_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_area(data)


@pytest.mark.parametrize(("metres", "expected"), [(1990, True), (2010, False)])
def test_a_circle_touches_by_its_radius_in_metres(metres: float, expected: bool) -> None:
    place = east_of_the_box(metres)
    assert touches(area(), Circle(center=place, radius_m=2000)) is expected
    assert touches(area(), Point(at=place, accuracy_m=2000)) is expected
    assert touches(area(), Point(at=place, accuracy_m=0)) is False


@pytest.mark.parametrize(("metres", "expected"), [(1490, True), (1510, False)])
def test_a_line_touches_by_half_its_width(metres: float, expected: bool) -> None:
    lon, lat = east_of_the_box(metres)
    path = ((lon, lat - 3_000_000), (lon, lat), (lon, lat + 3_000_000))
    assert touches(area(), Line(path=path, width_m=3000)) is expected
    assert touches(area(), Line(path=path, width_m=0)) is False


def test_a_long_line_with_far_vertices_touches_in_its_middle() -> None:
    path = (e7(39.0, 35.39), e7(41.4, 35.39))
    assert touches(area(), Line(path=path, width_m=0)) is True
    beside = ((path[0][0], e7(0, 35.42)[1]), (path[1][0], e7(0, 35.42)[1]))
    assert touches(area(), Line(path=beside, width_m=5000)) is True
    assert touches(area(), Line(path=beside, width_m=4000)) is False


def test_a_metre_is_a_metre_far_north_too() -> None:
    box: Any = [[[20.0, 80.0], [20.1, 80.0], [20.1, 80.1], [20.0, 80.1], [20.0, 80.0]]]
    north = area({"type": "Polygon", "coordinates": box})
    lon, lat, _ = geod().fwd(20.1, 80.05, 90, 1000)
    assert touches(north, Circle(center=e7(lon, lat), radius_m=1020)) is True
    assert touches(north, Circle(center=e7(lon, lat), radius_m=980)) is False


def test_polygons_touch_by_their_edges_and_not_in_their_holes() -> None:
    beside = Polygon(rings=((e7(40.22, 35.38), e7(40.25, 35.38), e7(40.25, 35.40), e7(40.22, 35.40)),))
    around = (e7(40.0, 35.0), e7(41.0, 35.0), e7(41.0, 36.0), e7(40.0, 36.0))
    hole = (e7(40.1, 35.3), e7(40.3, 35.3), e7(40.3, 35.5), e7(40.1, 35.5))
    assert touches(area(), beside) is True
    assert touches(area(), Polygon(rings=(around,))) is True
    assert touches(area(), Polygon(rings=(around, hole))) is False


def test_a_shape_that_means_no_place_is_not_judged() -> None:
    assert touches(area(), Polygon(rings=((e7(1, 1), e7(2, 2), e7(2, 1), e7(1, 2)),))) is None
    assert touches(area(), Circle(center=e7(179.99, 0), radius_m=50_000)) is None
