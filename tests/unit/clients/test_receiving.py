"""`received` is signed for every notice, also when the key that signed it was withdrawn on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channel.ledger import Custody
from channel.protocol import frames, ids
from channel.protocol.frames import TokenItem, UpFrame
from channel.protocol.statements import Key, KeyStatement, Revocation
from clients.core.drafts import Draft
from tests.unit.clients.lab import NET, Lab, lab_at
from tests.unit.clients.test_session import notice

MINUTE_MS = 60_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia")
        yield made


def _root(lab: Lab, model: Any, **members: object) -> None:
    """Russia's root changes its keys, over another home than the one at hand."""
    russia = lab.session("russia")
    draft = Draft(model, {**members, "keys": lab.relay.core.folded.ledger.ring.chain}, "operations")
    row = russia.store.sign_and_queue(
        lambda seq, prev: draft.statement(
            net=NET, party="russia", now_ms=lab.relay.now_ms, seen=russia.replica.seen, seq=seq, prev=prev
        ),
        lab.home("russia").signer("root/1"),
        created_ms=lab.relay.now_ms,
        due_ms=lab.relay.now_ms + 15_000,
    )
    lab.relay.take("russia", UpFrame(items=(TokenItem(token=row.token.decode()),)))


def _enrol(lab: Lab) -> None:
    home, label = lab.home("russia"), "sig/machine-2"
    home.write_key(label, b"\x07" * 32)
    _root(lab, KeyStatement, key=Key(kid=f"russia/{label}", pub=ids.b64url(home.public(label)), held="machine"))


def _revoke(lab: Lab, label: str) -> None:
    _root(lab, Revocation, kid=f"russia/{label}", reason="stolen")


def _received(lab: Lab, of: ids.Hash) -> list[tuple[str, str, str | None]]:
    rows = lab.session("russia").store.signed_for("receiving", of)
    return [(row.kid.partition("/")[2], row.state, row.code) for row in rows]


def _told(lab: Lab) -> ids.Hash:
    """A notice that russia holds; its `received` waits in the outbox."""
    of = lab.say("coalition", notice("russia")).of
    lab.settle("coalition")
    lab.down("russia")
    return of


def test_what_a_withdrawn_key_signed_on_the_way_another_signs_anew(lab: Lab) -> None:
    _enrol(lab)
    lab.settle("russia")
    of = _told(lab)
    assert _received(lab, of) == [("sig/machine-2", "queued", None)]
    _revoke(lab, "sig/machine-2")
    lab.settle("coalition", "russia")
    assert _received(lab, of) == [("sig/machine-2", "refused", "key-not-valid"), ("sig/machine-1", "logged", None)]
    assert lab.session("russia").store.refused(0) == [], "nobody need be told"
    assert lab.session("coalition").ledger.deliveries[of, "russia"].custody is Custody.RECEIVED


def test_without_a_valid_key_it_is_signed_anew_as_soon_as_one_is_enrolled(lab: Lab) -> None:
    of = _told(lab)
    _revoke(lab, "sig/machine-1")
    lab.settle("coalition", "russia")
    lab.tick("russia")
    assert _received(lab, of) == [("sig/machine-1", "refused", "key-not-valid")]
    assert ("no-key", "sig/machine") in lab.session("russia").alarms
    _enrol(lab)
    lab.settle("coalition", "russia")
    lab.tick("russia")
    assert _received(lab, of)[1:] == [("sig/machine-2", "logged", None)]
    assert ("no-key", "sig/machine") not in lab.session("russia").alarms
    assert lab.session("coalition").ledger.deliveries[of, "russia"].custody is Custody.RECEIVED


def test_a_key_that_was_refused_signs_the_same_no_second_time(lab: Lab) -> None:
    of = _told(lab)
    russia = lab.session("russia")
    (row,) = russia.store.signed_for("receiving", of)
    russia.store.settle_refused(row.of, "issued-ahead", "11 minutes ahead", lab.relay.now_ms)
    for _ in range(3):
        russia.recover(lab.relay.now_ms)
    assert _received(lab, of) == [("sig/machine-1", "refused", "issued-ahead")]


def test_what_a_clock_ahead_of_the_channels_had_refused_is_signed_anew_once_it_is_put_back(lab: Lab) -> None:
    of = lab.say("coalition", notice("russia")).of
    lab.settle("coalition")
    right_ms, russia = lab.relay.now_ms, lab.session("russia")
    for _ in range(2):  # the notice, and then what became of its `received`
        for frame in lab.relay.due("russia"):
            russia.receive(frames.encode(frame), right_ms + 11 * MINUTE_MS, lab.relay.mono_ms)
        for sent in russia.frames(right_ms + 11 * MINUTE_MS, lab.relay.mono_ms):
            lab.relay.take("russia", sent)
    russia.recover(right_ms + 11 * MINUTE_MS)
    assert _received(lab, of) == [("sig/machine-1", "refused", "issued-ahead")]
    russia.recover(right_ms)
    lab.settle("coalition", "russia")
    assert _received(lab, of)[1:] == [("sig/machine-1", "logged", None)]
    assert lab.session("coalition").ledger.deliveries[of, "russia"].custody is Custody.RECEIVED


def test_what_was_refused_before_a_restart_is_signed_anew_after_it(lab: Lab) -> None:
    _enrol(lab)
    lab.settle("russia")
    of = _told(lab)
    russia = lab.session("russia")
    (row,) = russia.store.signed_for("receiving", of)
    russia.store.settle_refused(row.of, "key-not-valid", "withdrawn", lab.relay.now_ms)
    _revoke(lab, "sig/machine-2")
    lab.crash("russia")
    lab.settle("russia")
    lab.session("russia").recover(lab.relay.now_ms)
    lab.settle("coalition", "russia")
    assert _received(lab, of)[1:] == [("sig/machine-1", "logged", None)]
