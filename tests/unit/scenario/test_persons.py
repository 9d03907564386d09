"""People act beside a running scenario: what they do first is told, and the run goes on (docs/scenario.md S19)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from channel.ledger import Reply
from channel.protocol.errors import FatalError, RefusedError, UsageError
from channel.protocol.statements import Refusal
from channel.scenario import Scenario, load, parse
from channel.scenario.journal import Told
from channel.scenario.stepping import Audience, Signed
from tests.unit.scenario.worlds import World

SCENARIOS = Path(__file__).parents[2] / "scenarios"
TWO = (SCENARIOS / "two.toml").read_text(encoding="utf-8")
Act = Callable[[World, str], Any]


class Beside(Audience):
    """Does something as soon as the entry with that label is in the log, and writes down what is told."""

    def __init__(self, world: World, label: str, act: Act) -> None:
        self.world, self.label, self.act = world, label, act
        self.labels: dict[str, str] = {}
        self.codes: list[str] = []
        self.remarks: list[str] = []

    def signed(self, signed: Signed) -> None:
        self.labels[signed.of] = signed.step.label

    async def told(self, told: Told) -> None:
        if isinstance(told.opened.body, Refusal):
            self.codes.append(told.opened.body.code)
        if self.labels.get(told.opened.of) == self.label:
            self.act(self.world, told.opened.of)

    async def remark(self, at_ms: int, text: str) -> None:
        self.remarks.append(text)


def run(scenario: Scenario, label: str, act: Act) -> Beside:
    world = World(scenario)
    beside = Beside(world, label, act)
    asyncio.run(world.stepper(scenario, beside).run())
    return beside


def says(party: str, word: str) -> Act:
    return lambda world, of: world.clients[party]._act({"do": "answer", "of": of, "word": word})


def acknowledges_nothing(world: World, _: str) -> None:
    world.relay._acknowledge("ab" * 8, "rang them")


def test_who_answers_before_the_scenario_does_ends_nothing() -> None:
    beside = run(parse(TWO), "nets", says("birch", "UNABLE"))
    delivery = next(iter(beside.world.journal.ledger.deliveries.values()))
    assert delivery.reply is Reply.UNABLE, "the person's answer counts"
    assert beside.codes == ["already-answered"]
    told = [said for said in beside.remarks if "after what a person did" in said]
    assert len(told) == 1
    assert "already-answered" in told[0]


def test_a_statement_that_the_scenario_did_not_sign_is_refused_to_whoever_signed_it() -> None:
    """An acknowledgement of an alert that there is not is held, and refused ten minutes later."""
    beside = run(parse(TWO), "nets", acknowledges_nothing)
    assert beside.codes == ["unknown-reference"]


def test_an_alert_that_never_came_because_somebody_answered_need_not_be_acknowledged() -> None:
    text = TWO + (
        '[[entry]]\nat = 2031-03-10T08:30:00Z\nby = "birch"\ndo = "ack"\nof = "tow"\nstage = "answer"\nreason = "-"\n'
    )
    beside = run(parse(text), "tow", says("alder", "WILCO"))
    assert any("there is no alert answer/operations about tow" in said for said in beside.remarks)


def test_what_rests_on_an_entry_that_came_to_nothing_comes_to_nothing_too() -> None:
    text = TWO.replace('word = "WILCO"', 'label = "first"\nword = "WILCO"') + (
        '[[entry]]\nafter = "first"\ndelay = "5min"\nby = "birch"\ndo = "answer"\nof = "nets"\nword = "UNABLE"\n'
        'corrects = "first"\nreason = "-"\n'
    )
    beside = run(parse(text), "nets", says("birch", "UNABLE"))
    assert beside.codes == ["already-answered", "wrong-reference"]


def test_a_refusal_that_no_person_explains_still_ends_the_run() -> None:
    text = (SCENARIOS / "six.toml").read_text(encoding="utf-8").replace('expect = "suspended"\n', "")
    with pytest.raises(RefusedError, match="too-late"):
        run(parse(text), "nobody", acknowledges_nothing)
    changed = TWO.replace('text = "We inspect nets around the buoy."', 'expect = "suspended"')
    with pytest.raises(FatalError, match="and was accepted"):
        run(parse(changed), "nobody", acknowledges_nothing)
    ack = '[[entry]]\nat = 2031-03-10T08:30:00Z\nby = "alder"\ndo = "ack"\nof = "nets"\nstage = "forward"\nreason = "-"'
    with pytest.raises(UsageError, match="there is no alert"):
        run(parse(f"{TWO}\n{ack}\n"), "nobody", acknowledges_nothing)


def test_the_weekend_goes_on_whatever_people_answer() -> None:
    """Each addressee of a notice that the scenario answers later answers at once."""
    scenario = load("deir-ezzor-2017")
    world = World(scenario)

    class Eager(Beside):
        async def told(self, told: Told) -> None:
            await super().told(told)
            record = self.world.journal.ledger.notices.get(told.opened.of)
            if record is not None and told.opened.of in self.labels:
                for delivery in self.world.journal.ledger.deliveries_of(record.of):
                    if delivery.action and delivery.via is None:
                        says(delivery.addressee, "UNABLE")(self.world, record.of)

    beside = Eager(world, "nobody", acknowledges_nothing)
    asyncio.run(world.stepper(scenario, beside).run())
    assert beside.codes.count("already-answered") > 10
    assert world.relay.now_ms == scenario.end_ms
