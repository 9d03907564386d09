"""Alerts beside the deadlines (protocol.md 9.3): rounds, who is told, whom to ring, watch, holes, silence, clearing."""

from __future__ import annotations

import pytest

from channel.protocol import ids
from channel.protocol.charter import DEFAULT_PARTIES
from channel.protocol.statements import Alert, Precedence
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, MINUTE, SECOND, T0_MS, Lab


def _alert(lab: Lab, stage: str, rung: str = "operations", round_: int = 1) -> Alert:
    found = [a for _, a in lab.alerts() if (a.stage, a.rung.value, a.round) == (stage, rung, round_)]
    assert len(found) == 1, [(a.stage, a.rung.value, a.round) for _, a in lab.alerts()]
    return found[0]


def _told(alert: Alert) -> set[str]:
    return {f"{told.party}/{told.desk}" for told in alert.told}


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_the_next_round_comes_one_answer_time_after_the_first_acknowledgement_by_anybody() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(60 * SECOND)
    alert = _alert(lab, "answer")
    lab.run_to(70 * SECOND)
    lab.acknowledge("relay", alert.alert)
    lab.run_to(80 * SECOND)
    lab.acknowledge("russia", alert.alert)
    lab.run_to(HOUR)
    assert [row for row in lab.raised() if row[3] > 1] == [(130 * SECOND, "answer", "operations", 2, "russia")]


def test_each_acknowledged_round_has_a_next_one_while_the_cause_stands() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    lab.run_to(60 * SECOND)
    for round_ in (1, 2, 3):
        lab.acknowledge("coalition", _alert(lab, "answer", round_=round_).alert)
        lab.run_to(60 * SECOND * (1 + round_))
    assert [row[0] for row in lab.raised() if row[1:4:2] == ("answer", 4)] == [4 * MINUTE]
    lab.answer("russia", of)
    lab.acknowledge("coalition", _alert(lab, "answer", round_=4).alert)
    lab.run_to(HOUR)
    assert max(row[3] for row in lab.raised()) == 4


def test_an_alert_that_nobody_acknowledges_has_no_further_round() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(HOUR)
    assert {row[3] for row in lab.raised()} == {1}


def test_a_cause_that_ended_has_no_round_while_the_delivery_goes_on() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    lab.run_to(15 * SECOND)
    lab.acknowledge("coalition", _alert(lab, "receipt").alert)
    lab.run_to(20 * SECOND)
    lab.received("russia", of)
    lab.run_to(HOUR)
    assert {row[3] for row in lab.raised()} == {1}


def test_after_the_expiry_there_is_no_round() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(12 * MINUTE)
    for _, alert in lab.alerts():
        assert lab.acknowledge("coalition", alert.alert).code is None
    lab.run_to(HOUR)
    assert {row[3] for row in lab.raised()} == {1}


# --- told, ring -------------------------------------------------------------------------------------------------------


def test_who_is_told_and_whom_to_ring_of_a_straight_notice() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(HOUR)
    low = {"coalition/operations", "russia/operations"}
    assert _told(_alert(lab, "receipt")) == _told(_alert(lab, "answer")) == _told(_alert(lab, "expired")) == low
    assert _told(_alert(lab, "answer", "staff")) == {"coalition/operations", "coalition/staff", "russia/staff"}
    assert _told(_alert(lab, "answer", "ministry")) == {"coalition/operations", "coalition/ministry", "russia/ministry"}
    rung = {(a.stage, a.rung.value): f"{a.ring.party}/{a.ring.desk}" for _, a in lab.alerts()}
    assert all(rung[key] == f"russia/{key[1]}" for key in rung)


@pytest.mark.parametrize("precedence", list(Precedence), ids=str)
def test_before_a_forwarding_the_final_addressee_is_told_of_nothing_at_all(precedence: Precedence) -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia", precedence=precedence).of
    lab.run_to(15 * SECOND)
    for _, alert in lab.alerts():
        lab.acknowledge("russia", alert.alert)
    lab.at(40 * SECOND).turn("russia", "regime")
    lab.run_to(300 * HOUR)
    stages = {a.stage for _, a in lab.alerts()}
    assert {"receipt", "forward", "answer", "expired"} <= stages
    assert all(told.party != "regime" for _, a in lab.alerts() for told in a.told)
    assert all(a.fault == a.ring.party == "russia" for _, a in lab.alerts())
    assert lab.feed("regime") == [0, 1, 2, 3, 4], of


def test_after_a_forwarding_the_intermediarys_desk_is_told_of_the_addressees_delays() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia").of
    lab.received("russia", of)
    lab.forward("russia", of, "regime")
    lab.run_to(HOUR)
    by_addressee = [a for _, a in lab.alerts() if a.via is None]
    assert {(a.stage, a.rung.value): _told(a) for a in by_addressee} == {
        ("receipt", "operations"): {"coalition/operations", "regime/operations", "russia/operations"},
        ("answer", "operations"): {"coalition/operations", "regime/operations", "russia/operations"},
        ("answer", "staff"): {"coalition/operations", "coalition/staff", "regime/staff", "russia/operations"},
        ("answer", "ministry"): {"coalition/operations", "coalition/ministry", "regime/ministry", "russia/operations"},
        ("expired", "operations"): {"coalition/operations", "regime/operations", "russia/operations"},
    }
    (whole_way,) = [a for _, a in lab.alerts() if a.via is not None]
    assert (whole_way.fault, whole_way.ring.party) == ("regime", "regime")
    assert _told(whole_way) == {"coalition/operations", "russia/operations"}


def test_a_party_without_a_desk_of_a_level_is_told_at_the_next_lower_one() -> None:
    russia = next(founder for founder in DEFAULT_PARTIES if founder.party == "russia").desks
    lab = Lab(desks={"russia": tuple(desk for desk in russia if desk.desk == "operations")})
    lab.notice("coalition", "russia")
    lab.run_to(HOUR)
    ministry = _alert(lab, "answer", "ministry")
    assert _told(ministry) == {"coalition/operations", "coalition/ministry", "russia/operations"}
    assert ministry.ring.desk == "operations"


# --- watch ------------------------------------------------------------------------------------------------------------


def test_nobody_on_duty_is_an_alert_to_the_party_itself_counted_from_coming_into_force() -> None:
    lab = Lab(terms={"watch_ms": HOUR})
    lab.run_to(50 * MINUTE)
    lab.say("sdf", "check", state="on-watch")
    lab.run_to(100 * MINUTE)
    assert lab.raised() == [(HOUR, "watch", "operations", 1, party) for party in ("coalition", "regime", "russia")]
    for _, alert in lab.alerts():
        assert _told(alert) == {f"{alert.fault}/operations", f"{alert.fault}/staff"}
        assert (alert.ring.party, alert.ring.desk) == (alert.fault, "staff")


def test_the_next_watch_alert_needs_a_sign_of_duty_and_another_span() -> None:
    lab = Lab(terms={"watch_ms": HOUR})
    lab.run_to(10 * HOUR)
    assert len(lab.raised()) == 4
    lab.say("sdf", "check", state="on-watch")
    lab.run_to(11 * HOUR - 1)
    assert len(lab.raised()) == 4
    lab.run_to(20 * HOUR)
    assert lab.raised()[4:] == [(11 * HOUR, "watch", "operations", 2, "sdf")]


@pytest.mark.parametrize("sign", ["check", "answer", "acknowledgement", "off-watch", "notice", "receiving"])
def test_only_a_person_at_a_desk_is_a_sign_of_duty(sign: str) -> None:
    lab = Lab(terms={"watch_ms": HOUR})
    of = lab.notice("coalition", "russia").of
    lab.run_to(30 * MINUTE)
    match sign:
        case "check" | "off-watch":
            lab.say("russia", "check", state="on-watch" if sign == "check" else "off-watch")
        case "answer":
            lab.answer("russia", of)
        case "acknowledgement":
            lab.acknowledge("russia", lab.alerts()[0][1].alert)
        case "notice":
            lab.notice("russia", "coalition", precedence="ROUTINE")
        case _:
            lab.received("russia", of)
    lab.run_to(100 * MINUTE)
    at = [row[0] for row in lab.raised() if row[1] == "watch" and row[4] == "russia"]
    assert at == [90 * MINUTE if sign in ("check", "answer", "acknowledgement") else HOUR]


def test_a_charter_without_a_watch_interval_has_no_watch_alert() -> None:
    lab = Lab(terms={"watch_ms": 0})
    lab.run_to(100 * HOUR)
    assert lab.raised() == []


# --- holes, silence, clock --------------------------------------------------------------------------------------------


def test_a_number_missing_for_the_charters_span_is_an_alert_to_that_party_alone() -> None:
    lab = Lab()
    lab.at(MINUTE)
    lab.say("sdf", "check", state="on-watch", seq=3)
    lab.run_to(11 * MINUTE - 1)
    assert lab.raised() == []
    lab.run_to(HOUR)
    assert lab.raised() == [(11 * MINUTE, "hole", "operations", 1, "sdf")] * 2
    assert {a.alert for _, a in lab.alerts()} == {
        ids.alert_id(f"sdf/sig/desk-operations/{seq}", "sdf", "hole", "operations", 1) for seq in (1, 2)
    }
    assert all(_told(a) == {"sdf/operations"} for _, a in lab.alerts())


@pytest.mark.parametrize("how", ["late", "refused"])
def test_a_hole_that_is_filled_in_time_is_none(how: str) -> None:
    lab = Lab()
    missing = lab.sign("sdf", "notice", **lab.notice_members(*(["coalition"] if how == "late" else []), response="NE"))
    lab.answer("coalition", lab.notice("sdf", "coalition").of)
    lab.run_to(9 * MINUTE)
    lab.submit(missing, "sdf")
    lab.run_to(12 * MINUTE)
    assert [row for row in lab.raised() if row[1] == "hole"] == []


def test_a_jump_of_numbers_without_end_is_bounded() -> None:
    lab = Lab()
    lab.say("sdf", "check", state="on-watch", seq=2**53 - 1)
    lab.run_to(HOUR)
    assert len(lab.raised()) == 100


def test_a_silent_party_that_owes_on_a_flash_or_an_immediate_is_an_alert_once_a_delivery() -> None:
    lab = Lab()
    owed = [lab.notice("coalition", "russia", precedence=precedence).of for precedence in Precedence]
    via = lab.notice("sdf", "regime via russia").of
    lab.turn("russia", "regime")
    lab.turn("russia", "regime")
    silent = [a for _, a in lab.alerts() if a.stage == "silent"]
    assert sorted((a.of, a.via) for a in silent) == sorted(
        [(owed[2], None), (owed[3], None), (via, "russia")], key=lambda row: str(row[0])
    )
    assert {a.fault for a in silent} == {"russia"}


def test_silence_is_cleared_by_the_next_sign_of_that_party_and_comes_back_no_more() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.turn("russia")
    record = lab.folded.ledger.alerts[_alert(lab, "silent").alert]
    assert record.standing
    lab.say("russia", "check", state="on-watch")
    assert not record.standing
    lab.turn("russia")
    assert len(lab.alerts()) == 1


def test_a_step_of_the_wall_clock_is_one_alert_to_the_operator_until_it_is_applied() -> None:
    lab = Lab()
    for _ in range(3):
        lab.core.clock_stepped(T0_MS, T0_MS + HOUR, lab.now_ms)
        lab.turn()
    ((_, alert),) = lab.alerts()
    assert (_told(alert), alert.fault) == ({"relay/operations"}, "relay")
    said = lab.say("relay", "clock", old=to_wire(T0_MS), new=to_wire(T0_MS + HOUR), reason="checked")
    assert all(said.index in record.feed for record in lab.folded.ledger.parties.values())
    lab.core.clock_stepped(T0_MS, T0_MS + HOUR, lab.now_ms)
    assert len(lab.alerts()) == 2


# --- clearing ---------------------------------------------------------------------------------------------------------


def test_an_alert_stands_until_the_log_shows_that_its_cause_ended() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia").of
    lab.run_to(60 * SECOND)
    way = "regime via russia"

    def standing() -> set[tuple[str, str]]:
        return {(r.body.stage, r.subject) for r in lab.folded.ledger.alerts.values() if r.standing}

    assert standing() == {("receipt", way), ("forward", way), ("answer", way)}
    lab.received("russia", of)
    assert standing() == {("forward", way), ("answer", way)}
    lab.forward("russia", of, "regime")
    assert standing() == {("answer", way)}
    lab.run_to(75 * SECOND)
    assert standing() == {("answer", way), ("receipt", "regime")}
    lab.answer("regime", of)
    assert standing() == set()


def test_expiry_clears_nothing() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(HOUR)
    assert [r.standing for r in lab.folded.ledger.alerts.values()] == [True] * 5


@pytest.mark.parametrize("how", ["withdraws", "amends"])
def test_what_its_author_ended_is_cleared(how: str) -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    lab.run_to(MINUTE)
    lab.notice("coalition", "russia", **{how: of})
    assert not any(r.standing for r in lab.folded.ledger.alerts.values())


def test_an_acknowledgement_clears_nothing() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(15 * SECOND)
    alert = _alert(lab, "receipt")
    for party in ("coalition", "russia", "relay"):
        assert lab.acknowledge(party, alert.alert).code is None
    record = lab.folded.ledger.alerts[alert.alert]
    assert (record.standing, set(record.acked)) == (True, {"coalition", "russia", "relay"})
