"""What a client hands back to a relay that has lost leaves (protocol.md 10.15)."""

from __future__ import annotations

from pathlib import Path

from channel.protocol import frames
from channel.protocol.envelope import open_token, seal
from channel.protocol.frames import DownFrame, ReturnedItem, ReturnItem, WordItem
from channel.protocol.statements import Addressee, Quarantine, Receipt
from channel.protocol.times import to_wire
from clients.core import drafts
from tests.unit.clients.lab import NET, Lab, lab_at


def _returned(lab: Lab, party: str, start: int) -> ReturnedItem:
    """In quarantine the relay asks for everything from an index on."""
    at = to_wire(lab.relay.now_ms)
    word = Quarantine(net=NET, issued=at, to=party, size=start, since=at, shown=start)
    token = seal(word, lab.relay.core.keys.machine).decode()
    lab.deliver(party, frames.encode(DownFrame(items=(WordItem(token=token), ReturnItem(start=start)))))
    out = lab.session(party).frames(lab.relay.now_ms, lab.relay.mono_ms)
    items = [item for frame in out for item in frames.decode_up(frames.encode(frame)).items]
    (found,) = [item for item in items if isinstance(item, ReturnedItem)]
    return found


def test_what_it_has_only_the_receipt_of_goes_back_with_the_receipt(tmp_path: Path) -> None:
    """Its leaf never came: the receipt proves to the relay where it stood."""
    with lab_at(tmp_path / "channel") as lab:
        lab.settle("coalition", "sdf")
        start = lab.relay.core.committed_size
        to = [Addressee(party="sdf")]
        row = lab.say("coalition", drafts.notice("015e87f3-2a40-7c11-9d3e-000000000001", to=to, text="text"))
        lab.up("coalition")
        for frame in lab.relay.due("coalition"):
            words = tuple(item for item in frame.items if isinstance(item, WordItem))
            lab.deliver("coalition", frames.encode(DownFrame(items=words)))
        back = _returned(lab, "coalition", start)
        (leaf,) = back.leaves
        assert (leaf.index, leaf.token.encode(), back.done) == (start, row.token, True)
        assert leaf.receipt is not None
        receipt = open_token(leaf.receipt.encode(), lab.relay.core.folded.ledger.ring).body
        assert isinstance(receipt, Receipt)
        assert (receipt.index, receipt.stamp, receipt.of) == (leaf.index, leaf.stamp, row.of)


def test_leaves_that_are_here_go_back_as_they_are(tmp_path: Path) -> None:
    with lab_at(tmp_path / "channel") as lab:
        lab.settle("coalition", "sdf")
        start = lab.relay.core.committed_size
        to = [Addressee(party="sdf")]
        lab.say("coalition", drafts.notice("015e87f3-2a40-7c11-9d3e-000000000001", to=to, text="text"))
        lab.settle("coalition", "sdf")
        back = _returned(lab, "sdf", start)
        assert [(leaf.index, leaf.stamp, leaf.token.encode()) for leaf in back.leaves] == [
            (leaf.index, leaf.stamp, leaf.token) for leaf in lab.relay.leaves[start:]
        ]
        assert {leaf.receipt for leaf in back.leaves} == {None}
