"""A party's habits: how it reads and shows places and times, and whom it tells by which way."""

from __future__ import annotations

import pytest

from channel.protocol.errors import UsageError
from channel.protocol.places import System
from channel.protocol.statements import Addressee, Level
from clients.defaults import Defaults, TimeStyle, desks

NIGHT_MS = 1_505_521_800_000  # 2017-09-16T00:30Z


def habits(*, place: System = "latlon", offset_min: int = 0, style: TimeStyle = "local") -> Defaults:
    return Defaults(
        party="north",
        name="North",
        language="en",
        place_system=place,
        utc_offset_min=offset_min,
        time_style=style,
        via={"south": "east"},
        notify=("east", "south"),
        desks=desks(first_line=11),
    )


def test_the_release_rule_takes_each_by_its_usual_way() -> None:
    assert habits().addressees() == (Addressee(party="east"), Addressee(party="south", via="east"))
    assert habits().addressees(("south",)) == (Addressee(party="south", via="east"),)


@pytest.mark.parametrize(
    ("offset_min", "style", "shown"),
    [
        (0, "zulu", "160030Z SEP 17"),
        (180, "zulu", "160030Z SEP 17"),
        (0, "local", "2017-09-16 00:30 UTC+0"),
        (180, "local", "2017-09-16 03:30 UTC+3"),
        (-210, "local", "2017-09-15 21:00 UTC-3:30"),
    ],
)
def test_a_time_is_shown_in_the_party_s_style(offset_min: int, style: TimeStyle, shown: str) -> None:
    assert habits(offset_min=offset_min, style=style).show_time(NIGHT_MS) == shown


def test_a_time_without_a_zone_is_the_party_s_own() -> None:
    assert habits(offset_min=180).read_time("2017-09-16 03:30", 0) == NIGHT_MS
    assert habits(offset_min=180).read_time("160030Z SEP 17", 0) == NIGHT_MS


def test_places_are_read_and_shown_by_habit() -> None:
    grid = habits(place="sk42")
    reading = grid.read_place("3912555 7603827")
    assert grid.show_place(reading.position) == "SK-42 3912555 7603827"
    with pytest.raises(UsageError):
        habits(place="mgrs").read_place("3912555 7603827")


def test_each_party_has_a_desk_at_each_level_with_a_line_of_its_own() -> None:
    made = desks(first_line=11)
    assert [desk.level for desk in made] == list(Level)
    assert len({desk.contact for desk in made}) == len(made)
