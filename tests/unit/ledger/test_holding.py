"""Early, late, crossing, too many (protocol.md 9.5, 12.2, 12.3): nobody's order of arrival decides anything else."""

from __future__ import annotations

import hashlib

import pytest

from channel.ledger.delivery import End, Reply
from channel.protocol import ids, limits
from channel.protocol.statements import Busy
from channel.protocol.times import to_wire
from tests.unit.ledger.refusing import line_members
from tests.unit.relay.lab import HOUR, MINUTE, SECOND, T0_MS, Lab, Said


def _unheard(lab: Lab, *to: str) -> bytes:
    """A notice that its author signed and the relay does not have yet."""
    return lab.sign("coalition", "notice", **lab.notice_members(*to))


def _delivery(lab: Lab, of: str, party: str = "russia") -> tuple[Reply, End]:
    delivery = lab.folded.ledger.deliveries[of, party]
    return delivery.reply, delivery.end


# --- early ------------------------------------------------------------------------------------------------------------


def test_an_answer_before_its_notice_is_held_without_a_word_and_taken_when_the_notice_comes() -> None:
    lab = Lab()
    notice = _unheard(lab, "russia")
    early = lab.answer("russia", ids.sha256(notice))
    assert lab.turn() == 0
    assert (early.index, lab.words) == (None, [])
    sent = lab.submit(notice, "coalition")
    lab.turn()
    assert _delivery(lab, sent.of) == (Reply.WILCO, End.ANSWERED)
    assert [(party, getattr(body.body, "of", "")) for party, body in lab.words] == [
        ("coalition", sent.of),
        ("russia", early.of),
    ]


REFERRING = ("answer", "receiving", "forwarding", "amendment", "withdrawal", "line", "acknowledgement")


@pytest.mark.parametrize("kind", REFERRING)
def test_whatever_refers_to_the_unknown_is_held_and_refused_after_ten_minutes(kind: str) -> None:
    lab, of = Lab(), ids.sha256(b"never came")
    early = _early(lab, kind, of)
    lab.at(limits.HELD_MS_MAX - 1).turn()
    assert (lab.refusals(), lab.core.next_ms()) == ([], T0_MS + limits.HELD_MS_MAX)
    lab.at(limits.HELD_MS_MAX).turn()
    assert [(r.code, r.of, r.refused_seq) for r in lab.refusals()] == [("unknown-reference", early.of, 1)]
    assert lab.core.next_ms() is None


def _early(lab: Lab, kind: str, of: str) -> Said:
    match kind:
        case "answer":
            return lab.answer("russia", of)
        case "receiving":
            return lab.received("russia", of)
        case "forwarding":
            return lab.forward("russia", of, "regime")
        case "acknowledgement":
            return lab.acknowledge("russia", "0123456789abcdef")
        case "line":
            return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of))
        case _:
            return lab.notice("russia", "coalition", **{"amends" if kind == "amendment" else "withdraws": of})


def test_a_chain_of_early_amendments_is_taken_in_its_order_once_the_first_comes() -> None:
    lab = Lab()
    first = _unheard(lab, "russia")
    of, chain = ids.sha256(first), []
    for _ in range(50):
        amended = lab.notice("coalition", "russia", amends=of)
        of = amended.of
        chain.append(of)
    lab.submit(first, "coalition")
    indexes = [lab.folded.ledger.index_of[one] for one in chain]
    assert indexes == sorted(indexes)
    ends = [lab.folded.ledger.deliveries[one, "russia"].end for one in chain]
    assert ends == [End.SUPERSEDED] * 49 + [End.OPEN]


def test_an_early_acknowledgement_is_taken_when_its_alert_is_raised() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia").of
    alert = ids.alert_id(of, "russia", "receipt", "operations", 1)
    assert lab.acknowledge("coalition", alert).index is None
    lab.run_to(15 * SECOND)
    assert lab.folded.ledger.alerts[alert].acked == {"coalition": T0_MS + 15 * SECOND}


def test_held_statements_are_bounded_and_the_oldest_makes_room() -> None:
    lab = Lab(terms={"flash_per_minute": 1000})
    notices = [_unheard(lab, "russia") for _ in range(limits.HELD_STATEMENTS_MAX + 1)]
    for second, notice in enumerate(notices):
        lab.at(second)
        lab.answer("russia", ids.sha256(notice))
    for notice in notices:
        lab.submit(notice, "coalition")
    replies = [_delivery(lab, ids.sha256(notice))[0] for notice in notices]
    assert replies == [Reply.OWED] + [Reply.WILCO] * limits.HELD_STATEMENTS_MAX


def test_one_partys_held_statements_put_out_no_others() -> None:
    lab = Lab()
    notice = _unheard(lab, "russia", "sdf")
    lab.answer("sdf", ids.sha256(notice))
    for number in range(limits.HELD_STATEMENTS_MAX + 50):
        lab.answer("russia", ids.sha256(str(number).encode()))
    lab.submit(notice, "coalition")
    assert _delivery(lab, ids.sha256(notice), "sdf")[0] is Reply.WILCO


def test_the_same_bytes_are_held_once() -> None:
    lab = Lab()
    notice = _unheard(lab, "russia")
    early = lab.answer("russia", ids.sha256(notice))
    for _ in range(3):
        lab.submit(early.token, "russia")
    lab.submit(notice, "coalition")
    assert lab.turn() == 2


def test_what_is_held_is_refused_to_its_own_party_also_if_another_brought_it_first() -> None:
    lab = Lab()
    early = lab.sign("russia", "answer", of=ids.sha256(b"never came"), word="WILCO")
    lab.submit(early, "sdf")
    lab.submit(early, "russia")
    lab.at(limits.HELD_MS_MAX).turn()
    assert [(r.code, r.party) for r in lab.refusals()] == [("unknown-reference", "russia")]


def test_who_is_behind_an_intermediary_may_answer_what_it_has_from_elsewhere() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia").of
    assert lab.answer("regime", of).code is None
    assert _delivery(lab, of, "regime") == (Reply.WILCO, End.ANSWERED)


# --- late and crossing ------------------------------------------------------------------------------------------------

ENDS = ("withdraws", "amends", "expired")


def _ended(how: str) -> tuple[Lab, str]:
    lab = Lab()
    of = lab.notice("coalition", "russia", "regime via russia").of
    if how == "expired":
        lab.run_to(12 * MINUTE)
    else:
        lab.notice("coalition", "russia", "regime via russia", **{how: of})
    lab.turn()
    return lab, of


@pytest.mark.parametrize("how", ENDS)
def test_what_crosses_an_end_is_logged_as_evidence_and_reopens_nothing(how: str) -> None:
    lab, of = _ended(how)
    end = {"withdraws": End.WITHDRAWN, "amends": End.SUPERSEDED, "expired": End.EXPIRED}[how]
    said = [
        lab.received("russia", of),
        lab.answer("russia", of),
        lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + HOUR)),
        lab.answer("regime", of),
        lab.forward("russia", of, "regime"),
    ]
    assert [one.code for one in said] == [None] * 5
    assert _delivery(lab, of) == (Reply.OWED, end)
    assert _delivery(lab, of, "regime") == (Reply.OWED, end)


@pytest.mark.parametrize("how", ENDS)
def test_a_late_answer_goes_to_the_author_all_the_same(how: str) -> None:
    lab, of = _ended(how)
    said = lab.answer("russia", of)
    assert said.index in lab.feed("coalition")


def test_expiry_keeps_its_alerts_when_the_answer_comes_after_it() -> None:
    lab, of = _ended("expired")
    lab.answer("russia", of)
    standing = [r.body.stage for r in lab.folded.ledger.alerts.values() if r.standing and r.body.addressee == "russia"]
    assert "expired" in standing
    assert "answer" in standing


def test_an_expired_or_answered_notice_may_still_be_withdrawn_once() -> None:
    lab, of = _ended("expired")
    assert lab.notice("coalition", "russia", "regime", withdraws=of).code is None
    assert lab.notice("coalition", "russia", "regime", withdraws=of).code == "already-ended"
    assert _delivery(lab, of)[1] is End.EXPIRED


# --- founding ---------------------------------------------------------------------------------------------------------


def test_before_the_last_accession_everything_else_waits_and_leaves_no_leaf() -> None:
    lab = Lab(in_force=False)
    for party in ("coalition", "russia", "sdf"):
        assert lab.accede(party).index is not None
    early = lab.notice("coalition", "russia")
    operator = lab.acknowledge("relay", "0123456789abcdef")
    lab.turn()
    busy = [body.body for party, body in lab.words if party == "coalition" and body.type == "busy"]
    assert (early.code, operator.code) == ("not-in-force", "not-in-force")
    assert [(b.of, b.code) for b in busy if isinstance(b, Busy)] == [(early.of, "not-in-force")]
    assert lab.core.committed_size == 4
    lab.accede("regime")
    assert lab.submit(early.token, "coalition").index == 5


# --- too many ---------------------------------------------------------------------------------------------------------


def _faulty(lab: Lab, count: int) -> list[Said]:
    """Notices to nobody."""
    return [lab.notice("sdf") for _ in range(count)]


def test_beyond_the_limit_refusals_become_one_summary_a_minute_after_the_last() -> None:
    lab = Lab(terms={"refusals_per_minute": 3})
    said = _faulty(lab, 8)
    lab.turn()
    busy = [body.body for _, body in lab.words if isinstance(body.body, Busy)]
    assert [(b.of, b.code) for b in busy] == [(one.of, "refusals-limited") for one in said[3:]]
    assert lab.core.next_ms() == T0_MS + MINUTE
    lab.at(MINUTE - 1).turn()
    assert len(lab.refusals()) == 3
    lab.at(MINUTE).turn()
    summary = lab.refusals()[-1]
    hashes = hashlib.sha256("\n".join(one.of for one in said[3:]).encode()).digest()
    assert (summary.code, summary.count, summary.of) == ("summary", 5, ids.b64url(hashes))
    assert (summary.party, summary.kid, summary.refused_seq) == ("sdf", "sdf/root/1", 0)


def test_the_same_faulty_bytes_again_are_counted_once_in_the_summary() -> None:
    lab = Lab(terms={"refusals_per_minute": 1})
    said = _faulty(lab, 2)
    for _ in range(5):
        lab.submit(said[1].token, "sdf")
    lab.at(MINUTE).turn()
    assert [r.count for r in lab.refusals()] == [1, 1]


def test_what_a_summary_counted_occupies_no_number_and_gets_its_own_refusal_later() -> None:
    lab = Lab(terms={"refusals_per_minute": 1})
    said = _faulty(lab, 2)
    lab.at(MINUTE).turn()
    assert lab.folded.ledger.devices["sdf/sig/machine-1"].highest == 1
    lab.at(2 * MINUTE).submit(said[1].token, "sdf")
    assert lab.refusals()[-1].of == said[1].of
    assert lab.folded.ledger.devices["sdf/sig/machine-1"].highest == 2


def test_one_partys_faults_use_up_nobody_elses_refusals_and_hold_back_no_good_statement() -> None:
    lab = Lab(terms={"refusals_per_minute": 1})
    _faulty(lab, 5)
    assert lab.notice("sdf", "coalition").code is None
    lab.notice("regime")
    assert lab.refusals()[-1].party == "regime"


def test_an_equivocation_is_alerted_to_the_party_whose_key_it_is_and_to_no_other() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    twice = lab.notice("coalition", "russia", seq=1)
    lab.turn()
    ((_, alert),) = lab.alerts()
    assert (alert.stage, alert.fault) == ("equivocation", "coalition")
    assert {told.party for told in alert.told} == {"coalition"}
    assert alert.alert == ids.alert_id(twice.of, "coalition", "equivocation", "operations", 1)


def test_a_used_notice_id_under_a_fresh_number_takes_that_number() -> None:
    lab = Lab()
    nid = lab.nid()
    lab.notice("coalition", "russia", nid=nid)
    twice = lab.notice("coalition", "russia", nid=nid)
    assert lab.folded.ledger.devices["coalition/sig/machine-1"].taken[2] == twice.of
