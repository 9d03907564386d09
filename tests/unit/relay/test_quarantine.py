"""Quarantine (protocol.md 10.14, 10.15): what counts as evidence, and which leaves are believed."""

from __future__ import annotations

import pytest

from channel.log import checkpoint
from channel.log.checkpoint import Checkpoint
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.protocol.frames import ReturnedItem, ReturnedLeaf, ReturnItem, ShowItem
from channel.protocol.statements import Seen
from channel.relay.history import History
from channel.relay.quarantine import OWN, Quarantine
from tests.unit.relay.lab import Lab, signer

ORIGIN = "dcn/lab-net"
LOG = signer("relay/sig/log-1")
PARTIES = ("coalition", "russia", "sdf")
LEAVES = [(1_000 + index, b"a.b.%d" % index) for index in range(12)]
HELD = 5  # leaves of the old copy


def _tree(size: int) -> Tree:
    tree = Tree()
    for stamp, token in LEAVES[:size]:
        tree.append(leaf_hash(encode(stamp, token)))
    return tree


def _note(size: int, root: bytes | None = None) -> str:
    return checkpoint.sign(Checkpoint(ORIGIN, size, root or _tree(size).root()), ORIGIN, LOG)


@pytest.fixture
def quarantine() -> Quarantine:
    return Quarantine(0, "test", _tree(HELD), ORIGIN, LOG.public, PARTIES)


def _hand(
    quarantine: Quarantine, party: str, note: str, indexes: range | list[int], *, other: bytes | None = None
) -> None:
    """A party answers all that it is asked."""
    assert quarantine.wants(party) == [ShowItem()]
    quarantine.shown(party, note)
    assert quarantine.wants(party) == [ReturnItem(start=HELD)]
    leaves = tuple(
        ReturnedLeaf(index=index, stamp=LEAVES[index][0], token=(other or LEAVES[index][1]).decode())
        for index in indexes
    )
    quarantine.returned(party, ReturnedItem(start=HELD, leaves=leaves, done=True))
    assert quarantine.wants(party) == []


def test_leaves_of_several_parties_give_the_largest_tree_that_was_shown(quarantine: Quarantine) -> None:
    _hand(quarantine, "coalition", _note(9), [5, 6, 8])
    _hand(quarantine, "russia", _note(12), [9, 11])
    standing, rebuilt = quarantine.settle()
    assert (standing.waiting, standing.missing, rebuilt) == (("sdf",), (7, 10), None)
    _hand(quarantine, "sdf", _note(7), [7, 10])
    standing, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert [(leaf.stamp, leaf.token) for leaf in rebuilt.leaves] == LEAVES[HELD:]
    assert (rebuilt.size, rebuilt.root) == (12, _tree(12).root())
    assert quarantine.tree.root() == _tree(HELD).root(), "the log's own tree is as it was"


def test_a_leaf_that_nobody_holds_is_missing_for_good(quarantine: Quarantine) -> None:
    for party in PARTIES:
        _hand(quarantine, party, _note(9), [5, 6, 8])
    standing, rebuilt = quarantine.settle()
    assert (standing.waiting, standing.missing, standing.forked, rebuilt) == ((), (7,), False, None)


@pytest.mark.parametrize("liar", PARTIES)
def test_false_leaves_are_left_out(quarantine: Quarantine, liar: str) -> None:
    for party in PARTIES:
        _hand(quarantine, party, _note(9), range(HELD, 9), other=b"never.was.said" if party == liar else None)
    standing, rebuilt = quarantine.settle()
    assert (standing.forked, rebuilt is not None) == (False, True)


def test_what_is_no_leaf_is_none(quarantine: Quarantine) -> None:
    for party in PARTIES:
        _hand(quarantine, party, _note(9), range(HELD, 9), other=b"white space")
    assert quarantine.settle()[0].missing == (5, 6, 7, 8)


def test_a_checkpoint_of_another_key_or_tree_is_no_evidence(quarantine: Quarantine) -> None:
    forged = checkpoint.sign(Checkpoint(ORIGIN, 900, b"\x05" * 32), ORIGIN, signer("coalition/wit/1"))
    other = checkpoint.sign(Checkpoint("dcn/other", 900, b"\x05" * 32), "dcn/other", LOG)
    _hand(quarantine, "coalition", forged, [])
    _hand(quarantine, "russia", other, [])
    _hand(quarantine, "sdf", "", [])
    standing, rebuilt = quarantine.settle()
    assert standing.shown == HELD
    assert rebuilt is not None
    assert rebuilt.leaves == ()


def test_two_histories_are_never_mended(quarantine: Quarantine) -> None:
    for party in PARTIES:
        _hand(quarantine, party, _note(9, b"\x05" * 32) if party == "sdf" else _note(9), range(HELD, 9))
    assert quarantine.settle()[0].forked
    smaller = Quarantine(0, "test", _tree(HELD), ORIGIN, LOG.public, PARTIES)
    for party in PARTIES:
        _hand(smaller, party, _note(3, b"\x05" * 32) if party == "sdf" else _note(9), range(HELD, 9))
    assert smaller.settle()[0].forked


def test_a_party_that_cannot_come_can_be_gone_without(quarantine: Quarantine) -> None:
    _hand(quarantine, "coalition", _note(9), range(HELD, 9))
    _hand(quarantine, "russia", _note(9), [])
    assert quarantine.settle()[1] is None
    quarantine.without.add("sdf")
    assert quarantine.settle()[1] is not None


def test_the_relays_own_newest_leaves_count_for_nothing_if_they_reached_nobody(quarantine: Quarantine) -> None:
    quarantine.notes[OWN] = _note(10)
    for party in PARTIES:
        _hand(quarantine, party, _note(9), range(HELD, 9))
    _, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert rebuilt.size == 9


def test_they_count_if_somebody_has_one_of_them_or_its_receipt(quarantine: Quarantine) -> None:
    quarantine.notes[OWN] = _note(11)
    for party in PARTIES:
        _hand(quarantine, party, _note(9), [*range(HELD, 9), 10])
    standing, rebuilt = quarantine.settle()
    assert (standing.missing, rebuilt) == ((9,), None)
    quarantine.hold(OWN, 9, *LEAVES[9])
    _, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert rebuilt.size == 11


def test_leaves_out_of_order_or_not_asked_for_end_the_questions(quarantine: Quarantine) -> None:
    quarantine.wants("coalition")
    quarantine.shown("coalition", _note(9))
    leaf = ReturnedLeaf(index=6, stamp=1, token="a.b.c")
    quarantine.returned("coalition", ReturnedItem(start=7, leaves=(leaf,), done=True))
    assert quarantine.wants("coalition") == [ReturnItem(start=HELD)]
    quarantine.returned("coalition", ReturnedItem(start=HELD, leaves=(leaf, leaf), done=False))
    assert quarantine.wants("coalition") == []


# --- what parties say they have seen ----------------------------------------------------------------------------------


def _words(lab: Lab) -> list[str]:
    lab.turn()
    codes = [getattr(opened.body, "code", "") for _, opened in lab.words]
    lab.words.clear()
    return codes


def test_a_false_seen_waits_and_is_refused_when_its_signer_shows_nothing() -> None:
    lab = Lab()
    size = lab.core.committed_size
    token = lab.sign("coalition", "notice", **lab.notice_members("sdf"), seen={"size": 900, "root": "A" * 43})
    assert lab.submit(token, "coalition").code == "other-tree"
    assert _words(lab) == ["other-tree"]
    assert (lab.core.committed_size, lab.core.history.ask) == (size, {"coalition"})
    lab.core.history.shown("coalition")
    assert lab.submit(token, "coalition").code == "seen-false"
    lab.turn()
    lab.submit(token, "coalition")
    lab.turn()
    assert [one.code for one in lab.refusals()] == ["seen-false"], "once"


def test_another_root_of_a_known_size_is_no_better() -> None:
    lab = Lab()
    token = lab.sign("coalition", "notice", **lab.notice_members("sdf"), seen={"size": 3, "root": "A" * 43})
    assert lab.submit(token, "coalition").code == "other-tree"
    assert lab.submit(token, "russia").code == "other-tree"


def test_in_quarantine_nothing_is_taken() -> None:
    lab = Lab()
    of = lab.notice("coalition", "sdf").of
    lab.turn()
    size = lab.core.committed_size
    lab.words.clear()
    lab.core.history.closed = True
    assert lab.answer("sdf", of).code == "quarantine"
    assert lab.notice("coalition", "russia").code == "quarantine"
    assert lab.submit(lab.sign("sdf", "answer", of=of, word="WILCO", label="sig/machine-1"), "sdf").code == "wrong-key"
    assert lab.core.batch() is None
    assert lab.core.committed_size == size


def test_what_was_named_is_bounded() -> None:
    lab, history = Lab(), History()
    for size in range(1_000, 2_000):
        history.judge("coalition", Seen(size=size, root="A" * 43), lab.folded.tree)
    assert sum(len(named) for named in history._named.values()) <= 64
