"""Sealed notices that cannot be opened, after their author has ended them: what is still alarmed and asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.protocol.frames import WantItem
from clients.core import drafts
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
