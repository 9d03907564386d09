"""Proofs that a party asks for (protocol.md 10.11): of its own leaves under a tree that it knows, or nothing."""

from __future__ import annotations

import pytest

from channel.log.leaf import encode, leaf_hash
from channel.log.proof import verify_inclusion
from channel.protocol import frames, ids, limits
from channel.protocol.frames import DownFrame, ProofsItem, ProveItem, WordItem
from channel.relay import proofs
from tests.unit.relay.lab import Lab

NOTE = "a checkpoint's note"


def beat_of(size: int) -> bytes:
    """In the place of a heartbeat."""
    return f"a.b.{size}".encode()


@pytest.fixture
def lab() -> Lab:
    """The regime's notice waits for Russia, so it is in the log and not the regime's to read."""
    lab = Lab()
    for _ in range(3):
        lab.notice("sdf")
    lab.notice("coalition", "regime via russia")
    lab.turn()
    return lab


def ask(lab: Lab, party: str, indexes: list[int], size: int | None = None, **changes: str) -> DownFrame | None:
    tree = lab.folded.tree
    size = tree.size if size is None else size
    root = changes.get("root", ids.b64url(tree.root(min(size, tree.size))))
    session = lab.sessions[party]
    session.asked = ProveItem(size=size, root=root, indexes=tuple(indexes))
    answered = session.proofs(lab.folded, lab.head, lambda at: NOTE if at <= tree.size else None, beat_of)
    assert session.asked is None
    return answered


def test_each_of_its_own_leaves_is_proven_in_the_tree_that_it_names(lab: Lab) -> None:
    feed = sorted(lab.feed("coalition"))
    size = feed[-1] + 1
    answered = ask(lab, "coalition", feed, size)
    assert answered is not None
    word, item = frames.decode_down(frames.encode(answered)).items
    assert word == WordItem(token=f"a.b.{size}"), "the key chain is confirmed for the tree that was named"
    assert isinstance(item, ProofsItem)
    assert (item.size, item.note, len(item.proofs)) == (size, NOTE, len(feed))
    for index, proof in zip(feed, item.proofs, strict=True):
        entry = lab.folded.ledger.entries[index]
        leaf = leaf_hash(encode(entry.stamp_ms, entry.opened.token))
        verify_inclusion(leaf, index, size, [ids.unb64url(node) for node in proof], lab.folded.tree.root(size))


def test_a_leaf_that_is_not_released_to_the_party_is_not_spoken_of(lab: Lab) -> None:
    hidden = max(lab.feed("coalition"))
    own = lab.feed("regime")
    assert hidden not in own
    assert ask(lab, "regime", own) is not None
    assert ask(lab, "regime", sorted([*own, hidden])) is None
    lab.forward("russia", lab.folded.ledger.entries[hidden].opened.of, "regime")
    assert ask(lab, "regime", [hidden]) is None, "released, but not durable yet"
    lab.turn()
    assert ask(lab, "regime", [hidden]) is not None


def test_what_is_no_honest_question_has_no_answer(lab: Lab) -> None:
    size = lab.folded.tree.size
    assert ask(lab, "coalition", [0, 1]) is not None
    assert ask(lab, "coalition", [0, 1], root=ids.sha256(b"a guess")) is None
    assert ask(lab, "coalition", [1, 0]) is None
    assert ask(lab, "coalition", [1, 1]) is None
    assert ask(lab, "coalition", [size], size) is None
    assert ask(lab, "coalition", [0], size + 1) is None
    assert ask(lab, "coalition", [0], limits.SEQ_MAX) is None
    assert lab.sessions["coalition"].proofs(lab.folded, lab.head, lambda _: NOTE, beat_of) is None


def test_as_many_as_fit_in_a_frame_and_at_least_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = sorted(lab.feed("coalition"))
    for budget, least, most in ((0, 1, 1), (500, 2, len(feed) - 1)):
        monkeypatch.setattr(proofs, "BUDGET_BYTES", budget)
        answered = ask(lab, "coalition", feed)
        assert answered is not None
        _, item = answered.items
        assert isinstance(item, ProofsItem)
        assert least <= len(item.proofs) <= most
