"""What a report says of an answer that changes nothing, and that it counts those that the ledger counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from channel.ledger import delivery as dl
from channel.log.answers import judge
from channel.log.bundle import verify_bundle
from channel.log.bundle_build import build
from channel.log.case import about
from channel.log.report import Report, Verdict
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.statements import Response, Word
from channel.protocol.times import to_wire
from tests.unit.log.evidence import DESK, STAFF, CaseLog, Members, spelled
from tests.unit.log.growing import CHARTER
from tests.unit.relay.lab import HOUR, T0_MS, Lab, volume
from tests.vectors import bodies

FINAL: Members = {"until": ..., "reason": ...}
RIGHT = {"place": "35.33000,40.15000", "time": bodies.T0, "at": [401_500_000, 353_300_000], "when": bodies.T0}
OFF = {**RIGHT, "place": "35.41000,40.15000", "at": [401_500_000, 354_100_000]}  # 9 km


def asked(**members: Any) -> CaseLog:
    """A log with a notice to Russia, which asks for WILCO or UNABLE and, if nothing else is said, for a read-back."""
    log = CaseLog()
    index = log.say("coalition", "notice", **members)
    log.of = ids.sha256(log.tokens[index])
    return log


def answered(log: CaseLog, word: str = "WILCO", **members: Any) -> int:
    return log.say("russia", "answer", DESK, word=word, **{**FINAL, **members})


def reported(log: CaseLog) -> Report:
    report = verify_bundle(log.bundle(), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    return report


def said(log: CaseLog) -> str:
    """What the report says of the one answer, up to its stamp."""
    (line,) = [line for line in reported(log).proven if " to it" in line and line.startswith("russia's desk key")]
    return line.removeprefix("russia's desk key (held by a machine) signed ").partition("; stamped")[0]


def counts(log: CaseLog) -> bool:
    """Whether the report takes Russia to have answered."""
    none = "that russia answered: no answer by it that counts is here"
    return none not in reported(log).unproven


def test_an_answer_that_counts_is_told_without_more() -> None:
    log = asked(read_back=...)
    assert said_of(log, "WILCO") == "WILCO to it at leaf 2"
    assert counts(log)


def said_of(log: CaseLog, word: str, **members: Any) -> str:
    answered(log, word, **members)
    return said(log)


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"response": "WU"}, "ROGER"),
        ({"response": "R"}, "WILCO"),
        ({"response": "NE"}, "ROGER"),
        ({"response": "NE"}, "UNABLE"),
        ({"to": [{"party": "relay"}], "info": ["russia"]}, "WILCO"),
    ],
)
def test_a_word_that_was_not_asked_for_is_told_as_such(members: Members, word: str) -> None:
    log = asked(read_back=..., **members)
    assert said_of(log, word) == f"{word} to it, a word that was not asked for, at leaf 2"
    assert not counts(log)


def test_a_missing_read_back_is_told_unless_the_word_needs_none() -> None:
    log = asked()
    assert said_of(log, "WILCO") == "WILCO to it, without the read-back that was asked for, at leaf 2"
    assert not counts(log)
    unable = asked()
    assert said_of(unable, "UNABLE") == "UNABLE to it at leaf 2"
    assert counts(unable)


def test_what_was_read_back_is_told_as_typed() -> None:
    log = asked()
    read = f'reading back "35.33000,40.15000", "{bodies.T0}", which fits'
    assert said_of(log, "WILCO", readback=RIGHT) == f"WILCO to it, {read}, at leaf 2"
    assert counts(log)


def test_a_read_back_that_does_not_fit_is_told_also_where_the_relays_finding_is_left_out() -> None:
    log = asked()
    read = f'reading back "35.41000,40.15000", "{bodies.T0}", which does not fit (another place, 8.9 km off)'
    assert said_of(log, "WILCO", readback=OFF) == f"WILCO to it, {read}, at leaf 2"
    assert not counts(log)


def test_a_finding_of_the_relay_on_a_read_back_is_told_with_the_answer() -> None:
    log = asked(volumes=[])
    token = signed_before(log, readback=RIGHT)
    log.say("relay", "finding", kind="read-back-mismatch", rests_on=[log.of, ids.sha256(token)])
    log.add_token(token)
    log.commit()
    read = f'reading back "35.33000,40.15000", "{bodies.T0}", which the relay found not to fit'
    assert said(log) == f"WILCO to it, {read}, at leaf 3"
    assert not counts(log)


def signed_before(log: CaseLog, **members: Any) -> bytes:
    """The first WILCO of Russia's desk, signed and not yet a leaf."""
    kid, seen = f"russia/{DESK}", {"size": 0, "root": ids.b64url(log.tree.root(0))}
    own = {"from": "russia", "of": log.of, "word": "WILCO", "seq": 1, "prev": log.charter_of, "seen": seen}
    return seal(bodies.body("answer", **{**FINAL, **own, **members}), Signer(kid, bodies.seed(kid)))


def test_what_was_typed_cannot_pass_for_words_of_the_report() -> None:
    log = asked(read_back=...)
    typed = {**OFF, "place": '35.4", "00Z", which fits, at leaf 9; x "\u2028'}
    assert r'reading back "35.4\", \"00Z\", which fits, at leaf 9; x \"\u2028", "' in said_of(
        log, "WILCO", readback=typed
    )


@pytest.mark.parametrize("how", ["withdraws", "amends"])
def test_an_answer_after_the_end_is_told_as_late(how: str) -> None:
    log = asked(read_back=...)
    log.say("coalition", "notice", nid="015e89c1-b3c0-7000-8000-0000000000e1", **{how: log.of})
    words = {"withdraws": "withdrawn", "amends": "amended"}
    assert said_of(log, "WILCO") == f"WILCO to it, after it had been {words[how]}, at leaf 3"
    assert not counts(log)


def test_an_answer_after_expiry_is_told_as_late_and_a_correction_is_not() -> None:
    log = asked(read_back=...)
    log.say("relay", "alert", stage="expired", addressee="russia")
    assert said_of(log, "WILCO") == "WILCO to it, after it had expired, at leaf 3"
    assert not counts(log)
    in_time = asked(read_back=...)
    first = answered(in_time)
    in_time.say("coalition", "notice", nid="015e89c1-b3c0-7000-8000-0000000000e1", withdraws=in_time.of)
    answered(in_time, "UNABLE", corrects=ids.sha256(in_time.tokens[first]))
    lines = [line.partition("; stamped")[0] for line in reported(in_time).proven if " to it" in line]
    assert lines[-1].endswith("signed UNABLE to it, correcting an earlier answer at leaf 4")


def test_a_standby_before_an_answer_that_does_not_count_stays_the_last_that_does() -> None:
    log = asked()
    log.say("russia", "answer", DESK)
    answered(log)
    for_good = "that russia answered for good: it signed STANDBY and nothing after it that counts is here"
    assert for_good in reported(log).unproven


def test_a_person_answered_also_with_a_word_that_does_not_count() -> None:
    log = asked()
    log.say(
        "russia",
        "key",
        "root/1",
        key={"kid": f"russia/{STAFF}", "pub": ids.b64url(bodies.public(f"russia/{STAFF}")), "held": "person"},
    )
    log.say("russia", "answer", STAFF, desk="staff", word="WILCO", **FINAL)
    unproven = reported(log).unproven
    assert "that russia answered: no answer by it that counts is here" in unproven
    assert not any("that a person of russia" in line for line in unproven)


# --- behind an intermediary, in a relay's own log -------------------------------------------------------------------


def bundle(lab: Lab, of: str, without: Iterable[int] = ()) -> bytes:
    """The operator's bundle, without leaves that its maker left out and did not state."""
    entries = lab.folded.ledger.entries
    size, left_out = lab.core.committed_size, set(without)
    note, words = lab.store.note(size), [lab.core.heartbeat("coalition", lab.now_ms)]
    data = build(entries.values(), of, note=str(note), prove=lambda i: lab.folded.tree.inclusion(i, size), words=words)
    members = json.loads(data)
    members["rows"] = [row for row in members["rows"] if row["index"] not in left_out]
    members["stated"]["indexes"] = [row["index"] for row in members["rows"]]
    members["stated"]["rows"] = len(members["rows"])
    return spelled(members)


def wilco_of_regime(*before: str, left_out: bool = False) -> str:
    """What is said of the WILCO behind an intermediary that did so before it."""
    lab = Lab()
    of = lab.notice("coalition", "regime via russia").of
    for what in before:
        index = (
            lab.received("regime", of).index if what == "received" else lab.forward("russia", of, "regime", what).index
        )
    lab.answer("regime", of)
    lab.turn()
    report = verify_bundle(bundle(lab, of, [index] if left_out else []), next(iter(lab.store.leaves())).token)
    assert report.verdict is Verdict.VERIFIED
    assert not any("no answer by it that counts" in line for line in report.unproven), "it counts"
    line = next(line for line in report.proven if "WILCO" in line)
    return line.partition(" signed ")[2].partition(" at leaf")[0]


def test_an_answer_to_what_was_told_by_voice_alone_is_told_as_such() -> None:
    nothing = "WILCO to it, with nothing here to show that by then it had"
    assert wilco_of_regime("voice") == f"{nothing} more of it than it was told by voice,"
    assert wilco_of_regime("voice", left_out=True) == f"{nothing} been passed on to it,"
    assert wilco_of_regime("channel") == "WILCO to it"
    assert wilco_of_regime("voice", "channel") == "WILCO to it"
    assert wilco_of_regime("voice", "received") == "WILCO to it"


def test_the_relays_finding_left_out_of_a_bundle_does_not_make_an_answer_count() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia", volumes=[volume(T0_MS + HOUR, T0_MS + 2 * HOUR)], read_back=True).of
    start = to_wire(T0_MS + HOUR)
    answer = lab.answer("russia", of, readback={**OFF, "time": start, "when": start})
    lab.turn()
    charter = next(iter(lab.store.leaves())).token
    for without, word in (((), "the relay found not to fit"), ((answer.index - 1,), "does not fit (another place")):
        report = verify_bundle(bundle(lab, of, without), charter)
        assert report.verdict is Verdict.VERIFIED
        assert any(f"which {word}" in line for line in report.proven)
        assert "that russia answered: no answer by it that counts is here" in report.unproven


# --- agreement with the ledger --------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", Response)
@pytest.mark.parametrize("read_back", [False, True])
def test_what_counts_here_counts_in_the_ledger(response: Response, read_back: bool) -> None:
    lab = Lab(terms={"notices_per_minute": 1000, "flash_per_minute": 1000})
    start = to_wire(T0_MS + HOUR)
    for word, typed in product(Word, (None, RIGHT, OFF)):
        volumes = [volume(T0_MS + HOUR, T0_MS + 2 * HOUR)]
        of = lab.notice(
            "coalition", "russia", info=["sdf"], response=response.value, read_back=read_back, volumes=volumes
        ).of
        members: Members = {} if typed is None else {"readback": {**typed, "time": start, "when": start}}
        members |= {"until": to_wire(T0_MS + HOUR)} if word is Word.STANDBY else {}
        for party in ("russia", "sdf"):
            lab.answer(party, of, word.value, **members)
        lab.turn()
        ledger = lab.folded.ledger
        entries = list(ledger.entries.values())
        notice = ledger.entries[ledger.index_of[of]]
        judged = judge(notice, about(entries, of))
        assert len(judged) == 2
        for index, found in judged.items():
            party = ledger.entries[index].opened.party
            moved = ledger.deliveries[of, party].reply not in (dl.Reply.OWED, dl.Reply.NOT_OWED)
            assert found.counts is moved, (word, typed, party)
            assert found.counts or found.remarks
