"""Acts: every member of the statement that the client cannot know by itself is there, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import BY_TYPE
from channel.scenario import Scenario, Step, acts, load
from channel.scenario.entries import Ack, Line, Offline, Online, Restart, Send, Statement, Withdraw

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HASH = ids.sha256(b"")
COMMON = {
    "net": "some-net",
    "from": "a",
    "issued": "2017-09-16T00:30:00.000Z",
    "seen": {"size": 0, "root": HASH},
    "seq": 1,
    "prev": HASH,
}
NID = ids.uuid7(0, bytes(10))
OWN: dict[str, tuple[str, dict[str, Any]]] = {
    "send": ("notice", {"nid": NID}),
    "call": ("call", {"nid": NID}),
    "line": ("line", {"nid": NID}),
    "answer": ("answer", {}),
    "forward": ("forwarding", {}),
    "display": ("receiving", {"stage": "displayed"}),
    "check": ("check", {}),
    "suspend": ("suspension", {"action": "suspend"}),
    "resume": ("suspension", {"action": "resume"}),
    "ack": ("acknowledgement", {}),
    "withdraw": (
        "notice",
        {"nid": NID, "kind": "text", "status": "operation", "how": "human", "volumes": [], "elements": []},
    ),
}


def act(scenario: Scenario, step: Step) -> dict[str, Any]:
    entry = step.entry
    assert isinstance(entry, Statement)
    desk = "operations" if entry.by == ids.RELAY else scenario.desk(entry)
    if isinstance(entry, Ack):
        return acts.acknowledge(entry, desk, "0" * 16)
    tokens = {other.label: ids.sha256(other.label.encode()) for other in scenario.steps}
    about = scenario.step(entry.of).entry if isinstance(entry, Withdraw | Line) and entry.of else None
    assert about is None or isinstance(about, Send | Line)
    return acts.resolve(entry, step.at_ms, desk, scenario.places, tokens, about)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["deir-ezzor-2017", *sorted(str(path) for path in SCENARIOS.glob("*.toml"))])
def test_every_act_with_what_the_client_adds_is_a_statement(name: str) -> None:
    scenario = load(name)
    for step in scenario.steps:
        if isinstance(step.entry, Offline | Online | Restart):
            continue
        members = json.loads(json.dumps(act(scenario, step)))
        type_, own = OWN[members.pop("do")]
        if type_ == "notice" and "of" in members:
            members["withdraws"] = members.pop("of")
        body = BY_TYPE[type_].model_validate_json(json.dumps(COMMON | own | members))
        assert body.model_dump(by_alias=True)


def test_relative_times_count_from_the_entry_and_places_become_volumes() -> None:
    scenario = load("deir-ezzor-2017")
    (volume,) = act(scenario, scenario.step("never-passed-on"))["volumes"]
    assert volume == {
        "shape": {"type": "circle", "center": [401_700_000, 354_600_000], "radius_m": 2000},
        "from": "2017-09-15T04:10:00.000Z",
        "until": "2017-09-15T04:40:00.000Z",
    }


def test_a_destination_with_a_colon_goes_through_the_intermediary() -> None:
    scenario = load("deir-ezzor-2017")
    sent = act(scenario, scenario.step("never-passed-on"))
    assert sent["to"] == [{"party": "russia"}, {"party": "regime", "via": "russia"}]


def test_a_withdrawal_goes_to_whom_the_notice_went_and_as_fast() -> None:
    scenario = load("deir-ezzor-2017")
    withdrawn = act(scenario, scenario.step("night-move-withdrawn"))
    assert withdrawn["to"] == [{"party": "coalition"}, {"party": "russia"}]
    assert withdrawn["precedence"] == "PRIORITY"


def test_what_was_read_back_is_carried_with_what_was_understood() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    step = scenario.step("answer-002")
    for time, typed in (("+30min", "2031-03-10T06:15:00.000Z"), ("100615Z MAR 31", "100615Z MAR 31")):
        entry = step.entry.model_copy(update={"readback_place": "the buoy", "readback_time": time})
        readback = act(scenario, Step(step.at_ms, step.order, step.label, entry))["readback"]
        assert readback == {
            "place": scenario.places["the buoy"],
            "time": typed,
            "at": [65_000_000, 461_000_000],
            "when": "2031-03-10T06:15:00.000Z",
        }


@pytest.mark.parametrize("changed", [{"readback_place": "nowhere"}, {"readback_time": "later"}])
def test_what_is_read_back_is_a_place_and_a_time(changed: dict[str, str]) -> None:
    step = load(str(SCENARIOS / "two.toml")).step("answer-002")
    entry = step.entry.model_copy(update={"readback_place": "35.3,40.1", "readback_time": "+30min"} | changed)
    with pytest.raises(UsageError, match="cannot read"):
        acts.check_answer(entry, step.at_ms, {})  # type: ignore[arg-type]
