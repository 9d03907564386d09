"""Running clients through the library's face, in memory and over the real broker: the same suite on both."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import pytest_asyncio

from channel.console.serving import Serving
from channel.log import checkpoint
from channel.protocol import frames
from channel.protocol.errors import FatalError, RefusedError, TransientError, UsageError
from clients.coalition import Coalition
from clients.commands import console
from clients.core.clock import wall_ms
from clients.core.events import Event, LeafSeen, LinkDown, LinkUp, Stopped
from clients.core.home import PartyHome
from clients.core.party import Inbound, Party, QueuedError
from clients.core.runtime import PROOF_FILE
from tests.unit.clients.lab import NET, lab_at
from tests.unit.clients.nets import MemoryNet, Net, broker_net, memory_net

FLASH = {"kind": "intent", "precedence": "FLASH", "text": "Strike", "wait": 20.0}
VIA = ["russia", "regime:russia"]


@pytest_asyncio.fixture(params=[memory_net, broker_net], ids=["memory", "broker"])
async def net(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Net]:
    async with request.param(tmp_path / "channel") as made:
        yield made


async def first(party: Party) -> Inbound:
    async with asyncio.timeout(20):
        async for inbound in party.inbox():
            return inbound
    raise AssertionError("the inbox ended")


async def until(party: Party, reply: str, addressee: str) -> None:
    async with asyncio.timeout(20):
        while True:
            pulse = party.runtime.pulse
            if any((v.addressee, v.reply) == (addressee, reply) for v in party.status().deliveries):
                return
            await pulse.wait()


async def test_a_notice_is_sent_passed_on_and_answered(net: Net) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia, net.connect("regime") as regime:
        sent = await coalition.send(to=VIA, at="35.3359,40.1408", radius="2km", start="+10min", until="+40min", **FLASH)
        assert sent.receipt.count(".") == 2
        inbound = await first(russia)
        assert (inbound.nid, inbound.of, inbound.author, inbound.role) == (sent.nid, sent.of, "coalition", "action")
        assert (inbound.text, str(inbound.precedence), len(inbound.volumes)) == ("Strike", "FLASH", 1)
        assert inbound.deadline_ms == inbound.stamp_ms + 60_000
        assert {owed.what for owed in russia.status().owed} == {"answer", "forward"}
        assert await inbound.displayed(wait=20) is not None
        assert await inbound.displayed(wait=20) is None
        await inbound.wilco(wait=20, readback=("35.3359,40.1408", inbound.volumes[0].from_))
        await inbound.forward(wait=20)
        assert russia.status().owed == ()

        passed = await first(regime)
        assert (passed.of, passed.role) == (sent.of, "action")
        await passed.unable("Our men are there", wait=20)
        read = ("35.3359,40.1408", passed.volumes[0].from_)
        with pytest.raises(RefusedError) as refused:
            await passed.wilco(wait=20, readback=read)
        assert refused.value.code == "already-answered"
        await regime.answer(sent.of, "WILCO", corrects=True, readback=read, wait=20)
        await until(coalition, "wilco", "russia")
        await until(coalition, "wilco", "regime")
        status = coalition.status()
        assert (status.link, status.queued, status.alarms) == ("up", 0, ())
        assert {view.leg for view in status.deliveries} == {"direct", "forwarded-by-channel"}


def _program_of_the_readme() -> Coroutine[Any, Any, None]:
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    [source] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running: Coroutine[Any, Any, None] = FunctionType(code, {})()
    return running


async def test_the_program_of_the_readme_sends_its_notice_and_answers_what_comes(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    coalition = net.connect("coalition")
    monkeypatch.setattr(Coalition, "connect", lambda home: coalition)
    async with net.connect("russia") as russia, net.connect("regime") as regime:
        program = asyncio.create_task(_program_of_the_readme())
        inbound = await first(russia)
        assert (inbound.author, inbound.text) == ("coalition", "Strike in ten minutes. Keep clear.")
        await russia.send(to=["coalition"], kind="text", text="Are your men there?", wait=20)
        await until(russia, "roger", "coalition")
        await inbound.forward(wait=20)
        assert (await first(regime)).of == inbound.of
        program.cancel()
        await asyncio.gather(program, return_exceptions=True)


async def test_what_cannot_be_sent_is_queued_and_goes_out_when_there_is_a_link(net: Net) -> None:
    async with net.connect("coalition") as coalition:
        assert await coalition.caught_up(20)
        await net.cut()
        with pytest.raises(QueuedError, match="queued") as queued:
            await coalition.send(to=["russia"], **{**FLASH, "wait": 0.05})
        await net.restore()
        sent = await coalition.settled(queued.value.of, 20)
        assert (sent.of, sent.nid) == (queued.value.of, queued.value.nid)


async def test_another_command_sends_what_was_queued(net: Net) -> None:
    await net.cut()
    async with net.connect("coalition") as coalition:
        with pytest.raises(QueuedError) as queued:
            await coalition.send(to=["russia"], **{**FLASH, "wait": 0.05})
    await net.restore()
    async with net.connect("coalition") as again:
        assert (await again.settled(queued.value.of, 20)).of == queued.value.of


async def test_a_command_beside_a_running_client_goes_over_its_link(net: Net) -> None:
    async with net.connect("coalition") as running:
        assert await running.caught_up(20)
        async with net.connect("coalition") as command:
            assert await command.caught_up(20)
            assert command.status().link == "elsewhere"
            sent = await command.send(to=["russia"], **FLASH)
            assert command.record(sent.of[:9]).nid == sent.nid
        assert running.status().link == "up"
        with Coalition.open(net.path) as view:
            assert view.status().link == "elsewhere"
            assert [delivery.of for delivery in view.status().deliveries] == [sent.of]


async def test_a_command_beside_a_client_that_has_no_connection_knows_it(net: Net) -> None:
    async with net.connect("coalition") as running, net.connect("coalition") as command:
        async with asyncio.timeout(20):
            await running.until(lambda: running.runtime.connected)
            await command.until(lambda: command.runtime.elsewhere)
            await net.cut()
            await command.until(lambda: not command.runtime.elsewhere)
            assert command.status().link == "down"
            assert "another process" in str(command.status().why_down)
            assert not await command.caught_up(0.01)
            with Coalition.open(net.path) as view:
                assert view.status().link == "down"
            await net.restore()
            await command.until(lambda: command.runtime.elsewhere)
            assert command.status().link == "elsewhere"


async def test_the_link_passes_to_a_waiting_client_when_its_owner_ends(net: Net) -> None:
    async with net.connect("coalition") as first_one:
        assert await first_one.caught_up(20)
        waiting = net.connect("coalition")
        await waiting.__aenter__()
        assert await waiting.caught_up(20)
    try:
        async with asyncio.timeout(20):
            while waiting.status().link != "up":
                await waiting.runtime.pulse.wait()
        await waiting.send(to=["russia"], **FLASH)
    finally:
        await waiting.__aexit__(None, None, None)


async def test_the_application_sees_each_notice_once_over_restarts(net: Net) -> None:
    async with net.connect("coalition") as coalition:
        one = await coalition.send(to=["russia"], **FLASH)
        async with net.connect("russia") as russia:
            assert (await first(russia)).of == one.of
        two = await coalition.send(to=["russia"], **FLASH)
        async with net.connect("russia") as russia:
            assert (await first(russia)).of == two.of
            assert [inbound.of for inbound in russia.received()] == [one.of, two.of]


async def test_watchers_hear_of_leaves_and_of_the_link(net: Net) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()

    async def watch(party: Party) -> None:
        async for event in party.events():
            heard.put_nowait(event)

    async def hear(kind: type[LinkUp] | type[LinkDown] | type[LeafSeen]) -> None:
        async with asyncio.timeout(20):
            while not isinstance(await heard.get(), kind):
                pass

    async with net.connect("coalition") as coalition:
        watching = asyncio.create_task(watch(coalition))
        await hear(LinkUp)
        await hear(LeafSeen)
        await net.cut()
        await hear(LinkDown)
        assert coalition.runtime.why_down
        await net.restore()
        await hear(LinkUp)
        watching.cancel()


async def test_a_home_that_has_seen_a_fork_takes_nothing_and_says_so(net: Net) -> None:
    proof = net.path / "parties" / "coalition" / PROOF_FILE
    proof.write_text(json.dumps({"why": "two roots"}))
    async with net.connect("coalition") as coalition:
        with pytest.raises(FatalError, match="fork"):
            await coalition.send(to=["russia"], **FLASH)
        assert coalition.status().link == "stopped"
        assert coalition.session.replica.n == 0


async def test_who_stops_at_a_fork_tells_the_relay_before_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `party watch` does, which ends at the event itself."""
    with lab_at(tmp_path / "channel") as lab:
        net, heard = MemoryNet(lab), list[frames.UpFrame]()
        take = lab.relay.take
        monkeypatch.setattr(lab.relay, "take", lambda party, frame: (heard.append(frame), take(party, frame)))
        async with net.connect("coalition") as coalition:
            assert await coalition.caught_up(20)
            pin, origin = coalition.session.replica.pin, f"dcn/{NET}"
            other = checkpoint.sign(checkpoint.Checkpoint(origin, pin.size, bytes(32)), origin, lab.relay.core.keys.log)
            item = frames.CheckpointItem(old=pin.size, proof=(), note=other)
            payload = frames.encode(frames.DownFrame(items=(item,)))
            asyncio.get_running_loop().call_soon(net.links["coalition"].put, payload)
            assert isinstance(await anext(coalition.events()), Stopped)
        said = [item for frame in heard for item in frame.items]
        assert said[-1] == frames.ShownItem(note=pin.note)


class BrokenLink:
    """A link that cannot even begin, as with unusable certificate files."""

    last_error: str | None = None
    connected = False

    async def run(self, on_payload: object, on_state: object) -> None:
        raise UsageError("cannot use the link's certificate files")

    async def publish(self, topic: str, payload: bytes) -> None:
        raise TransientError("no connection")


async def test_what_ends_the_link_reaches_whoever_waits(tmp_path: Path) -> None:
    with lab_at(tmp_path / "channel") as lab:
        async with Coalition.connect(lab.path, make_link=BrokenLink) as coalition:
            with pytest.raises(UsageError, match="certificate"):
                await coalition.send(to=["russia"], **FLASH)
            with pytest.raises(UsageError, match="certificate"):
                await first(coalition)
            assert coalition.status().queued == 1


async def test_what_ends_the_client_ends_who_watches_it_after_what_came_before(tmp_path: Path) -> None:
    heard = list[Event]()

    async def watch(party: Party) -> None:
        async for event in party.events():
            heard.append(event)

    async with memory_net(tmp_path / "channel") as net, net.connect("coalition") as coalition:
        watching = asyncio.create_task(watch(coalition))
        assert await coalition.caught_up(20)
        coalition.runtime._tell([LinkDown(0, "last")])
        coalition.runtime.fail(FatalError("the store is damaged"))
        for watcher in (watching, watch(coalition)):  # and who begins to watch only now
            with pytest.raises(FatalError, match="damaged"):
                await asyncio.wait_for(watcher, 20)
        assert heard[-1] == LinkDown(0, "last")


async def test_what_ends_the_link_ends_a_watch_and_a_console_with_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Coalition):
        @classmethod
        def connect(cls, home: Path, party: str) -> Any:  # type: ignore[override]
            return super().connect(home, party, make_link=BrokenLink)

    monkeypatch.setattr(console, "party_class", lambda home: Broken)
    with lab_at(tmp_path / "channel") as lab:
        home = PartyHome(lab.path / "parties" / "coalition")
        async with Broken.connect(home.path, "coalition") as coalition:
            with pytest.raises(UsageError, match="certificate"):
                await asyncio.wait_for(anext(coalition.events()), 20)
        serving = Serving(home.path, "127.0.0.1", 0, (), None, None, None, False, wall_ms, bytes)
        with pytest.raises(UsageError, match="certificate"):
            await asyncio.wait_for(console._serve(serving, home, "coalition"), 20)


async def test_many_statements_at_once_all_get_their_receipts(tmp_path: Path) -> None:
    async with memory_net(tmp_path / "channel") as net, net.connect("coalition") as coalition:
        sends = [coalition.send(to=["russia"], kind="text", text=str(number), wait=20.0) for number in range(100)]
        sent = await asyncio.gather(*sends)
        assert len({one.of for one in sent}) == len({one.index for one in sent}) == 100
        assert coalition.status().queued == 0


async def test_what_a_party_cannot_mean_is_a_usage_error(net: Net) -> None:
    async with net.connect("coalition") as coalition:
        with pytest.raises(UsageError, match="until"):
            await coalition.send(to=["russia"], at="35.3359,40.1408", text="x")
        with pytest.raises(UsageError, match="no notice here"):
            await coalition.withdraw("0000")
        with pytest.raises(UsageError, match="no alert here"):
            await coalition.acknowledge("abcd", "reason")
        with pytest.raises(UsageError, match="expected one of"):
            await coalition.send(to=["russia"], kind="wish")
        with pytest.raises(UsageError, match="role and readback"):
            await coalition.forward((await coalition.send(to=["russia"], text="x", wait=20)).of, "russia", "voice")
