"""A bundle proves what the signatures say and no more; whoever changes or leaves out a part of it is found out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from channel.log import documents, tiles
from channel.log import fork as forks
from channel.log import report as reports
from channel.log.bundle import INCOMPLETE, REASONS, read, verify_bundle
from channel.log.bundle_build import build
from channel.log.case import FOUNDING
from channel.log.report import REASONS_MAX, Report, Verdict
from channel.protocol import codes, ids
from channel.protocol.envelope import Signer, open_charter, seal
from channel.protocol.errors import IncompleteError, UsageError
from tests.unit.log.evidence import (
    DESK,
    INNER,
    PT,
    CaseLog,
    Members,
    begun,
    codes_of,
    edited,
    good,
    inner,
    shared,
    spelled,
    verdict,
    without,
)
from tests.unit.log.growing import CHARTER, note_of
from tests.vectors import bodies

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")

OTHER_CHARTER = seal(
    bodies.body("charter", title="Another"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))
)


# --- what it proves -------------------------------------------------------------------------------------------------


def test_a_bundle_as_it_was_made_is_verified() -> None:
    report = verify_bundle(good(), CHARTER)
    assert report.reasons == ()
    assert (report.verdict, report.net, report.size) == (Verdict.VERIFIED, bodies.NET, shared().tree.size)
    assert report.root == ids.b64url(shared().tree.root())
    assert json.loads(json.dumps(report.to_json()))["verdict"] == "verified"


def test_it_holds_the_charter_the_key_chain_and_what_is_about_the_notice() -> None:
    held = {row.index for row in read(good()).rows}
    for leaf in shared().leaves():
        other = leaf.opened.type == "check" or (
            leaf.opened.type == "notice" and leaf.opened.of != shared().of and "withdraws" not in str(leaf.opened.token)
        )
        assert isinstance(leaf.opened.body, FOUNDING) <= (leaf.index in held)
        if other and not getattr(leaf.opened.body, "withdraws", None):
            assert leaf.index not in held
    assert len(held) == 19


def test_it_says_who_signed_what_where_and_by_when() -> None:
    proven = verify_bundle(good(), CHARTER).proven
    nid = bodies.NID
    assert proven[0] == (
        f"coalition's machine key signed the sealed notice {nid} (FLASH) to russia at leaf 5; stamped "
        "2017-09-16T00:30:05Z by the relay; before 2017-09-16T00:33:21Z; its signer names a log of 5 leaves as seen; "
        "its party later called this key compromised since leaf 3"
    )
    assert [line.split("; stamped")[0] for line in proven[1:]] == [
        "russia's machine key signed that it was received at leaf 6",
        "the relay signed the alert `answer`, due at 2017-09-16T02:30:00.000Z, with russia at leaf 8",
        "russia's desk key (held by a machine) acknowledged alert 0123456789abcdef at leaf 9",
        "russia's desk key (held by a machine) signed that it was displayed at leaf 10",
        "russia's desk key (held by a machine) signed STANDBY to it until 2017-09-16T02:30:00.000Z at leaf 11",
        "russia's desk key signed WILCO to it, quoting the hash of what was sealed, without the read-back that was "
        "asked for, at leaf 13",
        "russia's machine key signed that it passed it on to coalition over the channel at leaf 16",
        "the relay signed the finding `conflict`, raised, that rests on it at leaf 17",
        "the relay signed the alert `expired`, due at 2017-09-16T02:30:00.000Z, with russia at leaf 19",
        "coalition's desk key (held by a machine) acknowledged alert 00000000000000aa at leaf 20",
        "coalition's machine key withdrew it by notice 015e89c1-b3c0-7000-8000-00000000000b at leaf 21",
        "the relay gave a receipt for leaf 5 that agrees with its log",
        "the log signed for these leaves, in this order and with these stamps, under its root of 23 leaves",
        "witnesses had verified this log up to 23 leaves: coalition before 2017-09-16T00:33:20Z, "
        "russia before 2017-09-16T00:33:21Z (the charter asks for 2)",
        f"the disclosed inner notice is the content of notice {nid} at leaf 5: its hash is the one that is named "
        "there; coalition's machine key signed it; its party later called this key compromised since leaf 3",
    ]


def test_a_key_called_compromised_is_marked_and_changes_nothing_in_the_past() -> None:
    report = verify_bundle(good(), CHARTER)
    line = next(line for line in report.proven if "WILCO" in line)
    assert "compromised" not in line, "it signed before the leaf from which its party doubts it"
    log = begun()
    index = log.say("russia", "answer", DESK, word="WILCO", until=...)
    revocation = {"kid": "russia/sig/desk-operations", "compromised_since": index}
    log.say("russia", "revocation", "root/1", **revocation)
    report = verify_bundle(log.bundle(), CHARTER)
    line = next(line for line in report.proven if "WILCO" in line)
    assert report.verdict is Verdict.VERIFIED
    assert line.endswith(f"its party later called this key compromised since leaf {index}")
    assert f"that it was russia who used russia/sig/desk-operations at leaf {index}" in report.unproven


def _content(log: CaseLog, *inners: bytes) -> tuple[list[str], tuple[str, ...]]:
    """What is said of the disclosed contents, and what is not proven."""
    report = verify_bundle(log.bundle(disclosed=inners), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    return [line for line in report.proven if line.startswith("the disclosed")], report.unproven


def test_an_inner_notice_under_a_key_called_compromised_or_held_by_a_machine_is_marked_as_such() -> None:
    by = f"coalition/{DESK}"
    token = inner(by)
    log = begun(token)
    (plain,), _ = _content(log, token)
    assert plain.endswith("coalition's desk key (held by a machine) signed it")
    log.say("coalition", "revocation", "root/1", kid=by, compromised_since=5)
    (marked,), unproven = _content(log, token)
    assert marked == f"{plain}; its party later called this key compromised since leaf 5"
    assert f"that it was coalition who used {by} for the content of notice {bodies.NID} at leaf 5" in unproven


def test_an_inner_notice_from_before_its_key_is_doubted_is_not_marked() -> None:
    by = f"coalition/{DESK}"
    token = inner(by)
    log = begun(token)
    log.say("coalition", "revocation", "root/1", kid=by, compromised_since=6)
    (line,), unproven = _content(log, token)
    assert "compromised" not in line
    assert not any(by in said for said in unproven)


def test_each_disclosed_content_is_told_with_the_notice_that_it_was_sealed_in() -> None:
    later = {"nid": "015e89c1-b3c0-7000-8000-0000000000c1"}
    log = begun()
    second = inner(f"coalition/{DESK}", amends=log.of, **later)
    sealed = {"ct": bodies.HASH, "pt": ids.sha256(second)}
    index = log.say("coalition", "notice", amends=log.of, sealed=sealed, **later)
    first, amended = _content(log, INNER, second)[0]
    assert f"the content of notice {bodies.NID} at leaf 5: " in first
    assert f"the content of notice {later['nid']} at leaf {index}: " in amended
    assert amended.endswith("coalition's desk key (held by a machine) signed it")


def test_silence_is_not_ignorance() -> None:
    unproven = verify_bundle(begun().bundle(), CHARTER).unproven
    assert (
        "that russia had it, or had it not: nothing signed by russia is here, and silence is not ignorance" in unproven
    )
    assert "that russia answered: no answer by it is here" in unproven


def test_what_a_party_signed_about_it_is_named_where_it_says_nothing_of_a_person() -> None:
    log = begun()
    log.say("relay", "alert")
    log.say("russia", "acknowledgement", DESK)
    unproven = verify_bundle(log.bundle(), CHARTER).unproven
    assert "that a person of russia read it: of what it signed about it only this is here: acknowledgement" in unproven
    assert not any("nothing signed by russia is here" in line for line in unproven)


def test_a_machines_receipt_is_no_persons_knowledge() -> None:
    log = begun()
    log.say("russia", "receiving")
    assert (
        "that a person of russia knew of it: `received` is a machine's word"
        in verify_bundle(log.bundle(), CHARTER).unproven
    )
    log.say("russia", "receiving", DESK, stage="displayed")
    assert (
        "that a person of russia read it: `displayed` is the word of its desk"
        in verify_bundle(log.bundle(), CHARTER).unproven
    )


def test_a_standby_is_not_the_last_word() -> None:
    log = begun()
    log.say("russia", "answer", DESK)
    report = verify_bundle(log.bundle(), CHARTER)
    assert "that russia answered for good: it signed STANDBY and nothing after it is here" in report.unproven
    assert "that a person of russia answered: by its enrolment a machine holds this desk's key" in report.unproven


def test_a_forwarding_by_voice_proves_nothing_of_the_addressee() -> None:
    log = CaseLog()
    log.say("coalition", "notice", to=[{"party": "russia", "via": "coalition"}])
    log.of = ids.sha256(log.tokens[1])
    voice = {"role": "duty officer", "contact": "line 1", "at": bodies.T1, "readback": ""}
    told = bodies.body("forwarding", of=log.of, by="voice", voice=voice, seen={"size": 0, "root": bodies.HASH})
    log.add_token(seal(told, Signer(f"coalition/{DESK}", bodies.seed(f"coalition/{DESK}"))))
    log.commit()
    report = verify_bundle(log.bundle(), CHARTER)
    assert any("says that it told russia by voice (duty officer, line 1" in line for line in report.proven)
    assert "that russia was told: a forwarding by voice is the word of coalition alone" in report.unproven


def test_a_trial_proves_nothing_between_parties() -> None:
    assert any("this net is a trial" in line for line in verify_bundle(good(), CHARTER).unproven)


@pytest.mark.parametrize("action", ["line", "call"])
def test_lines_and_calls_have_bundles_too(action: str) -> None:
    log = CaseLog()
    log.say("coalition", action, DESK)
    log.of = ids.sha256(log.tokens[1])
    log.say("russia", "answer", DESK, word="ROGER", until=...)
    report = verify_bundle(log.bundle(), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    assert f"the {action}" in report.proven[0]


def test_without_witnesses_the_time_is_the_relays_alone() -> None:
    for parties, count in (((), 0), (("russia",), 1)):
        report = verify_bundle(shared().bundle(note=shared().note(*parties)), CHARTER)
        assert report.verdict is Verdict.VERIFIED
        assert "; before" not in report.proven[0]
        assert any(line.startswith("that nobody was shown another log, and times") for line in report.unproven)
        assert any(f"{count} witnesses cosigned" in line for line in report.unproven)


def test_what_is_sealed_and_not_disclosed_is_not_shown() -> None:
    assert "what the sealed notice says: only its hashes are here" in verify_bundle(shared().bundle(), CHARTER).unproven
    assert "what the sealed notice says: only its hashes are here" not in verify_bundle(good(), CHARTER).unproven


# --- the charter and the key chain ----------------------------------------------------------------------------------


def test_without_a_charter_to_compare_with_it_is_incomplete() -> None:
    report = verify_bundle(good(), None)
    assert (report.verdict, report.reasons) == (Verdict.INCOMPLETE, ())
    assert "none was given" in report.unproven[0]
    assert report.proven


def test_under_another_charter_it_is_refuted() -> None:
    assert codes_of(good(), OTHER_CHARTER) == {"wrong-charter"}
    assert codes_of(good(), b"no charter") == {"bad-charter"}


def _chain_indexes() -> list[int]:
    return [leaf.index for leaf in shared().leaves() if isinstance(leaf.opened.body, FOUNDING)]


@pytest.mark.parametrize("index", _chain_indexes()[1:])
def test_without_a_leaf_of_the_key_chain_it_is_incomplete_even_if_the_count_was_mended(index: int) -> None:
    assert verdict(without(index, stated=False)) is Verdict.INCOMPLETE
    found = codes_of(without(index, stated=True))
    assert "keys-incomplete" in found
    assert verdict(without(index, stated=True)) is Verdict.INCOMPLETE


def test_without_the_charter_it_is_not_verified() -> None:
    assert verdict(without(0, stated=False)) is Verdict.INCOMPLETE
    assert "no-charter" in codes_of(without(0, stated=True))


def test_without_a_word_of_the_relay_nothing_confirms_the_key_chain() -> None:
    data = shared().bundle(words=())
    assert codes_of(data) == {"keys-unattested"}
    assert verdict(data) is Verdict.INCOMPLETE


def test_rows_beyond_the_last_word_are_not_verified_a_key_may_have_been_withdrawn_before_them() -> None:
    log = begun()
    withdrawn = log.say("russia", "revocation", "root/1", kid="russia/sig/desk-operations", reason="stolen")
    log.say("russia", "answer", DESK, word="WILCO", until=...)
    notice = next(leaf.index for leaf in log.leaves() if leaf.opened.of == log.of)
    leaves = [leaf for leaf in log.leaves() if leaf.index != withdrawn]
    note = log.note("coalition", "russia")
    data = build(leaves, log.of, note=note, prove=log.prove(), words=(log.receipt(notice),))
    assert (verdict(data), codes_of(data)) == (Verdict.INCOMPLETE, {"keys-unattested"})
    attested = build(leaves, log.of, note=note, prove=log.prove(), words=(log.heartbeat(),))
    assert codes_of(attested) == {"keys-incomplete"}, "a later word gives it away"


def test_cosignatures_count_only_where_the_words_confirm_the_key_chain_up_to_the_checkpoint() -> None:
    """A maker leaves out that the witnesses' keys were withdrawn, and the words that would say so."""
    log = begun()
    last = log.say("russia", "receiving")
    word = log.receipt(last)
    out = [
        log.say(party, "revocation", "root/1", kid=f"{party}/wit/1", compromised_since=1)
        for party in ("coalition", "russia")
    ]
    log.say("coalition", "notice", nid="015e89c1-b3c0-7000-8000-0000000000a1")
    leaves = [leaf for leaf in log.leaves() if leaf.index not in out]
    data = build(leaves, log.of, note=log.note("coalition", "russia"), prove=log.prove(), words=(word,))
    report = verify_bundle(data, CHARTER)
    assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ())
    assert not any("witnesses" in line or "; before " in line for line in report.proven)
    assert any("what 2 cosignatures show" in line for line in report.unproven)
    assert any("none of them counts here" in line for line in report.unproven)
    assert report.witnessed == 0
    assert f"that no key in it was withdrawn or called compromised after leaf {last - 1}" in "".join(report.unproven)
    honest = verify_bundle(shared().bundle(), CHARTER)
    whole = "that no withdrawal of a key was left out here: that the key chain is whole is the relay's signed word"
    assert whole in report.unproven
    assert whole in honest.unproven
    assert any("witnesses had verified this log" in line for line in honest.proven)
    assert not any("cosignatures show" in line for line in honest.unproven)


def test_what_happened_to_keys_above_the_checkpoint_is_said_to_be_unproven() -> None:
    log = begun()
    index = log.say("coalition", "revocation", "root/1", kid="coalition/wit/1", compromised_since=2)
    note, prove = log.note("coalition", "russia", size=index), log.prove(index)
    report = verify_bundle(log.bundle(note=note, prove=prove, words=(log.heartbeat(index),)), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    said = f"that no key in it was withdrawn or called compromised after leaf {index - 1}: beyond it nothing"
    assert any(line.startswith(said) for line in report.unproven)
    assert report.witnessed == index


def test_a_receipt_of_another_leaf_confirms_the_chain_without_being_about_the_notice() -> None:
    log = shared()
    report = verify_bundle(log.bundle(words=(log.receipt(22), log.receipt(4))), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    assert not any("gave a receipt for leaf 22" in line for line in report.proven)
    assert [_reach(word) for word in read(log.bundle(words=(log.receipt(22), log.receipt(5)))).words] == [5, 22]


def test_where_no_word_is_so_old_a_later_one_confirms_the_chain_unless_keys_changed_before_it() -> None:
    log = shared()
    note, prove = log.note("coalition", "russia", size=8), log.prove(8)
    data = log.bundle(note=note, prove=prove, words=(log.heartbeat(11), log.heartbeat(10), log.receipt(9)))
    report = verify_bundle(data, CHARTER)
    assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ())
    assert [_reach(word) for word in read(data).words] == [9], "the nearest is enough"
    changed = next(leaf.index for leaf in log.leaves() if leaf.index > 8 and leaf.opened.type == "key")
    late = log.bundle(note=note, prove=prove, words=(log.heartbeat(changed + 1), log.heartbeat()))
    assert codes_of(late) == {"keys-unattested"}, "they speak of keys that the checkpoint does not cover"


def _reach(word: str) -> int:
    return int(json.loads(ids.unb64url(word.split(".")[1]))["index"])


def test_a_statement_by_a_withdrawn_key_is_refuted() -> None:
    log = begun()
    log.say("russia", "revocation", "root/1", kid="russia/sig/desk-operations")
    log.say("russia", "answer", DESK, word="WILCO", until=...)
    assert codes_of(log.bundle()) == {"key-not-valid"}


# --- what stands beside the log -------------------------------------------------------------------------------------


def test_a_receipt_for_other_bytes_is_the_relays_own_contradiction() -> None:
    log = shared()
    for changes in ({"of": bodies.HASH}, {"stamp": 1}):
        assert codes_of(log.bundle(words=(log.receipt(5, **changes), log.heartbeat()))) == {"word-differs"}
    assert codes_of(log.bundle(words=(log.heartbeat(root=bodies.HASH),))) == {"word-differs"}


def test_other_words_than_receipts_and_heartbeats_have_no_place() -> None:
    busy = seal(bodies.body("busy"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))).decode()
    for word in (busy, read(good()).rows[3].token, "a.b.c", "é"):
        assert "bad-word" in codes_of(edited(lambda members, word=word: members.update(words=[word])))


def test_words_that_do_not_open_are_not_taken_into_a_bundle() -> None:
    log = shared()
    assert len(read(log.bundle(words=(b"a.b.c", log.receipt(5), log.receipt(5), log.heartbeat(23)))).words) == 2


def test_words_stand_in_the_order_of_their_place() -> None:
    assert "bad-bundle" in codes_of(edited(lambda members: members["words"].reverse()))


@pytest.mark.parametrize("part", ["words", "disclosed"])
def test_what_is_stated_and_not_there_makes_it_incomplete(part: str) -> None:
    assert verdict(edited(lambda members: members[part].pop())) is Verdict.INCOMPLETE
    assert "bad-bundle" in codes_of(edited(lambda members: members[part].append(members[part][0])))


def _long() -> Members:
    """A bundle with more rows than a report lists reasons."""
    log = begun()
    for _ in range(REASONS_MAX + 30):
        log.say("russia", "answer", DESK)
    members: Members = json.loads(log.bundle())
    return members


def test_a_bundle_that_lost_more_rows_than_a_report_lists_is_incomplete_like_one_that_lost_few() -> None:
    members, lost = _long(), REASONS_MAX + 1
    members["rows"] = members["rows"][:-lost]
    report = verify_bundle(spelled(members), CHARTER)
    assert report.verdict is Verdict.INCOMPLETE
    assert (report.reasons[-1].code, report.reasons[-1].detail) == ("more", "1 more: 1 missing-leaf")
    members["rows"] = members["rows"][:1]
    assert verdict(spelled(members)) is Verdict.INCOMPLETE


def test_what_is_wrong_refutes_also_where_it_is_not_listed_any_more() -> None:
    members = _long()
    members["rows"] = members["rows"][: -REASONS_MAX - 1]
    members["words"].append("a.b.c")
    members["stated"]["words"].append(9)
    report = verify_bundle(spelled(members), CHARTER)
    assert report.verdict is Verdict.REFUTED
    assert {reason.code for reason in report.reasons} == {"missing-leaf", "more"}
    assert report.reasons[-1].detail == "3 more: 1 bad-word, 1 missing-leaf, 1 parts-missing"


def test_a_cosignature_taken_away_is_missed() -> None:
    def edit(members: Members) -> None:
        members["note"] = "".join(members["note"].splitlines(keepends=True)[:-1])

    assert codes_of(edited(edit)) == {"parts-missing"}


def test_a_line_that_is_nobodys_has_no_place_in_a_bundle() -> None:
    foreign = shared().note("russia").splitlines(keepends=True)[-1].replace("/russia ", "/sdf ")

    def add(members: Members) -> None:
        members["note"] += foreign

    assert codes_of(edited(add)) == {"bad-cosignature", "bad-bundle"}
    assert read(shared().bundle(note=shared().note("russia") + foreign)).stated.cosigners == ("russia",)


def test_lines_stand_in_one_order() -> None:
    def swap(members: Members) -> None:
        lines = members["note"].splitlines(keepends=True)
        members["note"] = "".join([*lines[:-2], lines[-1], lines[-2]])

    assert codes_of(edited(swap)) == {"bad-cosignature", "bad-bundle"}


def test_only_what_a_sealed_notice_names_is_a_disclosure() -> None:
    assert ids.sha256(INNER) == PT
    other = edited(lambda members: members.update(disclosed=["b3RoZXI.b3RoZXI.b3RoZXI"]))
    assert codes_of(other) == {"bad-disclosure", "bad-bundle"}
    for token in (inner(nid=bodies.NID[:-1] + "f"), inner("coalition/sig/machine-2"), b"aW5uZXI.aW5uZXI.aW5uZXI"):
        assert codes_of(begun(token).bundle(disclosed=(token,))) == {"bad-disclosure"}


def test_an_inner_notice_by_a_key_not_valid_at_its_outer_is_no_disclosure() -> None:
    token = inner("coalition/sig/machine-2")
    log = begun(token)
    log.say("coalition", "key", "root/1")
    assert codes_of(log.bundle(disclosed=(token,))) == {"bad-disclosure"}
    reasons = verify_bundle(log.bundle(disclosed=(token,)), CHARTER).reasons
    assert reasons[0].detail == "coalition/sig/machine-2 was not valid at this position"


# --- making one -----------------------------------------------------------------------------------------------------


def test_a_bundle_is_made_under_any_later_checkpoint() -> None:
    log = shared()
    for size in range(6, 24):
        note = log.note("coalition", "russia", size=size)
        data = log.bundle(note=note, prove=log.prove(size), words=(log.receipt(5), log.heartbeat(size)))
        report = verify_bundle(data, CHARTER)
        assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ()), size


def test_a_checkpoint_before_the_notice_does_not_cover_it() -> None:
    with pytest.raises(IncompleteError, match="does not cover"):
        shared().bundle(note=shared().note(size=5))


def test_what_is_not_there_cannot_be_proven() -> None:
    log = shared()
    for note, of in (
        (log.note(), bodies.HASH),
        ("no note", log.of),
        (note_of(23, bytes(32), Signer("relay/sig/log-1", bytes(32))), log.of),
    ):
        with pytest.raises(UsageError):
            build(log.leaves(), of, note=note, prove=log.prove())
    with pytest.raises(IncompleteError, match="charter"):
        build(log.leaves()[1:], log.of, note=log.note(), prove=log.prove())
    assert open_charter(CHARTER)[1] == log.charter_of


def test_who_may_not_read_a_leaf_makes_a_bundle_without_it() -> None:
    log = shared()
    readable = [leaf for leaf in log.leaves() if leaf.opened.type != "answer"]
    report: Report = verify_bundle(
        build(readable, log.of, note=log.note(), prove=log.prove(), words=[log.heartbeat()]), CHARTER
    )
    assert report.verdict is Verdict.VERIFIED
    assert "that russia answered: no answer by it is here" in report.unproven


# --- the page -------------------------------------------------------------------------------------------------------


def test_every_reason_is_explained_on_the_page() -> None:
    tables = "".join(re.findall(r"^\| reason \| meaning \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE))
    shown = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|$", tables, re.MULTILINE))
    assert shown == REASONS | forks.REASONS | tiles.REASONS | documents.REASONS
    known = {*REASONS, *reports.REASONS, *codes.REFUSALS, *codes.UNATTRIBUTABLE}
    assert known >= INCOMPLETE


def test_every_clause_that_the_code_cites_is_on_the_page() -> None:
    clauses = set(re.findall(r"^#+ (E\d+(?:\.\d+)?) ", PAGE, re.MULTILINE))
    cited = {
        found
        for path in (ROOT / "channel" / "log").glob("*.py")
        for found in re.findall(r"evidence\.md (E\d+(?:\.\d+)?)", path.read_text(encoding="utf-8"))
    }
    assert cited
    assert cited <= clauses
