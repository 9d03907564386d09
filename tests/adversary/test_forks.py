"""A relay that shows two parties different trees, or takes leaves back: parties find out alone (protocol.md 11.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.ledger.fold import fold
from channel.log import checkpoint
from channel.log.checkpoint import Checkpoint
from channel.protocol import frames
from channel.protocol.envelope import open_token
from channel.protocol.statements import Addressee
from clients.core import drafts
from clients.core.events import Event, Stopped
from tests.unit.clients.lab import NET, Lab, Relay, lab_at

ORIGIN = f"dcn/{NET}"
PARTIES = ("coalition", "russia", "sdf", "regime")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle(*PARTIES)
        yield made


class Forked:
    """A relay that keeps two logs from here on: one it shows to the coalition, the other to Russia."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        twin = Relay.from_leaves(lab.channel, list(lab.relay.leaves), lab.relay.core.note)
        twin.now_ms, twin.mono_ms = lab.relay.now_ms, lab.relay.mono_ms
        self.relays = {"coalition": lab.relay, "russia": twin}
        lab.session("russia").connected()
        self.settle("russia")

    def at(self, party: str) -> Lab:
        self.lab.relay = self.relays[party]
        return self.lab

    def settle(self, party: str) -> None:
        self.at(party).settle(party)

    def say(self, author: str, reader: str, *texts: str) -> bytes:
        """Logged in the author's own tree, in one commit; the last statement."""
        for number, text in enumerate(texts, start=len(self.relays[author].leaves)):
            nid = f"015e87f3-2a40-7c11-9d3e-{number:06d}{PARTIES.index(author):06d}"
            draft = drafts.notice(nid, to=[Addressee(party=reader)], precedence="FLASH", text=text)
            row = self.at(author).say(author, draft)
        self.settle(author)
        return row.token

    def show(self, token: bytes, reader: str) -> list[Event]:
        """The relay logs a statement in the reader's tree too, as no honest relay would."""
        relay = self.relays[reader]
        ring = relay.core.folded.ledger.ring
        relay.core._stage(open_token(token, ring, net=NET), relay.now_ms)
        relay.commit()
        before = len(self.lab.events[reader])
        self.at(reader).down(reader)
        return self.lab.events[reader][before:]

    def wait(self, party: str, ms: int) -> None:
        """Time passes, with heartbeats every 10 s; what the party asks goes to its relay."""
        self.at(party)
        for _ in range(0, ms, 10_000):
            self.lab.advance(10_000)
            self.lab.deliver(party, frames.encode(self.lab.relay.beat(party)))
            self.lab.settle(party)
            self.lab.tick(party)


def _stopped(events: list[Event]) -> dict[str, str] | None:
    return next((event.proof for event in events if isinstance(event, Stopped)), None)


@pytest.mark.parametrize(("author", "reader"), [("coalition", "russia"), ("russia", "coalition")])
def test_two_trees_of_one_size_are_found_out_by_the_first_statement(lab: Lab, author: str, reader: str) -> None:
    forked = Forked(lab)
    forked.say("coalition", "sdf", "one")
    forked.say("russia", "sdf", "another")
    sizes = {forked.relays[party].core.committed_size for party in (author, reader)}
    assert len(sizes) == 1, "the trees differ, and are of one size"
    token = forked.say(author, reader, "what gives it away")
    proof = _stopped(forked.show(token, reader))
    assert proof is not None
    assert proof["theirs"].encode() == token
    ours = checkpoint.open_note(proof["ours"], ORIGIN, lab.relay.core.keys.log.public)
    assert ours.size in sizes
    assert lab.session(reader).stopped is not None
    assert ("fork", ORIGIN) in lab.session(reader).alarms, "an officer is told"


@pytest.mark.parametrize(("author", "reader"), [("coalition", "russia"), ("russia", "coalition")])
def test_trees_of_other_sizes_are_found_out_within_30_s(lab: Lab, author: str, reader: str) -> None:
    forked = Forked(lab)
    forked.say(author, "sdf", "one")
    forked.say(reader, "sdf", "a", "b", "c", "d", "e")
    token = forked.say(author, reader, "what gives it away")
    assert lab.session(reader).store.seen_rows() == []
    assert _stopped(forked.show(token, reader)) is None
    forked.wait(reader, 20_000)
    assert lab.session(reader).stopped is None, "the relay may still prove it"
    forked.wait(reader, 20_000)
    assert author in (lab.session(reader).stopped or "")
    proof = _stopped(lab.events[reader])
    assert proof is not None
    assert proof["theirs"].encode() == token


def test_both_find_out_within_one_statement_from_each(lab: Lab) -> None:
    forked = Forked(lab)
    for author in ("coalition", "russia"):
        forked.say(author, "sdf", "before")
    forked.say("russia", "sdf", "one more")
    tokens = {
        ("coalition", "russia"): forked.say("coalition", "russia", "from the coalition"),
        ("russia", "coalition"): forked.say("russia", "coalition", "from Russia"),
    }
    for (_, reader), token in tokens.items():
        forked.show(token, reader)
        forked.wait(reader, 40_000)
        assert lab.session(reader).stopped is not None


def test_a_fork_is_remembered_through_restarts(lab: Lab) -> None:
    """The trees believed, and what was still to be compared, are in the store."""
    forked = Forked(lab)
    forked.say("coalition", "sdf", "one")
    forked.say("russia", "sdf", "a", "b", "c", "d", "e")
    token = forked.say("coalition", "russia", "what gives it away")
    forked.show(token, "russia")
    forked.at("russia").crash("russia")
    forked.wait("russia", 40_000)
    assert "coalition" in (lab.session("russia").stopped or "")


def test_an_earlier_tree_is_known_after_a_restart(lab: Lab) -> None:
    earlier = lab.session("russia").replica.pin
    nid = "015e87f3-2a40-7c11-9d3e-000000000001"
    lab.say("coalition", drafts.notice(nid, to=[Addressee(party="russia")], text="more"))
    lab.settle("coalition", "russia")
    lab.crash("russia")
    russia = lab.session("russia")
    assert russia.replica.tree_of(earlier.size) == (earlier.root, earlier.note)
    other = checkpoint.sign(Checkpoint(ORIGIN, earlier.size, b"\x05" * 32), ORIGIN, lab.relay.core.keys.log)
    item = frames.CheckpointItem(old=0, proof=(), note=other)
    assert _stopped(lab.deliver("russia", frames.encode(frames.DownFrame(items=(item,))))) is not None


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("party", PARTIES)
def test_an_insider_with_the_relays_keys_who_takes_back_the_last_leaf_is_found_out(
    lab: Lab, party: str, restarted: bool
) -> None:
    """The last leaf is removed and the tree built anew, under the true keys; then the log goes on, and is as long."""
    others = [Addressee(party=name) for name in PARTIES if name != "coalition"]
    nid = "015e87f3-2a40-7c11-9d3e-00000000000"
    lab.say("coalition", drafts.notice(f"{nid}1", to=others, precedence="FLASH", text="Strike at 0030"))
    lab.settle("coalition")
    lab.settle(party)
    pin = lab.session(party).replica.pin
    if restarted:
        lab.crash(party)
        lab.session(party)
    leaves = lab.relay.leaves[: pin.size - 1]
    root = fold(leaves).tree.root()
    note = checkpoint.sign(Checkpoint(ORIGIN, len(leaves), root), ORIGIN, lab.relay.core.keys.log)
    rebuilt = Relay.from_leaves(lab.channel, leaves, note)
    rebuilt.now_ms, rebuilt.mono_ms = lab.relay.now_ms, lab.relay.mono_ms
    lab.relay = rebuilt
    while lab.relay.core.committed_size < pin.size:
        lab.relay.core.start(lab.relay.now_ms, "0.1.0")
        lab.relay.commit()
    lab.session(party).connected()
    lab.settle(party)
    assert lab.session(party).stopped is not None
    assert lab.session(party).replica.pin == pin
    proof = _stopped(lab.events[party])
    assert proof is not None
    assert {checkpoint.parse_body(checkpoint.split_note(proof[side])[0]).size for side in ("ours", "theirs")} == {
        pin.size
    }


def test_a_smaller_tree_is_never_taken(lab: Lab) -> None:
    """A rollback: asked for 30 s to show what is missing, the relay cannot."""
    nid = "015e87f3-2a40-7c11-9d3e-000000000001"
    lab.say("coalition", drafts.notice(nid, to=[Addressee(party="russia")], text="more"))
    lab.settle("coalition", "russia")
    leaves = lab.relay.leaves[:5]
    note = checkpoint.sign(Checkpoint(ORIGIN, 5, fold(leaves).tree.root()), ORIGIN, lab.relay.core.keys.log)
    old = Relay.from_leaves(lab.channel, leaves, note)
    old.now_ms, old.mono_ms = lab.relay.now_ms, lab.relay.mono_ms
    lab.relay = old
    for party in ("coalition", "russia"):
        pin = lab.session(party).replica.pin
        lab.session(party).connected()
        for _ in range(5):
            lab.advance(10_000)
            lab.deliver(party, frames.encode(lab.relay.beat(party)))
            lab.settle(party)
            lab.tick(party)
        assert lab.session(party).stopped is not None
        assert lab.session(party).replica.pin == pin
