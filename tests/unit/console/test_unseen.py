"""What becomes of a delivery between others a party cannot know: its silence is shown as that, never as lateness."""

from __future__ import annotations

import pytest

from channel.console import rows
from channel.console.model import Model
from channel.console.shapes import NoticeRow
from channel.console.source import Standing
from channel.protocol.statements import Receiving
from tests.unit.console.rooms import NetSource
from tests.unit.ledger.nets import START_MS, Net

S = 1000


def seen_by(net: Net, party: str | None, of: str, now_ms: int) -> NoticeRow:
    source = NetSource(net, party)
    while source.poll():
        pass
    source.clock_ms = now_ms
    model = Model(source)
    model.refresh(Standing(), now_ms)
    return NoticeRow.model_validate_json(model.rows[of])


@pytest.mark.parametrize(
    ("party", "cells"),
    [
        (None, {"russia": "logged", "sdf": "told"}),
        ("coalition", {"russia": "logged", "sdf": "told"}),
        ("sdf", {"russia": "unseen", "sdf": "told"}),
    ],
)
def test_only_who_may_read_a_delivery_sees_that_it_is_late(party: str | None, cells: dict[str, str]) -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia", info=["sdf"])
    net.sign("sdf", Receiving, START_MS + S, of=of, stage="received")
    row = seen_by(net, party, of, START_MS + 3600 * S)
    assert {one.addressee: one.cell for one in row.deliveries} == cells
    assert [one.overdue for one in row.deliveries] == [party != "sdf", False]
    assert row.rank == (rows.ENDED if party == "sdf" else rows.OVERDUE)


def test_an_intermediary_sees_the_leg_it_has_in_hand() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "regime:russia sdf")
    row = seen_by(net, "russia", of, START_MS + 40 * S)
    assert {one.addressee: one.cell for one in row.deliveries} == {"regime": "awaiting-forward", "sdf": "unseen"}
    assert row.rank == rows.OVERDUE
