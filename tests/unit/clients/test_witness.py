"""A client as a witness: what it cosigns and when, and whose cosignatures make a leaf witnessed for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from channel.log import cosignature
from channel.protocol import frames, ids
from channel.protocol.frames import CheckpointItem, CosignatureItem, CosignedItem, DownFrame, UpFrame
from channel.protocol.ids import unb64url
from clients.core import drafts
from clients.core.events import Stopped
from clients.core.store import STORE_FILE, Store
from clients.core.witness import COSIGN_MS
from tests.unit.clients.lab import NET, NOW_MS, Lab, lab_at

OTHERS = ("russia", "sdf", "regime")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path) as lab:
        yield lab


def _lines(up: list[UpFrame]) -> list[CosignatureItem]:
    return [item for frame in up for item in frame.items if isinstance(item, CosignatureItem)]


def _up(lab: Lab, party: str) -> list[CosignatureItem]:
    """What the party sends; the relay takes it."""
    out = lab.session(party).frames(lab.relay.now_ms, lab.relay.mono_ms)
    for frame in out:
        lab.relay.take(party, frame)
    return _lines(out)


def _beat(lab: Lab, *parties: str) -> None:
    for party in parties:
        lab.deliver(party, frames.encode(lab.relay.beat(party)))


def _check(lab: Lab, party: str = "coalition") -> None:
    """One more leaf, which only that party may read."""
    lab.say(party, drafts.check("on-watch", "operations"))


def _reached(lab: Lab, party: str) -> int:
    return lab.session(party).witness.witnessed


def _all_witness(lab: Lab) -> int:
    """Every party is shown the newest tree by a beat, cosigns it, and is shown the cosignatures by the next one."""
    lab.settle("coalition", *OTHERS)
    lab.advance(10_000)
    _beat(lab, "coalition", *OTHERS)
    lab.settle("coalition", *OTHERS)
    lab.advance(10_000)
    _beat(lab, "coalition", *OTHERS)
    return lab.relay.core.committed_size


# --- cosigning --------------------------------------------------------------------------------------------------------


def test_the_newest_tree_is_cosigned_once_it_is_pinned(lab: Lab) -> None:
    _up(lab, "coalition")
    lab.down("coalition")
    session = lab.session("coalition")
    (item,) = _up(lab, "coalition")
    assert item.size == session.store.pin().size == lab.relay.core.committed_size
    keys = cosignature.witnesses(session.ledger.ring, item.size)
    assert cosignature.open_line(session.store.pin().note, item.line, NET, keys) == ("coalition", NOW_MS // 1000)
    assert session.witness.cosigned
    assert lab.relay.witnesses.missing(item.size) == ["russia", "sdf", "regime"]
    assert _up(lab, "coalition") == []


def test_trees_are_cosigned_at_most_once_a_second_and_then_the_newest(lab: Lab) -> None:
    lab.settle("coalition")
    sizes: list[int] = []
    for _ in range(30):
        _check(lab)
        lab.advance(100)
        sizes += [item.size for item in _up(lab, "coalition")]
        lab.down("coalition")
    assert len(sizes) in (2, 3)
    assert sizes == sorted(set(sizes))
    lab.advance(COSIGN_MS)
    assert [item.size for item in _up(lab, "coalition")] == [lab.session("coalition").replica.pin.size]


def test_a_tree_in_doubt_or_after_a_fork_is_not_cosigned(lab: Lab) -> None:
    lab.settle("coalition")
    _check(lab)
    lab.up("coalition")
    note = lab.relay.core.note
    doubtful = DownFrame(items=(CheckpointItem(old=1, proof=(), note=note),))
    lab.deliver("coalition", frames.encode(doubtful))
    lab.advance(COSIGN_MS)
    assert _lines(lab.session("coalition").frames(lab.relay.now_ms, lab.relay.mono_ms)) == []
    lab.session("coalition").halt("two histories")
    assert lab.session("coalition").frames(lab.relay.now_ms, lab.relay.mono_ms) == []


def test_over_a_new_link_the_same_line_goes_out_again(lab: Lab) -> None:
    _up(lab, "coalition")
    lab.down("coalition")
    first = _up(lab, "coalition")
    lab.advance(5_000)
    session = lab.session("coalition")
    session.disconnected()
    assert session.frames(lab.relay.now_ms, lab.relay.mono_ms) == []
    session.connected()
    assert _up(lab, "coalition") == first


def test_a_home_without_a_witness_key_cosigns_nothing(lab: Lab) -> None:
    session = lab.reader("coalition")
    session.connected()
    lab.sessions["coalition"], lab.events["coalition"] = session, []
    lab.settle("coalition")
    lab.advance(5_000)
    assert session.replica.pin.size > 1
    assert _up(lab, "coalition") == []


def test_in_a_busy_log_all_witnesses_cosign_the_checkpoint_of_one_beat(lab: Lab) -> None:
    """Own leaves show each party trees of its own; what all are shown is a beat's."""
    lab.settle("coalition", *OTHERS)
    for party in ("coalition", *OTHERS):
        lab.session(party)
    for step in range(1, 31):
        lab.advance(1_000)
        _check(lab, ("coalition", *OTHERS)[step % 4])
        lab.settle("coalition", *OTHERS)
        if step % 10 == 0:
            _beat(lab, "coalition", *OTHERS)
            lab.settle("coalition", *OTHERS)
            assert lab.relay.witnesses.witnessed is not None
            assert lab.relay.witnesses.witnessed.size == lab.relay.core.committed_size, step


def test_held_by_a_scenario_nothing_is_cosigned_until_it_is_asked_for(lab: Lab) -> None:
    lab.session("coalition").witness.limit = 0
    lab.settle("coalition")
    lab.advance(60_000)
    assert _up(lab, "coalition") == []
    assert not lab.session("coalition").witness.cosigned
    lab.session("coalition").witness.limit = lab.relay.core.committed_size
    (first,) = _up(lab, "coalition")
    assert lab.session("coalition").witness.cosigned
    _check(lab)
    lab.settle("coalition")
    assert lab.session("coalition").replica.pin.size > first.size
    assert not lab.session("coalition").witness.cosigned
    lab.session("coalition").witness.limit = lab.relay.core.committed_size
    assert len(_up(lab, "coalition")) == 1, "and no second is waited for"


# --- cosignatures of others -------------------------------------------------------------------------------------------


def test_a_quorum_makes_leaves_witnessed_here_and_after_a_restart(lab: Lab) -> None:
    assert _reached(lab, "coalition") == 0
    size = _all_witness(lab)
    assert [_reached(lab, party) for party in ("coalition", *OTHERS)] == [size] * 4
    lab.crash("coalition")
    assert _reached(lab, "coalition") == size


def test_another_process_of_the_home_knows_it_too(lab: Lab) -> None:
    lab.settle("coalition", *OTHERS)
    reader = lab.reader("coalition")
    size = _all_witness(lab)
    assert reader.witness.witnessed == 0
    reader.follow()
    assert reader.witness.witnessed == size
    reader.store.close()


def test_what_most_have_witnessed_is_told_though_the_log_has_grown_since(lab: Lab) -> None:
    lab.settle("coalition", *OTHERS)
    lab.advance(10_000)
    _beat(lab, "coalition", *OTHERS)
    lab.settle("coalition", *OTHERS)
    size = lab.relay.core.committed_size
    _check(lab)
    lab.up("coalition")
    lab.advance(10_000)
    frame = lab.relay.beat("russia")
    assert any(isinstance(item, CosignedItem) for item in frame.items)
    lab.deliver("russia", frames.encode(frame))
    assert lab.session("russia").replica.pin.size == size + 1
    assert _reached(lab, "russia") == size


def _witnessed_note(lab: Lab) -> tuple[int, str]:
    size = _all_witness(lab)
    assert lab.relay.witnesses.witnessed is not None
    return size, lab.relay.witnesses.witnessed.note


def _show(lab: Lab, note: str, *proof: ids.Hash, old: int | None = None) -> list[object]:
    """A checkpoint of the present tree, and a note that is said to be cosigned."""
    size = lab.session("sdf").replica.pin.size if old is None else old
    items = (CheckpointItem(old=size, proof=(), note=lab.relay.core.note), CosignedItem(note=note, proof=proof))
    return list(lab.deliver("sdf", frames.encode(DownFrame(items=items))))


@pytest.fixture
def fresh(lab: Lab) -> tuple[Lab, str]:
    """A net whose newest tree is witnessed, and a store of sdf that has never heard of it."""
    _, note = _witnessed_note(lab)
    lab.session("sdf").witness.witnessed = 0
    return lab, note


def test_the_note_is_taken_as_it_is(fresh: tuple[Lab, str]) -> None:
    lab, note = fresh
    _show(lab, note)
    assert _reached(lab, "sdf") == lab.relay.core.committed_size


def test_too_few_lines_make_no_quorum(fresh: tuple[Lab, str]) -> None:
    lab, note = fresh
    body, blank, lines = note.partition("\n\n")
    few = body + blank + "".join(lines.splitlines(keepends=True)[:3])
    _show(lab, few)
    assert _reached(lab, "sdf") == 0


def test_one_party_under_two_names_or_lines_counts_once(fresh: tuple[Lab, str]) -> None:
    lab, note = fresh
    body, blank, lines = note.partition("\n\n")
    own, *others = lines.splitlines(keepends=True)
    _show(lab, body + blank + own + others[0] * 3)
    assert _reached(lab, "sdf") == 0
    assert lab.session("sdf").dropped["bad-cosignature"] == 1


def test_a_spoiled_line_or_a_foreign_note_counts_for_nothing(fresh: tuple[Lab, str]) -> None:
    lab, note = fresh
    spoiled = note[:-20] + ("A" if note[-20] != "A" else "B") + note[-19:]
    _show(lab, spoiled)
    _show(lab, note.replace(f"dcn/{NET}\n", "dcn/another\n", 1))
    _show(lab, "noise")
    _show(lab, "\n\u2014 a\n\u2014 a\n\u2014 a\n\u2014 a\n\u2014 a")
    assert _reached(lab, "sdf") == 0
    assert lab.session("sdf").stopped is None


def test_an_older_note_needs_the_proof_that_this_tree_has_grown_from_it(fresh: tuple[Lab, str]) -> None:
    lab, note = fresh
    size = lab.relay.core.committed_size
    _check(lab, "russia")
    lab.settle("russia")
    lab.advance(10_000)
    lab.session("sdf").replica.trees.clear()
    tree = lab.relay.core.folded.tree
    _beat(lab, "sdf")
    lab.session("sdf").witness.witnessed = 0
    _show(lab, note)
    assert _reached(lab, "sdf") == 0
    _show(lab, note, *(ids.b64url(node) for node in tree.consistency(size, tree.size)))
    assert _reached(lab, "sdf") == size


def test_a_signed_note_of_another_history_is_a_fork(fresh: tuple[Lab, str]) -> None:
    from channel.log.checkpoint import Checkpoint, sign

    lab, _ = fresh
    size, origin = lab.relay.core.committed_size, f"dcn/{NET}"
    note = sign(Checkpoint(origin, size, unb64url(ids.sha256(b"another"))), origin, lab.relay.core.keys.log)
    lines = "".join(
        cosignature.cosign(note, NET, lab.home(party).signer("wit/1"), 7) for party in ("coalition", "russia", "regime")
    )
    told = _show(lab, note + lines)
    assert any(isinstance(event, Stopped) for event in told)
    assert lab.session("sdf").stopped is not None


# --- the store --------------------------------------------------------------------------------------------------------


def test_notes_are_kept_as_far_as_they_witness_something_of_ours(lab: Lab) -> None:
    first = _all_witness(lab)
    _check(lab, "russia")
    lab.settle("russia")
    _all_witness(lab)
    _check(lab, "russia")
    lab.settle("russia")
    third = _all_witness(lab)
    kept = [size for size, _ in lab.session("coalition").store.cosigned_notes()]
    assert kept == [first, third], "the second witnessed nothing that coalition may read"
    assert len(lab.session("russia").store.cosigned_notes()) == 3


def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path, charter = tmp_path / STORE_FILE, ids.sha256(b"charter")
    Store(path, charter).close()
    database = apsw.Connection(str(path))
    database.execute("DROP TABLE cosigned; PRAGMA user_version = 1")
    database.close()
    for _ in range(2):
        store = Store(path, charter)
        assert store.cosigned() in (0, 5)
        store.put_cosigned(5, "note")
        assert (store.cosigned(), store.cosigned(below=5)) == (5, 0)
        store.close()
