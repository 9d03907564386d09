"""Quarantine (protocol.md 10.14, 10.15): what counts as evidence, and which leaves are believed."""

from __future__ import annotations

import pytest

from channel.log import checkpoint
from channel.log.checkpoint import Checkpoint
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.protocol import ids
from channel.protocol.frames import ReturnedItem, ReturnedLeaf, ReturnItem, ShowItem
from channel.protocol.statements import Seen
from channel.relay.history import History
from channel.relay.quarantine import HANDED_BYTES_MAX, OWN, Quarantine
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
    return Quarantine(0, "test", _tree(HELD), ORIGIN, LOG.public, PARTIES, receipted=_receipted)


RECEIPT = "a.good.receipt"


def _receipted(receipt: str, index: int, stamp: int, token: bytes) -> bool:
    return receipt == RECEIPT and (stamp, token) == LEAVES[index]


def _hand(
    quarantine: Quarantine,
    party: str,
    note: str,
    indexes: range | list[int],
    *,
    other: bytes | None = None,
    false: tuple[int, ...] = (),
    receipts: tuple[int, ...] = (),
    receipt: str = RECEIPT,
) -> None:
    """A party answers all that it is asked."""
    assert quarantine.wants(party) == [ShowItem()]
    quarantine.shown(party, note)
    assert quarantine.wants(party) == [ReturnItem(start=HELD)]
    leaves = tuple(
        ReturnedLeaf(
            index=index,
            stamp=LEAVES[index][0],
            token=(other or (b"a.lie.here" if index in false else LEAVES[index][1])).decode(),
            receipt=receipt if index in receipts else None,
        )
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
    standing, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert (rebuilt.size, standing.given_up) == (9, (9,))


def test_they_count_if_somebody_has_one_of_them_or_its_receipt(quarantine: Quarantine) -> None:
    quarantine.notes[OWN] = _note(11)
    for party in PARTIES:
        _hand(quarantine, party, _note(9), [*range(HELD, 9), 10], receipts=(10,))
    standing, rebuilt = quarantine.settle()
    assert (standing.missing, rebuilt) == ((9,), None)
    quarantine.hold(OWN, 9, *LEAVES[9])
    _, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert rebuilt.size == 11


@pytest.mark.parametrize("receipt", ["", "a.forged.receipt"])
def test_who_only_says_that_it_holds_one_of_them_does_not_end_the_net(quarantine: Quarantine, receipt: str) -> None:
    """The relay's own newest leaves reached nobody, and a party hands in what never was in their place."""
    quarantine.notes[OWN] = _note(11)
    for party in PARTIES:
        lies = (9, 10) if party == "sdf" else ()
        _hand(
            quarantine, party, _note(9), [*range(HELD, 9), *lies], false=lies,
            receipts=lies if receipt else (), receipt=receipt,
        )  # fmt: skip
    standing, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert (rebuilt.size, rebuilt.root, standing.shown) == (9, _tree(9).root(), 9)


def test_a_statement_with_a_receipt_is_not_lost_though_nobody_pinned_a_tree_of_it(quarantine: Quarantine) -> None:
    for party in PARTIES:
        mine = [9] if party == "russia" else []
        _hand(quarantine, party, _note(9), [*range(HELD, 9), *mine], receipts=tuple(mine))
    _, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert (rebuilt.size, rebuilt.root) == (10, _tree(10).root())


def test_before_a_receipted_leaf_nothing_is_made_up(quarantine: Quarantine) -> None:
    """What no signed root covers, and no receipt names, is not taken from a party's hand."""
    for party in PARTIES:
        mine = [9, 10] if party == "russia" else []
        _hand(quarantine, party, _note(9), [*range(HELD, 9), *mine], false=(9,), receipts=(10,))
    standing, rebuilt = quarantine.settle()
    assert (standing.missing, rebuilt) == ((9,), None)


@pytest.mark.parametrize("liar", PARTIES)
def test_a_liar_that_alone_holds_a_true_leaf_too_holds_up_nothing(quarantine: Quarantine, liar: str) -> None:
    for party in PARTIES:
        if party == liar:
            _hand(quarantine, party, _note(9), range(HELD, 9), false=(5, 6))
        else:
            _hand(quarantine, party, _note(9), [5, 6, 8])
    _, rebuilt = quarantine.settle()
    assert rebuilt is not None
    assert [(leaf.stamp, leaf.token) for leaf in rebuilt.leaves] == LEAVES[HELD:9]


def test_a_false_leaf_in_the_place_of_a_missing_one_is_no_second_history(quarantine: Quarantine) -> None:
    """Only signatures of the log prove that. Left out, its liar's leaf is found to be missing."""
    for party in PARTIES:
        _hand(quarantine, party, _note(9), range(HELD, 9) if party == "sdf" else [5, 6, 8], false=(7,))
    standing, rebuilt = quarantine.settle()
    assert (standing.forked, standing.unfit, standing.missing, rebuilt) == (False, True, (), None)
    quarantine.without.add("sdf")
    standing, _ = quarantine.settle()
    assert (standing.forked, standing.unfit, standing.missing) == (False, False, (7,))


def test_what_a_party_handed_back_before_it_was_gone_without_still_counts(quarantine: Quarantine) -> None:
    assert quarantine.wants("sdf")
    quarantine.shown("sdf", _note(9))
    assert quarantine.wants("sdf")
    quarantine.returned("sdf", ReturnedItem(start=HELD, leaves=(_leaf(5),), done=False))
    for party in ("coalition", "russia"):
        _hand(quarantine, party, _note(9), range(HELD + 1, 9))
    quarantine.without.add("sdf")
    assert quarantine.settle()[1] is not None


def test_a_party_that_comes_back_from_another_place_is_asked_anew(quarantine: Quarantine) -> None:
    """First from a machine with an old store: what it holds elsewhere is not given up for lost."""
    quarantine.again("sdf", (3, 4))
    _hand(quarantine, "sdf", _note(4), [])
    for party in ("coalition", "russia"):
        _hand(quarantine, party, _note(9), [5, 6, 8])
    assert quarantine.settle()[0].missing == (7,)
    quarantine.again("sdf", (3, 4))
    assert quarantine.wants("sdf") == []
    quarantine.again("sdf", (6, 9))
    assert quarantine.settle()[0].waiting == ("sdf",)
    _hand(quarantine, "sdf", _note(9), [7])
    assert quarantine.settle()[1] is not None


def test_what_is_taken_from_one_party_is_bounded_in_bytes(quarantine: Quarantine) -> None:
    quarantine.wants("sdf")
    quarantine.shown("sdf", _note(9))
    quarantine._parties["sdf"].handed_bytes = HANDED_BYTES_MAX
    quarantine.returned("sdf", ReturnedItem(start=HELD, leaves=(_leaf(5),), done=False))
    assert quarantine.wants("sdf") == []
    assert quarantine._leaves == {}


def _leaf(index: int) -> ReturnedLeaf:
    return ReturnedLeaf(index=index, stamp=LEAVES[index][0], token=LEAVES[index][1].decode())


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


def test_in_quarantine_nobody_fills_another_partys_link() -> None:
    """What others have said is known to many; sent again it makes no word to its signer (12.4)."""
    lab = Lab()
    token = lab.notice("coalition", "sdf").token
    early = lab.sign("coalition", "answer", of=ids.sha256(token), word="WILCO", label="sig/machine-1")
    lab.turn()
    lab.words.clear()
    lab.core.history.closed = True
    for _ in range(3):
        assert lab.submit(token, "sdf").code == "quarantine"
        assert lab.submit(early, "sdf").code == "wrong-key"
    assert _words(lab) == []
    assert lab.submit(token, "coalition").code == "quarantine"
    assert _words(lab) == ["quarantine"]


def test_what_was_named_is_bounded() -> None:
    lab, history = Lab(), History()
    for size in range(1_000, 2_000):
        history.judge("coalition", Seen(size=size, root="A" * 43), lab.folded.tree)
    assert sum(len(named) for named in history._named.values()) <= 64
