"""A client under a scenario's control: it says what it is told to say, at the time that it is told."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio

from channel.protocol.times import from_wire, to_wire
from clients.core.clock import SystemClock
from clients.core.control import serve
from clients.core.party import Party
from tests.unit.clients.lab import NOW_MS
from tests.unit.clients.nets import MemoryNet, memory_net

VOLUME = {
    "shape": {"type": "circle", "center": [401408000, 353359000], "radius_m": 2000},
    "from": to_wire(NOW_MS),
    "until": to_wire(NOW_MS + 3_600_000),
}
SEND = {
    "do": "send", "desk": "operations", "to": [{"party": "russia"}, {"party": "regime", "via": "russia"}], "info": [],
    "kind": "intent", "precedence": "FLASH", "status": "operation", "response": "WU", "how": "human",
    "volumes": [VOLUME], "elements": [{"code": "hold-fire", "values": ["2017-09-16 0200Z"]}], "text": "Strike",
    "read_back": False, "unit": "first",
}  # fmt: skip


class Out(io.StringIO):
    """What the client writes; each answer is flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = asyncio.Event()

    def flush(self) -> None:
        self.flushed.set()


class Hand:
    """The other end of a client's control line."""

    def __init__(self, channel: Party) -> None:
        self.channel = channel
        self._reader = asyncio.StreamReader()
        self._out = Out()
        self.serving = asyncio.create_task(serve(channel, self._reader, self._out))

    async def line(self, text: str) -> dict[str, Any]:
        before = self._out.tell()
        self._out.flushed.clear()
        self._reader.feed_data(text.encode() + b"\n")
        async with asyncio.timeout(10):
            await self._out.flushed.wait()
        answer: dict[str, Any] = json.loads(self._out.getvalue()[before:])
        return answer

    async def ask(self, do: str, **members: object) -> dict[str, Any]:
        return await self.line(json.dumps({"do": do, **members}))

    async def act(self, do: str, **members: object) -> dict[str, Any]:
        return await self.ask("act", act={"do": do, **members})

    async def settled(self) -> dict[str, Any]:
        """Until the client is connected and nothing of it is out."""
        async with asyncio.timeout(10):
            while True:
                pulse = self.channel.runtime.pulse
                answer = await self.ask("poll")
                if answer["connected"] and not answer["outbox"]:
                    return answer
                await pulse.wait()


@asynccontextmanager
async def hand(net: MemoryNet, party: str) -> AsyncIterator[Hand]:
    async with net.connect(party) as channel:
        made = Hand(channel)
        try:
            yield made
        finally:
            made.serving.cancel()


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[MemoryNet]:
    async with memory_net(tmp_path / "channel") as made:
        assert isinstance(made, MemoryNet)
        yield made


async def test_a_notice_is_followed_through_by_acts(net: MemoryNet) -> None:
    async with hand(net, "coalition") as coalition, hand(net, "russia") as russia, hand(net, "regime") as regime:
        sent = await coalition.act(**SEND)
        assert sent["ok"]
        of = sent["of"]
        for one in (coalition, russia, regime):
            await one.settled()
        voice = {"role": "duty officer", "contact": "+000 1", "at": to_wire(NOW_MS), "readback": "Strike"}
        readback = {"place": "35.3359,40.1408", "time": "0040Z", "at": [401408000, 353359000], "when": to_wire(NOW_MS)}
        acts = [
            (russia, {"do": "display", "of": of}),
            (russia, {"do": "answer", "of": of, "word": "STANDBY", "until": to_wire(NOW_MS + 60_000)}),
            (russia, {"do": "answer", "of": of, "word": "WILCO", "readback": readback}),
            (russia, {"do": "forward", "of": of, "to": "regime", "by": "voice", "voice": voice}),
            (russia, {"do": "forward", "of": of, "to": "regime", "by": "channel"}),
            (regime, {"do": "check", "state": "on-watch"}),
            (regime, {"do": "suspend", "reason": "a strike"}),
            (regime, {"do": "resume", "reason": ""}),
            (coalition, {"do": "withdraw", "of": of, "text": "Cancelled", "response": "R", "precedence": "FLASH"}),
        ]
        for one, act in acts:
            answer = await one.ask("act", act={"desk": "operations", **act})
            assert answer["ok"], (act, answer)
            await one.settled()
        for one in (coalition, russia, regime):
            await one.settled()
        rows = [row for one in (coalition, russia, regime) for row in one.channel.session.store.outbox()]
        assert {row.state for row in rows} == {"logged"}
        assert coalition.channel.ledger.deliveries[of, "regime"].end.value == "withdrawn"


async def test_a_call_and_an_acknowledgement(net: MemoryNet) -> None:
    async with hand(net, "coalition") as coalition:
        call = await coalition.act(
            "call",
            to=[{"party": "russia"}],
            precedence="FLASH",
            level="operations",
            began=to_wire(NOW_MS - 1000),
            ended=to_wire(NOW_MS),
            desks=[{"party": "coalition", "desk": "operations"}],
            readout="Agreed",
        )
        assert call["ok"]
        await coalition.settled()
        net.lab.advance(15_000)
        net.flow()
        async with asyncio.timeout(10):
            while not coalition.channel.ledger.alerts:
                await coalition.channel.runtime.pulse.wait()
        alert = next(iter(coalition.channel.ledger.alerts))
        assert (await coalition.act("ack", alert=alert, reason="Ringing"))["ok"]
        await coalition.settled()
        assert "coalition" in coalition.channel.ledger.alerts[alert].acked


async def test_the_clock_stands_where_it_is_set_and_statements_carry_its_time(net: MemoryNet) -> None:
    async with hand(net, "coalition") as coalition:
        assert await coalition.ask("time", now_ms=NOW_MS + 5_000) == {"ok": True}
        await coalition.act("check", state="on-watch")
        await coalition.settled()
        entries = coalition.channel.ledger.entries.values()
        body = next(entry.opened.body for entry in entries if entry.opened.type == "check")
        assert from_wire(getattr(body, "issued", "")) == NOW_MS + 5_000
        assert not (await coalition.ask("time", now_ms=NOW_MS))["ok"], "a stepped clock never goes back"
        assert await coalition.ask("free") == {"ok": True}
        assert isinstance(coalition.channel.clock, SystemClock)
        assert (await coalition.ask("time", now_ms=NOW_MS + 9_000))["code"] == "usage"


async def test_offline_what_is_said_waits_in_the_outbox(net: MemoryNet) -> None:
    async with hand(net, "coalition") as coalition:
        await coalition.settled()
        assert await coalition.ask("online", online=False) == {"ok": True}
        sent = await coalition.act(**SEND)
        poll = await coalition.ask("poll")
        assert (poll["connected"], poll["outbox"]) == (False, [sent["of"]])
        assert sent["of"] not in net.lab.relay.core.folded.ledger.index_of
        assert await coalition.ask("online", online=True) == {"ok": True}
        poll = await coalition.settled()
        assert sent["of"] in net.lab.relay.core.folded.ledger.index_of
        assert poll["n"] == len(net.lab.relay.core.folded.ledger.parties["coalition"].feed)


async def test_what_is_no_request_is_answered_with_no(net: MemoryNet) -> None:
    async with hand(net, "coalition") as coalition:
        for text in ("nonsense", "[]", "{}", '{"do": "dance"}', '{"do": "act"}', '{"do": "act", "act": {"do": "lie"}}'):
            assert not (await coalition.line(text))["ok"], text
        wrong = await coalition.act(**(SEND | {"kind": "wish"}))
        assert (wrong["ok"], wrong["code"]) == (False, "usage")
        unknown = await coalition.act("withdraw", of="x" * 43)
        assert not unknown["ok"]
        assert not (await coalition.act("check", state="asleep"))["ok"]
        assert (await coalition.ask("poll"))["ok"]
        assert await coalition.ask("stop") == {"ok": True}
        await coalition.serving
