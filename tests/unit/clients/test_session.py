"""A client's session against the relay's own core: what it believes, what it signs, what it asks for again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.ledger import Custody, End, Leg, Reply
from channel.protocol.statements import Addressee
from clients.core import drafts
from clients.core.drafts import Draft
from clients.core.events import LeafSeen
from tests.unit.clients.lab import Lab, lab_at

NID = "015e87f3-2a40-7c11-9d3e-0a1b2c3d4e5f"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        yield made


def notice(*to: str, nid: str = NID, **members: object) -> Draft:
    named = [Addressee(party=name.partition(":")[0], via=name.partition(":")[2] or None) for name in to]
    return drafts.notice(nid, to=named, kind="intent", precedence="FLASH", text="Strike", **members)  # type: ignore[arg-type]


def test_a_notice_goes_through_the_intermediary_and_comes_back_answered(lab: Lab) -> None:
    everybody = ("coalition", "russia", "regime")
    lab.settle(*everybody)
    of = lab.say("coalition", notice("russia", "regime:russia")).of
    lab.settle(*everybody)
    assert of in lab.session("russia").ledger.notices
    assert of not in lab.session("regime").ledger.notices
    assert lab.session("coalition").ledger.deliveries[of, "russia"].custody is Custody.RECEIVED

    lab.say("russia", drafts.answer(of, "WILCO"))
    lab.say("russia", drafts.forwarding(of, "regime"))
    lab.settle(*everybody)
    assert lab.session("coalition").ledger.deliveries[of, "regime"].leg is Leg.BY_CHANNEL
    lab.say("regime", drafts.displayed(of))
    lab.say("regime", drafts.answer(of, "UNABLE", reason="Our men are there"))
    lab.settle(*everybody)

    mine = lab.session("coalition").ledger.deliveries
    assert (mine[of, "russia"].reply, mine[of, "russia"].end) == (Reply.WILCO, End.ANSWERED)
    assert (mine[of, "regime"].reply, mine[of, "regime"].custody) == (Reply.UNABLE, Custody.DISPLAYED)
    assert [row.state for party in everybody for row in lab.session(party).store.outbox()] == ["logged"] * 7
    assert not any(lab.session(party).dropped.total() for party in everybody)
    assert any(isinstance(event, LeafSeen) for event in lab.events["regime"])
