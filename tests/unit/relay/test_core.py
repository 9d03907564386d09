"""The relay's core: receipts, law 1, whose link, what is no party's to send (protocol.md 1.3, 4.8, 6.19, 12.4)."""

from __future__ import annotations

import pytest

from channel.ledger.digest import state_digest
from channel.ledger.fold import fold
from channel.log import checkpoint
from channel.log.verify import verify_log
from channel.protocol import ids
from channel.protocol.envelope import open_token, seal
from channel.protocol.statements import Heartbeat, Receipt
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, MINUTE, NET, PARTIES, SECOND, T0_MS, Lab, public_key, signer


def _receipts(lab: Lab, of: str) -> list[bytes]:
    found = [(token, body.body) for (_, token), (_, body) in zip(lab.word_tokens, lab.words, strict=True)]
    return [token for token, body in found if isinstance(body, Receipt) and body.of == of]


# --- receipts ---------------------------------------------------------------------------------------------------------


def test_a_receipt_says_what_index_and_stamp_the_token_has_in_the_log() -> None:
    lab = Lab()
    said = lab.at(MINUTE).notice("coalition", "russia")
    lab.turn()
    ((party, word),) = lab.words
    stored = list(lab.store.leaves())[-1]
    assert party == "coalition"
    assert isinstance(word.body, Receipt)
    assert (word.body.index, word.body.stamp, word.body.of) == (stored.index, stored.stamp, said.of)
    assert (stored.token, stored.stamp, stored.index) == (said.token, T0_MS + MINUTE, said.index)


def test_the_same_bytes_again_give_the_first_receipt_bit_for_bit_and_nothing_else() -> None:
    lab = Lab()
    said = lab.notice("coalition", "russia")
    lab.submit(said.token, "coalition")
    lab.turn()
    lab.at(MINUTE).say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=lab.folded.ledger.ring.chain)
    lab.run_to(2 * HOUR)
    size = lab.core.committed_size
    again = lab.submit(said.token, "coalition")
    lab.turn()
    lab.restart()
    lab.submit(said.token, "coalition")
    lab.turn()
    assert (again.index, lab.core.committed_size) == (said.index, size)
    first, *more = _receipts(lab, said.of)
    assert more == [first] * 3


def test_a_receipt_carries_the_chain_of_keys_before_its_leaf() -> None:
    lab = Lab()
    chain = lab.folded.ledger.ring.chain
    enrolled = lab.say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=chain)
    lab.notice("sdf", "coalition")
    lab.turn()
    words = [word.body for _, word in lab.words if isinstance(word.body, Receipt)]
    after = ids.sha256(ids.unb64url(chain) + ids.unb64url(enrolled.of))
    assert [word.keys for word in words] == [chain, after]


# --- law 1 ------------------------------------------------------------------------------------------------------------


def test_nothing_goes_out_for_what_is_staged_and_not_durable() -> None:
    lab = Lab()
    for party in PARTIES:
        lab.hello(party)
        lab.frames(party)
    head, note, beats = lab.head, lab.core.note, {p: lab.core.heartbeat(p, lab.now_ms) for p in PARTIES}
    lab.notice("coalition", "russia", "regime via russia", info=["sdf"])
    lab.say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=lab.folded.ledger.ring.chain)
    lab.notice("regime")
    batch = lab.core.batch()
    assert batch is not None
    assert len(batch.leaves) == 3
    for party in PARTIES:
        assert lab.sessions[party].next_frame(lab.folded, head, 0) is None
        assert lab.core.heartbeat(party, lab.now_ms) == beats[party]
    assert (lab.words, lab.core.note, lab.core.committed_size) == ([], note, head.size)
    lab.store.append(batch.leaves, batch.note)
    assert {party for party, _ in lab.core.committed(batch)} == {"coalition", "sdf"}
    assert all(lab.frames(party) for party in PARTIES)


def test_what_was_not_made_durable_is_unknown_after_a_restart_and_taken_anew() -> None:
    lab = Lab()
    lost = lab.notice("coalition", "russia")
    lab.core.batch()
    lab.restart()
    assert lost.of not in lab.folded.ledger.index_of
    assert lab.submit(lost.token, "coalition").index == lost.index
    lab.turn()
    assert len(_receipts(lab, lost.of)) == 1


def test_a_turn_without_leaves_makes_no_checkpoint_and_lets_words_out() -> None:
    lab = Lab()
    said = lab.notice("coalition", "russia")
    lab.turn()
    note = lab.core.note
    lab.submit(said.token, "coalition")
    assert lab.core.batch() is None
    assert len(lab.core.committed(None)) == 1
    assert lab.core.note == note


def test_each_commit_group_has_the_checkpoint_that_covers_it() -> None:
    lab = Lab()
    for _ in range(5):
        lab.notice("coalition", "russia")
        lab.turn()
    notes = list(lab.store.notes())
    public = signer("relay/sig/log-1").public
    opened = [checkpoint.open_note(note, f"dcn/{NET}", public) for _, note in notes]
    assert [one.size for one in opened] == [1, 5, 6, 7, 8, 9, 10]
    assert opened[-1].root == lab.folded.tree.root()
    report = verify_log(lab.store.leaves(), notes, next(lab.store.leaves()).token)
    assert report.reasons == ()


def test_stamps_never_decrease_also_if_the_clock_does() -> None:
    lab = Lab()
    lab.at(HOUR).notice("coalition", "russia")
    lab.at(0).notice("coalition", "russia")
    lab.turn()
    assert [leaf.stamp for leaf in lab.store.leaves(5)] == [T0_MS + HOUR] * 2


# --- whose link -------------------------------------------------------------------------------------------------------


def test_a_good_statement_counts_whatever_link_it_came_over() -> None:
    lab = Lab()
    token = lab.sign("coalition", "notice", **lab.notice_members("russia"))
    assert lab.submit(token, "sdf").index == 5
    lab.turn()
    assert [party for party, _ in lab.words] == ["coalition"]


@pytest.mark.parametrize("fault", ["guard", "policy", "equivocation", "held"])
def test_another_partys_statement_cannot_be_had_refused(fault: str) -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.turn()
    match fault:
        case "guard":
            token = lab.sign("coalition", "answer", of=ids.sha256(b"x"), word="WILCO", label="sig/machine-1")
        case "policy":
            token = lab.sign("coalition", "notice", **lab.notice_members())
        case "equivocation":
            token = lab.sign("coalition", "notice", seq=1, **lab.notice_members("sdf"))
        case _:
            token = lab.sign("coalition", "answer", of=ids.sha256(b"x"), word="WILCO")
    for _ in range(40):
        lab.submit(token, "sdf")
    lab.at(11 * MINUTE).submit(token, "sdf")
    lab.core.tick(lab.now_ms)
    assert lab.refusals() == []
    assert not [word for _, word in lab.words if word.type == "busy"]
    own = lab.submit(token, "coalition")
    lab.at(22 * MINUTE).turn()
    assert [refusal.of for refusal in lab.refusals()] == [own.of]


def test_what_the_guard_refused_is_refused_once_and_takes_its_number() -> None:
    lab = Lab()
    token = lab.sign("coalition", "answer", of=ids.sha256(b"x"), word="WILCO", label="sig/machine-1", seq=4)
    for _ in range(3):
        assert lab.submit(token, "coalition").code == "wrong-key"
    lab.turn()
    (refusal,) = lab.refusals()
    assert (refusal.refused_seq, refusal.kid) == (4, "coalition/sig/machine-1")
    assert lab.folded.ledger.devices["coalition/sig/machine-1"].taken[4] == ids.sha256(token)


RELAY_MADE = [
    pytest.param("notice", "sig/machine-1", id="notice"),
    pytest.param("acknowledgement", "sig/desk-operations", id="acknowledgement"),
    pytest.param("clock", "sig/desk-operations", id="clock"),
    pytest.param("start", "sig/machine-1", id="start"),
    pytest.param("alert", "sig/machine-1", id="alert"),
]


@pytest.mark.parametrize(("type_", "label"), RELAY_MADE)
def test_the_relays_own_types_and_the_operators_statements_come_over_no_link(type_: str, label: str) -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(15 * SECOND)
    alert = lab.alerts()[0][1].alert
    desk = {"party": "sdf", "desk": "operations"}
    members: dict[str, dict[str, object]] = {
        "notice": lab.notice_members("russia"),
        "acknowledgement": {"alert": alert, "reason": "seen"},
        "clock": {"old": to_wire(T0_MS), "new": to_wire(T0_MS), "reason": ""},
        "start": {"size": 1, "downtime_ms": 0, "version": "1"},
        "alert": {
            "alert": "0" * 16, "stage": "watch", "rung": "staff", "round": 1, "due": to_wire(T0_MS), "fault": "sdf",
            "told": [desk], "ring": desk, "precedence": "FLASH",
        },
    }  # fmt: skip
    token = lab.sign("relay", type_, label=label, seq=900, **members[type_])
    lab.words.clear()
    assert lab.submit(token, "sdf").index is None
    assert (lab.turn(), lab.words) == (0, [])
    assert lab.core.dropped.total() == 1


def test_a_word_or_the_charter_sent_up_is_no_leaf() -> None:
    lab = Lab()
    said = lab.notice("coalition", "russia")
    lab.turn()
    charter = next(lab.store.leaves()).token
    for token in (*_receipts(lab, said.of), lab.core.heartbeat("sdf", lab.now_ms), charter):
        lab.submit(token, "sdf")
    assert (lab.turn(), lab.refusals()) == (0, [])


@pytest.mark.parametrize("junk", [b"", b"a.b.c", b"\xff" * 50, b"x" * 40_000, b"{}"])
def test_bytes_that_nobody_signed_are_counted_and_get_no_answer(junk: bytes) -> None:
    lab = Lab()
    assert lab.submit(junk, "sdf").index is None
    assert (lab.turn(), lab.words, lab.core.dropped.total()) == (0, [], 1)


def test_a_signature_by_a_stranger_is_not_logged() -> None:
    lab = Lab()
    token = lab.sign("coalition", "notice", **lab.notice_members("russia"))
    forged = seal(open_token(token, lab.folded.ledger.ring).body, signer("coalition/sig/machine-1x"))
    assert lab.submit(forged, "coalition").code == "unknown-kid"
    assert lab.turn() == 0


# --- heartbeats, the operator, a start --------------------------------------------------------------------------------


def test_a_heartbeat_tells_a_party_its_own_numbers_and_nobody_elses() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.notice("sdf")
    lab.say("sdf", "check", state="on-watch", seq=7)
    lab.turn()
    beat = open_token(lab.core.heartbeat("sdf", lab.now_ms), lab.folded.ledger.ring).body
    assert isinstance(beat, Heartbeat)
    assert (beat.to, beat.size, beat.root) == ("sdf", lab.folded.tree.size, ids.b64url(lab.folded.tree.root()))
    assert {device.kid: device.seq for device in beat.devices} == {
        "sdf/root/1": 1,
        "sdf/sig/machine-1": 1,
        "sdf/sig/desk-operations": 7,
    }
    assert beat.keys == lab.folded.ledger.ring.chain


def test_the_operators_refused_statement_is_in_nobodys_feed() -> None:
    lab = Lab()
    said = lab.say("relay", "suspension", action="suspend", reason="", label="sig/desk-operations")
    lab.turn()
    assert said.code == "relay-only"
    assert all(lab.feed(party) == [0, 1, 2, 3, 4] for party in PARTIES)


def test_a_start_says_how_long_the_relay_was_down_and_that_it_begins_again() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.turn()
    lab.restart()
    lab.at(90 * SECOND).core.start(lab.now_ms, "9.9")
    lab.turn()
    start = lab.folded.ledger.entries[6].opened.body
    assert (getattr(start, "size", 0), getattr(start, "downtime_ms", 0)) == (6, 90 * SECOND)
    assert [row[1] for row in lab.raised()] == ["receipt", "answer", "answer"]
    assert state_digest(fold(lab.store.leaves()).ledger) == state_digest(lab.folded.ledger)
