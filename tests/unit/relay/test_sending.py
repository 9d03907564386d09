"""What goes down, and what of it a broker is asked to keep (protocol.md 10.2)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from channel.founding import found_trial
from channel.protocol import ids
from channel.protocol.frames import HaveItem
from channel.relay.boot import boot
from channel.relay.clock import SteppedClock
from channel.relay.home import ChannelHome
from channel.relay.loop import Relay
from channel.relay.sinks import Silent
from channel.wire import MqttLink

NOW_MS = 1_505_433_600_000


class Link:
    """Up, and notes what it is given; the real one's part of it is tests/integration/test_link.py."""

    connected = True

    def __init__(self) -> None:
        self.kept: asyncio.Queue[bool] = asyncio.Queue()

    async def publish(self, topic: str, payload: bytes, *, keep: bool = True) -> None:
        self.kept.put_nowait(keep)


async def test_for_who_is_not_heard_a_broker_keeps_nothing(tmp_path: Path) -> None:
    found_trial(tmp_path / "channel", now_ms=NOW_MS, wall_ms=NOW_MS, net="sending", broker_port=4)
    home = ChannelHome.open(tmp_path / "channel")
    booted = boot(home)
    relay = Relay(home, booted, SteppedClock(booted.core.folded.ledger.last_stamp_ms), Silent())
    link = Link()
    relay._links["russia"] = cast(MqttLink, link)
    sender = asyncio.create_task(relay._down.run("russia"))
    try:
        for heard in (False, True):
            if heard:
                hello = HaveItem(n=0, size=0, root=ids.sha256(b""), hello=True)
                relay.sessions["russia"].have(hello, 0, relay.head)
            relay._down.beat("russia")
            relay._down.wake()
            assert await link.kept.get() is heard
    finally:
        sender.cancel()
        relay.close()
