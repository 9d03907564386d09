"""Stepped time, against the relay's real core: the same outcomes whatever the wire does and whoever is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from channel.ledger.ledger import Ledger
from channel.protocol.errors import FatalError, RefusedError, UsageError
from channel.protocol.statements import Alert
from channel.protocol.times import from_wire
from channel.replay import outcomes
from channel.scenario import Scenario, load, parse
from channel.scenario.journal import Told
from channel.scenario.stepping import Audience, Signed
from tests.unit.scenario.worlds import World

SCENARIOS = Path(__file__).parents[2] / "scenarios"
WEEKEND = "deir-ezzor-2017"


class Record(Audience):
    """Every leaf by (label, type, stamp): what must be equal between runs."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.leaves: list[tuple[str, str, int]] = []

    def signed(self, signed: Signed) -> None:
        self.labels[signed.of] = signed.step.label

    async def told(self, told: Told) -> None:
        of = getattr(told.opened.body, "of", None)
        about = self.labels.get(told.opened.of) or self.labels.get(of or "", "")
        self.leaves.append((f"{told.opened.party} {about}", told.opened.type, told.stamp_ms))


def run(scenario: Scenario, wire: int = 0, world: World | None = None) -> tuple[World, Record]:
    world, record = world or World(scenario, Random(wire)), Record()
    asyncio.run(world.stepper(scenario, record).run())
    return world, record


def alerts(ledger: Ledger) -> Counter[tuple[str, str]]:
    return Counter((record.body.stage, record.body.rung.value) for record in ledger.alerts.values())


def changed(old: str, new: str, name: str = "two") -> Scenario:
    text = (SCENARIOS / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    return parse(text.replace(old, new))


def test_the_weekend_comes_to_the_outcomes_that_it_was_written_for() -> None:
    world, _ = run(load(WEEKEND))
    ledger = world.journal.ledger
    assert len(ledger.notices) == 66
    assert outcomes(ledger) == {
        "answered": 47,
        "told": 92,
        "unanswered": 1,
        "withdrawn": 1,
        "superseded": 1,
        "expired": 0,
        "awaiting_forward": 2,
        "forwarded_unconfirmed": 1,
    }
    assert alerts(ledger) == {
        ("forward", "operations"): 1,
        ("answer", "operations"): 16,  # four of them by deadlines that a finding shortened
        ("answer", "staff"): 5,
        ("answer", "ministry"): 3,
        ("standby", "operations"): 1,
        ("receipt", "operations"): 2,
        ("silent", "operations"): 1,
        ("watch", "operations"): 1,
        ("expired", "operations"): 2,
    }


def test_the_weekend_finds_what_two_watch_floors_would_have() -> None:
    world, _ = run(load(WEEKEND))
    assert Counter(record.body.kind for record in world.journal.ledger.findings.values()) == {
        "line-crossed": 14,
        "overlap": 12,
        "proximity": 26,  # of parties that keep one side: near the river or in the city the line says nothing
        "converging": 1,
        "stale-position": 29,
        "not-heeded": 1,
        "incident-in-notified-area": 5,
    }


def test_the_strike_was_in_areas_that_both_had_notified_and_neither_had_shown_to_a_person() -> None:
    world, record = run(load(WEEKEND))
    ledger = world.journal.ledger
    mine, theirs = (
        next(of for of, label in record.labels.items() if label == f"before-the-strike-{party}")
        for party in ("coalition", "russia")
    )
    found = [f.body for f in ledger.findings.values() if {mine, theirs} & set(f.body.rests_on)]
    (overlap,) = [body for body in found if body.kind == "overlap" and {mine, theirs} == set(body.rests_on)]
    strike_ms = from_wire("2017-09-16T00:30:00.000Z")
    assert ledger.findings[overlap.finding].raised_ms == strike_ms - 125 * 60_000
    incidents = [body for body in found if body.kind == "incident-in-notified-area"]
    unseen = "not displayed to a person by then as far as anybody signed"
    russia = (mine, ("coalition", "russia"), 8_400, f"stored by a machine of russia 2 h 20 min before, {unseen}")
    coalition = (
        theirs,
        ("russia", "coalition"),
        7_500,
        f"stored by a machine of coalition 2 h 05 min before, {unseen}",
    )
    said = [(body.rests_on[0], body.concerns, body.measures, body.detail.partition(": ")[2]) for body in incidents]
    assert said == [
        (of, concerns, {"notified-s": seconds, "received-s": seconds}, words)
        for of, concerns, seconds, words in (russia, russia, coalition)
    ]


def test_the_first_alert_is_the_notice_that_russia_did_not_pass_on() -> None:
    world, record = run(load(WEEKEND))
    first = next(leaf for leaf in world.journal.ledger.entries.values() if isinstance(leaf.opened.body, Alert))
    body = first.opened.body
    assert isinstance(body, Alert)
    assert (body.stage, body.fault, body.addressee, body.via) == ("forward", "russia", "regime", "russia")
    assert sum(kind in ("answer", "notice") for _, kind, _ in record.leaves[: first.index]) <= 8


@pytest.mark.parametrize("name", [WEEKEND, str(SCENARIOS / "two.toml"), str(SCENARIOS / "six.toml")])
def test_runs_agree_whatever_the_wire_does(name: str) -> None:
    scenario = load(name)
    _, first = run(scenario, 1)
    for wire in (2, 3):
        assert run(scenario, wire)[1].leaves == first.leaves


def test_a_peaceful_day_ends_without_an_alert() -> None:
    world, _ = run(load(str(SCENARIOS / "peaceful.toml")))
    assert world.journal.ledger.alerts == {}
    assert outcomes(world.journal.ledger)["answered"] == 4


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("two", {"answered": 1, "unanswered": 1}),
        ("six", {"answered": 6, "told": 1, "awaiting_forward": 1}),
    ],
)
def test_invented_parties_come_to_their_outcomes(name: str, expected: dict[str, int]) -> None:
    world, _ = run(load(str(SCENARIOS / f"{name}.toml")))
    assert {outcome: count for outcome, count in outcomes(world.journal.ledger).items() if count} == expected


@pytest.mark.parametrize("victim", ["relay", "regime", "coalition"])
def test_killing_a_process_midway_changes_no_outcome(victim: str) -> None:
    scenario = load(WEEKEND)
    _, undisturbed = run(scenario)
    text = f'[[entry]]\nat = 2017-09-16T00:36:30Z\nby = "{victim}"\ndo = "restart"\ninvented = ["all"]\n'
    path = Path(__file__).parents[3] / "channel" / "scenario" / "data" / WEEKEND / "scenario.toml"
    killed, record = run(parse(path.read_text(encoding="utf-8") + text))
    assert record.leaves == undisturbed.leaves
    peers: dict[str, Any] = {"relay": killed.relay, **killed.clients}
    assert peers[victim].starts == 2


@pytest.mark.parametrize("request_", ["time", "poll", "commit"])
def test_a_relay_that_dies_by_itself_is_started_again(request_: str) -> None:
    scenario = load(str(SCENARIOS / "six.toml"))
    _, undisturbed = run(scenario)
    world = World(scenario)
    world.relay.dies_at.add(request_)
    _, record = run(scenario, world=world)
    assert record.leaves == undisturbed.leaves
    assert world.relay.starts == 2


def test_a_relay_started_again_is_told_who_is_offline() -> None:
    text = '[[entry]]\nat = 2032-06-01T02:31:30Z\nby = "relay"\ndo = "restart"\n'
    scenario = parse((SCENARIOS / "six.toml").read_text(encoding="utf-8") + text)
    world = World(scenario)
    run(scenario, world=world)
    assert world.relay.starts == 2
    assert world.relay.asked.count("presence") == 3  # cut, said again to the new process, mended


def test_a_process_that_keeps_dying_ends_the_run() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    world = World(scenario)

    async def gone(_: Any) -> bool:
        return False

    world.clients["birch"].revive = lambda: gone(None)  # type: ignore[method-assign]
    world.clients["birch"].dies_at.add("poll")
    with pytest.raises(FatalError, match="birch died at poll"):
        run(scenario, world=world)


def test_a_client_that_dies_while_it_acts_ends_the_run() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    world = World(scenario)
    world.clients["alder"].dies_at.add("act")
    with pytest.raises(FatalError, match="alder died at act"):
        run(scenario, world=world)


def test_a_run_that_is_stuck_says_who_and_on_what() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    world = World(scenario)
    world.clients["birch"].online = False
    with pytest.raises(FatalError, match="birch is not connected"):
        run(scenario, world=world)


def test_a_relay_that_never_does_what_is_due_is_called_stuck() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    world = World(scenario)
    world.relay._next_due = lambda: scenario.start_ms  # type: ignore[method-assign]
    with pytest.raises(FatalError, match="stays due"):
        run(scenario, world=world)


def test_a_refusal_that_nobody_expects_ends_the_run() -> None:
    with pytest.raises(RefusedError, match="too-late"):
        run(changed('expect = "suspended"\n', "", "six"))


def test_an_expected_refusal_that_does_not_come_ends_the_run() -> None:
    with pytest.raises(FatalError, match="and was accepted"):
        run(changed('text = "We inspect nets around the buoy."', 'expect = "suspended"'))


def test_an_acknowledgement_of_no_alert_ends_the_run() -> None:
    text = (SCENARIOS / "peaceful.toml").read_text(encoding="utf-8")
    ack = (
        '[[entry]]\nat = 2031-07-01T09:30:00Z\nby = "gull"\ndo = "ack"\nof = "dredging"\nstage = "answer"\nreason = "-"'
    )
    with pytest.raises(UsageError, match="there is no alert answer/operations about dredging"):
        run(parse(f"{text}\n{ack}\n"))


def test_an_acknowledged_alert_whose_cause_stands_is_raised_again() -> None:
    world, _ = run(load(WEEKEND))
    rounds = [record.body for record in world.journal.ledger.alerts.values() if record.body.round == 2]
    assert [(body.stage, body.author, body.addressee) for body in rounds] == [("answer", "coalition", "regime")]


def test_no_time_is_set_back_and_none_beyond_the_end() -> None:
    scenario = load(WEEKEND)
    world, record = run(scenario)
    stamps = [stamp for _, _, stamp in record.leaves]
    assert stamps == sorted(stamps)
    assert stamps[-1] <= scenario.end_ms
    assert world.relay.now_ms == scenario.end_ms
