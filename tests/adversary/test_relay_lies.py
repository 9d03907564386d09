"""A hostile relay against a party's client: what it must not be able to hide or to break (protocol.md 11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.protocol import frames, limits
from channel.protocol.envelope import open_token, seal
from channel.protocol.frames import DownFrame, WordItem
from channel.protocol.statements import Addressee, Device, Model, Receipt
from clients.core import drafts
from tests.unit.clients.lab import NET, Lab, lab_at

NID = "015e87f3-2a40-7c11-9d3e-000000000001"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        yield made


def _word(lab: Lab, word: Model) -> bytes:
    token = seal(word, lab.channel.signer("sig/machine-1"))
    return frames.encode(DownFrame(items=(WordItem(token=token.decode()),)))


def _codes(lab: Lab, party: str) -> set[str]:
    lab.tick(party)
    return {alarm.code for alarm in lab.session(party).alarms.values()}


def test_a_receipt_for_a_notice_that_was_never_logged_is_an_alarm(lab: Lab) -> None:
    """The author's own deadlines run on leaves: a bare receipt must not put them to sleep."""
    lab.settle("coalition")
    to = [Addressee(party="russia")]
    row = lab.say("coalition", drafts.notice(NID, to=to, precedence="FLASH", text="Strike"))
    keys = lab.session("coalition").ledger.ring.chain
    size = lab.relay.core.committed_size
    lab.deliver("coalition", _word(lab, Receipt(net=NET, index=size, stamp=lab.relay.now_ms, of=row.of, keys=keys)))
    assert "no-leaf" not in _codes(lab, "coalition")
    lab.advance(21_000)
    assert "no-leaf" in _codes(lab, "coalition")
    lab.crash("coalition")
    assert "no-leaf" in _codes(lab, "coalition")


def test_a_receipt_whose_leaf_comes_is_no_alarm(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    lab.say("coalition", drafts.notice(NID, to=[Addressee(party="russia")], precedence="FLASH", text="Strike"))
    lab.settle("coalition", "russia")
    lab.advance(21_000)
    assert "no-leaf" not in _codes(lab, "coalition")


@pytest.mark.parametrize("seq", [limits.SEQ_MAX, limits.SEQ_MAX - 1, 10**9])
def test_a_heartbeat_cannot_use_up_a_partys_numbers(lab: Lab, seq: int) -> None:
    """A client signs above the heartbeat's number: the relay must not be able to leave it none."""
    lab.settle("coalition", "russia")
    device = Device(kid="russia/sig/machine-1", seq=seq)
    token = lab.relay.core.heartbeat("russia", lab.relay.now_ms)
    body = open_token(token, lab.session("russia").ledger.ring).body
    lab.deliver("russia", _word(lab, body.model_copy(update={"devices": (device,)})))
    assert "numbers-jump" in _codes(lab, "russia")
    row = lab.say("coalition", drafts.notice(NID, to=[Addressee(party="russia")], precedence="FLASH", text="Strike"))
    lab.settle("coalition", "russia")
    assert row.of in lab.session("coalition").ledger.notices
    assert ("receiving", "logged") in [(r.type, r.state) for r in lab.session("russia").store.outbox()]
