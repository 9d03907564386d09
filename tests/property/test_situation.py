"""Findings over random courses of events: a restart changes nothing, and the order of arrival decides nothing.

The courses are seeded, so that a failing one can be run again by its number.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from channel.ledger import Ledger
from channel.picture.causes import Cause
from channel.picture.situation import Situation
from channel.picture.topics import ACCOUNT_KINDS
from channel.protocol.statements import Finding, Notice
from tests.unit.picture.scenes import PARTIES, Scene, circle, told, within
from tests.unit.relay.lab import HOUR, MINUTE, Said

STEPS = 30
COURSES = (*range(12), 104, 144, 145)  # the last three once failed
ORDERS = range(20)


class Course:
    """What parties do, chosen by a seed; nothing of the choice depends on what the relay makes of it."""

    def __init__(self, seed: int, late: bool = False) -> None:
        self.random, self.late = Random(seed), Random(seed) if late else None
        self.scene = Scene(terms={"notices_per_minute": 1_000})
        self.sent: list[tuple[str, Said, tuple[str, ...], tuple[str, str]]] = []
        self.scene.line("coalition", "russia", "sdf", "regime", left=("coalition", "sdf"))

    def step(self, number: int) -> None:
        self.scene.run_to(number * 13 * MINUTE)
        self.random.choice((self._send, self._send, self._send, self._forward, self._answer, self._end))()
        self.scene.turn()

    def _send(self, **changes: object) -> None:
        choose = self.random
        author, *others = choose.sample(PARTIES, 4)
        kind = choose.choice(("position", "position", "intent", "intent", "site", "incident"))
        members: dict[str, object] = {"east_m": choose.randrange(-9_000, 12_000, 500), "radius_m": 1_500}
        members["until"] = self.scene.now_ms - self.base + choose.choice((1, 14, 14)) * HOUR
        members |= {"response": "WU"} if choose.random() < 0.7 else {}
        members |= {"unit": f"unit {choose.randrange(2)}"} if kind == "position" and choose.random() < 0.7 else {}
        if self.late is not None and kind == "position":  # reports come in any order
            members["begin"] = self.scene.now_ms - self.base - self.late.randrange(0, 90) * MINUTE
        members |= {"alleged": others[0]} if kind == "incident" else {}
        members |= {"accounts_for": []} if kind == "intent" and choose.random() < 0.3 else {}
        members |= {"warn": circle(0, 20_000)} if choose.random() < 0.1 else {}
        to = (f"{others[0]} via {others[1]}", others[2]) if choose.random() < 0.6 else tuple(others)
        said = self.scene.place(author, *to, kind=kind, **(members | changes))  # type: ignore[arg-type]
        self.sent.append((author, said, to, (others[0], others[1])))
        if choose.random() < 0.5:
            self.scene.answer(others[2], said.of, "WILCO")

    @property
    def base(self) -> int:
        return self.scene.folded.ledger.entries[0].stamp_ms

    def _forward(self) -> None:
        via = [(said, legs) for _, said, to, legs in self.sent if "via" in to[0]]
        if via:
            said, (party, by) = self.random.choice(via)
            self.scene.forward(by, said.of, party, self.random.choice(("channel", "channel", "voice")))

    def _answer(self) -> None:
        if self.sent:
            _, said, _, (party, _) = self.random.choice(self.sent)
            self.scene.answer(party, said.of, self.random.choice(("WILCO", "UNABLE")))

    def _end(self) -> None:
        if self.sent:
            author, said, to, _ = self.random.choice(self.sent)
            self.scene.notice(author, *to, response="NE", **{self.random.choice(("withdraws", "amends")): said.of})


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", COURSES)
def test_a_relay_that_restarts_at_any_time_writes_the_same_log(seed: int, late: bool) -> None:
    steady, restarted, when = Course(seed, late), Course(seed, late), Random(-seed - 1)
    for number in range(STEPS):
        steady.step(number)
        if when.random() < 0.4:
            restarted.scene.restart()
        restarted.step(number)
        assert Situation(steady.scene.folded.ledger).due(steady.scene.now_ms) == []
    for course in (steady, restarted):
        course.scene.run_to(30 * HOUR)
    assert steady.scene.findings() == restarted.scene.findings()
    assert steady.scene.folded.tree.root() == restarted.scene.folded.tree.root()
    assert len(steady.scene.findings()) > 5


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", COURSES)
def test_a_start_finds_what_is_found_when_notices_come_one_by_one(seed: int, late: bool) -> None:
    """The start looks up together what is near what: the same causes, and the same findings due, to the last word."""
    course = Course(seed, late)
    for number in range(STEPS):
        course.step(number)
    logged = course.scene.folded.ledger
    ledger = Ledger(logged.charter, logged.charter_of)
    situation, compared = Situation(ledger), 0
    for entry in logged.entries.values():
        body = entry.opened.body
        if isinstance(body, Finding) and body.kind not in ACCOUNT_KINDS:  # an account is of what there was at its leaf
            continue
        ledger.apply(entry.index, entry.stamp_ms, entry.opened)
        situation.apply(ledger.entries[entry.index])
        if entry.index % 10 == seed % 10:
            causes = said(Situation(ledger).causes(entry.stamp_ms))
            assert causes == said(situation.causes(entry.stamp_ms))
            compared += len(causes)
    fresh, now_ms = Situation(ledger), course.scene.now_ms
    assert said(fresh.causes(now_ms + 3 * HOUR)) == said(situation.causes(now_ms + 3 * HOUR))
    assert fresh.due(now_ms) == situation.due(now_ms)
    assert compared > 3


def said(causes: list[Cause]) -> list[object]:
    """What causes say. The overlap behind an area is compared by the area."""
    return [replace(one, area=getattr(one.area, "area", one.area)) for one in causes]


def test_the_courses_find_something_of_every_kind() -> None:
    kinds: set[str] = set()
    for seed in COURSES:
        course = Course(seed)
        for number in range(STEPS):
            course.step(number)
        course.scene.run_to(16 * HOUR)
        kinds |= {kind for _, kind, _ in course.scene.findings()}
    assert kinds >= {
        "overlap", "proximity", "converging", "stale-position", "not-heeded", "incident-in-notified-area",
        "line-crossed", "warned", "accounted-for", "not-taken-account-of",
    }  # fmt: skip


def standing(order: list[int], seed: int) -> set[tuple[str, tuple[str, ...], frozenset[str]]]:
    """(kind, parties told, texts of the notices) of what stands when the same notices came in this order."""
    scene = Scene(terms={"notices_per_minute": 1_000})
    scene.line("coalition", "russia", "sdf", "regime", left=("coalition", "sdf"))
    for number in order:
        choose = Random(seed * 100 + number)
        author = PARTIES[number % 4]
        others = tuple(party for party in PARTIES if party != author)
        kind = choose.choice(("position", "intent", "site"))
        begin = choose.randrange(0, 3) * HOUR
        place = circle(choose.randrange(-15_000, 15_000, 500), 1_500)
        volume = within(
            place, begin, begin + 2 * HOUR, floor_m=0, ceiling_m=1_000, reference=choose.choice(("msl", "agl"))
        )
        scene.place(author, *others, kind=kind, volumes=[volume], text=f"notice {number}")
    ledger, found = scene.folded.ledger, set()
    for record in ledger.findings.values():
        bodies = [ledger.notices[of].body for of in record.body.rests_on]
        texts = frozenset(body.text for body in bodies if isinstance(body, Notice))
        found |= {(record.body.kind, tuple(sorted(told(record.body))), texts)} if record.standing else set()
    return found


@pytest.mark.parametrize("seed", ORDERS)
def test_findings_do_not_depend_on_the_order_in_which_notices_came(seed: int) -> None:
    order = list(range(10))
    first = standing(order, seed)
    Random(seed).shuffle(order)
    assert standing(order, seed) == first


def test_no_finding_is_raised_or_cleared_twice() -> None:
    course = Course(3)
    for number in range(STEPS):
        course.step(number)
    entries = course.scene.folded.ledger.entries.values()
    said = [(e.opened.body.finding, e.opened.body.state) for e in entries if isinstance(e.opened.body, Finding)]
    assert len(set(said)) == len(said)
