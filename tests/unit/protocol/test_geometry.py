"""Volumes and shapes: each code has its case, nothing valid is refused, and distances are geodesics."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel.protocol import geometry, limits
from channel.protocol.errors import UsageError
from channel.protocol.geometry import CODES, check_line, check_shape, check_volumes, distance_m
from channel.protocol.statements import Altitude, Kind, Line, Point, Polygon, Position, Shape, Volume
from channel.protocol.times import to_wire

VECTORS = Path(__file__).parents[2] / "vectors"
ISSUED_MS = 1_505_520_000_000  # 2017-09-16T00:00Z
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def at(lat: float, lon: float) -> Position:
    return round(lon * 1e7), round(lat * 1e7)


def polygon(*rings: list[tuple[float, float]]) -> Polygon:
    """Rings of (lat, lon) in degrees."""
    return Polygon(rings=tuple(tuple(at(*vertex) for vertex in ring) for ring in rings))


SQUARE = [(35.3, 40.1), (35.3, 40.2), (35.4, 40.2), (35.4, 40.1)]


def volume(
    shape: Shape | None = None,
    *,
    begin_ms: int = ISSUED_MS,
    end_ms: int = ISSUED_MS + HOUR_MS,
    altitude: Altitude | None = None,
) -> Volume:
    return Volume(shape=shape or polygon(SQUARE), altitude=altitude, from_=to_wire(begin_ms), until=to_wire(end_ms))


def check(*volumes: Volume, kind: str = Kind.INTENT) -> str | None:
    problem = check_volumes(volumes, kind=kind, issued_ms=ISSUED_MS)
    if problem is not None:
        assert problem[0] in CODES
        assert problem[1]
    return problem[0] if problem else None


# --- windows, altitudes, counts -------------------------------------------------------------------------------------


def test_a_plain_volume_is_in_order() -> None:
    assert check(volume()) is None
    assert check() is None


@pytest.mark.parametrize(
    ("begin_ms", "end_ms", "code"),
    [
        (0, 0, "window-invalid"),
        (HOUR_MS, 0, "window-invalid"),
        (0, 1, None),
        (0, limits.WINDOW_MS_MAX, None),
        (0, limits.WINDOW_MS_MAX + 1, "window-too-long"),
        (limits.FUTURE_MS_MAX, limits.FUTURE_MS_MAX + 1, None),
        (limits.FUTURE_MS_MAX + 1, limits.FUTURE_MS_MAX + 2, "window-too-far"),
        (-HOUR_MS, 1, None),
        (-HOUR_MS, 0, "window-past"),
        (-2 * HOUR_MS, -HOUR_MS, "window-past"),
    ],
)
def test_windows_are_judged_against_issued(begin_ms: int, end_ms: int, code: str | None) -> None:
    assert check(volume(begin_ms=ISSUED_MS + begin_ms, end_ms=ISSUED_MS + end_ms)) == code


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.INTENT])
def test_only_intents_are_refused_for_a_past_window(kind: Kind) -> None:
    past = volume(begin_ms=ISSUED_MS - 2 * HOUR_MS, end_ms=ISSUED_MS - HOUR_MS)
    assert check(past, kind=kind) is None


def test_the_altitude_band_has_its_floor_below_its_ceiling() -> None:
    assert check(volume(altitude=Altitude(floor_m=100, ceiling_m=100, reference="agl"))) is None
    assert check(volume(altitude=Altitude(floor_m=101, ceiling_m=100, reference="msl"))) == "volume-invalid"


def ring_of(count: int, *, lat: float = 35.0, lon: float = 40.0) -> list[tuple[float, float]]:
    turns = [2 * math.pi * step / count for step in range(count)]
    return [(lat + 0.1 * math.cos(turn), lon + 0.1 * math.sin(turn)) for turn in turns]


def test_vertices_are_counted_over_all_volumes() -> None:
    half = volume(polygon(ring_of(limits.VERTICES_MAX // 2)))
    assert check(half, half) is None
    assert check(half, half, volume(geometry.point(at(35, 40), 10))) == "too-many-vertices"
    problem = check_shape(polygon(ring_of(500), ring_of(401)))
    assert problem is not None
    assert problem[0] == "too-many-vertices"


def test_the_warn_area_is_checked_and_counted_with_the_volumes() -> None:
    half = polygon(ring_of(limits.VERTICES_MAX // 2))
    for warn, volumes, expected in (
        (half, [volume(half)], None),
        (half, [volume(half), volume(geometry.point(at(35, 40), 10))], "too-many-vertices"),
        (geometry.circle(at(35, 180), 10), [volume()], "volume-antimeridian"),
    ):
        problem = check_volumes(volumes, kind=Kind.INTENT, issued_ms=ISSUED_MS, warn=warn)
        assert (problem[0] if problem else None) == expected
    assert problem is not None
    assert problem[1].startswith("warn: ")


def test_the_detail_names_the_volume_and_quotes_no_place() -> None:
    bow_tie = polygon([(35.3, 40.1), (35.4, 40.2), (35.4, 40.1), (35.3, 40.3)])
    problem = check_volumes([volume(), volume(bow_tie)], kind=Kind.SITE, issued_ms=ISSUED_MS)
    assert problem == ("volume-invalid", "volume 2: the area is not one area: self-intersection")


# --- shapes ---------------------------------------------------------------------------------------------------------

GOOD: dict[str, Shape] = {
    "a square": polygon(SQUARE),
    "the other way round": polygon(SQUARE[::-1]),
    "with a hole": polygon(SQUARE, [(35.32, 40.12), (35.32, 40.14), (35.34, 40.14)]),
    "up to the antimeridian": polygon([(10, 179), (10, 180), (11, 180), (11, 179)]),
    "near a pole": polygon([(89, 10), (89, 20), (89.9, 15)]),
    "a point": geometry.point(at(35.3, 40.1), 0),
    "a point on the antimeridian": geometry.point(at(35.3, 180), 0),
    "a circle": geometry.circle(at(35.3, 40.1), 200_000),
    "a path that crosses itself": Line(path=(at(35, 40), at(36, 41), at(36, 40), at(35, 41)), width_m=500),
    "there and back": Line(path=(at(35, 40), at(36, 41), at(35, 40)), width_m=0),
    "across Greenwich and the equator": polygon([(-1, -1), (-1, 1), (1, 1), (1, -1)]),
}
BAD: dict[str, tuple[Shape, str]] = {
    "bow tie": (polygon([(35.3, 40.1), (35.4, 40.2), (35.4, 40.1), (35.3, 40.2)]), "volume-invalid"),
    "closing vertex repeated": (polygon([*SQUARE, SQUARE[0]]), "volume-invalid"),
    "three in a row": (polygon([(35, 40), (36, 41), (37, 42)]), "volume-invalid"),
    "all the same": (polygon([(35, 40), (35, 40.1), (35, 40), (35, 40.1)]), "volume-invalid"),
    "spike": (polygon([(35, 40), (35, 41), (36, 41), (35, 41), (34, 40.5)]), "volume-invalid"),
    "hole outside": (polygon(SQUARE, [(36, 41), (36, 42), (37, 42)]), "volume-invalid"),
    "hole across the edge": (polygon(SQUARE, [(35.35, 40.15), (35.35, 40.25), (35.36, 40.25)]), "volume-invalid"),
    "hole in the hole": (
        polygon(
            SQUARE, [(35.31, 40.11), (35.31, 40.19), (35.39, 40.15)], [(35.32, 40.14), (35.32, 40.16), (35.34, 40.15)]
        ),
        "volume-invalid",
    ),
    "line without length": (Line(path=(at(35, 40), at(35, 40)), width_m=10), "volume-invalid"),
    "over the antimeridian": (polygon([(10, 179), (10, -179), (11, -179), (11, 179)]), "volume-antimeridian"),
    "half the globe": (polygon([(10, -90), (10, 90), (20, 90), (20, -90)]), "volume-antimeridian"),
    "line over the antimeridian": (Line(path=(at(10, 179), at(10, -179)), width_m=0), "volume-antimeridian"),
    "wide line beside the antimeridian": (
        Line(path=(at(10, 179.9), at(11, 179.9)), width_m=40_000),
        "volume-antimeridian",
    ),
    "circle over the antimeridian": (geometry.circle(at(35, -179.99), 5_000), "volume-antimeridian"),
    "vague point at the antimeridian": (geometry.point(at(35, 180), 1), "volume-antimeridian"),
    "vertex on a pole": (polygon([(80, 10), (80, 20), (90, 15)]), "volume-pole"),
    "around a pole": (polygon([(80, 0), (80, 120), (80, -120)]), "volume-pole"),
    "around the south pole": (polygon([(-80, 0), (-80, -90), (-80, 180), (-80, 90)]), "volume-pole"),
    "circle over a pole": (geometry.circle(at(-89.99, 10), 5_000), "volume-pole"),
    "point on a pole": (Point(at=at(90, 0), accuracy_m=0), "volume-pole"),
    "wide line beside a pole": (Line(path=(at(89.95, 0), at(89.95, 5)), width_m=20_000), "volume-pole"),
}


@pytest.mark.parametrize("name", GOOD)
def test_shapes_that_mean_one_place_pass(name: str) -> None:
    assert check(volume(GOOD[name])) is None
    assert check_shape(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_shapes_that_do_not_are_refused_with_their_code(name: str) -> None:
    shape, code = BAD[name]
    assert check(volume(shape)) == code
    problem = check_shape(shape)
    assert problem is not None
    assert problem[0] == code
    assert not any(char.isdigit() for char in problem[1].replace("180 degrees", "").replace("90 degrees", ""))


def test_every_code_has_a_case() -> None:
    windows = {"window-invalid", "window-past", "window-too-long", "window-too-far", "too-many-vertices"}
    assert windows | {code for _, code in BAD.values()} == set(CODES)
    assert all(meaning and code == code.lower() for code, meaning in CODES.items())


def test_a_circle_beside_the_antimeridian_is_judged_by_its_true_width() -> None:
    """At 60 degrees a degree of longitude is half as long, so the same circle reaches twice as far."""
    degree_m = 111_195
    assert check_shape(geometry.circle(at(0, 179), round(degree_m * 0.99))) is None
    assert check_shape(geometry.circle(at(60, 179), round(degree_m * 0.51))) is not None
    assert check_shape(geometry.circle(at(60, 179), round(degree_m * 0.49))) is None


def test_the_worst_shapes_of_900_vertices_are_judged_fast() -> None:
    """CPU time, with a wide margin over the milliseconds it takes; repairing such a star takes minutes."""
    count = limits.VERTICES_MAX - 1
    turns = [2 * math.pi * step * (count // 2) / count for step in range(count)]
    star = polygon([(35 + math.cos(turn), 40 + math.sin(turn)) for turn in turns])
    comb = polygon([(35 + (step % 4 in (1, 2)) * 0.5, 40 + step * 0.001) for step in range(count)])
    began = time.process_time()
    assert check_shape(star) is not None
    check_shape(comb)
    assert time.process_time() - began < 1


coordinates = st.tuples(st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000))
few = st.tuples(st.integers(0, 5), st.integers(0, 5))  # small numbers meet each other often


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(coordinates | few, min_size=3, max_size=9), min_size=1, max_size=3))
def test_any_polygon_is_accepted_or_refused_with_a_known_code(rings: list[list[Position]]) -> None:
    problem = check_shape(Polygon(rings=tuple(tuple(ring) for ring in rings)))
    assert problem is None or problem[0] in CODES


@settings(max_examples=300, deadline=None)
@given(st.lists(coordinates, min_size=2, max_size=9), st.integers(0, limits.RADIUS_M_MAX))
def test_any_line_is_accepted_or_refused_with_a_known_code(path: list[Position], width_m: int) -> None:
    problem = check_shape(Line(path=tuple(path), width_m=width_m))
    assert problem is None or problem[0] in CODES


# --- de-confliction lines -------------------------------------------------------------------------------------------


def test_a_line_statement_is_checked_part_by_part() -> None:
    path = (at(35.8, 38.5), at(35.5, 39.9))
    ring = polygon(SQUARE).rings[0]
    assert check_line([path, path], [ring]) is None
    assert check_line([path, (at(1, 1), at(1, 1))], []) == ("volume-invalid", "part 2: the path has no length")
    refused = check_line([path], [ring, (at(10, 179), at(10, -179), at(11, -179))])
    assert refused is not None
    assert refused[0] == "volume-antimeridian"
    assert refused[1].startswith("excluded area 2: ")
    crowd = [path] * (limits.VERTICES_MAX // 2)
    assert check_line(crowd, []) is None
    assert check_line([*crowd, path], []) is not None


# --- measures -------------------------------------------------------------------------------------------------------


def test_distances_are_those_of_geographiclib() -> None:
    with (VECTORS / "geodtest20.csv").open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    for row in rows:
        first = at(float(row["lat1"]), float(row["lon1"]))
        second = at(float(row["lat2"]), (float(row["lon2"]) + 180) % 360 - 180)
        assert distance_m(first, second) == pytest.approx(float(row["s12_m"]), abs=1e-5)
        assert distance_m(second, first) == pytest.approx(distance_m(first, second), abs=1e-6)
    assert distance_m(at(35, 40), at(35, 40)) == 0
    assert distance_m(at(0, 180), at(0, -180)) == 0


def test_a_place_that_fits_only_when_swapped_gets_a_hint() -> None:
    known = [at(35.3, 40.1), at(35.9, 39.0)]
    assert geometry.looks_swapped(at(40.2, 35.2), [at(15.3, 60.1)]) is False
    assert geometry.looks_swapped(at(60.1, 15.3), [at(15.3, 60.2)]) is True
    assert geometry.looks_swapped(at(40.2, 35.2), known) is True  # 680 km off: the two are near each other there
    assert geometry.looks_swapped(at(36.9, 38.5), known) is False  # 170 km off, and far when swapped
    assert geometry.looks_swapped(at(35.2, 40.2), known) is False
    assert geometry.looks_swapped(at(40.2, 35.2), []) is False
    assert geometry.looks_swapped(at(10, 120), known) is False


def test_shapes_are_made_within_the_limits_or_not_at_all() -> None:
    with pytest.raises(UsageError, match="radius is 1 to 200000 metres, not 0"):
        geometry.circle(at(35, 40), 0)
    with pytest.raises(UsageError, match="90 of latitude"):
        geometry.point(at(95, 40), 10)
