"""Two channels with one face for tests of running clients: in memory, and the real relay behind the real broker.

The one in memory is trusted in other tests because the same suite passes on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from channel.broker import EmbeddedBroker
from channel.founding import found_trial
from channel.protocol import frames, topics
from channel.protocol.errors import TransientError
from channel.relay.boot import boot
from channel.relay.clock import RelayClock, SystemClock, wall_ms
from channel.relay.home import ChannelHome
from channel.relay.loop import Relay as RunningRelay
from channel.relay.sinks import Silent
from clients.coalition import Coalition
from clients.core.clock import SteppedClock
from clients.core.party import Party
from clients.regime import Regime
from clients.russia import Russia
from tests.unit.clients.lab import NET, Lab, lab_at

CLASSES: dict[str, type[Party]] = {"coalition": Coalition, "russia": Russia, "regime": Regime}


class Net(Protocol):
    """A channel in force. `cut` makes it unreachable for everybody, `restore` ends that."""

    path: Path

    def connect(self, party: str) -> Party: ...

    async def cut(self) -> None: ...

    async def restore(self) -> None: ...


class MemoryLink:
    """One party's link to the relay in memory."""

    def __init__(self, net: MemoryNet, party: str) -> None:
        self.last_error: str | None = None
        self.connected = False
        self._net, self._party = net, party
        self._down: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self, on_payload: Callable[[str, bytes], Awaitable[None]], on_state: Callable[[bool], None]) -> None:
        self._net.links[self._party] = self
        try:
            while True:
                await self._net.reachable.wait()
                self.connected = True
                on_state(True)
                lost = asyncio.ensure_future(self._net.unreachable.wait())
                while not lost.done():
                    coming = asyncio.ensure_future(self._down.get())
                    await asyncio.wait({lost, coming}, return_when=asyncio.FIRST_COMPLETED)
                    if coming.done():
                        await on_payload(topics.down(NET, self._party), coming.result())
                    else:
                        coming.cancel()
                self.connected, self.last_error = False, "the connection was lost"
                on_state(False)
        finally:
            self.connected = False
            if self._net.links.get(self._party) is self:
                self._net.links.pop(self._party)

    async def publish(self, topic: str, payload: bytes) -> None:
        if not self.connected:
            raise TransientError("no connection")
        if topic == topics.up(NET, self._party):
            frame = frames.decode_up(payload)
            self._net.lab.relay.take(self._party, frame)
            if any(isinstance(item, frames.HaveItem) and item.hello for item in frame.items):
                self.put(frames.encode(self._net.lab.relay.beat(self._party)))
            self._net.flow()
        elif topic == topics.presence(NET, self._party):
            self._net.lab.relay.downs[self._party].gone()

    def put(self, payload: bytes) -> None:
        self._down.put_nowait(payload)


class MemoryNet:
    """A lab whose frames flow by themselves; its clock stands."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.path = lab.path
        self.links: dict[str, MemoryLink] = {}
        self.reachable, self.unreachable = asyncio.Event(), asyncio.Event()
        self.reachable.set()

    def connect(self, party: str) -> Party:
        clock = SteppedClock(self.lab.relay.now_ms)
        return CLASSES[party].connect(self.path, clock=clock, make_link=lambda: MemoryLink(self, party))

    def at(self, party: str, home: Path) -> Party:
        """From another home of the party."""
        clock = SteppedClock(self.lab.relay.now_ms)
        return CLASSES[party].connect(home, clock=clock, make_link=lambda: MemoryLink(self, party))

    def flow(self) -> None:
        """Hand every party what is due to it."""
        for party, link in self.links.items():
            for frame in self.lab.relay.due(party) if link.connected else ():
                link.put(frames.encode(frame))

    async def cut(self) -> None:
        self.reachable.clear()
        self.unreachable.set()
        for party in self.links:
            self.lab.relay.downs[party].gone()
        await asyncio.sleep(0)

    async def restore(self) -> None:
        self.unreachable.clear()
        self.reachable.set()


class BrokerNet:
    """Embedded broker and relay, as `channel up` runs them, with the machine's clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        now_ms = wall_ms()
        found_trial(path, now_ms=now_ms, wall_ms=now_ms, net=NET)
        self._home = ChannelHome.open(path)
        parties = [member.party for member in self._home.charter()[0].parties]
        port = self._home.settings().port
        self._broker = EmbeddedBroker(path, net=NET, parties=parties, mqtt_port=port)
        self._relay: RunningRelay | None = None
        self._running: asyncio.Task[None] | None = None

    def connect(self, party: str) -> Party:
        return CLASSES[party].connect(self.path)

    async def restore(self) -> None:
        await self._broker.start()
        booted = boot(self._home)
        clock = RelayClock(SystemClock(), booted.core.folded.ledger.last_stamp_ms)
        self._relay = RunningRelay(self._home, booted, clock, Silent())
        self._running = asyncio.create_task(self._relay.run("test"))

    async def cut(self) -> None:
        if self._relay is not None and self._running is not None:
            await self._relay.stop()
            await self._running
            self._relay.close()
        await self._broker.stop()


@asynccontextmanager
async def memory_net(path: Path) -> AsyncIterator[Net]:
    with lab_at(path) as lab:
        yield MemoryNet(lab)


@asynccontextmanager
async def broker_net(path: Path) -> AsyncIterator[Net]:
    net = BrokerNet(path)
    await net.restore()
    try:
        yield net
    finally:
        await net.cut()
