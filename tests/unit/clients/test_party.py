"""The library's verbs, each through the relay's own policy: what a party can say, and what it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channel.ledger import End
from channel.protocol import frames
from channel.protocol.errors import RefusedError, UsageError
from channel.protocol.frames import DownFrame, WordItem
from channel.protocol.statements import Addressee, LineStatement, Notice
from channel.protocol.times import to_wire
from clients.core import client
from clients.core.clock import SteppedClock
from clients.core.duties import GRACE_MS
from clients.core.party import Party
from tests.unit.clients.lab import NOW_MS
from tests.unit.clients.nets import MemoryLink, MemoryNet, memory_net

INTENT: dict[str, Any] = {"kind": "intent", "precedence": "flash", "text": "Strike"}


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[MemoryNet]:
    async with memory_net(tmp_path / "channel") as made:
        assert isinstance(made, MemoryNet)
        yield made


async def seen_by(party: Party, of: str) -> None:
    while of not in party.ledger.index_of:
        await party.runtime.pulse.wait()


async def test_addressees_take_the_usual_route_unless_told_otherwise(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        usual = [Addressee(party="russia"), Addressee(party="regime", via="russia")]
        assert coalition.addressees() == usual
        assert coalition.addressees("regime") == usual[1:]
        assert coalition.addressees(["regime:", "regime:sdf"]) == [
            Addressee(party="regime"),
            Addressee(party="regime", via="sdf"),
        ]
        with pytest.raises(UsageError, match="PARTY:INTERMEDIARY"):
            coalition.addressees("Die Russen")


async def test_a_notice_says_what_was_meant(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        sent = await coalition.send(
            **INTENT,
            info=["sdf"],
            to=["russia"],
            at="37S FV 03674 10891",
            radius="1.5km",
            start="+10min",
            until="+40min",
            elements=["hold-fire=160200Z SEP 17"],
            unit="first",
        )
        body = coalition.record(sent.of).body
        assert isinstance(body, Notice)
        assert (body.kind.value, body.precedence.value, body.response.value, body.how) == (
            "intent", "FLASH", "WU", "human",
        )  # fmt: skip
        assert (body.to, body.info) == ((Addressee(party="russia"),), ("sdf",))
        assert (body.volumes[0].from_, body.volumes[0].until) == (
            to_wire(NOW_MS + 600_000),
            to_wire(NOW_MS + 2_400_000),
        )
        assert getattr(body.volumes[0].shape, "radius_m", 0) == 1500
        assert body.elements[0].values == ("160200Z SEP 17",)
        assert coalition.ledger.entries[sent.index].opened.kid == "coalition/sig/desk-operations"
        script = await coalition.send(kind="position", text="here", how="machine", to="russia")
        assert coalition.ledger.entries[script.index].opened.kid == "coalition/sig/machine-1"
        told = await coalition.send(kind="text", text="For your information", info=["sdf"])
        assert getattr(coalition.record(told.of).body, "response", None) == "NE"


async def test_nothing_is_owed_on_a_units_positions_unless_it_is_asked_for(net: MemoryNet) -> None:
    """The next position takes the place of one that nobody has answered (protocol.md 6.2)."""
    where = {"kind": "position", "to": ["russia"], "at": "35.3359,40.1408", "until": "+2h"}
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        for _ in range(3):
            sent = await coalition.send(**where, unit="1st patrol")
        asked = [await coalition.send(**where), await coalition.send(**where, unit="2nd", precedence="FLASH")]
        await seen_by(russia, asked[-1].of)
        assert getattr(coalition.record(sent.of).body, "response", None) == "NE"
        assert {owed.of for owed in russia.status().owed} == {one.of for one in asked}


async def test_amending_and_withdrawing_go_to_everybody_who_was_told(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        one = await coalition.send(**INTENT, to=["russia", "regime"], info=["sdf"])
        two = await coalition.amend(one.nid or "", text="Strike, later")
        body = coalition.record(two.of).body
        assert isinstance(body, Notice)
        assert (body.text, body.kind.value, body.precedence.value) == ("Strike, later", "intent", "FLASH")
        assert body.to == coalition.record(one.of).body.to
        assert coalition.ledger.deliveries[one.of, "russia"].end is End.SUPERSEDED
        three = await coalition.withdraw(two.of, "Cancelled")
        assert coalition.ledger.deliveries[two.of, "russia"].end is End.WITHDRAWN
        assert coalition.record(three.of).body.info == ("sdf",)
        with pytest.raises(RefusedError) as refused:
            await coalition.withdraw(two.of, "again")
        assert refused.value.code == "already-ended"


async def test_by_voice_the_other_side_is_told_and_can_confirm(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia, net.connect("regime") as regime:
        sent = await coalition.send(**INTENT, to=["regime"])
        await seen_by(russia, sent.of)
        assert [(owed.what, owed.to) for owed in russia.status().owed] == [("forward", "regime")]
        passed = await russia.forward(sent.nid or "", by="voice", role="duty officer", readback="Strike")
        await seen_by(regime, passed.of)
        (told,) = regime.received()
        assert (told.role, told.of, told.author, told.text, told.nid) == ("voice", sent.of, "russia", "Strike", None)
        assert [(owed.what, owed.of) for owed in regime.status().owed] == [("answer", sent.of)]
        await told.displayed()
        await regime.answer(sent.of[:8], "WILCO", readback=("35.3359,40.1408", "2017-09-15 03:10"))
        assert regime.status().owed == ()
        later = await russia.forward(sent.nid or "", "regime")
        await seen_by(regime, later.of)
        assert [inbound.role for inbound in regime.received()] == ["action"], "the notice itself takes the word's place"
        assert regime.status().queued == 0


async def test_calls_and_lines_are_put_on_record(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        call = await coalition.call(
            to="russia", began="2017-09-14T23:50Z", ended="now", readout="Agreed", level="Staff"
        )
        assert {desk.desk for desk in getattr(coalition.record(call.of).body, "desks", ())} == {"operations", "staff"}
        line = await russia.line(
            to="coalition",
            precedence="ROUTINE",
            line="euphrates",
            version=1,
            action="propose",
            title="River line",
            parts=[[(401300000, 353600000), (402500000, 352500000)]],
            keeps=[{"party": "russia", "side": "right"}],
            excluded=[],
            precision_m=500,
            from_time=to_wire(NOW_MS),
            beyond="Nothing is said above the first point.",
            text="",
        )
        assert isinstance(russia.record(line.of).body, LineStatement)
        await seen_by(coalition, line.of)
        assert [owed.what for owed in coalition.status().owed] == ["answer"]


async def test_desks_watch_acknowledge_and_suspend(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        await coalition.check()
        await coalition.check("off-watch", desk="staff")
        await coalition.send(**INTENT, to=["russia"])
        net.lab.advance(15_000)
        net.flow()
        while not coalition.ledger.alerts:
            await coalition.runtime.pulse.wait()
        (alert,) = coalition.status().alerts
        await coalition.acknowledge(alert.body.alert[:6], "Ringing the operations desk")
        assert coalition.status().alerts == ()
        await coalition.suspend("by order")
        with pytest.raises(RefusedError) as refused:
            await coalition.send(**INTENT, to=["russia"])
        assert refused.value.code == "suspended"
        await coalition.resume()
        await coalition.send(**INTENT, to=["russia"])


async def test_a_notice_is_found_by_what_names_it_alone(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        one = await coalition.send(**INTENT, to=["russia"])
        two = await coalition.send(**INTENT, to=["russia"])
        assert coalition.find(one.nid or "") == coalition.find(one.of) == coalition.find(one.of[:20]) == one.of
        shared = next(
            (one.nid or "")[:length]
            for length in range(36, 0, -1)
            if (two.nid or "").startswith((one.nid or "")[:length])
        )
        with pytest.raises(UsageError, match="give more of one"):
            coalition.find(shared)
        for unknown in ("", "zz", "x" * 43):
            with pytest.raises(UsageError, match="no notice here"):
                coalition.find(unknown)
        with pytest.raises(UsageError, match="not the intermediary"):
            await coalition.forward(one.of)
        with pytest.raises(UsageError, match="no key file"):
            await coalition.check(desk="night")


async def test_what_has_its_receipt_can_be_referred_to_before_its_leaf_is_here(
    net: MemoryNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bytes] = []
    put = MemoryLink.put

    def only_words(link: MemoryLink, payload: bytes) -> None:
        items = frames.decode_down(payload).items
        words = tuple(item for item in items if isinstance(item, WordItem))
        if words:
            put(link, frames.encode(DownFrame(items=words)))
        held.append(frames.encode(DownFrame(items=tuple(item for item in items if item not in words))))

    async with net.connect("coalition") as coalition:
        assert await coalition.caught_up()
        monkeypatch.setattr(client, "QUIET_S", 0)
        monkeypatch.setattr(MemoryLink, "put", only_words)
        sent = await coalition.send(**INTENT, to=["russia"])
        assert sent.of not in coalition.ledger.index_of
        monkeypatch.setattr(MemoryLink, "put", put)
        withdrawing = asyncio.create_task(coalition.withdraw(sent.of))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not withdrawing.done()
        for payload in held:
            net.links["coalition"].put(payload)
        await withdrawing
        assert coalition.ledger.deliveries[sent.of, "russia"].end is End.WITHDRAWN


async def test_a_refused_notice_is_named_by_the_one_that_says_it_anew(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        await russia.suspend(reason="for now")
        with pytest.raises(RefusedError, match="suspended"):
            await coalition.send(to=["russia"], kind="text", text="hold")
        assert await coalition.caught_up()
        refused = coalition.session.store.outbox()[-1]
        await russia.resume()
        with pytest.raises(UsageError, match=f"0 refused notices of ours.*{refused.nid}"):
            await coalition.send(to=["russia"], kind="text", text="hold", replaces="ffff")
        sent = await coalition.send(to=["russia"], kind="text", text="hold", replaces=str(refused.nid)[:13])
        body = coalition.ledger.entries[sent.index].opened.body
        assert getattr(body, "replaces", None) == refused.of


async def test_a_refusal_is_an_alarm_until_whoever_waited_for_it_was_told(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        refused = []
        for _ in range(2):
            with pytest.raises(client.OwnRefusedError) as caught:
                await coalition.send(to=["coalition"], kind="text", text="x")
            refused.append(caught.value)
        clock = coalition.runtime.clock
        assert isinstance(clock, SteppedClock)
        clock.set(clock.now_ms() + GRACE_MS)
        alarms = coalition.status().alarms
        assert [(one.code, one.subject) for one in alarms] == [("refused", one.of) for one in refused]
        refused[0].told()
        assert [one.subject for one in coalition.status().alarms] == [refused[1].of]
    refused[1].told()  # a command says it after its client has ended
    async with net.connect("coalition") as coalition:
        assert coalition.status().alarms == ()
