"""GeoJSON is read strictly: what cannot be taken as it stands is refused with a code that names the feature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from channel.picture.conflicts import moment_ms, plan
from channel.picture.geojson import CODES, FILE_BYTES_MAX, GeoJsonError, looks_swapped, read, whole
from channel.protocol.statements import Circle, Line, Point, Polygon
from channel.protocol.times import to_wire
from tests.unit.picture.shapes import at

WINDOW = {"from": "2017-09-16T00:00:00Z", "until": "2017-09-16T01:00:00Z"}
SQUARE = [[40.0, 35.0], [40.1, 35.0], [40.1, 35.1], [40.0, 35.1], [40.0, 35.0]]
BOW = [[40.0, 35.0], [40.1, 35.1], [40.1, 35.0], [40.0, 35.1], [40.0, 35.0]]


def feature(type_: str, coordinates: Any, id_: Any = "strike-1", **properties: Any) -> dict[str, Any]:
    geometry = {"type": type_, "coordinates": coordinates}
    return {"type": "Feature", "id": id_, "properties": properties, "geometry": geometry}


def collection(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def taken(data: bytes) -> GeoJsonError | None:
    """All shapes of a file are made; what is refused is given back."""
    try:
        for one in read(data):
            one.shapes()
    except GeoJsonError as error:
        return error
    return None


def refused(data: bytes) -> GeoJsonError:
    error = taken(data)
    assert error is not None
    assert error.code in CODES
    return error


def test_each_type_becomes_its_shapes() -> None:
    data = collection(
        feature("Point", [40.14, 35.33], 1),
        feature("LineString", [[40, 35], [41, 35.5]], 2),
        feature("Polygon", [SQUARE, [[40.02, 35.02], [40.05, 35.02], [40.05, 35.05], [40.02, 35.02]]], 3),
        feature("MultiPoint", [[40, 35], [40.1, 35]], 4),
        feature("MultiPolygon", [[SQUARE], [[[x + 1, y] for x, y in SQUARE]]], 5),
    )
    shapes = [one.shapes(accuracy_m=50, width_m=400) for one in read(data)]
    assert shapes[0] == (Point(at=at(40.14, 35.33), accuracy_m=50),)
    assert shapes[1] == (Line(path=(at(40, 35), at(41, 35.5)), width_m=400),)
    assert isinstance(shapes[2][0], Polygon)
    assert [len(ring) for ring in shapes[2][0].rings] == [4, 3]
    assert [len(several) for several in shapes[3:]] == [2, 2]


def test_a_point_with_a_radius_is_a_circle() -> None:
    (one,) = read(json.dumps(feature("Point", [40.14, 35.33])).encode())
    assert one.shapes(radius_m=2000) == (Circle(center=at(40.14, 35.33), radius_m=2000),)


def test_a_bare_geometry_is_one_feature_and_a_byte_order_mark_is_nothing() -> None:
    data = b"\xef\xbb\xbf" + json.dumps({"type": "Point", "coordinates": [40.14, 35.33, 0]}).encode()
    (one,) = read(data)
    assert (one.id, one.name, one.coordinates) == (None, "feature 1", at(40.14, 35.33))


def test_an_id_may_stand_among_the_properties() -> None:
    one = feature("Point", [40, 35], id="euphrates")
    del one["id"]
    assert read(collection(one))[0].id == "euphrates"


@pytest.mark.parametrize(
    ("type_", "coordinates", "code", "says"),
    [
        ("Point", [40.1, 95], "out-of-range", "looks swapped"),
        ("Point", [35.3, 140.1], "out-of-range", "looks swapped"),
        ("Point", [400, 35], "out-of-range", "longitude 400"),
        ("Point", [10**400, 35], "out-of-range", "no place"),
        ("Point", [40.1], "bad-geojson", "longitude, latitude"),
        ("Point", [40.1, True], "bad-geojson", "longitude, latitude"),
        ("Point", ["40.1", "35.3"], "bad-geojson", "longitude, latitude"),
        ("Point", [40.1, 35.3, 500], "altitude-in-position", "floor_m"),
        ("Point", None, "bad-geojson", "longitude, latitude"),
        ("LineString", [[40, 35]], "bad-geojson", "two positions"),
        ("LineString", [[40, 35], [40, 35]], "volume-invalid", "no length"),
        ("LineString", [[-179, 35], [179, 35]], "volume-antimeridian", "180 degrees"),
        ("LineString", [[40 + i / 1000, 35] for i in range(901)], "too-many-vertices", "901"),
        ("Polygon", [BOW], "volume-invalid", "crosses itself"),
        ("Polygon", [SQUARE[:-1]], "bad-geojson", "the last is the first"),
        ("Polygon", [], "bad-geojson", "none of them empty"),
        ("Polygon", [SQUARE, [[41, 35], [42, 35], [42, 36], [41, 35]]], "volume-invalid", "not one area"),
        ("Polygon", [[[0, 89], [120, 89], [-120, 89], [0, 89]]], "volume-pole", "pole"),
        ("MultiLineString", [[[40, 35], [41, 35]]] * 451, "too-many-vertices", "900"),
        ("GeometryCollection", [], "bad-geojson", "no shape"),
    ],
)
def test_a_geometry_that_is_no_shape_is_refused_by_name(type_: str, coordinates: Any, code: str, says: str) -> None:
    error = refused(collection(feature("Point", [40, 35], "good"), feature(type_, coordinates)))
    assert (error.code, error.feature) == (code, "feature 2 (strike-1)")
    assert says in error.detail
    assert "strike-1" in str(error)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"type": "Point", "coordinates": [NaN, 35]}', "bad-json"),
        (b'{"type": "Point", "coordinates": [Infinity, 35]}', "bad-json"),
        (b'{"type": "Point", "coordinates": [1e999, 35]}', "out-of-range"),
        (b'{"type": "Point", "type": "Point", "coordinates": [40, 35]}', "bad-json"),
        (b'{"type": "Point", "coordinates": [40, 35]', "bad-json"),
        (b"\xff\xfe{}", "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b"[]", "bad-geojson"),
        (b"{}", "bad-geojson"),
        (b'{"type": "FeatureCollection", "features": [7]}', "bad-geojson"),
        (b'{"type": "Feature", "properties": {}, "geometry": null}', "bad-geojson"),
        (b'{"type": "Point", "coordinates": [40, 35], "crs": {"name": "EPSG:28407"}}', "bad-geojson"),
        (b'{"type": "Feature", "id": [], "geometry": {}}', "bad-geojson"),
        (
            b'{"type": "Feature", "id": "\\ud800", "geometry": {"type": "Point", "coordinates": [40, 35]}}',
            "bad-geojson",
        ),
        (b" " * (FILE_BYTES_MAX + 1), "file-too-large"),
        (b"1" * 5_000, "bad-json"),
    ],
)
def test_a_file_that_is_not_strict_geojson_is_refused(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_a_number_of_thousands_of_digits_is_refused_in_our_words() -> None:
    data = collection(feature("Point", [40, 35])).replace(b"40", b"4" * 5_000)
    with pytest.raises(GeoJsonError, match="bad-json: a number of 5000 digits; at most 4000"):
        read(data)


def test_any_change_of_bytes_gives_features_or_a_typed_reason() -> None:
    """Every byte of a good file replaced, one at a time, by what is likely to break a reader."""
    good = collection(feature("Polygon", [SQUARE], party="sdf"), feature("Point", [40, 35], 7))
    for position in range(len(good)):
        for byte in b'"}]9-e,\\\xff':
            data = good[:position] + bytes([byte]) + good[position + 1 :]
            error = taken(data)
            assert error is None or error.code in CODES


def planned(data: bytes) -> GeoJsonError | None:
    """A plan is made of a file, and what is said of it can be printed; what is refused is given back."""
    try:
        for one in plan(read(data)):
            json.dumps([one.id, one.party, to_wire(one.solids[0].until_ms)], ensure_ascii=False).encode()
    except GeoJsonError as error:
        return error
    return None


VALUES: tuple[Any, ...] = ([], ["Point"], [[40, 35]], {}, {"a": []}, 0, -7, 1.5, 10**40, True, False, "", "Point", None)
"""Of every type that JSON has."""


def rewritten(document: Any) -> Iterator[Any]:
    """The document with each value in it replaced by values of other types, and each member left out, one at a time."""
    yield from VALUES
    if isinstance(document, dict):
        for name, value in document.items():
            rest = {other: document[other] for other in document if other != name}
            yield rest
            yield from (rest | {name: other} for other in rewritten(value))
    elif isinstance(document, list):
        for at_, value in enumerate(document):
            yield document[:at_] + document[at_ + 1 :]
            yield from ([*document[:at_], other, *document[at_ + 1 :]] for other in rewritten(value))


def test_values_of_other_types_anywhere_give_features_or_a_typed_reason() -> None:
    """What a reader takes from a file is used as planners and senders use it: shapes, extents, heights, times."""
    said = {"party": "sdf", "kind": "intent", "reference": "agl", "floor_m": 0, "ceiling_m": 9, "accuracy_m": 3}
    good = json.loads(
        collection(
            feature("Polygon", [SQUARE], "a", **WINDOW, **{"party": "sdf", "kind": "site"}),
            feature("Point", [40, 35], 7, **WINDOW, **said),
            feature("MultiLineString", [[[40, 35], [41, 35]]], 8, **WINDOW, party="sdf", kind="position", width_m=5),
        )
    )
    good["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    count = 0
    for document in rewritten(good):
        count += 1
        error = planned(json.dumps(document).encode())
        assert error is None or error.code in CODES
        str(error).encode()
    assert count > 1_000


@pytest.mark.parametrize("until", ["9999-12-31T23:00:00-12:00", "0001-01-01T00:00:00+12:00"])
def test_a_time_that_cannot_be_written_is_refused(until: str) -> None:
    (one,) = read(collection(feature("Point", [40, 35], until=until)))
    with pytest.raises(GeoJsonError, match="bad-property"):
        moment_ms(one, "until")


def test_a_place_with_its_numbers_swapped_is_refused_unless_it_is_meant() -> None:
    data = collection(
        feature("Point", [40.1, 35.3], 1), feature("Point", [40.2, 35.2], 2), feature("Point", [35.3, 40.1], 3)
    )
    error = refused(data)
    assert (error.code, error.feature) == ("looks-swapped", "feature 3 (3)")
    assert len(read(data, as_written=True)) == 3


def test_what_comes_out_of_a_log_is_as_it_was_signed_and_says_where_the_rest_is() -> None:
    places = [[40.1, 35.3], [40.2, 35.2], [40.2, 35.3], [35.3, 40.1]]
    signed = [feature("Point", place, number, token_sha256="c" * 43) for number, place in enumerate(places)]
    assert len(read(collection(*signed))) == 4
    typed = feature("Point", [35.2, 40.2], "typed")
    assert refused(collection(*signed, typed)).feature == "feature 5 (typed)"


def test_an_empty_collection_holds_nothing_and_is_no_error() -> None:
    assert read(b'{"type": "FeatureCollection", "features": []}') == ()


def test_places_far_apart_are_not_taken_for_swapped_ones() -> None:
    cities = [[40.1, 35.3], [36.3, 33.5], [44.4, 33.3], [37.6, 55.8], [51.4, 35.7], [35.5, 33.9], [28.9, 41.0]]
    assert len(read(collection(*(feature("Point", city, n) for n, city in enumerate(cities))))) == len(cities)


def test_swapped_means_far_as_written_and_close_the_other_way_round() -> None:
    assert looks_swapped(378_000, 1_400)
    assert not looks_swapped(90_000, 1_400)
    assert not looks_swapped(378_000, 100_000)


@pytest.mark.parametrize("value", ["5", True, 1e300, [], -1, 101, 100.5])
def test_a_length_is_a_number_in_its_range(value: Any) -> None:
    (one,) = read(collection(feature("Point", [40, 35], radius_m=value)))
    with pytest.raises(GeoJsonError, match="bad-property"):
        whole(one, "radius_m", 0, 100)


@pytest.mark.parametrize(
    ("properties", "expected"), [({}, None), ({"m": None}, None), ({"m": 5}, 5), ({"m": 5.0}, 5), ({"m": 5.01}, 6)]
)
def test_a_length_may_be_absent_and_is_rounded_outwards(properties: dict[str, Any], expected: int | None) -> None:
    (one,) = read(collection(feature("Point", [40, 35], **properties)))
    assert whole(one, "m", 0, 100) == expected
