"""Which trees a client believes: a fork or rollback stops it and is kept as proof; a broker's tricks do neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.ledger import Ledger
from channel.ledger.fold import fold
from channel.log import checkpoint, leaf
from channel.log.checkpoint import Checkpoint
from channel.log.documents import verify_document
from channel.log.merkle import Tree
from channel.log.report import Verdict
from channel.protocol import frames, ids, limits
from channel.protocol.envelope import Opened, open_token, seal
from channel.protocol.frames import CheckpointItem, DownFrame, LeafItem, ShownItem, WordItem
from channel.protocol.statements import Heartbeat
from channel.protocol.times import to_wire
from clients.core import drafts, trust
from clients.core.events import Event, Stopped
from tests.unit.clients.lab import NET, Lab, Relay, lab_at
from tests.unit.clients.test_session import notice

ORIGIN = f"dcn/{NET}"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia")
        yield made


def _note(lab: Lab, size: int, root: bytes) -> str:
    return checkpoint.sign(Checkpoint(ORIGIN, size, root), ORIGIN, lab.relay.core.keys.log)


def _deliver(lab: Lab, *items: CheckpointItem | WordItem) -> list[Event]:
    return lab.deliver("russia", frames.encode(DownFrame(items=items)))


def _stopped(events: list[Event]) -> dict[str, str] | None:
    return next((event.proof for event in events if isinstance(event, Stopped)), None)


def _roll_back(lab: Lab, size: int) -> None:
    """The relay comes back from an older copy of its log, and goes on from there."""
    leaves = lab.relay.leaves[:size]
    folded = fold(leaves)
    old = lab.relay
    lab.relay = Relay.from_leaves(lab.channel, leaves, _note(lab, size, folded.tree.root()))
    lab.relay.now_ms, lab.relay.mono_ms = old.now_ms, old.mono_ms


def test_two_roots_of_one_size_stop_the_client_at_once(lab: Lab) -> None:
    russia = lab.session("russia")
    pin = russia.replica.pin
    other = _note(lab, pin.size, b"\x05" * 32)
    proof = _stopped(_deliver(lab, CheckpointItem(old=pin.size, proof=(), note=other)))
    assert proof is not None
    assert (proof["ours"], proof["theirs"]) == (pin.note, other)
    for note in (proof["ours"], proof["theirs"]):
        assert checkpoint.open_note(note, ORIGIN, lab.relay.core.keys.log.public).size == pin.size
    assert [code for code, _ in russia.alarms] == ["fork"]

    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    assert lab.down("russia")
    assert (russia.replica.pin, russia.ledger.notices) == (pin, {})
    said = [item for frame in russia.frames(lab.relay.now_ms, lab.relay.mono_ms) for item in frame.items]
    assert said == [ShownItem(note=pin.note)], "it tells the relay what it holds, and nothing else"
    assert russia.frames(lab.relay.now_ms, lab.relay.mono_ms) == []
    lab.tick("russia")
    assert [code for code, _ in russia.alarms] == ["fork"]


def test_what_is_kept_of_a_fork_is_a_proof_that_anybody_can_judge(lab: Lab) -> None:
    pin, charter = lab.session("russia").replica.pin, lab.relay.leaves[0].token
    other = _note(lab, pin.size, b"\x05" * 32)
    kept = trust.proof_file(charter, trust.contradiction(pin.note, other, "two roots"))
    assert verify_document(kept, charter).verdict is Verdict.VERIFIED
    smaller = _note(lab, pin.size - 1, b"\x05" * 32)
    unproven = trust.proof_file(charter, trust.contradiction(pin.note, smaller, "smaller"))
    assert verify_document(unproven, charter).verdict is not Verdict.VERIFIED
    beat = lab.relay.core.heartbeat("russia", lab.relay.now_ms).decode()
    same = verify_document(trust.proof_file(charter, trust.contradiction(pin.note, beat, "named")), charter)
    assert [reason.code for reason in same.reasons] == ["no-fork"], "a file that says what it is"


def test_a_larger_tree_whose_own_proof_shows_another_past_stops_it_at_once_with_a_whole_proof(lab: Lab) -> None:
    """The relay hands out the consistency proof of its other tree: nobody but who signed it can make one."""
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    pin = lab.session("russia").replica.pin
    assert pin.size & (pin.size - 1), "of a power of two the proof does not hold the root"
    other = Tree()
    for index in range(pin.size + 3):
        other.append(bytes([index]) * 32)
    larger = _note(lab, other.size, other.root())
    nodes = other.consistency(pin.size, other.size)
    spoilt = CheckpointItem(
        old=pin.size, proof=tuple(ids.b64url(node) for node in [bytes(32), *nodes[1:]]), note=larger
    )
    assert _stopped(_deliver(lab, spoilt)) is None, "who carries it can spoil it: then it is only not believed"
    whole = CheckpointItem(old=pin.size, proof=tuple(ids.b64url(node) for node in nodes), note=larger)
    proof = _stopped(_deliver(lab, whole))
    assert proof is not None
    charter = lab.relay.leaves[0].token
    report = verify_document(trust.proof_file(charter, proof), charter)
    assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ())


def test_another_root_of_an_earlier_size_stops_it_too(lab: Lab) -> None:
    earlier = lab.session("russia").replica.pin
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    assert lab.session("russia").replica.pin.size > earlier.size
    proof = _stopped(_deliver(lab, CheckpointItem(old=0, proof=(), note=_note(lab, earlier.size, b"\x05" * 32))))
    assert proof is not None
    assert proof["ours"] == earlier.note


def test_a_heartbeat_with_another_root_stops_it(lab: Lab) -> None:
    russia = lab.session("russia")
    beat = Heartbeat(
        net=NET,
        issued=to_wire(lab.relay.now_ms),
        to="russia",
        size=russia.replica.pin.size,
        root=ids.b64url(b"\x05" * 32),
        keys=russia.ledger.ring.chain,
        devices=(),
    )
    token = seal(beat, lab.relay.core.keys.machine).decode()
    proof = _stopped(_deliver(lab, WordItem(token=token)))
    assert proof is not None
    assert open_token(proof["theirs"].encode(), russia.ledger.ring).body == beat


def test_a_tree_without_a_proof_is_not_believed_and_asked_about(lab: Lab) -> None:
    russia = lab.session("russia")
    pin = russia.replica.pin
    lab.advance(1_000)
    forged = CheckpointItem(
        old=pin.size, proof=(ids.b64url(b"\x01" * 32),), note=_note(lab, pin.size + 5, b"\x05" * 32)
    )
    assert _deliver(lab, forged) == []
    assert russia.replica.pin == pin
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    assert len(russia.ledger.notices) == 1, "the relay proves its tree, and all is well"
    assert russia.stopped is None


def test_a_note_of_another_log_or_key_is_dropped(lab: Lab) -> None:
    russia = lab.session("russia")
    pin = russia.replica.pin
    other = checkpoint.sign(Checkpoint("dcn/other", 9, b"\x05" * 32), "dcn/other", lab.relay.core.keys.log)
    unsigned = pin.note.replace(f"\n{pin.size}\n", f"\n{pin.size + 1}\n")
    for note in (other, unsigned, "nonsense", ""):
        assert _deliver(lab, CheckpointItem(old=pin.size, proof=(), note=note)) == []
    assert russia.dropped == {"bad-checkpoint": 4}
    assert (russia.replica.pin, russia.stopped) == (pin, None)


def test_old_frames_repeated_by_a_broker_for_ever_stop_nobody(lab: Lab) -> None:
    old = [frames.encode(lab.relay.beat("russia"))]
    for number in range(3):
        lab.say("coalition", notice("russia", number=number))
        lab.settle("coalition")
        for frame in lab.relay.due("russia"):
            old.append(frames.encode(frame))
            lab.deliver("russia", old[-1])
        lab.settle("coalition", "russia")
    russia = lab.session("russia")
    held = russia.store.leaves()
    for _ in range(100):
        for payload in old[:-1]:
            lab.deliver("russia", payload)
        lab.advance(1_000)
        lab.tick("russia")
    assert russia.stopped is None, "nothing else came for a long time, and no heartbeat: the relay was not heard"
    assert ("no-heartbeat", "relay") in russia.alarms
    lab.settle("russia")
    assert (russia.store.leaves()[: len(held)], russia.stopped) == (held, None)


@pytest.mark.parametrize("frame_ms", [3, 66])
def test_what_a_broker_kept_for_a_party_that_was_away_accuses_nobody(lab: Lab, frame_ms: int) -> None:
    lab.settle("coalition", "russia")
    lab.crash("russia")
    kept = []
    for number in range(60_000 // frame_ms):
        if number % 500 == 0:
            lab.say("coalition", notice("sdf", number=number // 500))
            lab.settle("coalition")
        kept.append(frames.encode(lab.relay.beat("russia")))
        lab.relay.now_ms += limits.HEARTBEAT_MS
    russia = lab.session("russia")  # it says hello, and the answer stands behind all that was kept
    for payload in kept:
        lab.deliver("russia", payload)
        lab.relay.mono_ms += frame_ms
        lab.relay.now_ms += frame_ms
        lab.tick("russia")
    assert russia.stopped is None
    lab.settle("russia")
    assert (russia.stopped, russia.replica.pin.size) == (None, lab.relay.core.committed_size)


def test_a_relay_that_insists_on_a_shorter_log_stops_the_client(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    russia = lab.session("russia")
    pin = russia.replica.pin
    _roll_back(lab, pin.size - 2)
    stopped = None
    for _ in range(45):
        lab.advance(1_000)
        lab.up("russia")
        lab.down("russia")
        lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
        stopped = stopped or _stopped(lab.tick("russia"))
        if russia.stopped is not None:
            break
    assert stopped is not None
    assert stopped["ours"] == pin.note
    assert checkpoint.open_note(stopped["theirs"], ORIGIN, lab.relay.core.keys.log.public).size < pin.size
    assert russia.replica.pin == pin


def test_a_relay_that_rewrites_the_end_of_its_log_stops_the_client(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    russia = lab.session("russia")
    _roll_back(lab, russia.replica.pin.size - 2)
    lab.crash("coalition")
    pin = russia.replica.pin
    for number in range(1, 6):  # another history grows past the pinned size
        row = lab.relay.core
        row.start(lab.relay.now_ms, f"{number}")
        lab.relay.commit()
    for _ in range(45):
        lab.advance(1_000)
        lab.up("russia")
        lab.down("russia")
        lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
        lab.tick("russia")
    assert russia.stopped is not None
    assert russia.replica.pin == pin


def test_a_leaf_that_cannot_be_folded_is_not_taken_and_what_stands_before_it_is(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay may log what policy forbids, and the fold may then fail half way."""
    of = lab.say("coalition", notice("russia", "regime:russia")).of
    lab.settle("coalition")
    lawful = lab.relay.due("russia")[0]
    core, russia = lab.relay.core, lab.session("russia")
    unlawful = lab.say("russia", drafts.check())
    token = unlawful.token
    apply = Ledger.apply

    def fail(self: Ledger, index: int, stamp_ms: int, opened: Opened) -> None:
        apply(self, index, stamp_ms, opened)
        if opened.of == unlawful.of:
            raise KeyError("half way")

    monkeypatch.setattr(Ledger, "apply", fail)
    tree = core.folded.tree
    index = tree.append(leaf.leaf_hash(leaf.encode(lab.relay.now_ms, token)))
    old = russia.replica.pin.size
    proof = tuple(ids.b64url(node) for node in tree.consistency(old, tree.size))
    checkpoint_item = CheckpointItem(old=old, proof=proof, note=_note(lab, tree.size, tree.root()))
    leaves = [item for item in lawful.items if isinstance(item, LeafItem)]
    n = leaves[-1].n + 1
    bad = LeafItem(n=n, index=index, stamp=lab.relay.now_ms, token=token.decode(), proof=())
    items = [
        item.model_copy(update={"proof": tuple(ids.b64url(node) for node in tree.inclusion(item.index, tree.size))})
        for item in (*leaves, bad)
    ]
    lab.deliver("russia", frames.encode(DownFrame(items=(checkpoint_item, *items))))
    assert russia.replica.n == n - 1
    assert of in russia.ledger.notices
    assert russia.store.leaves()[-1].n == n - 1
    assert index not in russia.ledger.entries
    lab.relay.mono_ms += 10_000
    lab.tick("russia")
    assert ("pending-leaf", str(n)) in russia.alarms


def test_a_first_tree_must_begin_with_the_charter_that_we_signed(tmp_path: Path) -> None:
    with lab_at(tmp_path / "one") as one, lab_at(tmp_path / "two") as two:
        home = one.home("russia")
        session = one.session("russia")
        for frame in session.frames(0, 0):
            two.relay.take("russia", frame)
        for frame in two.relay.due("russia"):
            session.receive(frames.encode(frame), 0, 0)
        assert home.charter()[1] != two.home("russia").charter()[1]
        assert session.replica.n == 0
        assert session.dropped == {"bad-checkpoint": 1}
