"""Attempts to make findings tell, hide or say what they may not: each of these once succeeded, or was tried."""

from __future__ import annotations

import pytest

from channel.ledger import delivery as dl
from tests.unit.picture.scenes import Scene, circle, within
from tests.unit.relay.lab import HOUR, MINUTE


@pytest.fixture
def scene() -> Scene:
    return Scene(terms={"notices_per_minute": 10_000})


# --- what a shortened deadline tells an intermediary ------------------------------------------------------------------


def test_an_intermediary_that_was_not_told_a_finding_sees_no_deadline_shorten(scene: Scene) -> None:
    mine = scene.intent("coalition", "regime via russia")
    theirs = scene.intent("regime", "coalition via sdf")
    scene.now(scene.forward("russia", mine.of, "regime"))
    scene.now(scene.forward("sdf", theirs.of, "coalition"))
    assert scene.findings() == [("raised", "overlap", ("coalition", "regime"))]
    delivery = scene.folded.ledger.deliveries[mine.of, "regime"]
    row = scene.folded.ledger.charter.deadlines.row(delivery.precedence)
    assert dl.answer_due_ms(delivery, row) - delivery.logged_ms == 30 * MINUTE  # its alert is told to russia too


def test_an_intermediary_that_was_told_may_see_it_shorten(scene: Scene) -> None:
    mine = scene.intent("coalition", "regime via russia")
    scene.intent("regime", "coalition via russia")
    scene.now(scene.forward("russia", mine.of, "regime"))
    scene.intent("regime", "coalition", "russia")
    delivery = scene.folded.ledger.deliveries[mine.of, "regime"]
    row = scene.folded.ledger.charter.deadlines.row(delivery.precedence)
    assert dl.answer_due_ms(delivery, row) - delivery.logged_ms == 5 * MINUTE


# --- what is not found tells too --------------------------------------------------------------------------------------


def test_a_notice_whose_end_its_reader_may_not_know_is_still_found(scene: Scene) -> None:
    """Else the reader learns of a withdrawal that did not reach it, by placing an intent of its own."""
    mine = scene.place("coalition", "regime via russia")
    scene.now(scene.forward("russia", mine.of, "regime"))
    back = scene.now(scene.notice("coalition", "regime via russia", withdraws=mine.of))
    scene.intent("regime", "coalition", accounts_for=[])
    assert scene.findings() == [
        ("raised", "overlap", ("coalition", "regime")), ("raised", "not-taken-account-of", ("regime",)),
    ]  # fmt: skip
    scene.restart()
    scene.turn()
    assert scene.standing() == ["not-taken-account-of", "overlap"]
    scene.now(scene.forward("russia", back.of, "regime"))
    assert scene.standing() == ["not-taken-account-of"]
    scene.intent("regime", "coalition")
    assert scene.standing() == ["not-taken-account-of"]


def test_a_unit_that_has_moved_on_is_found_where_its_reader_knows_it_to_be(scene: Scene) -> None:
    """Else the reader learns that there is a later position, by placing an intent of its own."""
    scene.place("coalition", "regime", unit="team")
    away = scene.place("coalition", "russia", unit="team", east_m=50_000)
    scene.restart()
    scene.intent("regime", "coalition", accounts_for=[])
    assert scene.standing() == ["not-taken-account-of", "overlap"]
    rests_on = scene.finding("overlap").body.rests_on
    assert away.of not in rests_on
    scene.place("coalition", "regime", unit="team", east_m=50_000)
    assert scene.standing() == ["not-taken-account-of"]


# --- incidents --------------------------------------------------------------------------------------------------------


def incident(scene: Scene, begin_ms: int, *to: str, alleged: str = "regime", author: str = "sdf") -> None:
    window = within(circle(0, 100), begin_ms, begin_ms + MINUTE)
    scene.place(author, *to, kind="incident", alleged=alleged, volumes=[window])


@pytest.mark.parametrize("to", [("coalition",), ("regime",), ("coalition", "regime")])
def test_an_incident_does_not_find_out_whether_the_alleged_party_was_passed_the_notice(
    to: tuple[str, ...],
) -> None:
    """Its author sees the size of the log, and may send one incident after the other."""
    made = []
    for forwarded in (False, True):
        scene = Scene()
        area = scene.place("coalition", "regime via russia", "sdf")
        if forwarded:
            scene.now(scene.forward("russia", area.of, "regime"))
        scene.at(HOUR)
        incident(scene, HOUR, *to)
        made.append(len(scene.findings()))
    assert made[0] == made[1]


def test_what_was_withdrawn_after_an_incident_and_before_its_report_is_found(scene: Scene) -> None:
    strike = scene.intent("coalition", "sdf", "russia")
    scene.at(HOUR)
    scene.now(scene.notice("coalition", "sdf", "russia", withdraws=strike.of))
    incident(scene, HOUR - MINUTE, "coalition", "russia", alleged="coalition")
    assert scene.standing() == ["incident-in-notified-area"]


def test_what_was_withdrawn_before_an_incident_is_not_found(scene: Scene) -> None:
    strike = scene.intent("coalition", "sdf", "russia")
    scene.at(HOUR)
    scene.now(scene.notice("coalition", "sdf", "russia", withdraws=strike.of))
    incident(scene, HOUR + MINUTE, "coalition", "russia", alleged="coalition")
    assert scene.standing() == []


def test_a_unit_that_moved_away_after_an_incident_was_there_at_the_time(scene: Scene) -> None:
    scene.place("sdf", "coalition", unit="post")
    scene.at(HOUR)
    for step in range(1, 5):
        scene.place("sdf", "coalition", unit="post", east_m=50_000 * step)
    incident(scene, HOUR - MINUTE, "coalition", alleged="coalition")
    assert scene.standing() == ["incident-in-notified-area"]
    for step in range(5, 9):
        scene.place("sdf", "coalition", unit="post", east_m=50_000 * step)
    scene.restart()
    scene.turn()
    assert scene.standing() == ["incident-in-notified-area"]
    scene.run_to(26 * HOUR)
    assert scene.standing() == []


def test_an_incident_said_to_be_ahead_is_judged_by_what_is_proven_now(scene: Scene) -> None:
    scene.intent("coalition", "russia", "sdf")
    incident(scene, HOUR, "coalition", alleged="russia")
    body = scene.finding("incident-in-notified-area").body
    assert body.measures["notified-s"] == 0


# --- floods -----------------------------------------------------------------------------------------------------------


def test_a_flood_of_one_party_hides_no_conflict_with_another(scene: Scene) -> None:
    for _ in range(80):
        scene.intent("russia", "coalition", precedence="ROUTINE")
    scene.place("sdf", "coalition", "russia")
    scene.intent("coalition", "russia", "sdf")
    told = [tuple(sorted(told)) for _, kind, told in scene.findings() if kind == "overlap"]
    assert told.count(("coalition", "sdf")) == 1


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_a_warning_of_a_notice_without_a_window_lasts_as_long_whatever_its_precedence() -> None:
    lasted = []
    for precedence in ("FLASH", "ROUTINE"):
        scene = Scene()
        scene.now(scene.notice("coalition", "russia", precedence=precedence, response="NE", warn=circle(0, 20_000)))
        scene.run_to(47 * HOUR)
        assert scene.standing() == ["warned", "warned"]
        scene.run_to(48 * HOUR)
        entries = scene.folded.ledger.entries.values()
        lasted.append([entry.stamp_ms for entry in entries if entry.opened.type == "finding"])
        assert scene.standing() == []
    assert lasted[0] == lasted[1]
