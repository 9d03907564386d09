"""One false tree among others (protocol.md 11.4): what is asked about alone, who is accused, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channel.protocol import frames, ids
from channel.relay.proofs import compared
from clients.core.events import Stopped
from clients.core.store_evidence import SeenRow
from tests.unit.clients.lab import Lab, lab_at
from tests.unit.clients.test_comparing import asked, beat, beat_of, grow, notice, other_beat, unknown


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia", "sdf")
        yield made


def _wait(lab: Lab, ms: int, *, silent: bool = False) -> list[list[int]]:
    """Heartbeats for so long; the sizes of the trees in each question, which are answered unless it is `silent`."""
    sizes = []
    for _ in range(0, ms, 1_000):
        sizes += [[tree.size for tree in item.trees] for item in asked(lab, "russia")]
        if silent:
            lab.relay.downs["russia"].compare = None
        lab.down("russia")
        lab.advance(1_000)
        beat(lab, "russia")
        lab.tick("russia")
    return sizes


def _open(lab: Lab) -> list[tuple[str, int]]:
    return [(ids.kid_party(row.kid), row.size) for row in lab.session("russia").store.seen_rows()]


def _kept(lab: Lab) -> str:
    (stopped,) = [event for event in lab.events["russia"] if isinstance(event, Stopped)]
    return stopped.proof["theirs"]


def _beat_beside(lab: Lab, *, honest: bool) -> tuple[bytes, int]:
    """The coalition names a tree that is ours, a heartbeat one that is or is not; neither is held here."""
    size = lab.session("russia").replica.pin.size + 1
    if not honest:
        token = other_beat(lab, size)
        lab.deliver("russia", token)
    unknown(lab)
    if honest:
        token = beat_of(lab, size, ids.b64url(lab.relay.core.folded.tree.root(size)))
        lab.deliver("russia", token)
    assert sorted(party for party, _ in _open(lab)) == ["coalition", "relay"]
    return token, size


def _falsified(lab: Lab) -> SeenRow:
    """The coalition's statement names a false tree instead, as if another had been shown to it."""
    russia = lab.session("russia")
    (honest,) = [row for row in russia.store.seen_rows() if ids.kid_party(row.kid) == "coalition"]
    false = replace(honest, root=ids.sha256(b"another"))
    russia.store.put_seen(false)
    lab.crash("russia")
    return false


def test_one_false_tree_leaves_no_other_unshown(lab: Lab) -> None:
    """The relay's heartbeat gives it away, and the heartbeat is what is kept; the coalition is not accused."""
    token, size = _beat_beside(lab, honest=False)
    assert _wait(lab, 31_000)
    assert _open(lab) == [("relay", size)]
    assert (
        lab.session("russia").stopped
        == f"relay/sig/machine-1 names a tree of {size} leaves that is not shown to be of ours"
    )
    assert _kept(lab) in token.decode()


def test_a_statement_that_names_a_false_tree_is_kept_and_no_heartbeat_beside_it(lab: Lab) -> None:
    _beat_beside(lab, honest=True)
    false = _falsified(lab)
    _wait(lab, 34_000)
    assert _open(lab) == [("coalition", false.size)]
    assert _kept(lab) == false.token.decode()


def test_of_trees_that_are_not_shown_the_relays_own_is_kept_and_the_others_are_named(lab: Lab) -> None:
    token, size = _beat_beside(lab, honest=False)
    assert _wait(lab, 29_000, silent=True)
    assert lab.session("russia").stopped is None, "the time to answer is as long as ever"
    _wait(lab, 2_000, silent=True)
    assert lab.session("russia").stopped == (
        f"relay/sig/machine-1 names a tree of {size} leaves that is not shown to be of ours; "
        "nor is one that is named by coalition/sig/desk-operations"
    )
    assert _kept(lab) in token.decode()


def test_after_5_s_one_tree_is_asked_about_at_a_time_the_relays_own_first(lab: Lab) -> None:
    _, size = _beat_beside(lab, honest=False)
    (other,) = [size for party, size in _open(lab) if party == "coalition"]
    assert _wait(lab, 25_000, silent=True) == [[size, other], [size], [other], [size], [other]]


def test_who_was_asked_about_only_beside_others_is_not_accused(lab: Lab) -> None:
    _, size = _beat_beside(lab, honest=False)
    assert asked(lab, "russia")
    for _ in range(4):
        lab.relay.downs["russia"].compare = None
        lab.advance(10_000)
        beat(lab, "russia")
        lab.tick("russia")
    assert lab.session("russia").stopped is None, "nobody knows which of the two it is"
    assert _wait(lab, 6_000, silent=True) == [[size], [size + 1]]
    assert (lab.session("russia").stopped or "").endswith("not shown to be of ours"), "the coalition is not named"


def test_an_answer_that_comes_after_the_next_question_is_taken(lab: Lab) -> None:
    """The way to the relay is slow: that is no fork, and nothing is lost by asking again."""
    _beat_beside(lab, honest=True)
    (question,) = asked(lab, "russia")
    lab.relay.downs["russia"].compare = None
    lab.advance(6_000)
    (single,) = asked(lab, "russia")
    lab.relay.downs["russia"].compare = None
    assert (len(question.trees), len(single.trees)) == (2, 1)
    late = compared(question, lab.relay.core.folded, lab.relay.core.committed_size)
    assert late is not None
    lab.deliver("russia", frames.encode(late))
    assert (_open(lab), lab.session("russia").dropped) == ([], {})
    lab.deliver("russia", frames.encode(late))
    assert lab.session("russia").dropped == {"unasked-comparison": 1}, "once"


def test_each_answer_doubles_the_next_question(lab: Lab) -> None:
    """A frame that was lost costs little, however many trees are open."""
    for number, desk in enumerate(("operations", "staff") * 3, start=1):
        lab.say("coalition", notice(2 * number, "sdf"))
        lab.settle("coalition", "sdf")
        lab.say("coalition", replace(notice(2 * number + 1, "russia"), desk=desk))
        lab.settle("coalition")
        lab.down("russia")
    trees = len(_open(lab))
    assert trees == 4
    assert len(_wait(lab, 5_000, silent=True)) == 1
    assert [len(sizes) for sizes in _wait(lab, 5_000)] == [1, 2, 1]
    assert _open(lab) == []


def test_no_new_name_keeps_an_old_one_waiting(lab: Lab) -> None:
    """A relay names one more tree of its own with each question, and answers late whatever it can answer."""
    _beat_beside(lab, honest=True)
    _falsified(lab)
    russia, seconds = lab.session("russia"), 0
    while russia.stopped is None and seconds < 60:
        questions = asked(lab, "russia")
        lab.relay.downs["russia"].compare = None
        for _ in range(4 if questions else 1):
            seconds += 1
            lab.advance(1_000)
            beat(lab, "russia")
            lab.tick("russia")
        for question in questions:
            answer = compared(question, lab.relay.core.folded, lab.relay.core.committed_size)
            lab.say("coalition", notice(1_000 + seconds, "sdf"))
            lab.settle("coalition", "sdf")
            size = lab.relay.core.committed_size - 1
            grow(lab)
            lab.deliver("russia", beat_of(lab, size, ids.b64url(lab.relay.core.folded.tree.root(size))))
            if answer is not None:
                lab.deliver("russia", frames.encode(answer))
    assert "coalition/sig/desk-operations names" in (russia.stopped or "")
