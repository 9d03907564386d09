"""Refusals: each code of protocol.md section 12 is given where it should be, and occupies its number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from channel.protocol.codes import BUSY, REFUSALS, UNATTRIBUTABLE
from channel.protocol.statements import Busy
from tests.unit.ledger import refusing, refusing_references, refusing_sealed
from tests.unit.ledger.refusing import SCENARIOS, Scenario
from tests.unit.relay.lab import HOUR, MINUTE, PARTIES, SECOND, T0_MS, Lab, public_key, volume

GUARD = Path(__file__).parents[2] / "vectors" / "guard"
LANES = {"notices_per_minute": 3, "flash_per_minute": 2}
BY_HAND = {"unknown-reference", "summary", "not-in-force", "refusals-limited", "body-missing"}
BY_HAND |= {"seen-false", "other-tree", "quarantine"}
"""Codes that need time, many statements or another history: their tests are in test_holding.py, test_bodies.py and
test_quarantine.py."""
"""Given by the relay's loop, which takes nothing while it reads its log."""

FINAL = [
    pytest.param(code, scenario, id=f"{code}:{getattr(scenario, '__name__', number)}")
    for code, scenarios in SCENARIOS.items()
    if code in REFUSALS
    for number, scenario in enumerate(scenarios)
]


def _guards() -> set[str]:
    expected = [json.loads(path.read_text())["expect"] for path in GUARD.glob("*.json")]
    return {expect["code"] for expect in expected if expect["result"] == "attributable"}


def test_every_code_has_a_scenario_or_a_vector_of_the_guard() -> None:
    assert refusing_references.answered_twice in SCENARIOS["already-answered"]
    assert refusing_sealed.quoted_another in SCENARIOS["wrong-pt"]
    assert set(SCENARIOS) | _guards() | BY_HAND == REFUSALS.keys() | BUSY.keys()


def test_no_code_means_two_things() -> None:
    assert not REFUSALS.keys() & BUSY.keys()
    assert not REFUSALS.keys() & UNATTRIBUTABLE.keys()


@pytest.mark.parametrize(("code", "scenario"), FINAL)
def test_what_breaks_a_rule_is_refused_with_its_code_and_occupies_its_number(code: str, scenario: Scenario) -> None:
    lab = Lab()
    said = scenario(lab)
    lab.turn()
    refusal = lab.refusals()[-1]
    assert (said.index, said.code, refusal.code, refusal.of) == (None, code, code, said.of)
    assert said.of not in lab.folded.ledger.index_of
    assert refusal.refused_seq in lab.folded.ledger.devices[refusal.kid].taken
    assert not [body for _, body in lab.words if body.type == "busy"]


@pytest.mark.parametrize(("code", "scenario"), FINAL)
def test_a_refusal_is_final_and_not_answered_again(code: str, scenario: Scenario) -> None:
    lab = Lab()
    said = scenario(lab)
    lab.turn()
    size, words = lab.core.committed_size, len(lab.words)
    again = lab.submit(said.token, lab.refusals()[-1].party)
    lab.turn()
    assert (again.index, again.code) == (None, code)
    assert (lab.core.committed_size, len(lab.words)) == (size, words)


@pytest.mark.parametrize(("code", "scenario"), FINAL)
def test_a_refusal_goes_to_the_refused_party_alone(code: str, scenario: Scenario) -> None:
    lab = Lab()
    said = scenario(lab)
    lab.turn()
    refusal = lab.refusals()[-1]
    index = next(i for i, e in lab.folded.ledger.entries.items() if e.opened.body == refusal)
    readers = [party for party in PARTIES if index in lab.feed(party)]
    assert readers == ([] if refusal.party == "relay" else [refusal.party]), said


@pytest.mark.parametrize("scenario", SCENARIOS["quota"])
def test_beyond_its_quota_a_notice_waits_and_is_taken_later(scenario: Scenario) -> None:
    lab = Lab(terms=LANES)
    said = scenario(lab)
    lab.turn()
    busy = next(body.body for _, body in lab.words if body.type == "busy")
    assert isinstance(busy, Busy)
    assert (said.index, said.code, busy.code, busy.retry_ms, busy.of) == (None, "quota", "quota", MINUTE, said.of)
    lab.at(busy.retry_ms - 1)
    assert lab.submit(said.token, "coalition").code == "quota"
    assert lab.at(busy.retry_ms).submit(said.token, "coalition").index is not None


def test_a_flood_of_lesser_notices_never_delays_flash() -> None:
    lab = Lab(terms=LANES)
    for _ in range(10):
        lab.notice("coalition", "russia", precedence="IMMEDIATE")
    assert [lab.notice("coalition", "russia").code for _ in range(2)] == [None, None]


def test_one_partys_quota_is_not_anothers() -> None:
    lab = Lab(terms=LANES)
    for _ in range(3):
        lab.notice("coalition", "russia")
    assert lab.notice("russia", "coalition").code is None


def test_answers_and_receivings_have_no_quota() -> None:
    lab = Lab(terms=LANES)
    of = [lab.notice(party, "russia").of for party in ("coalition", "sdf", "regime", "coalition", "sdf", "regime")]
    assert [lab.received("russia", one).code for one in of] == [None] * 6
    assert [lab.answer("russia", one).code for one in of] == [None] * 6


def test_old_windows_are_taken_except_of_intents() -> None:
    assert refusing.in_volume(begin=-2 * HOUR, end=-HOUR, kind="position")(Lab()).code is None
    assert refusing.in_volume(begin=-2 * HOUR, end=-HOUR, kind="intent")(Lab()).code == "window-past"


def test_a_late_intent_is_judged_by_its_own_time_and_taken() -> None:
    lab = Lab()
    token = lab.sign(
        "coalition",
        "notice",
        **lab.notice_members("russia", kind="intent", volumes=[volume(T0_MS, T0_MS + MINUTE)]),
    )
    assert lab.at(HOUR).submit(token, "coalition").index is not None


def test_issued_may_be_ahead_to_the_limit_and_behind_without_one() -> None:
    lab = Lab()
    ahead = lab.at(10 * MINUTE).sign("sdf", "notice", **lab.notice_members("coalition"))
    assert lab.at(0).submit(ahead, "sdf").code is None
    assert lab.at(100 * HOUR).submit(lab.at(SECOND).sign("sdf", "check", state="on-watch"), "sdf").code is None


def test_while_suspended_all_but_new_notices_goes_on() -> None:
    lab = Lab()
    old, other = lab.notice("coalition", "regime via russia").of, lab.notice("coalition", "russia").of
    lab.say("russia", "suspension", action="suspend", reason="protest")
    assert lab.forward("russia", old, "regime").code is None
    assert lab.answer("russia", other).code is None
    assert lab.notice("coalition", "russia", amends=other).code is None
    assert lab.notice("coalition", "regime via russia", withdraws=old).code is None
    assert lab.say("russia", "check", state="on-watch").code is None
    assert lab.notice("coalition", "sdf").code is None
    lab.say("russia", "suspension", action="resume", reason="")
    assert lab.notice("coalition", "russia").code is None


def test_the_leaf_that_revokes_a_key_is_judged_by_the_state_before_it() -> None:
    lab = Lab()
    said = lab.say("sdf", "revocation", kid="sdf/root/1", reason="", keys=lab.folded.ledger.ring.chain)
    assert said.code is None
    again = lab.say("sdf", "revocation", kid="sdf/sig/machine-1", reason="", keys=lab.folded.ledger.ring.chain)
    assert again.code == "key-not-valid"


def test_an_enrolled_key_may_sign_from_the_next_position_on() -> None:
    lab = Lab()
    lab.say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=lab.folded.ledger.ring.chain)
    assert lab.notice("sdf", "coalition", label="sig/machine-2").code is None


def test_a_desk_key_with_a_suffix_signs_for_its_desk_only() -> None:
    lab = Lab()
    for label in ("desk-operations-2", "desk-operationsx"):
        key = public_key(f"sdf/sig/{label}")
        lab.say("sdf", "key", key=key, keys=lab.folded.ledger.ring.chain)
    check = {"state": "on-watch", "desk": "operations"}
    assert lab.say("sdf", "check", label="sig/desk-operations-2", **check).code is None
    assert lab.say("sdf", "check", label="sig/desk-operationsx", **check).code == "wrong-key"
