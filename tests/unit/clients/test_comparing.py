"""Trees that others have seen (protocol.md 10.13, 11.4): what is asked, how often, and what an answer is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channel.log import checkpoint
from channel.log.documents import verify_document
from channel.log.leaf import leaf_hash
from channel.log.merkle import Tree as MerkleTree
from channel.log.report import Verdict
from channel.protocol import frames, ids
from channel.protocol.envelope import open_token, seal
from channel.protocol.frames import (
    CheckpointItem,
    ComparedItem,
    CompareItem,
    CosignatureItem,
    DownFrame,
    Tree,
    WordItem,
)
from channel.protocol.statements import Addressee, Heartbeat, Quarantine
from channel.protocol.times import to_wire
from channel.relay.proofs import compared
from clients.core import drafts, trust
from clients.core.events import AlarmRaised, Event, Stopped
from tests.unit.clients.lab import NET, Lab, lab_at


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia", "sdf")
        yield made


def notice(number: int, to: str) -> drafts.Draft:
    nid = f"015e87f3-2a40-7c11-9d3e-{number:012d}"
    return drafts.notice(nid, to=[Addressee(party=to)], text="text")


def asked(lab: Lab, party: str) -> list[CompareItem]:
    out = lab.session(party).frames(lab.relay.now_ms, lab.relay.mono_ms)
    for frame in out:
        lab.relay.take(party, frame)
    return [item for frame in out for item in frame.items if isinstance(item, CompareItem)]


def unknown(lab: Lab) -> None:
    """The coalition has seen a tree that Russia was never shown, and says something to Russia."""
    lab.say("coalition", notice(1, "sdf"))
    lab.settle("coalition", "sdf")
    lab.say("coalition", notice(2, "russia"))
    lab.settle("coalition")
    lab.down("russia")


def test_a_tree_that_is_known_needs_no_question(lab: Lab) -> None:
    lab.say("coalition", notice(1, "russia"))
    lab.settle("coalition")
    lab.down("russia")
    assert asked(lab, "russia") == []
    assert lab.session("russia").store.seen_rows() == []


def test_a_tree_that_is_not_is_asked_about_once_and_shown(lab: Lab) -> None:
    size = lab.relay.core.committed_size
    unknown(lab)
    russia = lab.session("russia")
    named = [row for row in russia.store.seen_rows() if ids.kid_party(row.kid) == "coalition"]
    (question,) = asked(lab, "russia")
    assert question.size == russia.replica.pin.size
    assert [tree.size for tree in question.trees] == sorted((row.size for row in named), reverse=True)
    assert all(tree.size > size for tree in question.trees)
    assert asked(lab, "russia") == [], "one question is open at a time"
    lab.down("russia")
    assert (russia.store.seen_rows(), russia.dropped) == ([], {})
    lab.advance(40_000)
    lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
    lab.tick("russia")
    assert (russia.stopped, asked(lab, "russia")) == (None, [])


def test_questions_make_no_leaf(lab: Lab) -> None:
    unknown(lab)
    lab.settle("coalition", "russia", "sdf")
    size = lab.relay.core.committed_size
    lab.session("russia").connected()
    lab.settle("coalition", "russia", "sdf")
    assert lab.relay.core.committed_size == size


def test_a_question_is_sent_again_after_5_s_and_over_a_new_connection(lab: Lab) -> None:
    unknown(lab)
    (question,) = asked(lab, "russia")
    lab.relay.mono_ms += 4_999
    assert asked(lab, "russia") == []
    lab.relay.mono_ms += 1
    assert asked(lab, "russia") == [question]
    lab.session("russia").connected()
    assert asked(lab, "russia") == [question]


def test_an_outage_is_no_fork_and_becomes_an_alarm(lab: Lab) -> None:
    """30 s count over one connection only, and while the relay is heard; a person is told in any case."""
    unknown(lab)
    assert asked(lab, "russia")
    lab.session("russia").disconnected()
    lab.advance(40_000)
    lab.session("russia").connected()
    assert asked(lab, "russia")
    lab.relay.now_ms += 1
    lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    assert ("seen-unproven", "coalition/sig/desk-operations") in lab.session("russia").alarms
    lab.down("russia")
    lab.tick("russia")
    assert lab.session("russia").alarms == {}


def test_a_silent_relay_is_no_fork(lab: Lab) -> None:
    unknown(lab)
    assert asked(lab, "russia")
    lab.advance(60_000)
    lab.tick("russia")
    assert lab.session("russia").stopped is None


@pytest.mark.parametrize("proofs", [(), ((),), ((ids.sha256(b"no node"),),) * 2, ((),) * 64])
def test_an_answer_that_does_not_hold_is_dropped(lab: Lab, proofs: tuple[tuple[str, ...], ...]) -> None:
    unknown(lab)
    (question,) = asked(lab, "russia")
    answer = {"v": 1, "items": [{"t": "compared", "size": question.size, "proofs": [list(one) for one in proofs]}]}
    if proofs:
        item = ComparedItem(size=question.size, proofs=proofs)
        lab.deliver("russia", frames.encode(DownFrame(items=(item,))))
    else:
        lab.deliver("russia", str(answer).replace("'", '"').encode())
    russia = lab.session("russia")
    assert russia.dropped.total() == 1
    assert russia.store.seen_rows()


def test_of_each_party_the_oldest_and_the_newest_are_kept(lab: Lab) -> None:
    """However much is said before an answer comes."""
    for number in range(1, 30, 2):
        lab.say("coalition", notice(number, "sdf"))
        lab.settle("coalition", "sdf")
        lab.say("coalition", notice(number + 1, "russia"))
        lab.settle("coalition")
        lab.down("russia")
    rows = [row for row in lab.session("russia").store.seen_rows() if ids.kid_party(row.kid) == "coalition"]
    assert [row.newest for row in rows] == [False, True]
    assert rows[0].size < rows[1].size
    for _ in range(3):
        lab.up("russia")
        lab.down("russia")
    assert lab.session("russia").store.seen_rows() == []


def test_the_relay_compares_only_trees_of_its_own(lab: Lab) -> None:
    unknown(lab)
    folded, size = lab.relay.core.folded, lab.relay.core.committed_size
    root = ids.b64url(folded.tree.root())
    earlier = Tree(size=4, root=ids.b64url(folded.tree.root(4)))
    other = Tree(size=4, root=ids.sha256(b"another"))
    empty = Tree(size=0, root=ids.sha256(b""))
    good = CompareItem(size=size, root=root, trees=(earlier, empty, Tree(size=size, root=root)))
    answered = compared(good, folded, size)
    assert answered is not None
    for bad in (
        good.model_copy(update={"trees": (earlier, other)}),
        good.model_copy(update={"root": other.root}),
        good.model_copy(update={"size": size + 1}),
        CompareItem(size=4, root=earlier.root, trees=(Tree(size=size, root=root),)),
    ):
        assert compared(bad, folded, size) is None
    assert compared(good, folded, size - 1) is None, "what is not durable is not spoken of"


# --- what is no fork: a relay that was away, or takes nothing ---------------------------------------------------------


def beat(lab: Lab, party: str) -> None:
    lab.deliver(party, frames.encode(lab.relay.beat(party)))


def test_a_relay_that_was_away_has_30_s_again_to_answer(lab: Lab) -> None:
    """It went down with the question open: its first heartbeat says that it is back, not that it owes a proof since."""
    unknown(lab)
    assert asked(lab, "russia")
    lab.relay.downs["russia"].compare = None
    lab.advance(60_000)
    beat(lab, "russia")
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    for _ in range(2):
        lab.advance(10_000)
        beat(lab, "russia")
        lab.tick("russia")
    assert lab.session("russia").stopped is None
    assert asked(lab, "russia"), "it is asked again meanwhile"
    lab.relay.downs["russia"].compare = None
    lab.advance(10_000)
    beat(lab, "russia")
    lab.tick("russia")
    assert lab.session("russia").stopped is not None, "heard for 30 s, and no proof"


def test_a_quarantine_is_no_time_to_answer(lab: Lab) -> None:
    unknown(lab)
    russia = lab.session("russia")
    assert asked(lab, "russia")
    beat(lab, "russia")
    lab.advance(1_000)
    for _ in range(5):
        word = Quarantine(
            net=NET, issued=to_wire(lab.relay.now_ms), to="russia", size=3, since=to_wire(lab.relay.now_ms), shown=5
        )
        tokens = (seal(word, lab.relay.core.keys.machine), lab.relay.core.heartbeat("russia", lab.relay.now_ms))
        items = tuple(WordItem(token=token.decode()) for token in tokens)
        lab.deliver("russia", frames.encode(DownFrame(items=items)))
        lab.tick("russia")
        lab.advance(10_000)
    assert ("quarantine", "relay") in russia.alarms
    assert asked(lab, "russia") == []
    beat(lab, "russia")
    lab.tick("russia")
    assert (russia.stopped, ("quarantine", "relay") in russia.alarms) == (None, False)
    assert asked(lab, "russia"), "and now it is asked again"


def _without_proof(lab: Lab) -> None:
    """A heartbeat to one that the relay does not know of yet: its checkpoint comes with a proof from size 0."""
    lab.say("coalition", notice(lab.relay.core.committed_size, "sdf"))
    lab.settle("coalition", "sdf")
    lab.relay.downs["russia"].gone()
    beat(lab, "russia")


def test_a_tree_in_doubt_before_the_relay_went_away_is_no_fork_when_it_comes_back(lab: Lab) -> None:
    """It said where it is, and died before it heard where we are; twice."""
    beat(lab, "russia")
    _without_proof(lab)
    lab.advance(60_000)
    _without_proof(lab)
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    lab.settle("russia")
    assert lab.session("russia").replica.pin.size == lab.relay.core.committed_size


def test_a_tree_in_doubt_of_another_connection_is_no_fork(lab: Lab) -> None:
    beat(lab, "russia")
    _without_proof(lab)
    lab.session("russia").disconnected()
    lab.advance(60_000)
    lab.session("russia").connected()
    _without_proof(lab)
    lab.tick("russia")
    assert lab.session("russia").stopped is None


def test_a_relay_that_insists_on_a_tree_without_proof_forks(lab: Lab) -> None:
    beat(lab, "russia")
    for _ in range(5):
        _without_proof(lab)
        lab.tick("russia")
        lab.advance(10_000)
    assert lab.session("russia").stopped is not None


def test_a_tree_that_stays_in_doubt_is_an_alarm_whatever_the_connection(lab: Lab) -> None:
    _without_proof(lab)
    for _ in range(2):
        lab.session("russia").disconnected()
        lab.advance(20_000)
        lab.session("russia").connected()
        _without_proof(lab)
    lab.tick("russia")
    assert ("tree-unproven", "relay") in lab.session("russia").alarms
    lab.settle("russia")
    lab.tick("russia")
    assert ("tree-unproven", "relay") not in lab.session("russia").alarms


# --- what is one whatever it says of itself -------------------------------------------------------------------------


def grow(lab: Lab) -> None:
    """One more leaf, to Russia, which it takes."""
    lab.say("sdf", notice(lab.relay.core.committed_size, "russia"))
    lab.settle("sdf")
    lab.down("russia")


def _word(lab: Lab, body: Heartbeat | Quarantine) -> bytes:
    token = seal(body, lab.relay.core.keys.machine)
    return frames.encode(DownFrame(items=(WordItem(token=token.decode()),)))


@pytest.mark.parametrize("excuse", ["breaks", "quarantine"])
def test_a_relay_that_shows_trees_and_no_proof_forks_whatever_it_says(lab: Lab, excuse: str) -> None:
    """It is away for 16 s again and again, or says that it takes nothing, and goes on nevertheless."""
    unknown(lab)
    russia = lab.session("russia")
    for count in range(6):
        assert russia.stopped is None, count
        assert len(asked(lab, "russia")) == 1
        lab.relay.downs["russia"].compare = None
        if excuse == "quarantine":
            at = to_wire(lab.relay.now_ms + 10**10)
            lab.deliver("russia", _word(lab, Quarantine(net=NET, issued=at, to="russia", size=3, since=at, shown=5)))
            assert asked(lab, "russia") == []
        lab.advance(16_000)
        beat(lab, "russia")
        grow(lab)
        lab.tick("russia")
    assert russia.stopped is not None
    assert "is not shown to be of ours" in russia.stopped


def test_a_relay_that_shows_many_trees_at_once_has_its_time_to_answer(lab: Lab) -> None:
    unknown(lab)
    for _ in range(20):
        assert len(asked(lab, "russia")) <= 1
        lab.relay.downs["russia"].compare = None
        lab.advance(500)
        grow(lab)
        lab.tick("russia")
    assert lab.session("russia").stopped is None


def test_a_newer_tree_ends_what_a_quarantine_word_said(lab: Lab) -> None:
    at = to_wire(lab.relay.now_ms + 10**10)
    lab.deliver("russia", _word(lab, Quarantine(net=NET, issued=at, to="russia", size=3, since=at, shown=5)))
    lab.tick("russia")
    assert ("quarantine", "relay") in lab.session("russia").alarms
    grow(lab)
    lab.tick("russia")
    assert ("quarantine", "relay") not in lab.session("russia").alarms


def test_nothing_is_cosigned_while_a_tree_that_somebody_named_is_not_shown_for_long(lab: Lab) -> None:
    def cosigned() -> list[int]:
        out = lab.session("russia").frames(lab.relay.now_ms, lab.relay.mono_ms)
        for frame in out:
            lab.relay.take("russia", frame)
        return [item.size for frame in out for item in frame.items if isinstance(item, CosignatureItem)]

    unknown(lab)
    lab.advance(2_000)
    assert cosigned() == [lab.session("russia").replica.pin.size]
    lab.relay.downs["russia"].compare = None
    lab.advance(30_000)
    grow(lab)
    assert cosigned() == []
    lab.down("russia")
    assert cosigned() == [lab.session("russia").replica.pin.size]


def test_what_two_devices_of_one_party_name_is_compared_of_each(lab: Lab) -> None:
    """That one leads to the other only each device has verified."""
    for number, desk in ((2, "operations"), (4, "staff"), (6, "operations")):
        lab.say("coalition", notice(number - 1, "sdf"))
        lab.settle("coalition", "sdf")
        lab.say("coalition", replace(notice(number, "russia"), desk=desk))
        lab.settle("coalition")
        lab.down("russia")
    named = [row for row in lab.session("russia").store.seen_rows() if ids.kid_party(row.kid) == "coalition"]
    assert [(row.kid.rpartition("-")[2], row.newest) for row in named] == [
        ("operations", False), ("operations", True), ("staff", True),
    ]  # fmt: skip


# --- heartbeats -------------------------------------------------------------------------------------------------------


def beat_of(lab: Lab, size: int, root: ids.Hash) -> bytes:
    """The relay's own word of a tree."""
    own = open_token(lab.relay.core.heartbeat("russia", lab.relay.now_ms), lab.relay.core.folded.ledger.ring).body
    assert isinstance(own, Heartbeat)
    return _word(lab, own.model_copy(update={"size": size, "root": root}))


def other_beat(lab: Lab, size: int) -> bytes:
    """Of one that is not the one it shows."""
    return beat_of(lab, size, ids.sha256(b"another"))


def test_a_heartbeat_of_a_tree_ahead_is_compared_when_the_pin_has_come_so_far(lab: Lab) -> None:
    russia = lab.session("russia")
    size = russia.replica.pin.size + 1
    assert lab.deliver("russia", other_beat(lab, size)) == []
    (stopped, _) = [event for event in _grown(lab) if isinstance(event, Stopped | AlarmRaised)]
    assert isinstance(stopped, Stopped)
    assert russia.replica.pin.size == size
    kept = trust.proof_file(lab.relay.leaves[0].token, stopped.proof)
    assert verify_document(kept, lab.relay.leaves[0].token).verdict is Verdict.VERIFIED
    roots = [open_token(word, russia.ledger.ring).body for word in russia.store.words()]
    assert ids.sha256(b"another") not in [getattr(body, "root", None) for body in roots], "no bundle is spoilt by it"


def _grown(lab: Lab) -> list[Event]:
    before = len(lab.events["russia"])
    grow(lab)
    return lab.events["russia"][before:]


def test_a_heartbeat_of_a_tree_that_was_passed_over_is_asked_about(lab: Lab) -> None:
    russia = lab.session("russia")
    size = russia.replica.pin.size + 1
    lab.deliver("russia", other_beat(lab, size))
    lab.say("coalition", notice(1, "sdf"))
    lab.settle("coalition", "sdf")
    grow(lab)
    assert russia.replica.pin.size > size
    assert russia.stopped is None
    (question,) = asked(lab, "russia")
    assert Tree(size=size, root=ids.sha256(b"another")) in question.trees
    for _ in range(5):
        beat(lab, "russia")
        lab.tick("russia")
        lab.advance(10_000)
        asked(lab, "russia")
    assert russia.stopped is not None


def test_two_trees_of_one_size_in_one_frame_are_a_fork(lab: Lab) -> None:
    russia, origin = lab.session("russia"), f"dcn/{NET}"
    old, root, proof = russia.replica.pin.size, *_continued(lab)
    other, others = _continued(lab, b"other")
    items = tuple(
        CheckpointItem(
            old=old,
            proof=tuple(map(ids.b64url, nodes)),
            note=checkpoint.sign(checkpoint.Checkpoint(origin, old + 1, top), origin, lab.relay.core.keys.log),
        )
        for top, nodes in ((root, proof), (other, others))
    )
    events = lab.deliver("russia", frames.encode(DownFrame(items=items)))
    assert isinstance(events[0], Stopped)
    kept = trust.proof_file(lab.relay.leaves[0].token, events[0].proof)
    assert verify_document(kept, lab.relay.leaves[0].token).verdict is Verdict.VERIFIED


def _continued(lab: Lab, data: bytes = b"one") -> tuple[bytes, list[bytes]]:
    """Root and consistency proof of the relay's tree with one leaf more."""
    tree, size = MerkleTree(), lab.session("russia").replica.pin.size
    for index in range(size):
        tree.append(lab.relay.core.folded.tree.leaf(index))
    tree.append(leaf_hash(data))
    return tree.root(), tree.consistency(size, size + 1)
