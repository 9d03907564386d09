"""A read-back that does not fit, in the relay: the finding stands before the answer, and the answer does not count."""

from __future__ import annotations

from typing import Any

import pytest

from channel.ledger.delivery import Delivery, End, Reply
from channel.ledger.digest import state_digest
from channel.ledger.ledger import Ledger
from channel.picture import readback as judge
from channel.protocol.answering import READ_BACK
from channel.protocol.statements import Finding
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, MINUTE, T0_MS, Lab, volume

AT = [401_500_000, 353_300_000]  # where the lab's volume is
FROM = to_wire(T0_MS + HOUR)


def read(place: str, at: list[int] | None = None, **changed: Any) -> dict[str, Any]:
    """What is signed as read back: right, unless it says otherwise."""
    return {"place": place, "time": FROM, "at": at or AT, "when": FROM, **changed}


RIGHT = read("35.33000,40.15000")
OFF = read("35.41000,40.15000", [401_500_000, 354_100_000])  # 9 km
LIE = read("35.41000,40.15000")  # typed 9 km off, said to be understood as the right place


@pytest.fixture
def lab() -> Lab:
    return Lab()


def asked(lab: Lab, *to: str, **members: Any) -> str:
    volumes = [volume(T0_MS + HOUR, T0_MS + 2 * HOUR)]
    said = lab.notice("coalition", *(to or ("russia",)), volumes=volumes, read_back=True, **members)
    lab.turn()
    return said.of


def delivery(lab: Lab, of: str, party: str = "russia") -> Delivery:
    return lab.folded.ledger.deliveries[of, party]


def findings(lab: Lab) -> list[tuple[int, Finding]]:
    entries = lab.folded.ledger.entries.items()
    return [(index, entry.opened.body) for index, entry in entries if isinstance(entry.opened.body, Finding)]


def test_a_fitting_read_back_closes_and_finds_nothing(lab: Lab) -> None:
    of = asked(lab)
    lab.answer("russia", of, readback=RIGHT)
    lab.turn()
    assert delivery(lab, of).reply is Reply.WILCO
    assert findings(lab) == []


@pytest.mark.parametrize("readback", [OFF, LIE], ids=["off", "lie"])
@pytest.mark.parametrize("word", ["WILCO", "UNABLE"])
def test_a_mismatch_is_found_before_the_answer_which_does_not_count(
    lab: Lab, word: str, readback: dict[str, Any]
) -> None:
    of = asked(lab)
    answer = lab.answer("russia", of, word, readback=readback)
    lab.turn()
    ((index, finding),) = findings(lab)
    assert index + 1 == answer.index
    assert (finding.kind, finding.state, finding.precedence.value) == (READ_BACK, "raised", "FLASH")
    assert finding.rests_on == (of, answer.of)
    assert list(dict.fromkeys(told.party for told in finding.told)) == ["coalition", "russia"]
    assert (delivery(lab, of).reply, delivery(lab, of).end) == (Reply.OWED, End.OPEN)


def test_a_standby_with_a_mismatch_moves_no_deadline(lab: Lab) -> None:
    of = asked(lab)
    lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + HOUR), readback=OFF)
    lab.turn()
    assert delivery(lab, of).reply is Reply.OWED


def test_both_sides_hold_the_finding_before_the_answer_and_fold_it_alike(lab: Lab) -> None:
    of = asked(lab)
    answer = lab.answer("russia", of, readback=OFF)
    lab.turn()
    for party in ("coalition", "russia"):
        feed = lab.feed(party)
        assert feed.index(findings(lab)[0][0]) < feed.index(answer.index or 0)
        own = _folded(lab, party)
        assert own.deliveries[of, "russia"].reply is Reply.OWED
    assert findings(lab)[0][0] not in lab.feed("sdf")


def test_the_clock_runs_on_and_the_alert_comes(lab: Lab) -> None:
    of = asked(lab)
    lab.answer("russia", of, readback=OFF)
    lab.run_to(2 * MINUTE)
    assert ("answer", "russia") in {(stage, fault) for _, stage, _, _, fault in lab.raised()}
    assert delivery(lab, of).owed


def test_the_next_answer_counts_and_the_finding_is_over(lab: Lab) -> None:
    of = asked(lab)
    lab.answer("russia", of, readback=OFF)
    lab.turn()
    lab.at(20_000).answer("russia", of, readback=RIGHT)
    lab.turn()
    assert delivery(lab, of).reply is Reply.WILCO
    (_, raised), (_, over) = findings(lab)
    assert (over.state, over.finding) == ("cleared", raised.finding)
    lab.run_to(HOUR)
    assert len(findings(lab)) == 2


def test_a_withdrawal_ends_it_too(lab: Lab) -> None:
    of = asked(lab)
    lab.answer("russia", of, readback=OFF)
    lab.turn()
    lab.notice("coalition", "russia", withdraws=of, response="R")
    lab.turn()
    assert [finding.state for _, finding in findings(lab)] == ["raised", "cleared"]


def test_a_correction_that_does_not_fit_leaves_the_earlier_answer_in_force(lab: Lab) -> None:
    of = asked(lab)
    first = lab.answer("russia", of, readback=RIGHT)
    lab.answer("russia", of, "UNABLE", readback=OFF, corrects=first.of)
    lab.turn()
    assert (delivery(lab, of).reply, delivery(lab, of).answer_of) == (Reply.WILCO, first.of)
    assert [finding.state for _, finding in findings(lab)] == ["raised"]


def test_a_read_back_that_nobody_asked_for_is_compared_all_the_same(lab: Lab) -> None:
    of = lab.notice("coalition", "russia", volumes=[volume(T0_MS + HOUR, T0_MS + 2 * HOUR)]).of
    lab.answer("russia", of, readback=OFF)
    lab.turn()
    assert delivery(lab, of).reply is Reply.OWED


def test_a_notice_without_a_place_has_nothing_to_compare(lab: Lab) -> None:
    of = lab.notice("coalition", "russia", read_back=True).of
    lab.answer("russia", of, readback=OFF)
    lab.turn()
    assert delivery(lab, of).reply is Reply.WILCO


def test_the_intermediary_is_told_and_who_may_not_read_the_notice_is_not(lab: Lab) -> None:
    of = asked(lab, "regime via russia")
    lab.forward("russia", of, "regime", by="voice")
    lab.answer("regime", of, readback=OFF)
    lab.turn()
    ((index, finding),) = findings(lab)
    assert list(dict.fromkeys(told.party for told in finding.told)) == ["coalition", "russia"]
    assert index not in lab.feed("regime")
    assert delivery(lab, of, "regime").reply is Reply.OWED


def test_an_addressee_behind_an_intermediary_is_told_what_it_may_read(lab: Lab) -> None:
    of = asked(lab, "regime via russia")
    lab.forward("russia", of, "regime")
    lab.answer("regime", of, readback=OFF)
    lab.turn()
    ((_, finding),) = findings(lab)
    assert list(dict.fromkeys(told.party for told in finding.told)) == ["coalition", "russia", "regime"]


def test_the_same_bytes_again_and_a_restart_raise_nothing_twice(lab: Lab) -> None:
    of = asked(lab)
    answer = lab.answer("russia", of, readback=OFF)
    lab.turn()
    digest = state_digest(lab.folded.ledger)
    lab.restart()
    assert state_digest(lab.folded.ledger) == digest
    lab.submit(answer.token, "russia")
    lab.turn()
    assert len(findings(lab)) == 1
    assert delivery(lab, of).reply is Reply.OWED


def test_a_finding_whose_answer_was_lost_in_a_crash_is_not_raised_again(lab: Lab) -> None:
    """The relay wrote the finding and stopped: the answer comes again, finds it, and does not count."""
    of = asked(lab)
    answer = lab.answer("russia", of, readback=OFF)
    lab.turn()
    ledger = Ledger(lab.folded.ledger.charter, lab.folded.ledger.charter_of)
    for index, entry in lab.folded.ledger.entries.items():
        if index != answer.index:
            ledger.apply(index, entry.stamp_ms, entry.opened)
    opened = lab.folded.ledger.entries[answer.index or 0].opened
    assert judge.mismatch(ledger, opened) is None
    ledger.apply(answer.index or 0, lab.now_ms, opened)
    assert ledger.deliveries[of, "russia"].reply is Reply.OWED


def _folded(lab: Lab, party: str) -> Ledger:
    """The ledger as that party's client folds it, in the order of its feed."""
    own = Ledger(lab.folded.ledger.charter, lab.folded.ledger.charter_of)
    for index in lab.feed(party):
        entry = lab.folded.ledger.entries[index]
        own.apply(index, entry.stamp_ms, entry.opened)
    return own
