"""Deliveries: every event in every state, and the tables of protocol.md 9.1 as they stand there."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from itertools import product
from typing import Any

import pytest

from channel.ledger import delivery as dl
from channel.ledger.delivery import (
    Answered,
    Custody,
    Delivery,
    End,
    Ended,
    Event,
    Forwarded,
    Leg,
    Received,
    Reply,
    Shortened,
)
from channel.protocol.charter import DEFAULT_DEADLINES
from channel.protocol.statements import Precedence, Response, Word

LOGGED_MS, NOW_MS, ANSWER_MS = 1_000, 50_000, 60_000
SHORTENED_MS = 30_000
CUSTODIES = list(Custody)
SIGNED = (Custody.RECEIVED, Custody.DISPLAYED)

# The tables of 9.1.1, 9.1.2 and 9.1.3, written down a second time.
CUSTODY_TABLE = """
logged     received   displayed
received   received   displayed
displayed  displayed  displayed
"""
LEG_TABLE = """
direct                direct                direct
awaiting-forward      forwarded-by-channel  forwarded-by-voice
forwarded-by-voice    forwarded-by-channel  forwarded-by-voice
forwarded-by-channel  forwarded-by-channel  forwarded-by-channel
"""
REPLY_TABLE = """
WU  -      wilco  unable  standby
R   roger  -      unable  standby
NE  -      -      -       -
"""


def _state(leg: Leg, custody: Custody, via: Custody, reply: Reply, end: End, response: Response) -> Delivery:
    forwarded = leg in (Leg.BY_VOICE, Leg.BY_CHANNEL)
    return Delivery(
        of="n",
        author="coalition",
        addressee="regime",
        via=None if leg is Leg.DIRECT else "russia",
        action=True,
        response=response,
        precedence=Precedence.FLASH,
        logged_ms=LOGGED_MS,
        window_end_ms=None,
        leg=leg,
        reply=reply,
        custody=custody,
        via_custody=via,
        end=end,
        forwarded_ms=LOGGED_MS + 1 if forwarded else None,
        standby_until_ms=NOW_MS if reply is Reply.STANDBY else None,
        answered_ms=LOGGED_MS + 2 if reply in dl.FINAL else None,
        answer_of="a" if reply in dl.FINAL else None,
        ended_ms=None if end is End.OPEN else LOGGED_MS + 3,
        received_ms=None if custody is Custody.LOGGED else LOGGED_MS + 4,
        displayed_ms=LOGGED_MS + 4 if custody is Custody.DISPLAYED else None,
        shortened_ms=SHORTENED_MS if via is Custody.DISPLAYED else None,
    )


STATES = [_state(*parts) for parts in product(Leg, Custody, Custody, Reply, End, Response)]
EVENTS: list[Event] = [
    *(Received(NOW_MS, by, stage) for by, stage in product(("regime", "russia", "sdf"), SIGNED)),
    *(Forwarded(NOW_MS, how) for how in ("channel", "voice")),
    *(Shortened(NOW_MS, NOW_MS + late) for late in (-1, 1, 10 * ANSWER_MS)),
    *(
        Answered(NOW_MS, "b", word, NOW_MS + late if word is Word.STANDBY else None, ANSWER_MS)
        for word, late in product(Word, (-NOW_MS, 1, 10 * ANSWER_MS))
    ),
    Answered(NOW_MS, "b", Word.STANDBY, None, ANSWER_MS),
    *(Ended(NOW_MS, end) for end in (End.WITHDRAWN, End.SUPERSEDED, End.EXPIRED)),
]


@cache
def _steps() -> list[tuple[Delivery, Event, Delivery]]:
    """Every event in every state, also in those that no order of leaves can bring about."""
    return [(state, event, dl.step(state, event)) for state, event in product(STATES, EVENTS)]


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def test_custody_is_the_table_of_the_protocol() -> None:
    stages = ("received", "displayed")
    said = {(row[0], stage): row[1 + i] for row in _rows(CUSTODY_TABLE) for i, stage in enumerate(stages)}
    assert {(a.value, b.value): c.value for (a, b), c in dl.CUSTODY.items()} == said


def test_the_leg_is_the_table_of_the_protocol() -> None:
    ways = ("channel", "voice")
    said = {(row[0], how): row[1 + i] for row in _rows(LEG_TABLE) for i, how in enumerate(ways)}
    assert {(leg.value, how): new.value for (leg, how), new in dl.LEG.items()} == said


def test_the_answer_is_the_table_of_the_protocol() -> None:
    words = ("ROGER", "WILCO", "UNABLE", "STANDBY")
    said = {(row[0], word): row[1 + i] for row in _rows(REPLY_TABLE) for i, word in enumerate(words)}
    assert {(r.value, w.value): "-" if n is None else n.value for (r, w), n in dl.REPLY.items()} == said


def test_every_event_has_an_outcome_in_every_state() -> None:
    assert all(isinstance(after, Delivery) for _, _, after in _steps())


def test_who_said_it_and_how_it_was_asked_never_change() -> None:
    fixed = ("of", "author", "addressee", "via", "action", "response", "precedence", "logged_ms", "window_end_ms")
    assert all(getattr(a, name) == getattr(b, name) for a, _, b in _steps() for name in fixed)


def test_custody_never_goes_back() -> None:
    for before, event, after in _steps():
        assert CUSTODIES.index(after.custody) >= CUSTODIES.index(before.custody), event
        assert CUSTODIES.index(after.via_custody) >= CUSTODIES.index(before.via_custody), event


def test_custody_moves_by_its_own_party_only() -> None:
    for before, event, after in _steps():
        if not (isinstance(event, Received) and event.by == before.addressee):
            assert after.custody is before.custody
            assert (after.received_ms, after.displayed_ms) == (before.received_ms, before.displayed_ms)
        if not (isinstance(event, Received) and event.by == before.via):
            assert after.via_custody is before.via_custody


def test_the_first_time_of_each_stage_stays() -> None:
    for before, _, after in _steps():
        for name in ("received_ms", "displayed_ms", "forwarded_ms", "ended_ms"):
            earlier = getattr(before, name)
            assert earlier is None or getattr(after, name) == earlier, name


def test_an_end_is_for_ever() -> None:
    for before, event, after in _steps():
        if before.end is not End.OPEN:
            assert after.end is before.end, event


def test_after_an_end_no_answer_counts_except_a_correction_of_an_answer() -> None:
    for before, event, after in _steps():
        if before.end in (End.TOLD, End.WITHDRAWN, End.SUPERSEDED, End.EXPIRED):
            answer = ("reply", "answered_ms", "answer_of", "standby_until_ms")
            assert all(getattr(before, name) == getattr(after, name) for name in answer), event


def test_a_correction_takes_the_earlier_answers_place_and_reopens_nothing() -> None:
    answered = _state(Leg.DIRECT, Custody.LOGGED, Custody.LOGGED, Reply.WILCO, End.ANSWERED, Response.WU)
    after = dl.step(answered, Answered(NOW_MS, "b", Word.UNABLE, None, ANSWER_MS))
    assert (after.reply, after.answer_of, after.answered_ms) == (Reply.UNABLE, "b", NOW_MS)
    assert (after.end, after.ended_ms) == (End.ANSWERED, answered.ended_ms)


def test_a_final_word_ends_an_open_delivery_that_owes_it_and_nothing_else_does() -> None:
    for before, event, after in _steps():
        if before.end is End.OPEN and after.end is End.ANSWERED and before.reply in dl.AWAITED:
            assert isinstance(event, Answered)
            assert dl.REPLY[before.response, event.word] in dl.FINAL


def test_what_owes_nothing_ends_when_its_addressee_signs_for_it() -> None:
    for before, event, after in _steps():
        if before.end is End.OPEN and after.end is End.TOLD:
            assert before.reply is Reply.NOT_OWED
            assert after.custody is not Custody.LOGGED, event


def test_a_wrong_word_changes_nothing() -> None:
    for before, event, after in _steps():
        if isinstance(event, Answered) and dl.REPLY[before.response, event.word] is None and before.end is not End.OPEN:
            assert after == before


def test_only_the_author_or_an_expiry_ends_without_an_answer() -> None:
    author = {End.WITHDRAWN, End.SUPERSEDED, End.EXPIRED}
    for before, event, after in _steps():
        if before.end is End.OPEN and after.end in author:
            assert isinstance(event, Ended)
            assert after.end is event.end


def test_standby_counts_once_and_only_while_an_answer_is_owed() -> None:
    for before, event, after in _steps():
        if after.standby_until_ms != before.standby_until_ms and not isinstance(event, Shortened):
            assert isinstance(event, Answered)
            assert event.word is Word.STANDBY
            assert before.reply is Reply.OWED
            assert before.end in (End.OPEN, End.ANSWERED)  # owed and answered at once: no leaves lead there


def test_standby_wins_at_most_one_more_answer_time() -> None:
    for before, event, after in _steps():
        if isinstance(event, Answered) and after.standby_until_ms != before.standby_until_ms:
            assert event.until_ms is not None
            due_ms = min(before.base_ms + ANSWER_MS, before.shortened_ms or before.base_ms + ANSWER_MS)
            assert after.standby_until_ms == min(max(event.until_ms, event.at_ms), due_ms + ANSWER_MS)


def test_a_finding_makes_an_answer_that_is_owed_due_earlier_and_never_later() -> None:
    row = DEFAULT_DEADLINES.FLASH
    for before, event, after in _steps():
        if isinstance(event, Shortened):
            old_ms = dl.answer_due_ms(before, row)
            owed = before.owed
            assert dl.answer_due_ms(after, row) == (min(old_ms, event.due_ms) if owed else old_ms)
        else:
            assert after.shortened_ms == before.shortened_ms


def test_the_first_forwarding_of_an_open_delivery_starts_the_clocks_and_a_later_one_starts_none() -> None:
    for before, event, after in _steps():
        starts = (
            isinstance(event, Forwarded)
            and before.forwarded_ms is None
            and before.end is End.OPEN
            and before.leg is not Leg.DIRECT
        )
        assert after.forwarded_ms == (NOW_MS if starts else before.forwarded_ms), event


def test_the_leg_moves_by_forwarding_unless_the_author_ended_it() -> None:
    for before, event, after in _steps():
        by_author = before.end in (End.WITHDRAWN, End.SUPERSEDED)
        if isinstance(event, Forwarded) and not by_author:
            assert after.leg is dl.LEG[before.leg, event.how]
        else:
            assert after.leg is before.leg


@pytest.mark.parametrize("name", ["CUSTODY", "LEG", "REPLY"])
def test_every_row_of_a_table_decides_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table: dict[Any, Any] = getattr(dl, name)
    others: dict[str, list[Any]] = {"CUSTODY": CUSTODIES, "LEG": list(Leg), "REPLY": [None, Reply.UNABLE, Reply.WILCO]}
    for row, value in table.items():
        asked = [(state, event, after) for state, event, after in _steps() if _row_of(name, state, event, row)]
        monkeypatch.setitem(table, row, next(choice for choice in others[name] if choice is not value))
        assert any(dl.step(state, event) != after for state, event, after in asked), row
        monkeypatch.setitem(table, row, value)


def _row_of(name: str, state: Delivery, event: Event, row: tuple[Any, Any]) -> bool:
    match event:
        case Received(stage=stage):
            return name == "CUSTODY" and row[1] is stage and row[0] in (state.custody, state.via_custody)
        case Forwarded(how=how):
            return name == "LEG" and row == (state.leg, how)
        case Answered(word=word):
            return name == "REPLY" and row == (state.response, word)
        case _:
            return False


def test_an_open_delivery_always_has_something_to_come() -> None:
    row = DEFAULT_DEADLINES.FLASH
    for state in STATES:
        owed = dl.obligations(state, row)
        assert bool(owed) == (state.end is End.OPEN)
        assert not owed or owed[-1].stage == "expired"


def test_nothing_of_a_delivery_is_left_out_of_these_states() -> None:
    varied = {f.name for f in fields(Delivery) if len({getattr(s, f.name) for s in STATES}) > 1}
    fixed = {"of", "author", "addressee", "action", "precedence", "logged_ms", "window_end_ms"}
    assert varied | fixed == {f.name for f in fields(Delivery)}
