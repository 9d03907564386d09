"""Who is told of a finding, what its end may tell, and that nobody can search for what is not for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channel.ledger import delivery as dl
from channel.protocol import frames
from channel.protocol.frames import LeafItem
from channel.protocol.statements import Finding
from tests.unit.picture.scenes import PARTIES, Scene, at, circle, told, within
from tests.unit.relay.lab import HOUR, MINUTE, SECOND


@pytest.fixture
def scene() -> Scene:
    return Scene()


# --- who is told ------------------------------------------------------------------------------------------------------


def test_what_the_two_authors_may_not_both_read_is_no_finding_not_even_for_who_reads_both(scene: Scene) -> None:
    scene.intent("coalition", "russia")
    scene.intent("regime", "russia")
    assert scene.findings() == []


def test_a_finding_comes_when_the_last_of_the_two_may_read_the_other(scene: Scene) -> None:
    mine = scene.intent("coalition", "regime via russia")
    theirs = scene.intent("regime", "coalition via russia")
    scene.now(scene.forward("russia", mine.of, "regime"))
    assert scene.findings() == []
    scene.now(scene.forward("russia", theirs.of, "coalition"))
    assert scene.findings() == [("raised", "overlap", ("coalition", "regime", "russia"))]


def test_a_forwarding_by_voice_lets_nobody_read(scene: Scene) -> None:
    mine = scene.intent("coalition", "regime via russia")
    scene.intent("regime", "coalition")
    scene.now(scene.forward("russia", mine.of, "regime", "voice"))
    assert scene.findings() == []


def test_a_second_intermediary_is_not_told_what_the_first_one_did(scene: Scene) -> None:
    mine = scene.intent("coalition", "regime via russia")
    theirs = scene.intent("regime", "coalition via sdf")
    scene.now(scene.forward("russia", mine.of, "regime"))
    scene.now(scene.forward("sdf", theirs.of, "coalition"))
    assert scene.findings() == [("raised", "overlap", ("coalition", "regime"))]


def test_the_level_of_knowledge_is_for_those_alone_who_read_what_was_signed(scene: Scene) -> None:
    scene.place("coalition", "russia", "sdf")
    scene.at(HOUR)
    window = within(circle(0, 100), HOUR, HOUR + MINUTE)
    scene.place("sdf", "coalition", "russia", kind="incident", alleged="russia", volumes=[window])
    assert scene.findings() == [("raised", "incident-in-notified-area", ("coalition", "russia"))]


def test_an_incident_finds_nothing_in_an_area_that_its_author_may_not_read(scene: Scene) -> None:
    scene.place("coalition", "russia")
    scene.at(HOUR)
    window = within(circle(0, 100), HOUR, HOUR + MINUTE)
    scene.place("sdf", "coalition", "russia", kind="incident", alleged="russia", volumes=[window])
    assert scene.findings() == []


def test_a_crossing_is_told_to_each_party_of_the_line_that_may_read_the_notice(scene: Scene) -> None:
    scene.line("coalition", "russia", "sdf", left=("coalition", "sdf"))
    intent = scene.intent("russia", "regime", "coalition via regime", east_m=3_000)
    assert scene.findings() == [("raised", "line-crossed", ("russia",))]
    scene.now(scene.forward("regime", intent.of, "coalition"))
    assert scene.findings()[1:] == [("raised", "line-crossed", ("coalition",))]


def test_every_finding_in_a_feed_rests_on_what_that_party_may_read(scene: Scene) -> None:
    crowd(scene)
    ledger = scene.folded.ledger
    seen = 0
    for entry in list(ledger.entries.values()):
        if isinstance(entry.opened.body, Finding):
            for party in PARTIES:
                reads = entry.index in ledger.parties[party].released
                assert reads == (party in told(entry.opened.body))
                rests_on = [ledger.notices[of].index for of in entry.opened.body.rests_on]
                assert not reads or set(rests_on) <= ledger.parties[party].released
                seen += reads
    assert seen > 10


def crowd(scene: Scene) -> None:
    """Every party with notices to some of the others, in one place, some passed on."""
    for turn, author in enumerate(PARTIES * 3):
        others = [party for party in PARTIES if party != author]
        scene.at((turn + 1) * MINUTE)
        via = f"{others[turn % 3]} via {others[(turn + 1) % 3]}"
        said = scene.intent(author, via, others[(turn + 2) % 3], until=HOUR, accounts_for=[])
        if turn % 2:
            scene.now(scene.forward(others[(turn + 1) % 3], said.of, others[turn % 3]))


# --- what an end tells ------------------------------------------------------------------------------------------------


def test_a_withdrawal_that_did_not_reach_a_party_ends_nothing_for_it(scene: Scene) -> None:
    mine = scene.place("coalition", "regime via russia")
    scene.now(scene.forward("russia", mine.of, "regime"))
    scene.intent("regime", "coalition")
    back = scene.now(scene.notice("coalition", "regime via russia", withdraws=mine.of))
    assert scene.standing() == ["overlap"]
    scene.now(scene.forward("russia", back.of, "regime"))
    assert scene.standing() == []


def test_a_later_position_that_did_not_reach_a_party_ends_nothing_for_it(scene: Scene) -> None:
    scene.place("coalition", "regime", unit="team")
    scene.intent("regime", "coalition")
    away = scene.place("coalition", "regime via russia", unit="team", east_m=50_000)
    assert scene.standing() == ["overlap"]
    scene.restart()
    scene.turn()
    assert scene.standing() == ["overlap"]
    scene.now(scene.forward("russia", away.of, "regime"))
    assert scene.standing() == []


def test_nothing_new_is_found_with_what_was_ended_once_both_authors_know(scene: Scene) -> None:
    mine = scene.place("coalition", "regime via russia")
    scene.now(scene.forward("russia", mine.of, "regime"))
    back = scene.now(scene.notice("coalition", "regime via russia", withdraws=mine.of))
    scene.now(scene.forward("russia", back.of, "regime"))
    scene.intent("regime", "coalition")
    assert scene.findings() == []


# --- warn -------------------------------------------------------------------------------------------------------------


def test_a_warn_area_is_told_to_every_party_that_may_not_read_the_notice_and_nothing_else_is(scene: Scene) -> None:
    area = circle(0, 20_000)
    notice = scene.intent("coalition", "russia", "regime via russia", warn=area, text="very secret")
    found = [record.body for record in scene.folded.ledger.findings.values()]
    assert [told(body) for body in found] == [("regime",), ("sdf",)]
    for body in found:
        assert (body.kind, body.rests_on, body.concerns, body.measures) == ("warned", (), (), {})
        assert body.area is not None
        assert body.area.model_dump(mode="json") == area
        assert notice.of not in body.model_dump_json()
    scene.now(scene.forward("russia", notice.of, "regime"))
    assert scene.findings()[-1] == ("cleared", "warned", ("regime",))
    scene.now(scene.notice("coalition", "russia", "regime via russia", withdraws=notice.of))
    assert scene.standing() == []


def test_every_warning_reads_the_same_whatever_it_warns_of(scene: Scene) -> None:
    scene.intent("coalition", "russia", warn=circle(0, 20_000), begin=HOUR, until=2 * HOUR, precedence="FLASH")
    scene.place("regime", "sdf", warn=circle(0, 20_000), kind="site", east_m=10_000)
    drop = {"finding", "told", "issued", "seen", "seq", "prev"}
    found = [record.body.model_dump(exclude=drop) for record in scene.folded.ledger.findings.values()]
    assert len(found) == 4
    assert all(body == found[0] for body in found)


def test_a_warning_is_over_with_the_last_window(scene: Scene) -> None:
    scene.intent("coalition", "russia", warn=circle(0, 20_000), until=2 * HOUR)
    scene.run_to(2 * HOUR)
    assert scene.standing() == []


# --- probing ----------------------------------------------------------------------------------------------------------

Traffic = list[tuple[int, tuple[tuple[object, ...], ...], int]]


def probe(hidden_east_m: float, attack: Callable[[Scene], None], hidden: dict[str, Any]) -> Traffic:
    """All that goes down to the attacker, turn by turn, while it tries: times, items, sizes."""
    scene = Scene(terms={"notices_per_minute": 1_000})
    traffic: Traffic = []
    scene.hello("sdf", size=scene.head.size)
    turn = scene.turn

    def watched(*silent: str) -> int:
        made = turn(*silent)
        for frame in [scene.beat("sdf"), *scene.frames("sdf")]:
            items = tuple(
                (item.t, *((item.n, item.index, item.stamp, len(item.token)) if isinstance(item, LeafItem) else ()))
                for item in frame.items
            )
            traffic.append((scene.now_ms, items, len(frames.encode(frame))))
        return made

    scene.line("regime", "russia", "sdf", left=("sdf",))
    scene.place("regime", "russia", "coalition", east_m=hidden_east_m, until=16 * HOUR, **hidden)
    scene.turn = watched  # type: ignore[method-assign]
    attack(scene)
    scene.run_to(15 * HOUR)
    assert len(traffic) > 20
    return traffic


def everywhere(scene: Scene) -> None:
    """Notices of every kind on a grid that covers the hidden place, to those who may read it."""
    for step, east_m in enumerate(range(-6_000, 10_001, 4_000)):
        scene.run_to((step + 1) * MINUTE)
        for kind in ("intent", "position", "site", "incident"):
            scene.place(
                "sdf", "russia", "coalition", kind=kind, east_m=east_m, until=14 * HOUR, accounts_for=[], response="WU",
                **({"alleged": "russia", "info": []} if kind == "incident" else {}),
                **({"unit": "probe"} if kind == "position" else {}),
            )  # fmt: skip
    scene.run_to(14 * HOUR)


def with_warnings(scene: Scene) -> None:
    """A warn area around each place: who is told must not depend on who is there."""
    for step, east_m in enumerate(range(-6_000, 10_001, 4_000)):
        scene.run_to((step + 1) * MINUTE)
        scene.place("sdf", "coalition", kind="intent", east_m=east_m, until=14 * HOUR, warn=circle(east_m, 10_000))
    scene.run_to(14 * HOUR)


@pytest.mark.parametrize("attack", [everywhere, with_warnings])
@pytest.mark.parametrize("kind", ["intent", "position", "site"])
def test_probing_with_notices_shows_nothing_of_a_notice_that_is_not_for_the_attacker(
    attack: Callable[[Scene], None], kind: str
) -> None:
    hidden = {"kind": kind, "response": "WU", "precedence": "PRIORITY"}
    near, far = (probe(east_m, attack, hidden) for east_m in (2_000, 300_000))
    assert near == far


def test_the_probe_would_see_a_finding_that_it_may_not_read() -> None:
    """The comparison is sharp: what the attacker may read does show."""
    hidden = {"kind": "intent", "info": ["sdf"]}
    near, far = (probe(east_m, everywhere, hidden) for east_m in (2_000, 300_000))
    assert near != far


# --- deadlines --------------------------------------------------------------------------------------------------------


def due(scene: Scene, of: str, party: str) -> int:
    """When the answer of a party falls due, from the lab's beginning."""
    delivery = scene.folded.ledger.deliveries[of, party]
    row = scene.folded.ledger.charter.deadlines.row(delivery.precedence)
    return dl.answer_due_ms(delivery, row) - delivery.logged_ms


def test_while_an_overlap_stands_answers_are_due_as_of_the_next_higher_precedence(scene: Scene) -> None:
    first = scene.intent("coalition", "russia", "sdf", until=2 * HOUR)
    assert due(scene, first.of, "russia") == 30 * MINUTE
    scene.at(2 * MINUTE)
    second = scene.intent("russia", "coalition")
    assert due(scene, first.of, "russia") == 7 * MINUTE
    assert due(scene, second.of, "coalition") == 5 * MINUTE
    assert due(scene, first.of, "sdf") == 30 * MINUTE  # it was not told the finding
    scene.now(scene.notice("russia", "coalition", withdraws=second.of))
    assert scene.standing() == []
    assert due(scene, first.of, "russia") == 7 * MINUTE  # nothing lengthens again
    scene.run_to(7 * MINUTE)
    assert (7 * MINUTE, "answer", "operations", 1, "russia") in scene.raised()


def test_answers_are_due_earlier_also_where_a_wilco_is_not_heeded(scene: Scene) -> None:
    asked = scene.intent("coalition", "russia")
    scene.now(scene.answer("russia", asked.of))
    done = scene.intent("russia", "coalition")
    assert scene.standing() == ["not-heeded", "overlap"]
    assert due(scene, done.of, "coalition") == 5 * MINUTE


def test_a_late_finding_lengthens_nothing(scene: Scene) -> None:
    first = scene.intent("coalition", "russia")
    scene.at(28 * MINUTE)
    scene.intent("russia", "coalition")
    assert due(scene, first.of, "russia") == 30 * MINUTE


def test_flash_has_nothing_above_it(scene: Scene) -> None:
    first = scene.intent("coalition", "russia", precedence="FLASH")
    scene.at(30 * SECOND)
    scene.intent("russia", "coalition")
    assert due(scene, first.of, "russia") == MINUTE


def test_standby_wins_time_from_the_shortened_deadline(scene: Scene) -> None:
    first = scene.intent("coalition", "russia")
    scene.intent("russia", "coalition")
    until = within(circle(0), 0, HOUR)["until"]
    scene.now(scene.answer("russia", first.of, "STANDBY", until=until))
    assert due(scene, first.of, "russia") == 5 * MINUTE + 30 * MINUTE


def test_the_charter_can_turn_it_off() -> None:
    scene = Scene(terms={"shorten": False})
    first = scene.intent("coalition", "russia")
    scene.intent("russia", "coalition")
    assert scene.standing() == ["overlap"]
    assert due(scene, first.of, "russia") == 30 * MINUTE


def test_what_a_finding_made_due_earlier_is_the_same_after_a_restart(scene: Scene) -> None:
    first = scene.intent("coalition", "russia")
    scene.intent("russia", "coalition")
    before = due(scene, first.of, "russia")
    scene.restart()
    assert due(scene, first.of, "russia") == before


__all__ = ["at"]
