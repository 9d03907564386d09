"""Read-back (protocol.md 16.6): what was typed and understood against the notice; each slip that must be caught."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.picture.readback import detail
from channel.protocol.answering import READ_BACK
from channel.protocol.errors import UsageError
from channel.protocol.geometry import distance_m
from channel.protocol.places import datum_slips, format_place, parse_place
from channel.protocol.readback import Comparison, Fault, compare, named
from channel.protocol.statements import Notice, Position, ReadBack
from channel.protocol.times import from_wire, moment_ms, to_wire
from tests.vectors import bodies

HERE = (401408000, 353359000)
FROM = "2017-09-16T00:40:00.000Z"
WINDOW = {"from": FROM, "until": "2017-09-16T01:10:00.000Z"}


def notice(shape: dict[str, Any] | None = None, **members: Any) -> Notice:
    """A FLASH intent about a place near Deir ez-Zor."""
    shape = shape or {"type": "circle", "center": list(HERE), "radius_m": 2000}
    plain = dict(bodies.members("notice")) | {"volumes": [{"shape": shape, **WINDOW}]}
    return Notice.model_validate(plain | members, strict=False)


def said(place: str, time: str = "160040Z SEP 17", *, system: str | None = None, offset_min: int = 0) -> ReadBack:
    """What an honest client of that habit makes of it."""
    when = to_wire(moment_ms(time, 0, utc_offset_min=offset_min))
    return ReadBack(place=place, time=time, at=parse_place(place, system=system).position, when=when)


def judged(readback: ReadBack, shape: dict[str, Any] | None = None) -> Comparison:
    found = compare(notice(shape), readback)
    assert found is not None
    return found


def point(accuracy_m: int, at: Position = HERE) -> dict[str, Any]:
    return {"type": "point", "at": list(at), "accuracy_m": accuracy_m}


@pytest.mark.parametrize(
    ("place", "system"),
    [
        ("35.3359,40.1408", None),
        ("35.33590N 40.14080E", None),
        ("35°20'09\"N 40°08'27\"E", None),
        ("37S FV 03674 10891", "mgrs"),
        ("37S FV 0367 1089", "mgrs"),
        ("SK42 3912555 7603827", None),
        ("3912555 7603827", "sk42"),
    ],
)
def test_the_right_place_fits_in_every_form(place: str, system: str | None) -> None:
    assert judged(said(place, system=system)).fits
    assert judged(said(place, system=system), point(8)).fits


@pytest.mark.parametrize(
    ("time", "offset_min"),
    [("160040Z SEP 17", 0), ("160340C SEP 17", 0), ("2017-09-16 03:40 UTC+3", 0), ("2017-09-16 03:40", 180),
     ("2017-09-16T00:40:59Z", 0)],
)  # fmt: skip
def test_the_right_time_fits_in_every_form(time: str, offset_min: int) -> None:
    assert judged(said("35.3359,40.1408", time, offset_min=offset_min)).fits


# --- each slip that it must catch -----------------------------------------------------------------------------------


def test_nine_kilometres_off() -> None:
    found = judged(said("35.4168,40.1408"))
    assert (found.fault, round(found.distance_m, -3), found.how_far) == ("place", 9000, "9.0 km")


def test_a_lost_sign() -> None:
    west = notice(point(10, (-23000000, 488500000)))
    found = compare(west, said("48.85,2.3"))
    assert found is not None
    assert (found.fault, found.hint) == ("place", "a sign, or a letter like W or S, is lost")
    south = compare(notice(point(10, (401408000, -353359000))), said("35.3359,40.1408"))
    assert south is not None
    assert south.hint == "a sign, or a letter like W or S, is lost"


def test_latitude_and_longitude_swapped() -> None:
    found = judged(said("40.1408,35.3359"))
    assert (found.fault, found.hint) == ("place", "latitude and longitude are swapped")
    assert found.distance_m > 600_000


@pytest.mark.parametrize("accuracy_m", [113, 120, 500, 1_000, 9_000])
@pytest.mark.parametrize("way", [0, 1])
def test_the_other_datum_is_caught_however_vague_the_place_is(accuracy_m: int, way: int) -> None:
    """Also 5 m beside it, as digits are cut off; an honest reading just as far off in another direction fits."""
    lon, lat = datum_slips(HERE)[way]
    for off in (0, 450):
        slipped = ReadBack(place=format_place((lon, lat + off), "latlon"), time=FROM, at=(lon, lat + off), when=FROM)
        found = judged(slipped, point(accuracy_m))
        assert (found.fault, found.slip) == ("place", "datum")
        assert "m off (as if SK-42 were read as WGS 84" in detail("russia", found)
        late = slipped.model_copy(update={"time": WINDOW["until"], "when": WINDOW["until"]})
        assert "and 30 min off" in detail("russia", judged(late, point(accuracy_m)))
    honest = (2 * HERE[0] - lon, lat)
    as_far = ReadBack(place=format_place(honest, "latlon"), time=FROM, at=honest, when=FROM)
    assert judged(as_far, point(max(accuracy_m, 150))).fits


@pytest.mark.parametrize("zone", ["36S FV", "38S FV", "37Q FV", "37U FV", "37S EV", "37S FU"])
def test_a_wrong_zone_or_square_letter_of_the_grid(zone: str) -> None:
    try:
        readback = said(f"{zone} 03674 10891")
    except UsageError as error:
        refused = str(error)
    else:
        refused = str(judged(readback).fault)
    assert refused == "place" or "zone" in refused


@pytest.mark.parametrize("band", "RT")
def test_a_wrong_band_letter_of_the_grid_is_no_place_and_nothing_is_signed(band: str) -> None:
    with pytest.raises(UsageError, match="zone 37"):
        said(f"37{band} FV 03674 10891")
    lied = said("35.3359,40.1408").model_copy(update={"place": f"37{band} FV 03674 10891"})
    assert judged(lied).fault == "place-unreadable"


@pytest.mark.parametrize(("time", "hours"), [("160040A SEP 17", 1), ("160040C SEP 17", 3), ("160040P SEP 17", 3)])
def test_a_wrong_zone_letter_of_the_time(time: str, hours: int) -> None:
    found = judged(said("35.3359,40.1408", time))
    assert (found.fault, found.apart_ms) == ("time", hours * 3_600_000)


@pytest.mark.parametrize("way", [0, 1])
def test_a_wrong_datum(way: int) -> None:
    slipped = datum_slips(HERE)[way]
    assert 110 < distance_m(slipped, HERE) < 116
    text = format_place(slipped, "latlon")
    for shape in (None, point(8), point(100), point(200)):
        found = judged(said(text), shape)
        assert (found.fault, found.hint) == ("place", "as if SK-42 were read as WGS 84 or the other way round")


def test_local_time_read_as_zulu() -> None:
    found = judged(said("35.3359,40.1408", "160340Z SEP 17"))
    assert (found.fault, found.hint, found.how_far) == ("time", "as if local time were read as Zulu", "3 h 00 min")
    other_way = judged(said("35.3359,40.1408", "2017-09-16 00:40", offset_min=180))
    assert (other_way.fault, other_way.apart_ms) == ("time", 3 * 3_600_000)


# --- digits, volumes, tolerance -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["35.3,40.1", "35.34,40.14", "37S FV 03 10"])
def test_a_place_with_too_few_digits_is_none(place: str) -> None:
    assert judged(said(place)).fault in ("too-coarse", "place")


def test_few_digits_that_happen_to_fit_do_not_pass_for_exact_ones() -> None:
    whole = compare(notice(point(10, (400000000, 350000000))), said("35,40"))
    assert whole is not None
    assert (whole.fault, whole.distance_m) == ("too-coarse", 0)


@pytest.mark.parametrize(("stated_m", "tolerance_m"), [(0, 50), (8, 50), (300, 300), (5000, 1000)])
def test_the_tolerance_is_the_stated_accuracy_within_bounds(stated_m: int, tolerance_m: int) -> None:
    asked = named(notice(point(stated_m)))
    assert asked is not None
    assert asked.tolerance_m == tolerance_m


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "line", "path": [list(HERE), [401200000, 353700000]], "width_m": 800},
        {"type": "polygon", "rings": [[list(HERE), [401200000, 353700000], [401800000, 353600000]]]},
    ],
)
def test_of_a_path_or_an_area_the_first_place_is_read_back(shape: dict[str, Any]) -> None:
    assert judged(said("35.3359,40.1408"), shape).fits
    assert judged(said("35.3700,40.1200"), shape).fault == "place"


def test_without_a_volume_there_is_nothing_to_compare() -> None:
    assert compare(notice(volumes=[]), said("35.3359,40.1408")) is None


def test_seconds_that_are_not_shown_are_not_asked_for() -> None:
    early = {"type": "circle", "center": list(HERE), "radius_m": 2000}
    volume = {"shape": early, "from": "2017-09-16T00:40:59.999Z", "until": WINDOW["until"]}
    found = compare(notice(volumes=[volume]), said("35.3359,40.1408", "160040Z SEP 17"))
    assert found is not None
    assert found.fits


# --- clients that lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"place": "35.4168,40.1408"}, "misunderstood"),
        ({"place": "the bridge"}, "place-unreadable"),
        ({"place": "35.3,40.1"}, "misunderstood"),
        ({"time": "160340Z SEP 17"}, "misunderstood"),
        ({"time": "2017-09-16 03:47"}, "misunderstood"),
        ({"time": "2017-09-17 03:40"}, "misunderstood"),
        ({"time": "+10min"}, "time-unreadable"),
        ({"time": "now"}, "time-unreadable"),
        ({"time": "0040Z"}, "time-unreadable"),
    ],
)
def test_what_was_understood_must_be_what_was_typed(changed: dict[str, str], fault: Fault) -> None:
    honest = said("35.3359,40.1408").model_copy(update=changed)
    assert judged(honest).fault == fault


@given(st.text(max_size=80), st.text(max_size=80), st.integers(-1_800_000_000, 1_800_000_000))
def test_any_read_back_is_judged(place: str, time: str, lon: int) -> None:
    readback = ReadBack.model_construct(place=place, time=time, at=(lon, lon // 2), when=FROM)
    assert isinstance(judged(readback).fits, bool)


@given(st.from_regex(r"\A\d{1,2}[A-Z][A-Z]{2}\d{0,10}\Z"), st.from_regex(r"\A\d{6,8} \d{6,8}\Z"))
def test_any_grid_reference_is_judged(grid: str, numbers: str) -> None:
    for place in (grid, numbers, f"SK42 {numbers}"):
        assert isinstance(judged(said("35.3359,40.1408").model_copy(update={"place": place})).fits, bool)


def test_a_finding_says_how_far_and_why_but_not_where() -> None:
    text = detail("russia", judged(said("40.1408,35.3359")))
    assert "latitude and longitude are swapped" in text
    assert "does not count" in text
    assert "40.14" not in text
    assert READ_BACK == "read-back-mismatch"
    assert from_wire(FROM) > 0
