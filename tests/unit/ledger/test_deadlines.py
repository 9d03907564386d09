"""Due times (protocol.md 9.2 to 9.4): exact to the millisecond, never early, once, also over restarts and stops."""

from __future__ import annotations

from typing import Any

import pytest

from channel.protocol.charter import DEFAULT_DEADLINES
from channel.protocol.statements import Deadlines, Precedence
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, MINUTE, SECOND, T0_MS, Lab, volume

Raised = tuple[int, str, str, int, str]
EVERY = pytest.mark.parametrize("precedence", list(Precedence), ids=str)


def _row(precedence: Precedence) -> Deadlines:
    return DEFAULT_DEADLINES.row(precedence)


def _direct(row: Deadlines, party: str = "russia", start: int = 0) -> list[Raised]:
    """What becomes due of a notice that nobody takes notice of."""
    return [
        (start + row.receipt_ms, "receipt", "operations", 1, party),
        (start + row.answer_ms, "answer", "operations", 1, party),
        (start + row.staff_ms, "answer", "staff", 1, party),
        (start + row.ministry_ms, "answer", "ministry", 1, party),
    ]


def _expired(row: Deadlines, party: str = "russia") -> Raised:
    return (4 * row.ministry_ms, "expired", "operations", 1, party)


# --- exact ------------------------------------------------------------------------------------------------------------


@EVERY
def test_what_nobody_answers_goes_from_desk_to_desk_at_exactly_the_charters_times(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    lab.notice("coalition", "russia", precedence=precedence)
    lab.run_to(5 * row.ministry_ms)
    assert lab.raised() == [*_direct(row), _expired(row)]
    assert all(alert.due == to_wire(T0_MS + at) for at, alert in lab.alerts())
    assert lab.core.next_ms() is None


@EVERY
def test_no_alert_is_early(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    lab.notice("coalition", "russia", "regime via russia", precedence=precedence)
    lab.turn()
    while (due_ms := lab.core.next_ms()) is not None:
        lab.now_ms = due_ms - 1
        assert lab.turn() == 0
        lab.now_ms = due_ms
        assert lab.turn() > 0
    assert lab.raised()[-1][:2] == (4 * row.ministry_ms, "expired")


@EVERY
def test_what_is_not_passed_on_is_the_intermediarys_fault_at_every_rung(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    lab.notice("coalition", "regime via russia", precedence=precedence)
    lab.run_to(5 * row.ministry_ms)
    expected = [*_direct(row), (row.forward_ms, "forward", "operations", 1, "russia"), _expired(row)]
    assert sorted(lab.raised()) == sorted(expected)
    assert [at for at, *_ in lab.raised()] == sorted(at for at, *_ in expected)


@EVERY
def test_after_a_timely_forwarding_the_addressees_clocks_run_from_it(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    of = lab.notice("coalition", "regime via russia", precedence=precedence).of
    start = row.forward_ms - 1
    lab.run_to(start)
    lab.forward("russia", of, "regime")
    lab.run_to(5 * row.ministry_ms)
    late = [(row.receipt_ms, "receipt", "operations", 1, "russia")]
    whole_way = (row.answer_ms, "answer", "operations", 1, "regime")
    assert sorted(lab.raised()) == sorted([*late, whole_way, *_direct(row, "regime", start), _expired(row, "regime")])


@EVERY
def test_a_late_forwarding_leaves_the_delay_of_the_whole_way_with_the_intermediary(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    of = lab.notice("coalition", "regime via russia", precedence=precedence).of
    lab.received("russia", of)
    lab.run_to(row.forward_ms + 1)
    lab.forward("russia", of, "regime")
    lab.run_to(5 * row.ministry_ms)
    assert lab.raised()[0] == (row.forward_ms, "forward", "operations", 1, "russia")
    assert (row.answer_ms, "answer", "operations", 1, "russia") in lab.raised()
    assert set(_direct(row, "regime", row.forward_ms + 1)) <= set(lab.raised())


@pytest.mark.parametrize("first", ["voice", "channel"])
def test_only_the_first_forwarding_starts_a_clock(first: str) -> None:
    lab, row = Lab(), _row(Precedence.FLASH)
    of = lab.notice("coalition", "regime via russia").of
    lab.received("russia", of)
    lab.at(10 * SECOND).forward("russia", of, "regime", first)
    lab.at(20 * SECOND).forward("russia", of, "regime", "channel")
    lab.run_to(5 * row.ministry_ms)
    assert set(_direct(row, "regime", 10 * SECOND)) <= set(lab.raised())
    assert len(lab.raised()) == 6


@EVERY
def test_an_answer_in_time_leaves_nothing_to_raise(precedence: Precedence) -> None:
    lab, row = Lab(), _row(precedence)
    of = lab.notice("coalition", "russia", precedence=precedence).of
    lab.at(row.receipt_ms).received("russia", of)
    lab.at(row.answer_ms).answer("russia", of)
    lab.run_to(5 * row.ministry_ms)
    assert lab.raised() == []


def test_an_answer_without_a_receiving_leaves_nothing_to_raise() -> None:
    lab = Lab()
    lab.answer("russia", lab.notice("coalition", "russia").of)
    lab.run_to(HOUR)
    assert lab.raised() == []


@pytest.mark.parametrize("word", ["ROGER", "WILCO", "UNABLE", "STANDBY"])
def test_a_word_that_was_not_asked_for_stops_no_clock(word: str) -> None:
    lab, row = Lab(), _row(Precedence.FLASH)
    response = {"ROGER": "WU", "WILCO": "R", "UNABLE": "NE", "STANDBY": "NE"}[word]
    of = lab.notice("coalition", "russia", response=response).of
    until = {"until": to_wire(T0_MS + HOUR)} if word == "STANDBY" else {}
    assert lab.answer("russia", of, word, **until).code is None
    lab.run_to(5 * row.ministry_ms)
    owed = _direct(row) if response != "NE" else _direct(row)[:1]
    assert lab.raised() == [*owed, _expired(row)]


def test_an_answer_without_the_read_back_that_was_asked_for_stops_no_clock() -> None:
    lab, row = Lab(), _row(Precedence.FLASH)
    of = lab.notice("coalition", "russia", read_back=True).of
    lab.answer("russia", of)
    lab.run_to(row.answer_ms)
    assert lab.raised()[1:] == _direct(row)[1:3]
    readback = {"place": "p", "time": "t", "at": [0, 0], "when": to_wire(T0_MS)}
    lab.answer("russia", of, readback=readback)
    lab.run_to(HOUR)
    assert len(lab.raised()) == 3


def test_an_unable_needs_no_read_back() -> None:
    lab = Lab()
    lab.answer("russia", lab.notice("coalition", "russia", read_back=True).of, "UNABLE")
    lab.run_to(HOUR)
    assert lab.raised() == []


def test_who_is_only_told_owes_a_receiving_and_no_answer() -> None:
    lab, row = Lab(), _row(Precedence.FLASH)
    lab.answer("russia", lab.notice("coalition", "russia", info=["sdf"]).of)
    lab.run_to(HOUR)
    assert lab.raised() == [(row.receipt_ms, "receipt", "operations", 1, "sdf"), _expired(row, "sdf")]


@pytest.mark.parametrize("how", ["withdraws", "amends"])
def test_what_its_author_ended_raises_nothing_more(how: str) -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    lab.run_to(15 * SECOND)
    after = lab.notice("coalition", "russia", **{how: of}).of
    lab.answer("russia", after)
    lab.run_to(HOUR)
    assert len(lab.raised()) == 1


# --- STANDBY ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "won"), [(90, 90), (119, 119), (120, 120), (121, 120), (3600, 120), (40, 40)])
def test_standby_wins_at_most_one_more_answer_time_and_stops_no_rung(asked: int, won: int) -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    lab.received("russia", of)
    lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + asked * SECOND))
    lab.run_to(HOUR)
    assert sorted(lab.raised()) == sorted(
        [
            (won * SECOND, "standby", "operations", 1, "russia"),
            (60 * SECOND, "answer", "staff", 1, "russia"),
            (180 * SECOND, "answer", "ministry", 1, "russia"),
            (720 * SECOND, "expired", "operations", 1, "russia"),
        ]
    )


def test_standby_moves_the_deadline_once() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    for until in (70, 110):
        assert lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + until * SECOND)).code is None
    lab.run_to(2 * MINUTE)
    assert [at for at, stage, *_ in lab.raised() if stage == "standby"] == [70 * SECOND]


def test_standby_behind_an_intermediary_counts_from_the_forwarding() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia").of
    lab.received("russia", of)
    lab.at(25 * SECOND).forward("russia", of, "regime")
    lab.at(50 * SECOND).answer("regime", of, "STANDBY", until=to_wire(T0_MS + HOUR))
    lab.run_to(HOUR)
    assert [at for at, stage, *_ in lab.raised() if stage == "standby"] == [(25 + 120) * SECOND]


# --- expiry -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "members", "said", "expires"),
    [
        ("russia", {}, "", 300),
        ("russia", {}, "standby", 300),
        ("russia", {"window": 30}, "", 60),
        ("russia", {"window": 30}, "standby", 120),
        ("russia", {"window": 30, "response": "NE"}, "", 30),
        ("russia", {"window": 10, "response": "NE"}, "", 15),
        ("regime via russia", {"window": 10, "response": "NE"}, "", 30),
        ("regime via russia", {"window": 10, "response": "NE"}, "forward", 20 + 15),
        ("regime via russia", {"window": 30}, "", 60),
        ("regime via russia", {"window": 30}, "forward", 20 + 60),
        ("regime via russia", {"window": 500}, "forward", 500),
    ],
)
def test_it_expires_at_the_later_of_its_window_and_what_is_owed(
    to: str, members: dict[str, Any], said: str, expires: int
) -> None:
    lab = Lab()
    members = dict(members)
    end = members.pop("window", 300)
    of = lab.notice("coalition", to, volumes=[volume(T0_MS, T0_MS + end * SECOND)], **members).of
    lab.run_to(20 * SECOND if said == "forward" else 1)
    if said == "forward":
        lab.forward("russia", of, "regime")
    if said == "standby":
        lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + HOUR))
    lab.run_to(HOUR)
    assert [at for at, stage, *_ in lab.raised() if stage == "expired"] == [expires * SECOND]
    assert lab.raised()[-1][1] == "expired"


def test_what_falls_due_with_the_expiry_is_raised_before_it() -> None:
    lab = Lab()
    lab.notice("coalition", "russia", volumes=[volume(T0_MS, T0_MS + 1)])
    lab.run_to(MINUTE)
    assert [(stage, rung) for _, stage, rung, *_ in lab.raised()] == [
        ("receipt", "operations"),
        ("answer", "operations"),
        ("answer", "staff"),
        ("expired", "operations"),
    ]


# --- once -------------------------------------------------------------------------------------------------------------


def _crowd(lab: Lab) -> None:
    """Notices of every precedence, straight and via, some acknowledged, one in STANDBY."""
    for precedence in Precedence:
        lab.notice("coalition", "russia", "regime via russia", info=["sdf"], precedence=precedence)
    of = lab.notice("sdf", "coalition").of
    lab.answer("coalition", of, "STANDBY", until=to_wire(T0_MS + 100 * SECOND))
    lab.run_to(20 * SECOND)
    lab.acknowledge("russia", lab.alerts()[0][1].alert)
    lab.turn()


def _ids(lab: Lab) -> list[str]:
    return [alert.alert for _, alert in lab.alerts()]


def test_a_restart_at_any_moment_raises_nothing_twice_and_forgets_nothing() -> None:
    straight, restarted = Lab(), Lab()
    _crowd(straight)
    _crowd(restarted)
    straight.run_to(50 * HOUR)
    while (due_ms := restarted.core.next_ms()) is not None:
        restarted.restart()
        restarted.now_ms = due_ms
        restarted.turn()
        restarted.restart()
        assert restarted.turn() == 0
    assert _ids(restarted) == _ids(straight)
    assert len(set(_ids(straight))) == len(_ids(straight))


def test_after_a_long_stop_what_fell_due_is_raised_once_and_in_order() -> None:
    straight, stopped = Lab(), Lab()
    _crowd(straight)
    _crowd(stopped)
    straight.run_to(50 * HOUR)
    before = len(stopped.alerts())
    stopped.restart()
    stopped.at(50 * HOUR).turn()
    assert sorted(_ids(stopped)) == sorted(_ids(straight))
    due = [alert.due for _, alert in stopped.alerts()]
    assert due == sorted(due)
    assert {at for at, _ in stopped.alerts()[before:]} == {50 * HOUR}


def test_what_was_decided_and_not_made_durable_is_decided_again_in_the_same_way() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.turn()
    lab.at(15 * SECOND).core.tick(lab.now_ms)
    lost = lab.core.batch()
    assert lost is not None
    lab.restart()
    lab.turn()
    assert [leaf.token for leaf in lab.store.leaves(6)] == [leaf.token for leaf in lost.leaves]
