"""Places as typed: what is read, what is refused, and that the datum and the grids are right."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel.protocol.errors import UsageError
from channel.protocol.places import SYSTEMS, format_place, geod, parse_place, sk42_operation

DEIR_EZ_ZOR = (401408000, 353359000)


def metres(a: tuple[int, int], b: tuple[int, int]) -> float:
    return float(geod().inv(a[0] / 1e7, a[1] / 1e7, b[0] / 1e7, b[1] / 1e7)[2])


@pytest.mark.parametrize(
    "text",
    [
        "35.3359,40.1408",
        "35.3359, 40.1408",
        "35.3359 40.1408",
        "  35.3359;40.1408 ",
        "+35.3359,+40.1408",
        "35.3359°,40.1408°",
        "35.3359N 40.1408E",
        "35.3359n,40.1408e",
        "N35.3359 E40.1408",
        "40.1408E, 35.3359N",
        "35.3359° с. ш. 40.1408° в. д.",
        "٣٥٫٣٣٥٩، ٤٠٫١٤٠٨",
    ],
)
def test_every_spelling_of_latitude_and_longitude_is_the_same_place(text: str) -> None:
    reading = parse_place(text)
    assert (reading.position, reading.accuracy_m, reading.system) == (DEIR_EZ_ZOR, 8, "latlon")


@pytest.mark.parametrize(
    "text",
    [
        "35°20'09\"N 40°08'27\"E",
        "35°20′09″N, 40°08′27″E",
        "N35°20'09\" E40°08'27\"",
        "35 20 09 N 40 08 27 E",
        "35°20'09''N 40°08'27''E",
        "40°08'27\"E 35°20'09\"N",
    ],
)
def test_degrees_minutes_and_seconds_are_read(text: str) -> None:
    reading = parse_place(text)
    assert reading.position == (401408333, 353358333)
    assert reading.accuracy_m == 21  # half a second each way


def test_south_and_west_are_negative() -> None:
    assert parse_place("35.5S 40.25W").position == parse_place("-35.5,-40.25").position == (-402500000, -355000000)


def test_fewer_digits_mean_a_vaguer_place() -> None:
    accuracies = [parse_place(f"35.{'3' * n},40.{'1' * n}").accuracy_m for n in range(1, 8)]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 5000
    assert accuracies[-1] == 1
    assert [parse_place(text).accuracy_m for text in ("37SFV01", "37SFV0010", "37SFV003108", "37SFV00361089")] == [
        7072, 708, 71, 8,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["37SFV0367410891", "37S FV 03674 10891", "37S FV 0367410891", "37sfv 03674 10891", "MGRS 37SFV0367410891"]
)
def test_a_grid_reference_is_the_centre_of_its_cell(text: str) -> None:
    reading = parse_place(text)
    assert (reading.accuracy_m, reading.system) == (1, "mgrs")
    assert metres(reading.position, DEIR_EZ_ZOR) < 1
    assert format_place(reading.position, "mgrs") == "37S FV 03674 10891"


def test_a_coarse_cell_is_read_as_its_centre_not_its_corner() -> None:
    coarse = parse_place("37S FV 03 10")
    assert format_place(coarse.position, "mgrs") == "37S FV 03500 10500"
    assert coarse.accuracy_m == 708


def test_a_zone_number_may_have_a_leading_zero() -> None:
    assert parse_place("01SBU2620177156") == parse_place("1SBU2620177156")


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-1_800_000_000, 1_799_999_999), st.integers(-799_999_999, 839_999_999), st.sampled_from((0, 1, 2, 3, 4))
)
def test_the_cell_of_any_place_holds_that_place(lon: int, lat: int, dropped: int) -> None:
    zone, square, east, north = format_place((lon, lat), "mgrs").split(" ")
    reading = parse_place(f"{zone} {square} {east[: 5 - dropped]} {north[: 5 - dropped]}")
    # the grid is scaled by up to 1.001 (and a little more where zones are wider), and 1e-7 degrees is a centimetre
    assert metres(reading.position, (lon, lat)) <= reading.accuracy_m * 1.002 + 0.05


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1_799_999_999), st.integers(10_000_000, 839_999_999), st.sampled_from(SYSTEMS))
def test_what_is_shown_can_be_typed_back(lon: int, lat: int, system: str) -> None:
    reading = parse_place(format_place((lon, lat), system))
    assert reading.system == system
    assert metres(reading.position, (lon, lat)) <= reading.accuracy_m + 0.05


@pytest.mark.parametrize(
    "text",
    [
        "SK42 3912555 7603827",
        "SK-42 3912555 7603827",
        "sk42: 3912555, 7603827",
        "СК-42 3912555 7603827",
        "СК42 х=3912555 у=7603827",
        "CK-42 X 3912555 Y 7603827",
        "SK42 y=7603827 x=3912555",
    ],
)
def test_sk42_takes_northing_first_unless_labelled(text: str) -> None:
    reading = parse_place(text)
    assert reading.system == "sk42"
    assert metres(reading.position, DEIR_EZ_ZOR) < 1
    assert reading.accuracy_m == 6


def test_sk42_needs_its_prefix_unless_it_is_the_habit() -> None:
    with pytest.raises(UsageError, match="put SK42 before them"):
        parse_place("3912555 7603827")
    with pytest.raises(UsageError, match="put SK42 before them"):
        parse_place("3912555 7603827", system="mgrs")
    assert parse_place("3912555 7603827", system="sk42") == parse_place("SK42 3912555 7603827")


@pytest.mark.parametrize("system", SYSTEMS)
def test_unmistakable_forms_of_other_systems_are_read_under_any_habit(system: str) -> None:
    assert parse_place("35.3359,40.1408", system=system).system == "latlon"
    assert parse_place("37SFV0367410891", system=system).system == "mgrs"
    assert parse_place("SK42 3912555 7603827", system=system).system == "sk42"


@pytest.mark.parametrize(
    "text", ["SK42 7603827 3912555", "SK42 7422000 3911000", "SK42 3912555 7003827", "SK42 3912555 603827",
             "SK42 9912555 7603827", "SK42 3912555 99603827", "SK42 3912555 33603827"]
)  # fmt: skip
def test_sk42_outside_its_zone_or_swapped_is_refused_with_the_order(text: str) -> None:
    with pytest.raises(UsageError, match=r"northing .* comes first"):
        parse_place(text)


def test_the_datum_is_the_pinned_operation_and_close_to_the_mandated_one() -> None:
    """PROJ's own database is the oracle; EPSG:5044 is the set of GOST R 51794-2008."""
    from pyproj import Transformer

    pinned = parse_place("SK42 3912555 7603827").position
    pipeline = (
        "+proj=pipeline +step +inv +proj=tmerc +lon_0=39 +x_0=7500000 +ellps=krass "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    on_krassowsky = Transformer.from_pipeline(pipeline).transform(7603827, 3912555)

    def registered(code: int) -> tuple[int, int]:
        operation = Transformer.from_pipeline(f"urn:ogc:def:coordinateOperation:EPSG::{code}")
        lat, lon = operation.transform(on_krassowsky[1], on_krassowsky[0])
        return round(lon * 1e7), round(lat * 1e7)

    assert metres(pinned, registered(15865)) < 0.05
    assert metres(pinned, registered(5044)) < sk42_operation().accuracy_m
    undatumed = (round(on_krassowsky[0] * 1e7), round(on_krassowsky[1] * 1e7))
    assert metres(pinned, undatumed) == pytest.approx(113, abs=1)  # what leaving the datum out would cost


def test_gauss_krueger_agrees_with_the_registered_zones() -> None:
    from pyproj import CRS, Transformer

    for zone in (6, 7, 22):
        registered = CRS.from_epsg(28400 + zone)
        geographic = registered.geodetic_crs
        assert [axis.direction for axis in registered.axis_info] == ["north", "east"]
        to_grid = Transformer.from_crs(geographic, registered)
        lat, lon = 36.0, zone * 6 - 3 + 1.25
        northing, easting = to_grid.transform(lat, lon)
        shown = parse_place(f"SK42 {northing:.3f} {easting:.3f}").position
        # the registered zone is on the Pulkovo datum: only the datum's shift may differ
        assert 60 < metres(shown, (round(lon * 1e7), round(lat * 1e7))) < 160


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot read"),
        ("nan,nan", "cannot read"),
        ("inf,inf", "cannot read"),
        ("1e1,2", "cannot read"),
        ("here", "cannot read"),
        ("35,3359 40,1408", "decimals with a point"),
        ("35°20'09\" 40°08'27\"", "cannot read"),
        ("²,³", "cannot read"),
        ("35.3359", "cannot read"),
        ("35.3359,40.1408,7", "cannot read"),
        ("140.1,35.3", "looks swapped"),
        ("95,200", "latitude is within 90"),
        ("35.0,180.1", "longitude within 180"),
        ("35N 40N", "N or S, the other E or W"),
        ("95N 40E", "latitude is within 90"),
        ("35°60'N 40°0'E", "below 60"),
        ("35.5°20'N 40°0'E", "only the last number has decimals"),
        ("37SFU", "1 to 5 digits"),
        ("37SFI1212", "no I or O"),
        ("37SFV123", "as many digits north as east"),
        ("37S FV 123 45", "as many digits north as east"),
        ("61SFV1212", "grid zones go from 1 to 60"),
        ("00SFV1212", "grid zones go from 1 to 60"),
        ("37NFV0365111398", "no square FV|outside grid zone"),
        ("37TFV0365111398", "outside grid zone 37T"),
        ("37SAA1212", "outside grid zone 37S"),
        ("32XMJ1212", "there is no square|outside grid zone"),
        ("ZAH1212", "cannot read"),
        ("SK42 x=3912555 7603827", "label both"),
        ("SK42 3912555", "cannot read"),
        ("x" * 81, "at most 80 characters"),
    ],
)
def test_what_is_not_a_place_is_refused_with_what_to_type(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_place(text)


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(UsageError, match="latlon, mgrs, sk42"):
        parse_place("35.3,40.1", system="utm")
    with pytest.raises(UsageError, match="latlon, mgrs, sk42"):
        format_place(DEIR_EZ_ZOR, "utm")


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=90) | st.text(alphabet="0123456789.,-°'\"NSEW xySK42FVX ", max_size=40),
    st.sampled_from((None, *SYSTEMS)),
)
def test_any_text_is_a_place_or_a_usage_error(text: str, system: str | None) -> None:
    try:
        reading = parse_place(text, system=system)
    except UsageError:
        return
    assert abs(reading.position[0]) <= 1_800_000_000
    assert abs(reading.position[1]) <= 900_000_000
    assert 1 <= reading.accuracy_m <= 200_000


def test_where_a_grid_does_not_reach_latitude_and_longitude_are_shown() -> None:
    assert format_place((401408000, 899000000), "mgrs") == "89.90000N 40.14080E"
    assert format_place((-402500000, -355000000), "sk42") == "35.50000S 40.25000W"


def test_the_operation_names_itself_and_where_its_accuracy_ends() -> None:
    operation = sk42_operation()
    assert "EPSG:15865" in operation.name
    assert operation.accuracy_m == 4.5
    assert "former Soviet Union" in operation.note


def test_importing_this_room_loads_no_geometry_library() -> None:
    script = "import sys, channel.protocol.places, channel.protocol.geometry; " \
        "sys.exit(any(name in sys.modules for name in ('pyproj', 'shapely', 'mgrs', 'numpy')))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
