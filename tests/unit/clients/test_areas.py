"""Places with an extent as people type them: read exactly, or refused with the form and an example to type."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from channel.protocol.errors import UsageError
from channel.protocol.statements import Altitude, Circle, Line, Point, Polygon
from clients.coalition import Coalition
from clients.core.areas import PlaceError, Reader, length_m, read_altitude
from clients.core.geojson import volumes
from clients.russia import Russia
from tests.unit.picture.test_geojson import SQUARE, WINDOW, collection, feature, rewritten

HERE = (401408000, 353359000)
ZULU, MOSCOW = Reader(Coalition.DEFAULTS), Reader(Russia.DEFAULTS)


def test_a_circle_takes_a_place_in_any_form() -> None:
    assert ZULU.circle("35.3359,40.1408,5km") == Circle(center=HERE, radius_m=5000)
    assert ZULU.circle("35.3359 40.1408, 500m").radius_m == 500
    assert ZULU.circle("37S FV 03674 10891,2km").radius_m == 2000
    assert MOSCOW.circle("3912555 7603827,1nmi").radius_m == 1852


def test_a_path_has_places_and_a_full_width() -> None:
    path = ZULU.path("35.3359,40.1408; 35.3700,40.1200,800m")
    assert path == Line(path=(HERE, (401200000, 353700000)), width_m=800)
    assert ZULU.path("35.3359,40.1408;35.37,40.12;37S FV 03674 10891,0m").width_m == 0


def test_an_area_is_a_ring_and_its_holes() -> None:
    ring = "35.3359,40.1408; 35.37,40.12; 35.36,40.18"
    plain = ZULU.polygon(ring)
    assert plain == ZULU.polygon(f"{ring}; 35.3359,40.1408")  # closed by hand
    assert len(plain.rings) == 1
    assert plain.rings[0][0] == HERE
    holed = ZULU.polygon("35.0,40.0; 36.0,40.0; 36.0,41.0; 35.0,41.0 | 35.4,40.4; 35.6,40.4; 35.6,40.6")
    assert [len(each) for each in holed.rings] == [4, 3]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("35.3359,40.1408", "the length has its unit"),
        ("5km", "--circle takes PLACE,RADIUS"),
        ("35.3359,40.1408,far", "like --circle"),
        ("here,5km", "write 35.3359,40.1408"),
        ("35.3359,40.1408,0m", "radius is 1 to 200000"),
        ("35.3359,40.1408,300km", "radius is 1 to 200000"),
        ("95.0,40.0,5km", "latitude is within 90"),
    ],
)
def test_what_is_no_circle_says_what_to_type(typed: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ZULU.circle(typed)


@pytest.mark.parametrize("typed", ["35.3359,40.1408,800m", "; ;,800m", "35.3359,40.1408; 35.37,40.12", "a;b,1km"])
def test_what_is_no_path_says_what_to_type(typed: str) -> None:
    with pytest.raises(UsageError, match=r"--path|write 35"):
        ZULU.path(typed)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("35.0,40.0; 36.0,41.0; 36.0,40.0; 35.1,41.0", "volume-invalid: .*(itself|self-intersection)"),
        ("35.0,40.0; 35.1,40.1; 35.2,40.2", "volume-invalid"),
        ("10.0,-179.0; 11.0,179.0; 12.0,-179.0", "volume-antimeridian"),
        (";".join(f"{35 + n / 1000:.3f},40.0" for n in range(950)), "too-many-vertices"),
    ],
)
def test_an_area_that_breaks_a_rule_is_refused_with_its_code_and_never_repaired(typed: str, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        ZULU.shapes(polygon=[typed])


def test_two_places_are_no_area() -> None:
    with pytest.raises(UsageError, match=r"three places or more.*has 2"):
        ZULU.polygon("35.33,40.14; 35.37,40.12")


def test_shapes_come_in_the_order_in_which_they_are_named() -> None:
    made = ZULU.shapes(
        at="35.3359,40.1408", accuracy="20m", circle=["35.4,40.2,1km"], path=["35.4,40.2; 35.5,40.3,1km"],
        polygon=["35.0,40.0; 36.0,40.0; 36.0,41.0"],
    )  # fmt: skip
    assert [type(shape) for shape in made] == [Point, Circle, Line, Polygon]
    assert made[0] == Point(at=HERE, accuracy_m=20)
    both = "all with one window"
    volumes = ZULU.volumes(made, 0, "2017-09-16T00:30Z", "2017-09-16T01:30Z", "0-300m agl")
    assert {(v.from_, v.until, v.altitude is not None) for v in volumes} == {
        ("2017-09-16T00:30:00.000Z", "2017-09-16T01:30:00.000Z", True)
    }, both


@pytest.mark.parametrize(
    ("typed", "band"),
    [
        ("0-6000m", (0, 6000, "msl")),
        ("0-6000", (0, 6000, "msl")),
        ("500-20000ft", (152, 6096, "msl")),
        ("500 - 1001 FT MSL", (152, 306, "msl")),
        ("0-300 m agl", (0, 300, "agl")),
        ("-100-50m", (-100, 50, "msl")),
        ("100 to 200 m", (100, 200, "msl")),
    ],
)
def test_an_altitude_band_is_metres_and_never_smaller_than_said(typed: str, band: tuple[int, int, str]) -> None:
    floor_m, ceiling_m, reference = band
    assert read_altitude(typed) == Altitude.model_validate(
        {"floor_m": floor_m, "ceiling_m": ceiling_m, "reference": reference}
    )


@pytest.mark.parametrize("typed", ["6000m", "6000-0m", "0-99999m", "low-high", "0-100 fathoms", "FL100-FL200"])
def test_what_is_no_altitude_says_what_to_type(typed: str) -> None:
    with pytest.raises(UsageError, match=r"--altitude takes|an altitude is"):
        read_altitude(typed)


def test_a_place_that_looks_swapped_is_asked_about_and_letters_settle_it() -> None:
    reader = Reader(Coalition.DEFAULTS, known=[(401000000, 353000000)])
    with pytest.raises(UsageError, match=r"looks swapped.*type 35\.3359,40\.1408.*40\.1408N 35\.3359E"):
        reader.place("40.1408,35.3359")
    assert reader.place("40.1408N 35.3359E").position == (353359000, 401408000)
    assert Reader(Coalition.DEFAULTS).place("40.1408,35.3359").position == (353359000, 401408000)  # nothing to go by
    assert reader.place("35.3359,40.1408").position == HERE


@pytest.mark.parametrize("known", [(), [(401000000, 353000000)]])
def test_any_place_of_a_shape_may_be_the_swapped_one(known: list[tuple[int, int]]) -> None:
    reader = Reader(Coalition.DEFAULTS, known=known)
    for typed in ("35.3,40.1; 40.2,35.4,800m", "35.3,40.1; 35.2,40.2; 35.1,40.3; 40.2,35.4,800m"):
        with pytest.raises(PlaceError, match=r"40\.2,35\.4 looks swapped") as error:
            reader.path(typed)
        assert error.value.code == "looks-swapped"
    with pytest.raises(PlaceError, match="looks swapped"):
        reader.polygon("35.33,40.14; 35.37,40.12; 40.18,35.36")
    assert reader.path("35.3,40.1; 36.9,38.5; 38.5,36.9; 40.1,35.3,800m").path[-1] == (353000000, 401000000)


def test_what_the_channel_would_refuse_has_its_code_here_too() -> None:
    reader = Reader(Coalition.DEFAULTS)
    many = ";".join(f"35.{number:04d},40.1" for number in range(1_000))
    for code, shapes in {
        "volume-invalid": {"polygon": ["35.0,40.0; 36.0,41.0; 36.0,40.0; 35.2,41.0"]},
        "volume-pole": {"circle": ["89.9,40.0,50km"]},
        "volume-antimeridian": {"circle": ["35.0,179.99,50km"]},
        "too-many-vertices": {"path": [many + ",800m"]},
    }.items():
        with pytest.raises(PlaceError) as error:
            reader.shapes(**shapes)  # type: ignore[arg-type]
        assert error.value.code == code


def test_lengths_have_units_or_are_metres() -> None:
    assert [length_m(text) for text in ("500", "500m", "2 km", "1.5nmi", 7)] == [500, 500, 2000, 2778, 7]
    for text in ("2 miles", "9" * 400 + "km"):
        with pytest.raises(UsageError, match="500m, 2km"):
            length_m(text)


def test_a_file_to_be_sent_with_values_of_other_types_gives_volumes_or_a_typed_reason() -> None:
    good = json.loads(
        collection(
            feature("Polygon", [SQUARE], "a", **WINDOW, floor_m=0, ceiling_m=9, reference="agl"),
            feature("Point", [40, 35], 7, radius_m=500),
            feature("LineString", [[40, 35], [41, 35]], 8, width_m=5),
        )
    )
    for document in rewritten(good):
        with suppress(UsageError):
            volumes(json.dumps(document).encode(), ZULU, 0, until="+40min", band="0-300m agl")
