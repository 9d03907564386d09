"""Trees that others have seen (protocol.md 10.13, 11.4): what is asked, how often, and what an answer is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.protocol import frames, ids
from channel.protocol.envelope import seal
from channel.protocol.frames import ComparedItem, CompareItem, DownFrame, Tree, WordItem
from channel.protocol.statements import Addressee, Quarantine
from channel.protocol.times import to_wire
from channel.relay.proofs import compared
from clients.core import drafts
from tests.unit.clients.lab import NET, Lab, lab_at


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia", "sdf")
        yield made


def _notice(number: int, to: str) -> drafts.Draft:
    nid = f"015e87f3-2a40-7c11-9d3e-{number:012d}"
    return drafts.notice(nid, to=[Addressee(party=to)], text="text")


def _asked(lab: Lab, party: str) -> list[CompareItem]:
    out = lab.session(party).frames(lab.relay.now_ms, lab.relay.mono_ms)
    for frame in out:
        lab.relay.take(party, frame)
    return [item for frame in out for item in frame.items if isinstance(item, CompareItem)]


def _unknown(lab: Lab) -> None:
    """The coalition has seen a tree that Russia was never shown, and says something to Russia."""
    lab.say("coalition", _notice(1, "sdf"))
    lab.settle("coalition", "sdf")
    lab.say("coalition", _notice(2, "russia"))
    lab.settle("coalition")
    lab.down("russia")


def test_a_tree_that_is_known_needs_no_question(lab: Lab) -> None:
    lab.say("coalition", _notice(1, "russia"))
    lab.settle("coalition")
    lab.down("russia")
    assert _asked(lab, "russia") == []
    assert lab.session("russia").store.seen_rows() == []


def test_a_tree_that_is_not_is_asked_about_once_and_shown(lab: Lab) -> None:
    size = lab.relay.core.committed_size
    _unknown(lab)
    russia = lab.session("russia")
    named = [row for row in russia.store.seen_rows() if row.party == "coalition"]
    (question,) = _asked(lab, "russia")
    assert question.size == russia.replica.pin.size
    assert [tree.size for tree in question.trees] == sorted((row.size for row in named), reverse=True)
    assert all(tree.size > size for tree in question.trees)
    assert _asked(lab, "russia") == [], "one question is open at a time"
    lab.down("russia")
    assert (russia.store.seen_rows(), russia.dropped) == ([], {})
    lab.advance(40_000)
    lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
    lab.tick("russia")
    assert (russia.stopped, _asked(lab, "russia")) == (None, [])


def test_questions_make_no_leaf(lab: Lab) -> None:
    _unknown(lab)
    lab.settle("coalition", "russia", "sdf")
    size = lab.relay.core.committed_size
    lab.session("russia").connected()
    lab.settle("coalition", "russia", "sdf")
    assert lab.relay.core.committed_size == size


def test_a_question_is_sent_again_after_5_s_and_over_a_new_connection(lab: Lab) -> None:
    _unknown(lab)
    (question,) = _asked(lab, "russia")
    lab.relay.mono_ms += 4_999
    assert _asked(lab, "russia") == []
    lab.relay.mono_ms += 1
    assert _asked(lab, "russia") == [question]
    lab.session("russia").connected()
    assert _asked(lab, "russia") == [question]


def test_an_outage_is_no_fork_and_becomes_an_alarm(lab: Lab) -> None:
    """30 s count over one connection only, and while the relay is heard; a person is told in any case."""
    _unknown(lab)
    assert _asked(lab, "russia")
    lab.session("russia").disconnected()
    lab.advance(40_000)
    lab.session("russia").connected()
    assert _asked(lab, "russia")
    lab.relay.now_ms += 1
    lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    assert ("seen-unproven", "coalition") in lab.session("russia").alarms
    lab.down("russia")
    lab.tick("russia")
    assert lab.session("russia").alarms == {}


def test_a_silent_relay_is_no_fork(lab: Lab) -> None:
    _unknown(lab)
    assert _asked(lab, "russia")
    lab.advance(60_000)
    lab.tick("russia")
    assert lab.session("russia").stopped is None


@pytest.mark.parametrize("proofs", [(), ((),), ((ids.sha256(b"no node"),),) * 2, ((),) * 64])
def test_an_answer_that_does_not_hold_is_dropped(lab: Lab, proofs: tuple[tuple[str, ...], ...]) -> None:
    _unknown(lab)
    (question,) = _asked(lab, "russia")
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
        lab.say("coalition", _notice(number, "sdf"))
        lab.settle("coalition", "sdf")
        lab.say("coalition", _notice(number + 1, "russia"))
        lab.settle("coalition")
        lab.down("russia")
    rows = [row for row in lab.session("russia").store.seen_rows() if row.party == "coalition"]
    assert [row.newest for row in rows] == [False, True]
    assert rows[0].size < rows[1].size
    for _ in range(3):
        lab.up("russia")
        lab.down("russia")
    assert lab.session("russia").store.seen_rows() == []


def test_the_relay_compares_only_trees_of_its_own(lab: Lab) -> None:
    _unknown(lab)
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


def _beat(lab: Lab, party: str) -> None:
    lab.deliver(party, frames.encode(lab.relay.beat(party)))


def test_a_relay_that_was_away_has_30_s_again_to_answer(lab: Lab) -> None:
    """It went down with the question open: its first heartbeat says that it is back, not that it owes a proof since."""
    _unknown(lab)
    assert _asked(lab, "russia")
    lab.relay.downs["russia"].compare = None
    lab.advance(60_000)
    _beat(lab, "russia")
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    for _ in range(2):
        lab.advance(10_000)
        _beat(lab, "russia")
        lab.tick("russia")
    assert lab.session("russia").stopped is None
    assert _asked(lab, "russia"), "it is asked again meanwhile"
    lab.relay.downs["russia"].compare = None
    lab.advance(10_000)
    _beat(lab, "russia")
    lab.tick("russia")
    assert lab.session("russia").stopped is not None, "heard for 30 s, and no proof"


def test_a_quarantine_is_no_time_to_answer(lab: Lab) -> None:
    _unknown(lab)
    russia = lab.session("russia")
    assert _asked(lab, "russia")
    _beat(lab, "russia")
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
    assert _asked(lab, "russia") == []
    _beat(lab, "russia")
    lab.tick("russia")
    assert (russia.stopped, ("quarantine", "relay") in russia.alarms) == (None, False)
    assert _asked(lab, "russia"), "and now it is asked again"


def _without_proof(lab: Lab) -> None:
    """A heartbeat to one that the relay does not know of yet: its checkpoint comes with a proof from size 0."""
    lab.say("coalition", _notice(lab.relay.core.committed_size, "sdf"))
    lab.settle("coalition", "sdf")
    lab.relay.downs["russia"].gone()
    _beat(lab, "russia")


def test_a_tree_in_doubt_before_the_relay_went_away_is_no_fork_when_it_comes_back(lab: Lab) -> None:
    """It said where it is, and died before it heard where we are; twice."""
    _beat(lab, "russia")
    _without_proof(lab)
    lab.advance(60_000)
    _without_proof(lab)
    lab.tick("russia")
    assert lab.session("russia").stopped is None
    lab.settle("russia")
    assert lab.session("russia").replica.pin.size == lab.relay.core.committed_size


def test_a_tree_in_doubt_of_another_connection_is_no_fork(lab: Lab) -> None:
    _beat(lab, "russia")
    _without_proof(lab)
    lab.session("russia").disconnected()
    lab.advance(60_000)
    lab.session("russia").connected()
    _without_proof(lab)
    lab.tick("russia")
    assert lab.session("russia").stopped is None


def test_a_relay_that_insists_on_a_tree_without_proof_forks(lab: Lab) -> None:
    _beat(lab, "russia")
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
