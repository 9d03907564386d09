"""Scenario files: what is accepted, and what is refused with the place of the fault."""

import csv
import io
import json
from importlib import resources
from pathlib import Path

import pytest

from channel.protocol.charter import DEFAULT_PARTIES
from channel.protocol.errors import UsageError
from channel.protocol.statements import Response
from channel.scenario import load, names, parse
from channel.scenario.agreement import deadlines_of, founders_of, terms_of
from channel.scenario.entries import Answer, Call, Display, Send

SCENARIOS = Path(__file__).parents[2] / "scenarios"
DATA = resources.files("channel.scenario") / "data" / "deir-ezzor-2017"
HEAD = """
name = "two-sides"
title = "t"
start = 2030-01-01T00:00:00Z
end = 2030-01-02T00:00:00Z

[[party]]
party = "a"
name = "A"
desks = [{ desk = "watch", level = "operations", contact = "+000 1" }]

[[party]]
party = "b"
name = "B"
desks = [{ desk = "watch", level = "operations", contact = "+000 2" }]
"""
NOTICE = """
[[entry]]
at = 2030-01-01T01:00:00Z
by = "a"
do = "send"
label = "first"
to = ["b"]
kind = "text"
text = "hello"
"""


def entry(text: str) -> str:
    return f"{HEAD}{NOTICE}\n[[entry]]\n{text}\n"


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, where="file")
    return str(caught.value)


def test_every_scenario_of_the_package_and_of_the_tests_is_well_formed() -> None:
    assert "deir-ezzor-2017" in names()
    for name in [*names(), *map(str, sorted(SCENARIOS.glob("*.toml")))]:
        scenario = load(name)
        assert terms_of(scenario)
        assert deadlines_of(scenario)
        assert len(founders_of(scenario)) == len(scenario.parties)


def test_an_unknown_scenario_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="deir-ezzor-2017"):
        load("no-such-thing")


def test_steps_are_in_time_order_and_then_in_the_order_of_the_file() -> None:
    scenario = parse(entry('at = 2030-01-01T01:00:00Z\nby = "b"\ndo = "check"\n') + NOTICE.replace("first", "early"))
    assert [step.label for step in scenario.steps] == ["first", "check-002", "early"]


def test_times_after_another_entry_are_resolved_before_the_run() -> None:
    scenario = parse(entry('after = "first"\ndelay = "90s"\nby = "b"\ndo = "answer"\nof = "first"\nword = "ROGER"'))
    first, answer = scenario.steps
    assert answer.at_ms - first.at_ms == 90_000


def test_repetition_gives_every_turn_its_own_label() -> None:
    text = 'at = 2030-01-01T02:00:00Z\nby = "b"\ndo = "check"\nlabel = "watch"\nevery = "8h"\ntimes = 2'
    scenario = parse(entry(text))
    assert [(step.label, step.at_ms - scenario.start_ms) for step in scenario.steps[1:]] == [
        ("watch-1", 7_200_000),
        ("watch-2", 36_000_000),
    ]


def test_the_desk_that_acts_is_the_first_at_level_operations_unless_named() -> None:
    scenario = parse(HEAD + NOTICE)
    first = scenario.steps[0].entry
    assert isinstance(first, Send)
    assert scenario.desk(first) == "watch"


def test_an_intent_asks_for_wilco_and_the_rest_for_roger() -> None:
    scenario = parse(HEAD + NOTICE + NOTICE.replace("first", "second").replace('"text"', '"intent"'))
    assert [step.entry.owed for step in scenario.steps if isinstance(step.entry, Send)] == [Response.R, Response.WU]


LATER = "at = 2030-01-01T02:00:00Z\n"
FAULTS = {
    "unknown key": (entry(LATER + 'by = "a"\ndo = "check"\nplce = "x"'), "entry[2].plce: unknown key"),
    "unknown key in a party": (HEAD.replace('name = "A"', 'name = "A"\ncolour = 1') + NOTICE, "party[1] (a).colour"),
    "unknown key at the top": (f"more = 1\n{HEAD}{NOTICE}", "more: unknown key"),
    "no such action": (entry(LATER + 'by = "a"\ndo = "sing"'), "entry[2]"),
    "not TOML": (HEAD + "[[", "not TOML"),
    "no such party": (entry(LATER + 'by = "c"\ndo = "check"'), "by: no party 'c'"),
    "no such addressee": (HEAD + NOTICE.replace('["b"]', '["b", "d"]'), "no party 'd'"),
    "no such intermediary": (HEAD + NOTICE.replace('["b"]', '["b:d"]'), "no party 'd'"),
    "no such desk": (entry(LATER + 'by = "a"\ndo = "check"\ndesk = "tower"'), "a has no desk 'tower'"),
    "no such label": (entry(LATER + 'by = "b"\ndo = "display"\nof = "x"'), "no notice or call labelled 'x'"),
    "a label that comes later": (
        entry('at = 2030-01-01T00:30:00Z\nby = "b"\ndo = "display"\nof = "first"'),
        "no notice or call labelled 'first' comes before it",
    ),
    "the same label twice": (HEAD + NOTICE + NOTICE, "label 'first' is given twice"),
    "after itself": (entry('after = "x"\ndelay = "1s"\nby = "a"\ndo = "check"\nlabel = "x"'), "round in a circle"),
    "after nothing": (entry('after = "x"\ndelay = "1s"\nby = "a"\ndo = "check"'), "no entry is labelled 'x'"),
    "no time": (entry('by = "a"\ndo = "check"'), "an entry says `at`"),
    "a time without Z": (entry('at = "2030-01-01T02:00:00"\nby = "a"\ndo = "check"'), "UTC with Z"),
    "a local time": (entry('at = 2030-01-01T02:00:00+03:00\nby = "a"\ndo = "check"'), "UTC with Z"),
    "after the end": (entry('at = 2030-01-03T02:00:00Z\nby = "a"\ndo = "check"'), "not between start and end"),
    "end before start": (HEAD.replace("01-02T", "01-01T") + NOTICE, "end: expected a time after start"),
    "a bad duration": (entry('after = "first"\ndelay = "soon"\nby = "a"\ndo = "check"'), "a duration looks like"),
    "offline twice": (
        entry(LATER + 'by = "a"\ndo = "offline"\n[[entry]]\nat = 2030-01-01T03:00:00Z\nby = "a"\ndo = "offline"'),
        "a is offline already",
    ),
    "online from the start": (entry(LATER + 'by = "a"\ndo = "online"'), "a is online already"),
    "the relay sends": (HEAD + NOTICE.replace('by = "a"', 'by = "relay"'), "the relay does ack and restart only"),
    "a place without an end": (HEAD + NOTICE + 'place = "35.3,40.1"', "a place needs `until`"),
    "two places": (HEAD + NOTICE + 'place = "35.3,40.1"\npath = ["1,1", "2,2"]', "give one of place, path"),
    "a radius of nothing": (HEAD + NOTICE + 'radius = "2km"', "belong to a place"),
    "a bad length": (HEAD + NOTICE + 'place = "35.3,40.1"\nradius = "2 leagues"\nuntil = "+1h"', "a length looks"),
    "no such place": (HEAD + NOTICE + 'place = "Atlantis"\nuntil = "+1h"', "(first)"),
    "an area across itself": (
        HEAD + NOTICE + 'polygon = ["0,0", "1,1", "0,1", "1,0"]\nuntil = "+1h"',
        "volume-invalid",
    ),
    "a window backwards": (HEAD + NOTICE + 'place = "1,1"\nfrom = "+2h"\nuntil = "+1h"', "window-invalid"),
    "no such phrase": (HEAD + NOTICE + 'elements = [{ code = "hum" }]', "no phrase 'hum'"),
    "STANDBY without a time": (
        entry(LATER + 'by = "b"\ndo = "answer"\nof = "first"\nword = "STANDBY"'),
        "STANDBY needs `until`",
    ),
    "no such word": (entry(LATER + 'by = "b"\ndo = "answer"\nof = "first"\nword = "YES"'), "ROGER, WILCO"),
    "voice without a read-back": (
        entry(LATER + 'by = "b"\ndo = "forward"\nof = "first"\nto = "a"\nhow = "voice"'),
        "role, contact and readback",
    ),
    "an invented member that is none": (HEAD + NOTICE + 'invented = ["colour"]', "invented names 'colour'"),
    "a source that is not there": (HEAD + NOTICE + 'source = "E1"', "no 'E1' in [sources]"),
    "nothing said of the source": ('sources.E1 = "x"\n' + HEAD + NOTICE, 'invented = ["all"]'),
    "one party": (HEAD.split("[[party]]\nparty = \"b\"")[0] + NOTICE, "party"),
    "a party named relay": (HEAD.replace('"b"', '"relay"'), "none may be 'relay'"),
    "no operations desk": (HEAD.replace('"operations"', '"staff"') + NOTICE, "needs a desk at level operations"),
    "a precedence of deadlines": (HEAD + "[deadlines.SOON]\nanswer_ms = 1\n" + NOTICE, "deadlines.SOON"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_before_the_run_and_named(fault: str) -> None:
    text, expected = FAULTS[fault]
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("table", "expected"),
    [("[terms]\nwatch = 1", "terms: watch"), ("[deadlines.FLASH]\nanswer_ms = 0", "deadlines: FLASH.answer_ms")],
)
def test_terms_that_cannot_be_are_refused_by_name(table: str, expected: str) -> None:
    scenario = parse(f"{HEAD}\n{table}\n{NOTICE}")
    read = terms_of if expected.startswith("terms") else deadlines_of
    with pytest.raises(UsageError, match=expected):
        read(scenario)


# --- the weekend of Deir ez-Zor: what it must contain, and what it rests on ------------------------------------------


def test_the_weekend_has_the_four_default_parties() -> None:
    assert tuple(founders_of(load("deir-ezzor-2017"))) == DEFAULT_PARTIES


def test_every_place_of_the_weekend_is_a_row_of_its_data_or_says_that_it_is_assumed() -> None:
    rows = csv.DictReader(io.StringIO((DATA / "places.csv").read_text(encoding="utf-8")))
    known = {row["name"]: (float(row["lat"]), float(row["lon"])) for row in rows}
    for name, place in load("deir-ezzor-2017").places.items():
        lat, lon = (float(number) for number in place.split(","))
        assert name.endswith("assumed") or known[name] == (lat, lon)


def test_every_source_of_the_weekend_is_an_event_of_its_timeline_and_is_used() -> None:
    events = {event["id"] for event in json.loads((DATA / "timeline.json").read_text(encoding="utf-8"))["events"]}
    scenario = load("deir-ezzor-2017")
    assert set(scenario.sources) <= events
    assert set(scenario.sources) == {name for step in scenario.steps for name in step.entry.source}


def test_neither_side_showed_the_others_notice_to_a_person_before_the_strike() -> None:
    scenario = load("deir-ezzor-2017")
    struck = scenario.step("struck")
    assert isinstance(struck.entry, Send)
    assert struck.entry.from_ == "2017-09-16T00:30:00Z"
    before = {"before-the-strike-coalition", "before-the-strike-russia"}
    assert all(scenario.step(label).at_ms < struck.at_ms for label in before)
    seen = [s for s in scenario.steps if isinstance(s.entry, Display | Answer) and s.entry.of in before]
    assert len(seen) == 4
    assert all(step.at_ms > struck.at_ms for step in seen)


def test_the_weekend_has_calls_at_all_three_levels() -> None:
    calls = [step.entry.level.value for step in load("deir-ezzor-2017").steps if isinstance(step.entry, Call)]
    assert set(calls) == {"operations", "staff", "ministry"}


def test_the_weekend_has_between_45_and_70_notices_and_calls() -> None:
    assert 45 <= sum(step.entry.CAUSES for step in load("deir-ezzor-2017").steps) <= 70
