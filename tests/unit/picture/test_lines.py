"""On which side of a line a place lies, and whether a volume reaches across (protocol.md 16.2)."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from math import hypot
from pathlib import Path
from random import Random

import numpy as np
import pytest

from channel.picture import AgreedLine, Solid
from channel.picture.plane import Plane
from channel.protocol.statements import Keeps, LineStatement
from tests.unit.picture.shapes import at, box, circle, line, point, ring

DATA = Path(__file__).resolve().parents[3] / "channel" / "scenario" / "data" / "deir-ezzor-2017"
KEEPS = {"coalition": "left", "russia": "right"}
KEPT = tuple(Keeps(party=party, side=side) for party, side in KEEPS.items())
SOUTH = [at(40.0, 36.0), at(40.0, 35.0)]  # southwards: east is left


def _river() -> list[list[tuple[int, int]]]:
    rivers = json.loads((DATA / "rivers.geojson").read_text())["features"]
    euphrates = next(river for river in rivers if river["properties"]["id"] == "euphrates")
    return [[at(lon, lat) for lon, lat in part] for part in euphrates["geometry"]["coordinates"]]


def _places() -> list[dict[str, str]]:
    with (DATA / "places.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("precision_m", [0, 500, 2000])
@pytest.mark.parametrize("row", _places(), ids=lambda row: row["name"])
def test_every_known_place_is_on_its_bank_of_the_euphrates_or_too_close_to_say(
    row: dict[str, str], precision_m: int
) -> None:
    bank, distance_m = AgreedLine(_river(), precision_m=precision_m).bank(at(float(row["lon"]), float(row["lat"])))
    known = row["bank"].partition("/")[0]
    assert bank == (known if distance_m > precision_m else "undetermined")


def _line(*parts: list[tuple[int, int]], precision_m: float = 200, excluded: object = ()) -> AgreedLine:
    return AgreedLine(parts or (SOUTH,), keeps=KEEPS, precision_m=precision_m, excluded=excluded)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lon", "lat", "bank", "distance_m"),
    [
        (40.1, 35.5, "left", 9073),
        (39.9, 35.5, "right", 9073),
        (40.001, 35.5, "undetermined", 91),
        (40.1, 36.1, "not_covered", 14283),
        (40.1, 34.9, "not_covered", 14391),
        (40.0, 36.001, "undetermined", 111),
        (44.0, 35.5, "left", 362_000),
    ],
)
def test_a_place_beside_at_and_beyond_a_line(lon: float, lat: float, bank: str, distance_m: float) -> None:
    found = _line().bank(at(lon, lat))
    assert found.bank == bank
    assert found.distance_m == pytest.approx(distance_m, rel=0.005)


def test_sides_are_a_partys_own() -> None:
    east = at(40.1, 35.5)
    assert _line().side(east, "coalition").side == "mine"
    assert _line().side(east, "russia").side == "theirs"
    assert _line().side(east, "sdf").side == "not_covered"
    assert _line().side(at(40.001, 35.5), "sdf").side == "undetermined"


def test_a_places_own_accuracy_is_doubt_too() -> None:
    assert _line().bank(at(40.1, 35.5), accuracy_m=9_000).bank == "undetermined"
    assert _line().bank(at(40.1, 35.5), accuracy_m=8_000).bank == "left"


def test_a_gap_between_parts_is_not_covered_and_parts_that_join_have_none() -> None:
    north, south = [at(40, 36), at(40, 35.6)], [at(40, 35.4), at(40, 35)]
    assert _line(north, south).bank(at(40.1, 35.5)).bank == "not_covered"
    assert _line(north, south).bank(at(40.1, 35.3)).bank == "left"
    joined = [at(40, 35.6), at(40, 35.4)]
    assert _line(north, joined, south).bank(at(40.1, 35.6)).bank == "left"
    assert _line(north, joined, south).bank(at(40.1, 35.5)).bank == "left"


@pytest.mark.parametrize("way", [1, -1])
def test_a_line_that_is_cut_at_180_degrees_goes_on_there(way: int) -> None:
    """As RFC 7946, 3.1.9, has it cut, and as the same line elsewhere; at another latitude there is a gap."""
    west, east = [at(way * 179.0, 51.0), at(way * 180.0, 51.2)], [at(way * -180.0, 51.2), at(way * -179.0, 51.0)]
    cut = _line(west, east, precision_m=100)
    whole = _line([at(10.0 - way, 51.0), at(10.0, 51.2), at(10.0 + way, 51.0)], precision_m=100)
    for off in (-0.4, -0.001, 0.0, 0.001, 0.4):
        for lat in (51.0, 51.4):
            found = cut.bank(at((way * 180.0 + off + 180.0) % 360.0 - 180.0, lat))
            same = whole.bank(at(10.0 + off, lat))
            assert (found.bank, found.distance_m) == (same.bank, pytest.approx(same.distance_m, abs=0.05))
            assert found.bank == ("left" if (lat > 51.1) == (way > 0) else "right")
    apart = _line(west, [at(way * -180.0, 52.2), at(way * -179.0, 52.2)], precision_m=100)
    assert apart.bank(at(way * -179.95, 51.22)).bank == "not_covered"


def test_a_line_around_the_globe_has_no_end() -> None:
    around = [at(lon, 80.0) for lon in (-180, -90, 0, 90, 180)]
    parts = [[a, b] for a, b in pairwise(around)]
    assert {_line(*parts).bank(at(lon, 81.0)).bank for lon in (-180, -179.9, 0, 179.9, 180)} == {"left"}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("lon", "lat", "inner"), [(40.05, 35.55, True), (39.9, 35.4, False), (39.99, 35.3, False)])
def test_at_a_corner_the_nearest_place_is_the_corner_itself(turned: bool, lon: float, lat: float, inner: bool) -> None:
    """South, then east: the inner side is the left one; the other way round the right one."""
    path = [at(40.0, 36.0), at(40.0, 35.5), at(40.6, 35.5)]
    found = _line(path[::-1] if turned else path).bank(at(lon, lat)).bank
    assert found == ("left" if inner != turned else "right")


def test_a_sharp_bend_keeps_its_sides() -> None:
    bend = _line([at(40.0, 35.5), at(40.5, 35.51), at(40.0, 35.52)], precision_m=10)
    assert bend.bank(at(40.6, 35.51)).bank == "right"
    assert bend.bank(at(40.4, 35.505)).bank == "right"
    assert bend.bank(at(40.2, 35.51)).bank == "left"
    assert bend.bank(at(40.2, 35.6)).bank == "right"
    wide = _line([at(40.0, 35.4), at(40.5, 35.5), at(40.0, 35.6)], precision_m=10)
    assert wide.bank(at(40.7, 35.5)).bank == "right"


def test_a_line_that_turns_back_on_itself_has_no_side_at_its_tip() -> None:
    back = _line([at(40.0, 35.5), at(40.5, 35.5), at(40.0, 35.5)], precision_m=10)
    assert back.bank(at(40.6, 35.51)).bank == "undetermined"


def test_a_closed_line_has_no_end() -> None:
    around = _line([*ring(40.0, 35.0, 0.5), at(40.0, 35.0)])
    assert around.bank(at(40.2, 35.2)).bank == "left"
    assert around.bank(at(39.9, 34.9)).bank == "right"


def test_an_excluded_area_is_not_covered_its_edge_included() -> None:
    agreed = _line(excluded=[ring(40.05, 35.4, 0.1)])
    assert agreed.bank(at(40.1, 35.45)).bank == "not_covered"
    assert agreed.bank(at(40.15, 35.45)).bank == "not_covered"
    assert agreed.bank(at(40.16, 35.45)).bank == "left"
    assert agreed.bank(at(40.1, 35.55)).bank == "left"


def test_places_that_repeat_in_a_path_change_nothing() -> None:
    twice = [SOUTH[0], SOUTH[0], SOUTH[1], SOUTH[1]]
    assert _line(twice).bank(at(40.1, 35.5)) == _line().bank(at(40.1, 35.5))


def test_the_line_of_a_statement() -> None:
    terms = {"parts": (tuple(SOUTH),), "keeps": KEPT, "excluded": (ring(40.05, 35.4, 0.1),), "precision_m": 200}
    agreed = AgreedLine.of(LineStatement.model_construct(**terms))
    assert agreed.side(at(40.1, 35.6), "coalition").side == "mine"
    assert agreed.side(at(40.1, 35.45), "coalition").side == "not_covered"
    assert agreed.side(at(40.002, 35.6), "coalition").side == "undetermined"


@pytest.mark.parametrize(
    ("solid", "party", "depth_m"),
    [
        (circle(40.1, 35.5, 1000), "russia", 10_073),
        (circle(40.1, 35.5, 1000), "coalition", None),
        (circle(40.0, 35.5, 1000), "russia", 1000),
        (circle(40.0, 35.5, 1000), "coalition", 1000),
        (circle(40.0, 35.5, 150), "russia", None),
        (circle(39.99, 35.5, 1000), "russia", None),
        (circle(40.1, 35.5, 1000), "sdf", None),
        (point(40.1, 35.5), "russia", 9073),
        (point(40.1, 35.5, 8000), "russia", 9073),
        (point(40.1, 35.5, 9000), "russia", None),
        (point(40.0, 35.5, 5000), "russia", None),
        (box(39.8, 35.4, 0.25), "russia", 4540),
        (box(39.8, 36.01, 0.3), "russia", None),
        (line((39.9, 35.5), (40.05, 35.5)), "russia", 4540),
        (line((39.9, 35.5), (39.998, 35.5), width_m=2000), "russia", 818),
    ],
    ids=[
        "all of it", "its own side", "astride", "astride, the other's", "within the precision", "1 km reach from 907 m",
        "not named", "a point", "a point in doubt", "a point in more doubt", "a point on the line",
        "an area", "beyond the end", "a path", "a path's width",
    ],
)  # fmt: skip
def test_whether_a_volume_reaches_the_other_side(solid: Solid, party: str, depth_m: float | None) -> None:
    crossing = _line().crossing(solid, party)
    assert (crossing is None) == (depth_m is None)
    if crossing is not None:
        assert crossing.depth_m == pytest.approx(depth_m, rel=0.01)
        assert _line().side(crossing.at, party) == ("theirs", crossing.depth_m)


def test_what_reaches_across_only_in_an_excluded_area_does_not_cross() -> None:
    agreed = _line(excluded=[ring(39.9, 35.4, 0.2)])
    assert agreed.crossing(circle(40.0, 35.5, 5000), "russia") is None
    assert agreed.crossing(circle(40.0, 35.5, 15_000), "russia") is not None


def test_a_wide_area_that_reaches_across_by_a_corner_only() -> None:
    crossing = _line().crossing(box(38.0, 34.6, 2.01, 0.42), "russia")
    assert crossing is not None
    assert crossing.depth_m == pytest.approx(912, abs=30)


@pytest.mark.parametrize("seed", [5, 73, 93, 105, 111, 192, 235, 237, 290])
def test_how_far_a_volume_reaches_is_looked_for_within_it_too(seed: int) -> None:
    """Of lines with sharp bends the deepest place is seldom on a volume's outline; every 500 m is looked at here."""
    chance = Random(seed)
    corners = chance.randrange(2, 6)
    path = [at(40 + chance.uniform(-0.4, 0.4), 35.3 + chance.uniform(-0.4, 0.4)) for _ in range(corners)]
    agreed = AgreedLine([path], keeps=KEEPS, precision_m=500)
    solid = circle(40 + chance.uniform(-0.5, 0.5), 35.3 + chance.uniform(-0.5, 0.5), 20_000)
    spots = [(x, y) for x in range(-20_000, 20_001, 500) for y in range(-20_000, 20_001, 500) if hypot(x, y) <= 20_000]
    places = Plane(*solid.centre).unproject(np.array(spots, dtype=float))
    sides = [agreed.side(at(*place), "coalition") for place in places[::8].tolist()]
    deepest_m = max((side.distance_m for side in sides if side.side == "theirs"), default=0.0)
    crossing = agreed.crossing(solid, "coalition")
    assert deepest_m == 0 or (crossing is not None and crossing.depth_m >= 0.9 * deepest_m)


# --- crossings that are easily missed ---------------------------------------------------------------------------------


def test_a_narrow_reach_across_a_bend_of_the_line_is_found() -> None:
    """The line makes a narrow tongue into a wide area: the area's outline crosses it between two far steps."""
    tongue = [at(40.0, 36.0), at(40.0, 35.51), at(40.4, 35.503), at(40.4, 35.497), at(40.0, 35.49), at(40.0, 35.0)]
    wide = box(40.1, 35.1, 2.4, 0.8)  # coalition keeps left, the east; the tongue is the other side's
    assert _line(tongue, precision_m=100).crossing(wide, "coalition") is not None


def test_a_line_that_closes_within_an_area_is_found() -> None:
    pocket = [at(40.50, 35.50), at(40.52, 35.50), at(40.52, 35.52), at(40.50, 35.52), at(40.50, 35.50)]
    keeps_out = AgreedLine([pocket], keeps={"coalition": "right", "russia": "left"}, precision_m=100)
    assert keeps_out.crossing(circle(40.51, 35.51, 50_000), "coalition") is not None
    assert keeps_out.crossing(circle(40.51, 35.51, 300), "russia") is None


def test_a_short_line_within_a_wide_area_is_found() -> None:
    short = [at(40.0, 35.502), at(40.0, 35.5)]
    line_ = AgreedLine([short], keeps=KEEPS, precision_m=50)
    assert line_.crossing(circle(40.0, 35.5, 100_000), "coalition") is not None
