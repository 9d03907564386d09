"""Sealed notices that cannot be opened: by one of several, and after their author has ended them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channel.protocol import ids, sealing
from channel.protocol.frames import WantItem
from clients.core import drafts, sealed
from clients.core.store_sealed import OwnBody
from tests.unit.clients.lab import NOW_MS, Lab, lab_at
from tests.unit.clients.test_sealed import (
    EVERYBODY,
    alarms,
    body_of,
    draft,
    fake,
    received,
    signed,
    without_bodies,
)
from tests.unit.protocol.sealed_example import counted


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle(*EVERYBODY)
        yield made


def test_once_a_good_version_is_here_the_spoilt_one_alarms_no_more(lab: Lab) -> None:
    of = fake(lab, lambda payload: signed(lab, payload), to_key="sdf/enc/1")
    lab.settle("regime")
    assert [code for code, _ in alarms(lab, "regime")] == ["sealed-bad-jwe"]
    again = lab.say("coalition", draft("regime", number=1, amends=of)).of
    lab.settle(*EVERYBODY)
    assert body_of(lab, "regime", again).text == "Secret strike"
    assert alarms(lab, "regime") == []
    assert received(lab, "regime") == 1, "what was never opened is never signed for"


def test_a_body_that_never_came_is_no_alarm_after_the_withdrawal(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle("coalition")
    lab.relay.bodies.clear()  # as after the log was restored from an older copy
    without_bodies(lab, "regime")
    assert alarms(lab, "regime") == []
    lab.advance(11_000)
    assert [code for code, _ in alarms(lab, "regime")] == ["sealed-missing"]
    record = lab.session("coalition").ledger.notices[of]
    lab.say("coalition", drafts.withdrawal("015e87f3-2a40-7c11-9d3e-000000000009", record, ""))
    lab.settle(*EVERYBODY)
    assert alarms(lab, "regime") == []
    lab.session("regime").connected()
    for wait_ms, count in ((0, 1), (60_000, 0)):
        out = lab.session("regime").frames(NOW_MS, lab.relay.mono_ms + wait_ms)
        asked = [item for frame in out for item in frame.items if isinstance(item, WantItem)]
        assert len(asked) == count, "it is asked for once a connection: it may be evidence yet"


def test_a_body_that_one_of_two_addressees_can_read_is_received_by_that_one_and_the_author_is_told(lab: Lab) -> None:
    session = lab.session("coalition")
    signer = lab.home("coalition").signer("sig/desk-operations")
    shown, own = sealed.seal(draft("regime", "sdf"), session.ledger, "coalition", NOW_MS, signer, counted("one"))
    keys = {"regime/enc/1": session.ledger.ring["regime/enc/1"], "sdf/enc/1": session.ledger.ring["russia/enc/1"]}
    jwe = sealing.seal_inner(own.inner, keys, random=counted("two"))
    spoilt = replace(shown, members={**shown.members, "sealed": sealing.hashes(jwe, own.inner)}, sealed=False)
    of = lab.say("coalition", spoilt).of
    session.store.put_own(of, OwnBody(ids.sha256(jwe), jwe, own.inner))
    session.out.changed()
    lab.settle(*EVERYBODY)
    assert body_of(lab, "regime", of).text == "Secret strike"
    assert [received(lab, party) for party in ("regime", "sdf")] == [1, 0]
    assert (alarms(lab, "regime"), [code for code, _ in alarms(lab, "sdf")]) == ([], ["sealed-bad-jwe"])
    assert lab.relay.bodies.keys() == {ids.sha256(jwe)}, "kept for the one who has not signed"
    lab.advance(16_000)
    lab.settle(*EVERYBODY)
    alerts = [one.body for one in session.ledger.alerts.values()]
    assert [(one.stage, one.addressee, one.fault) for one in alerts] == [("receipt", "sdf", "sdf")]
    assert body_of(lab, "sdf", of).text == "", "it is shown to nobody"
