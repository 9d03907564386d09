"""Whoever changes a byte of a log is found out, and the report names the leaf."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from channel.log import tokens, verify
from channel.log.bundle import REASONS as BUNDLE_REASONS
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.report import REASONS, REASONS_MAX, Report, Verdict
from channel.log.store import StoredLeaf
from channel.log.verify import verify_log
from channel.protocol import codes, ids
from channel.protocol.envelope import Signer, seal
from tests.unit.log.growing import CHARTER, STAMP, GrowingLog, changed, note_of
from tests.vectors import bodies

OTHER_CHARTER = seal(
    bodies.body("charter", title="Another"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))
)


def _found(report: Report) -> list[tuple[str, int | None]]:
    return [(reason.code, reason.leaf) for reason in report.reasons]


def _log(groups: int = 4, each: int = 1) -> GrowingLog:
    return GrowingLog().grow(groups, each)


def _swap(token: bytes, at: int) -> bytes:
    return token[:at] + (b"B" if token[at : at + 1] != b"B" else b"C") + token[at + 1 :]


def test_a_log_as_it_was_written_is_valid() -> None:
    log = _log(3, 2)
    report = log.verify()
    assert report.verdict is Verdict.VERIFIED
    assert (report.size, report.checkpoints, report.net, report.reasons) == (7, 4, bodies.NET, ())
    assert report.root == ids.b64url(log.tree.root())
    assert "leaves 0 to 6 are those that the log signed for, in this order and with these stamps" in report.proven
    assert "coalition had verified this log up to size 5, by its own signature in leaf 5" in report.proven
    assert json.loads(json.dumps(report.to_json()))["verdict"] == "verified"


def test_every_type_of_statement_can_be_in_it() -> None:
    log = GrowingLog()
    for type_ in bodies.TYPES:
        if type_ not in ("charter", "receipt", "busy", "heartbeat", "quarantine", "key", "revocation"):
            log.add(type_)
    log.commit()
    assert log.verify().reasons == ()


def test_without_a_charter_to_compare_with_it_is_incomplete() -> None:
    report = _log().verify(None)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.reasons == ()
    assert any("none was given" in line for line in report.unproven)


@pytest.mark.parametrize("charter", [None, CHARTER])
def test_an_empty_log_proves_nothing(charter: bytes | None) -> None:
    report = verify_log([], [], charter)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.proven == ()
    assert "root" not in report.to_json()


def test_another_charter_is_not_this_logs() -> None:
    assert _found(_log().verify(OTHER_CHARTER)) == [("wrong-charter", 0)]


def test_a_charter_that_cannot_be_read_is_said() -> None:
    assert _found(_log().verify(b"no charter"))[0] == ("bad-charter", None)


def test_a_log_that_begins_with_something_else_has_no_charter() -> None:
    log = _log()
    rows = [replace(row, index=index) for index, row in enumerate(log.rows()[1:])]
    assert ("no-charter", 0) in _found(verify_log(rows, log.notes(), None))
    assert ("no-charter", 0) in _found(verify_log(rows, log.notes(), CHARTER))


# --- changed rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(7))
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.999])
def test_a_changed_byte_of_a_token_names_the_leaf(index: int, part: float) -> None:
    log = _log(3, 2)
    row = log.rows()[index]
    token = _swap(row.token, int(part * len(row.token)))
    report = verify_log(changed(log.rows(), index, token=token), log.notes(), CHARTER)
    assert ("leaf-changed", index) in _found(report)
    assert {leaf for _, leaf in _found(report)} == {index}


@pytest.mark.parametrize(("index", "by"), list(product(range(7), (-1, 1))))
def test_a_changed_stamp_names_the_leaf(index: int, by: int) -> None:
    log = _log(3, 2)
    rows = changed(log.rows(), index, stamp=log.rows()[index].stamp + by)
    assert _found(verify_log(rows, log.notes(), CHARTER)) == [("leaf-changed", index)]


@pytest.mark.parametrize("index", range(7))
def test_a_changed_hash_beside_the_row_is_told_from_a_changed_row(index: int) -> None:
    log = _log(3, 2)
    rows = changed(log.rows(), index, leaf_hash=bytes(32))
    assert _found(verify_log(rows, log.notes(), CHARTER)) == [("hash-changed", index)]


@pytest.mark.parametrize("index", range(1, 7))
def test_a_changed_stamp_with_a_hash_to_match_is_between_two_checkpoints(index: int) -> None:
    log = _log(3, 2)
    row = log.rows()[index]
    rows = changed(log.rows(), index, stamp=row.stamp + 1, leaf_hash=leaf_hash(encode(row.stamp + 1, row.token)))
    report = verify_log(rows, log.notes(), CHARTER)
    first = 1 + (index - 1) // 2 * 2
    assert _found(report) == [("root-mismatch", first)]
    assert f"leaves {first} to {first + 1}" in report.reasons[0].detail


@pytest.mark.parametrize("index", range(5))
def test_with_one_leaf_a_checkpoint_such_a_change_names_the_leaf(index: int) -> None:
    log = _log(4, 1)
    row = log.rows()[index]
    rows = changed(log.rows(), index, stamp=row.stamp + 1, leaf_hash=leaf_hash(encode(row.stamp + 1, row.token)))
    report = verify_log(rows, log.notes(), CHARTER)
    assert _found(report) == [("root-mismatch", index)]
    assert report.reasons[0].detail.startswith(f"leaf {index} differs")


def test_two_changed_rows_are_both_named() -> None:
    log = _log(3, 2)
    rows = changed(changed(log.rows(), 3, stamp=STAMP + 3001), 4, stamp=STAMP + 4001)
    assert _found(verify_log(rows, log.notes(), CHARTER)) == [("leaf-changed", 3), ("leaf-changed", 4)]


def test_a_changed_row_and_a_changed_hash_in_one_group_are_named_and_bracketed() -> None:
    log = _log(3, 2)
    rows = changed(changed(log.rows(), 3, stamp=STAMP + 3001), 4, leaf_hash=bytes(32))
    found = _found(verify_log(rows, log.notes(), CHARTER))
    assert found == [("root-mismatch", 3), ("leaf-changed", 3), ("leaf-changed", 4)]


def test_rows_without_a_hash_beside_them_are_bracketed() -> None:
    log = _log(3, 2)
    rows = [StoredLeaf(row.index, row.stamp, row.token) for row in log.rows()]
    assert verify_log(rows, log.notes(), CHARTER).verdict is Verdict.VERIFIED
    assert _found(verify_log(changed(rows, 4, stamp=STAMP + 4001), log.notes(), CHARTER)) == [("root-mismatch", 3)]


def test_a_statement_exchanged_for_another_rightly_signed_one_is_found() -> None:
    log, other = _log(3, 1), GrowingLog()
    other.grow(1, 1)
    other.add("notice", text="nothing of the kind")
    token = other.tokens[2]
    row = log.rows()[2]
    rows = changed(log.rows(), 2, token=token, leaf_hash=leaf_hash(encode(row.stamp, token)))
    assert _found(verify_log(rows, log.notes(), CHARTER)) == [("root-mismatch", 2)]


@pytest.mark.parametrize("index", range(7))
def test_a_row_taken_out_is_missing(index: int) -> None:
    log = _log(3, 2)
    rows = [row for row in log.rows() if row.index != index]
    expected = ("truncated", 6) if index == 6 else ("missing-leaf", index)
    assert _found(verify_log(rows, log.notes(), CHARTER))[0] == expected


def test_a_row_taken_out_with_the_rest_moved_up_is_found() -> None:
    log = _log(3, 2)
    rows = [replace(row, index=index) for index, row in enumerate(row for row in log.rows() if row.index != 3)]
    assert ("root-mismatch", 3) in _found(verify_log(rows, log.notes(), CHARTER))


def test_two_rows_exchanged_are_both_named() -> None:
    log = _log(3, 2)
    third, fourth = log.rows()[3:5]
    rows = changed(
        changed(log.rows(), 3, stamp=fourth.stamp, token=fourth.token), 4, stamp=third.stamp, token=third.token
    )
    found = _found(verify_log(rows, log.notes(), CHARTER))
    assert {("leaf-changed", 3), ("leaf-changed", 4), ("stamp-decreased", 4)} <= set(found)


def test_rows_before_the_first_or_twice_are_misplaced() -> None:
    log = _log()
    rows = [StoredLeaf(-1, 0, b""), *log.rows(), log.rows()[-1]]
    assert _found(verify_log(rows, log.notes(), CHARTER)) == [("misplaced-leaf", -1), ("misplaced-leaf", 4)]


# --- changed checkpoints --------------------------------------------------------------------------------------------


def test_leaves_under_no_checkpoint_are_unsigned() -> None:
    log = _log(3, 2)
    assert _found(verify_log(log.rows(), log.notes()[:-1], CHARTER)) == [("unsigned-leaves", 5)]
    assert _found(verify_log(log.rows(), [], CHARTER)) == [("unsigned-leaves", 0)]


def test_a_checkpoint_between_may_be_missing() -> None:
    log = _log(3, 2)
    assert verify_log(log.rows(), [log.notes()[0], log.notes()[-1]], CHARTER).verdict is Verdict.VERIFIED


def test_leaves_cut_off_the_end_are_missed_by_the_checkpoints() -> None:
    log = _log(3, 2)
    assert _found(verify_log(log.rows()[:4], log.notes(), CHARTER)) == [("truncated", 4)]
    assert _found(verify_log([], log.notes(), CHARTER)) == [("missing-leaf", 0)]


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (lambda log: log.notes()[2][1].replace("AA", "BB", 1) + "x", "bad-note"),
        (lambda log: note_of(3, log.tree.root(2)), "root-mismatch"),
        (lambda log: note_of(3, log.tree.root(3), Signer("x/sig/a", bytes(32))), "bad-note-signature"),
        (lambda log: log.notes()[1][1], "bad-note"),
        (lambda log: log.notes()[3][1], "bad-note"),
        (lambda log: "", "bad-note"),
    ],
)
def test_a_checkpoint_that_is_not_the_logs_own_is_named(note: Callable[[GrowingLog], str], code: str) -> None:
    log = _log(3, 1)
    notes = [(size, note(log) if size == 3 else text) for size, text in log.notes()]
    assert _found(verify_log(log.rows(), notes, CHARTER)) == [(code, 2)]


def test_checkpoints_out_of_place_are_named() -> None:
    log = _log(3, 1)
    first, second, *rest = log.notes()
    assert _found(verify_log(log.rows(), [second, first, *rest], CHARTER)) == [("bad-note", 0)]
    assert ("bad-note", 0) in _found(verify_log(log.rows(), [(0, ""), first, second, *rest], CHARTER))


# --- what the relay itself must not log -----------------------------------------------------------------------------


def _committed(log: GrowingLog, *found: tuple[str, int]) -> None:
    log.commit()
    assert _found(log.verify()) == list(found)


def test_a_stamp_before_the_one_before_is_named() -> None:
    log = _log(1, 2)
    rows = changed(log.rows(), 2, stamp=STAMP, leaf_hash=b"")
    log.tree.cut(2)
    log.tree.append(leaf_hash(encode(STAMP, rows[2].token)))
    notes = [log.notes()[0], (3, note_of(3, log.tree.root()))]
    assert _found(verify_log(rows, notes, CHARTER)) == [("stamp-decreased", 2)]


@pytest.mark.parametrize("type_", ["receipt", "busy", "heartbeat", "quarantine", "charter"])
def test_words_and_a_second_charter_are_no_leaves(type_: str) -> None:
    log = GrowingLog()
    kid = bodies.kid(type_)
    changes = {"title": "Second"} if type_ == "charter" else {}
    index = log.add_token(seal(bodies.body(type_, **changes), Signer(kid, bodies.seed(kid))))
    _committed(log, ("not-a-leaf", index))


def test_bytes_that_nobody_signed_are_named() -> None:
    log = GrowingLog()
    forged = log.add_token(seal(bodies.body("notice"), Signer("coalition/sig/machine-1", bytes(32))))
    foreign = log.add_token(seal(bodies.body("notice", from_="sdf"), Signer("sdf/sig/machine-1", bytes(32))))
    rubbish = log.add_token(b"a.b.c")
    _committed(log, ("bad-signature", forged), ("unknown-kid", foreign), ("bad-token", rubbish))


def test_a_statement_that_breaks_the_guard_is_named() -> None:
    log = GrowingLog()
    index = log.add("notice", net="other-net")
    _committed(log, ("wrong-net", index))


def test_the_same_token_twice_is_named() -> None:
    log = _log(1, 1)
    index = log.add_token(log.tokens[1])
    _committed(log, ("duplicate-leaf", index))


def test_two_statements_with_one_number_are_named() -> None:
    log = _log(1, 1)
    index = log.add("notice", seq=1, prev=log.charter_of, text="another")
    _committed(log, ("equivocation", index))


def test_an_accession_to_another_charter_is_named() -> None:
    log = GrowingLog()
    index = log.add("accession", charter=bodies.HASH)
    _committed(log, ("wrong-charter", index))


# --- keys by position -----------------------------------------------------------------------------------------------


def _key(kid: str) -> dict[str, str]:
    return {"kid": kid, "pub": ids.b64url(bodies.public(kid)), "held": "machine"}


NEW = "coalition/sig/machine-2"


def test_an_enrolled_key_signs_from_the_next_leaf_on() -> None:
    log = GrowingLog()
    log.add("key", key=_key(NEW))
    log.add("notice", by=NEW)
    _committed(log)


def test_a_key_does_not_sign_before_its_enrolment() -> None:
    log = GrowingLog()
    early = log.add("notice", by=NEW)
    log.add("key", key=_key(NEW))
    _committed(log, ("unknown-kid", early))


def test_a_withdrawn_key_does_not_sign_any_more() -> None:
    log = GrowingLog()
    log.add("notice")
    log.add("revocation", kid="coalition/sig/machine-1")
    late = log.add("notice")
    _committed(log, ("key-not-valid", late))


def test_what_a_key_signed_from_the_leaf_on_since_which_its_party_doubts_it_is_told() -> None:
    log = GrowingLog()
    log.add("notice")
    first, second = (log.add("notice", nid=f"015e87f3-2a40-7c11-9d3e-00000000000{n}") for n in (1, 2))
    log.add("revocation", kid="coalition/sig/machine-1", compromised_since=first)
    log.commit()
    report = log.verify()
    assert report.verdict is Verdict.VERIFIED, "it changes nothing in the past"
    doubts = [line for line in report.unproven if "compromised" in line]
    told = f"at leaves {first}, {second}: its party calls it compromised since leaf {first}"
    assert doubts == [f"that it was coalition who used coalition/sig/machine-1 {told}"]


@pytest.mark.parametrize(
    ("type_", "changes", "code"),
    [
        ("key", {"key": _key("russia/sig/machine-2")}, "wrong-party"),
        ("key", {"key": _key("coalition/sig/machine-1")}, "key-exists"),
        ("key", {"key": _key(NEW), "keys": bodies.HASH}, "keys-outdated"),
        ("revocation", {"kid": "russia/sig/machine-1"}, "wrong-party"),
        ("revocation", {"kid": NEW}, "unknown-key"),
        ("revocation", {"kid": "coalition/sig/machine-1", "keys": bodies.HASH}, "keys-outdated"),
    ],
)
def test_a_key_statement_that_must_not_stand_is_named_and_changes_nothing(
    type_: str, changes: dict[str, Any], code: str
) -> None:
    log = GrowingLog()
    index = log.add(type_, **changes)
    log.add("notice")
    log.add("receiving", by="russia/sig/machine-1")
    _committed(log, (code, index))


def test_a_key_is_withdrawn_once() -> None:
    log = GrowingLog()
    log.add("revocation", kid="coalition/sig/machine-1")
    again = log.add("revocation", kid="coalition/sig/machine-1")
    _committed(log, ("unknown-key", again))


def test_the_logs_keys_are_the_charters_whatever_its_root_signs() -> None:
    second = Signer("relay/sig/log-2", bodies.seed("relay/sig/log-2"))
    log = GrowingLog()
    log.add("key", by="relay/root/1", key=_key(second.kid))
    log.commit()
    log.add("notice")
    rows = [*log.rows(), StoredLeaf(2, log.stamp, log.tokens[2])]
    by_old = [*log.notes(), (3, note_of(3, log.tree.root()))]
    by_new = [*log.notes(), (3, note_of(3, log.tree.root(), second))]
    assert _found(verify_log(rows, by_old, CHARTER)) == [("wrong-key", 1)]
    assert ("bad-note-signature", 2) in _found(verify_log(rows, by_new, CHARTER))


# --- what the parties' own words add --------------------------------------------------------------------------------


def _doubts(log: GrowingLog) -> str:
    log.commit()
    report = log.verify()
    assert report.verdict is Verdict.VERIFIED, "what a party says of itself does not make the log wrong"
    return "\n".join(report.unproven)


def test_another_log_that_a_party_saw_is_told() -> None:
    log = _log(2, 1)
    index = log.add("notice", seen={"size": 2, "root": bodies.HASH})
    assert f"leaf {index}: coalition/sig/machine-1 saw another log of size 2 than this one" in _doubts(log)


def test_a_tree_beyond_this_log_that_a_party_saw_is_told() -> None:
    log = _log(2, 1)
    index = log.add("notice", seen={"size": 9, "root": bodies.HASH})
    assert f"leaf {index}: coalition/sig/machine-1 saw 9 leaves before" in _doubts(log)


def test_numbers_that_are_neither_here_nor_refused_are_told() -> None:
    log = GrowingLog()
    log.add("notice", seq=4)
    log.add("refusal", kid="coalition/sig/machine-1", party="coalition", refused_seq=2)
    assert "coalition/sig/machine-1 signed up to number 4; 2 of these are neither here nor refused" in _doubts(log)


def test_numbers_that_may_be_in_a_summary_of_refusals_are_told_as_such() -> None:
    """A summary says how many statements of a party were refused, not which numbers they had."""
    log = GrowingLog()
    log.add("notice", seq=6)
    summed_up = {"kid": "coalition/sig/machine-1", "party": "coalition", "refused_seq": 0, "code": "summary"}
    log.add("refusal", **summed_up, count=2)
    said = "coalition/sig/machine-1 signed up to number 6; 5 of these are neither here nor refused by number; "
    assert f"{said}at most 2 of them are in a summary of refusals" in _doubts(log)
    log.add("refusal", **summed_up, count=9)
    assert f"{said}at most 5 of them are in a summary of refusals" in _doubts(log)
    log.add("notice", by="russia/sig/machine-1", seq=3)
    of_another = "russia/sig/machine-1 signed up to number 3; 2 of these are neither here nor refused"
    assert of_another in _doubts(log).splitlines()


def test_another_statement_before_is_told() -> None:
    log = _log(1, 1)
    index = log.add("notice", prev=bodies.HASH)
    assert f"leaf {index}: coalition/sig/machine-1 names another statement 1 than the log holds" in _doubts(log)


def test_many_doubts_are_counted() -> None:
    log = GrowingLog()
    for _ in range(30):
        log.add("notice", seen={"size": 999, "root": bodies.HASH})
    assert "10 more of this kind" in _doubts(log)


def test_a_wholly_wrong_log_is_told_in_bounded_words() -> None:
    log = _log(1, 150)
    rows = [replace(row, token=_swap(row.token, -9)) for row in log.rows()]
    report = verify_log(rows, log.notes(), CHARTER)
    assert len(report.reasons) == REASONS_MAX + 1
    assert report.reasons[-1].code == "more"


WITNESSES = ("coalition/wit/1", "russia/wit/1")


def test_cosignatures_beside_the_log_are_verified_and_say_how_far_it_was_witnessed() -> None:
    log = _log(3)
    log.cosign(2, *WITNESSES)
    report = log.verify()
    assert (report.verdict, report.witnessed, report.to_json()["witnessed"]) == (Verdict.VERIFIED, 2, 2)
    assert any("witnesses had verified this log up to 2 leaves: coalition before" in line for line in report.proven)
    assert any("that a quorum of witnesses (2) had verified leaves 2 to 3" in line for line in report.unproven)
    log.cosign(4, *WITNESSES)
    assert log.verify().witnessed == 4
    assert not any("quorum of witnesses" in line for line in log.verify().unproven)


@pytest.mark.parametrize("beside", [True, False], ids=["beside the log", "in the note"])
def test_a_cosignature_that_does_not_hold_is_named_with_its_checkpoint_and_party(beside: bool) -> None:
    log = _log(2)
    log.cosign(3, *WITNESSES)
    lines = dict(log.store.cosignatures(3))
    lines["russia"] = lines["coalition"].replace("/coalition ", "/russia ")
    wrong = lines["coalition"][:-20] + ("A" if lines["coalition"][-20] != "A" else "B") + lines["coalition"][-19:]
    notes = [(size, note if beside or size != 3 else note + wrong) for size, note in log.notes()]
    kept = {"coalition": wrong, "russia": lines["russia"]} if beside else {}
    report = verify_log(log.rows(), notes, CHARTER, lambda size: kept if size == 3 else {})
    assert {code for code, _ in _found(report)} == {"bad-cosignature"}
    assert all("checkpoint of size 3" in reason.detail for reason in report.reasons)
    assert len(report.reasons) == (2 if beside else 1)
    assert report.witnessed == 0


def test_a_quorum_with_a_key_that_its_party_calls_compromised_is_said_to_be_one() -> None:
    log = _log(2)
    log.cosign(3, *WITNESSES)
    log.add("revocation", by="russia/root/1", kid="russia/wit/1", compromised_since=1, **{"from": "russia"})
    log.commit()
    report = log.verify()
    assert report.verdict is Verdict.VERIFIED, report.reasons
    assert any("russia before" in line and "calls compromised" in line for line in report.proven)
    assert any("if the compromised witness keys of russia are not counted" in line for line in report.unproven)


def test_nobody_makes_anothers_witness_key_doubtful() -> None:
    log = GrowingLog()
    stolen = {"kid": "russia/wit/x", "pub": ids.b64url(bodies.public("coalition/wit/1")), "held": "machine"}
    log.add("key", by="russia/root/1", key=stolen, **{"from": "russia"})
    log.add("revocation", by="russia/root/1", kid="russia/wit/x", compromised_since=0, **{"from": "russia"})
    log.commit()
    log.cosign(3, *WITNESSES)
    report = log.verify()
    assert (report.reasons, report.witnessed) == ((), 3)
    assert not any("compromised" in line for line in (*report.proven, *report.unproven))


def test_another_key_of_that_party_is_not_doubted_for_it() -> None:
    log = GrowingLog()
    key = {"kid": "russia/wit/2", "pub": ids.b64url(bodies.public("russia/wit/2")), "held": "machine"}
    log.add("key", by="russia/root/1", key=key, **{"from": "russia"})
    log.add("notice")
    log.commit()
    log.cosign(3, "coalition/wit/1", "russia/wit/2")
    log.add("revocation", by="russia/root/1", kid="russia/wit/1", compromised_since=0, **{"from": "russia"})
    log.commit()
    report = log.verify()
    assert (report.reasons, report.witnessed) == ((), 3)
    assert not any("compromised" in line for line in (*report.proven, *report.unproven))


def test_of_another_charter_nothing_is_told_as_proven() -> None:
    for charter in (OTHER_CHARTER, b"no charter"):
        report = _log(2).verify(charter)
        assert (report.verdict, report.proven, report.witnessed) == (Verdict.REFUTED, (), 0)


def test_what_a_key_signed_where_it_was_not_valid_is_not_counted_as_signed() -> None:
    log = GrowingLog()
    log.add("revocation", by="coalition/root/1", kid="coalition/sig/machine-1")
    log.add("notice")
    log.commit()
    report = log.verify()
    assert _found(report) == [("key-not-valid", 2)]
    assert any(line.startswith("2 statements are signed with keys valid") for line in report.proven)


def test_a_report_on_a_trial_and_on_machines_that_hold_desk_keys_says_so() -> None:
    log = GrowingLog()
    kid = "russia/sig/desk-staff"
    key = {"kid": kid, "pub": ids.b64url(bodies.public(kid)), "held": "machine"}
    log.add("key", by="russia/root/1", key=key, **{"from": "russia"})
    log.add("check", by=kid, desk="staff", **{"from": "russia"})
    log.commit()
    assert any(kid in line and "machines hold" in line for line in log.verify().unproven)
    trial = seal(bodies.body("charter", trial=True), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1")))
    tree = Tree()
    tree.append(leaf_hash(encode(STAMP, trial)))
    report = verify_log([StoredLeaf(0, STAMP, trial)], [(1, note_of(1, tree.root()))], trial)
    assert report.verdict is Verdict.VERIFIED
    assert any("this net is a trial" in line for line in report.unproven)


def test_every_reason_in_json_names_its_leaf_or_null() -> None:
    for report in (verify_log([], [(1, "x")], b"no charter"), verify.unreadable("cut off")):
        assert report.reasons
        for reason in report.to_json()["reasons"]:  # type: ignore[attr-defined]
            assert set(reason) == {"code", "leaf", "detail"}


def test_every_code_of_a_report_is_explained() -> None:
    known = {*REASONS, *BUNDLE_REASONS, *codes.REFUSALS, *codes.UNATTRIBUTABLE}
    sources = "".join(Path(module.__file__ or "").read_text() for module in (verify, tokens))
    assert set(re.findall(r'\.add\(\s*"([a-z-]+)"', sources)) <= known
    assert set(re.findall(r'else "([a-z-]+)"|return "([a-z-]+)"', sources)) <= {(a, "") for a in known} | {
        ("", a) for a in known
    }
