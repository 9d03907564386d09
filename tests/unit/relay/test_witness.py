"""The relay's witnesses: which cosignatures count, what is published of them, and when a quorum is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from channel.log import cosignature
from channel.log.checkpoint import split_note
from channel.log.proof import verify_consistency
from channel.log.store import Cosignature
from channel.protocol import ids
from channel.protocol.frames import CheckpointItem, CosignatureItem, CosignedItem, DownFrame
from channel.relay.session import Head
from channel.relay.witness import RECENT_MAX, Witnesses
from tests.unit.relay.lab import MINUTE, NET, PARTIES, T0_MS, Lab, all_frames, signer

TIME_S = T0_MS // 1000


def _witnesses(lab: Lab) -> Witnesses:
    return Witnesses.of_store(lab.folded.ledger, lab.store)


def _line(lab: Lab, party: str, size: int | None = None, time_s: int = TIME_S) -> CosignatureItem:
    size = lab.core.committed_size if size is None else size
    note = lab.store.note(size)
    assert note is not None
    return CosignatureItem(size=size, line=cosignature.cosign(note, NET, signer(f"{party}/wit/1"), time_s))


def _keep(lab: Lab, witnesses: Witnesses) -> list[Cosignature]:
    rows = witnesses.rows()
    lab.store.put_cosignatures(rows)
    lab.store.flush()
    witnesses.kept(rows)
    return rows


def _cosigned_by(lab: Lab, witnesses: Witnesses, *parties: str) -> None:
    for party in parties:
        assert witnesses.take(_line(lab, party)) is None
    _keep(lab, witnesses)


def _grow(lab: Lab, witnesses: Witnesses) -> None:
    """One more commit group."""
    lab.say("coalition", "check", state="on-watch")
    lab.turn()
    witnesses.committed(lab.core.committed_size, lab.core.note)


def _tree(frame: DownFrame) -> CheckpointItem:
    return next(item for item in frame.items if isinstance(item, CheckpointItem))


def test_a_good_cosignature_counts_once_it_is_kept() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    assert witnesses.take(_line(lab, "russia")) is None
    assert witnesses.missing(lab.core.committed_size) == list(PARTIES)
    assert witnesses.note(lab.core.committed_size, lab.core.note) == lab.core.note
    assert [row.party for row in _keep(lab, witnesses)] == ["russia"]
    assert witnesses.missing(lab.core.committed_size) == ["coalition", "sdf", "regime"]
    assert "dcn/lab-net/russia" in witnesses.note(lab.core.committed_size, lab.core.note)
    assert witnesses.rows() == []


def test_the_first_line_of_a_party_stays_and_the_same_line_again_is_nothing() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    for time_s in (TIME_S + 5, TIME_S + 5, TIME_S):
        assert witnesses.take(_line(lab, "russia", time_s=time_s)) is None
    assert [row.line for row in _keep(lab, witnesses)] == [_line(lab, "russia", time_s=TIME_S + 5).line]
    assert witnesses.take(_line(lab, "russia")) is None
    assert witnesses.rows() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda lab: CosignatureItem(size=1, line=_line(lab, "russia").line), "cosignature-of-nothing"),
        (
            lambda lab: CosignatureItem(size=lab.core.committed_size + 1, line="— a AAAAAAA=\n"),
            "cosignature-of-nothing",
        ),
        (lambda lab: CosignatureItem(size=lab.core.committed_size, line="— a AAAAAAA=\n"), "bad-cosignature"),
        (lambda lab: CosignatureItem(size=lab.core.committed_size, line="no line"), "bad-note"),
        (
            lambda lab: CosignatureItem(
                size=lab.core.committed_size, line=_line(lab, "russia").line.replace("/russia", "/regime")
            ),
            "bad-cosignature",
        ),
        (
            lambda lab: CosignatureItem(
                size=lab.core.committed_size, line=_line(lab, "russia").line + _line(lab, "sdf").line
            ),
            "bad-note",
        ),
    ],
)
def test_what_is_no_cosignature_of_a_checkpoint_is_dropped(change: Callable[[Lab], CosignatureItem], code: str) -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    assert witnesses.take(change(lab)) == code
    assert witnesses.rows() == []


def test_a_line_over_another_tree_of_that_size_is_dropped() -> None:
    lab, other = Lab(), Lab()
    other.say("coalition", "check", state="off-watch")
    lab.say("coalition", "check", state="on-watch")
    lab.turn()
    other.turn()
    assert other.core.committed_size == lab.core.committed_size
    assert _witnesses(lab).take(_line(other, "russia")) == "bad-cosignature"


def test_a_checkpoint_of_long_ago_is_not_cosigned_any_more() -> None:
    lab = Lab()
    witnesses, first = _witnesses(lab), _line(lab, "russia")
    for size in range(1, RECENT_MAX + 1):
        witnesses.committed(first.size + size, lab.core.note)
    assert witnesses.take(first) == "cosignature-of-nothing"


def test_a_quorum_is_of_one_checkpoint_and_never_goes_back() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    first = lab.core.committed_size
    _cosigned_by(lab, witnesses, "russia", "sdf")
    _grow(lab, witnesses)
    _cosigned_by(lab, witnesses, "regime", "coalition")
    assert witnesses.witnessed is None
    _cosigned_by(lab, witnesses, "russia")
    newest = witnesses.witnessed
    assert newest is not None
    assert newest.size == lab.core.committed_size
    assert witnesses.take(_line(lab, "regime", size=first)) is None
    _keep(lab, witnesses)
    assert witnesses.witnessed == newest


def test_a_start_knows_what_was_durable() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    _cosigned_by(lab, witnesses, "russia", "sdf", "regime")
    _grow(lab, witnesses)
    _cosigned_by(lab, witnesses, "russia")
    again = _witnesses(lab)
    assert again.witnessed == witnesses.witnessed
    assert again.note(lab.core.committed_size, lab.core.note) == witnesses.note(lab.core.committed_size, lab.core.note)
    assert again.missing(lab.core.committed_size) == witnesses.missing(lab.core.committed_size)


def test_a_published_note_has_the_logs_line_first_and_one_line_a_party() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    _cosigned_by(lab, witnesses, "sdf", "coalition")
    note = witnesses.note(lab.core.committed_size, lab.core.note)
    body, lines = split_note(note)
    assert note.startswith(lab.core.note)
    assert [name for name, _ in lines] == [f"dcn/{NET}", f"dcn/{NET}/coalition", f"dcn/{NET}/sdf"]
    keys = cosignature.witnesses(lab.folded.ledger.ring, lab.core.committed_size)
    assert cosignature.open_cosignatures(note, NET, keys) == {"coalition": TIME_S, "sdf": TIME_S}
    assert body in note


# --- frames -----------------------------------------------------------------------------------------------------------


def _head(lab: Lab, witnesses: Witnesses) -> Head:
    note = witnesses.note(lab.core.committed_size, lab.core.note)
    return Head(lab.core.committed_size, note, lab.core.feeds(), witnesses.witnessed)


def test_a_beat_carries_the_newest_witnessed_checkpoint_with_its_proof() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    _cosigned_by(lab, witnesses, "russia", "sdf", "regime")
    lab.hello("sdf")
    token = lab.core.heartbeat("sdf", lab.now_ms)
    whole = lab.sessions["sdf"].beat(lab.folded, _head(lab, witnesses), token)
    assert not any(isinstance(item, CosignedItem) for item in whole.items)
    assert _tree(whole).note.count("\u2014") == 4
    size = lab.core.committed_size
    _grow(lab, witnesses)
    frame = lab.sessions["sdf"].beat(lab.folded, _head(lab, witnesses), token)
    assert _tree(frame).note == lab.core.note
    (item,) = [item for item in frame.items if isinstance(item, CosignedItem)]
    assert item.note == _tree(whole).note
    proof = [ids.unb64url(node) for node in item.proof]
    tree = lab.folded.tree
    verify_consistency(size, tree.root(size), tree.size, tree.root(), proof)


def test_a_party_that_says_hello_is_told_what_is_witnessed_and_leaves_alone_do_not_tell_it() -> None:
    lab = Lab()
    witnesses = _witnesses(lab)
    _cosigned_by(lab, witnesses, "russia", "sdf", "regime")
    _grow(lab, witnesses)
    lab.hello("coalition")
    kinds = [[item.t for item in frame.items] for frame in _frames(lab, witnesses)]
    assert kinds[0][:3] == ["checkpoint", "cosigned", "leaf"]
    _grow(lab, witnesses)
    assert [[item.t for item in frame.items] for frame in _frames(lab, witnesses)] == [["checkpoint", "leaf"]]


def _frames(lab: Lab, witnesses: Witnesses) -> list[DownFrame]:
    return all_frames(lab.sessions["coalition"], lab.folded, _head(lab, witnesses), 0)


# --- the alert --------------------------------------------------------------------------------------------------------

LIMIT = 10 * MINUTE


def _tick(lab: Lab, witnesses: Witnesses) -> bool:
    """What the relay's loop does: raise what is due."""
    draft = witnesses.due(lab.core.committed_size)
    if draft is None or draft.due_ms > lab.now_ms:
        return False
    lab.core.raise_alert(draft, lab.now_ms)
    lab.turn()
    witnesses.committed(lab.core.committed_size, lab.core.note)
    return True


def _unwitnessed(lab: Lab) -> list[str]:
    return [body.detail for _, body in lab.alerts() if body.stage == "unwitnessed"]


def test_leaves_without_a_quorum_are_one_alert_that_names_who_is_missing() -> None:
    lab = Lab(terms={"unwitnessed_ms": LIMIT})
    witnesses = _witnesses(lab)
    _cosigned_by(lab, witnesses, "russia", "sdf", "regime")
    size = lab.core.committed_size
    assert witnesses.due(size) is None
    lab.now_ms += MINUTE
    _grow(lab, witnesses)
    _cosigned_by(lab, witnesses, "russia")
    lab.now_ms += LIMIT - 1
    assert not _tick(lab, witnesses)
    lab.now_ms += 1
    assert _tick(lab, witnesses)
    assert not _tick(lab, witnesses)
    assert _unwitnessed(lab) == [f"the log from leaf {size} on has not 3 cosignatures: missing coalition, sdf, regime"]
    alert = next(body for _, body in lab.alerts() if body.stage == "unwitnessed")
    assert [(told.party, told.desk) for told in alert.told] == [("relay", "operations")]
    lab.now_ms += 100 * LIMIT
    assert not _tick(lab, _witnesses(lab)), "a restart raises it no second time"


def test_a_quorum_that_came_back_and_is_lost_again_is_a_new_alert() -> None:
    lab = Lab(terms={"unwitnessed_ms": LIMIT})
    witnesses = _witnesses(lab)
    lab.now_ms += LIMIT
    assert _tick(lab, witnesses)
    _cosigned_by(lab, witnesses, "russia", "sdf", "regime")
    lab.now_ms += 100 * LIMIT
    assert not _tick(lab, witnesses)
    _grow(lab, witnesses)
    lab.now_ms += LIMIT
    assert _tick(lab, witnesses)
    assert len(_unwitnessed(lab)) == 2


def test_nobody_is_missed_for_the_time_in_which_the_relay_was_down() -> None:
    lab = Lab(terms={"unwitnessed_ms": LIMIT})
    witnesses = _witnesses(lab)
    lab.now_ms += 5 * LIMIT
    witnesses.since_ms = lab.now_ms
    assert not _tick(lab, witnesses)
    lab.now_ms += LIMIT
    assert _tick(lab, witnesses)


def test_a_net_that_is_not_in_force_misses_nobody() -> None:
    lab = Lab(in_force=False, terms={"unwitnessed_ms": LIMIT})
    lab.now_ms += 100 * LIMIT
    assert not _tick(lab, _witnesses(lab))
