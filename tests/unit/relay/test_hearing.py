"""Whom a starting relay hears before it writes (protocol.md 10.14)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from channel.protocol import ids, limits
from channel.protocol.frames import HaveItem, UpFrame
from channel.relay.guard import Guard
from channel.relay.hearing import Heard, hear
from channel.relay.inbox import Inboxes

PARTIES = ("coalition", "russia")
HAVE = UpFrame(items=(HaveItem(n=0, size=0, root=ids.sha256(b""), hello=True),))


class Content:
    """A guard for whom all is well."""

    asked = closed = False

    def have(self, party: str, item: HaveItem) -> None:
        pass


class Start:
    def __init__(self) -> None:
        self.inboxes, self.up, self.stopping = Inboxes(PARTIES), set[str](), False

    def hear(self) -> asyncio.Task[tuple[Heard, list[str]]]:
        guard = cast(Guard, cast(Any, Content()))
        heard = hear(
            guard, PARTIES, self.inboxes, self.up.__contains__,
            over=lambda: self.stopping, asked=lambda: None, now_ms=lambda: 0,
        )  # fmt: skip
        return asyncio.create_task(heard)


async def test_the_time_runs_from_when_the_links_are_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker comes up later than the relay: nobody could be heard before."""
    monkeypatch.setattr(limits, "HEARING_MS", 0)
    start = Start()
    task = start.hear()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    for party in PARTIES:
        start.inboxes.put(party, HAVE)
    assert await task == ([(party, HAVE) for party in PARTIES], [])


async def test_who_is_not_heard_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEARING_MS", 0)
    start = Start()
    start.up |= set(PARTIES)
    assert await start.hear() == ([], ["coalition", "russia"])


async def test_without_links_it_goes_on_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEARING_LINKS_MS", 0)
    assert await Start().hear() == ([], ["coalition", "russia"])


async def test_a_flood_while_it_hears_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUEUE_FRAMES_MAX", 3)
    start = Start()
    task = start.hear()
    for _ in range(4):
        for _ in range(3):
            start.inboxes.put("russia", HAVE)
        for _ in range(5):
            await asyncio.sleep(0)
    start.inboxes.put("coalition", HAVE)
    heard, silent = await task
    assert ([party for party, _ in heard], silent) == (["russia"] * 3 + ["coalition"], [])


async def test_a_relay_that_is_stopped_hears_no_more() -> None:
    start = Start()
    task = start.hear()
    await asyncio.sleep(0)
    start.stopping = True
    start.inboxes.wake.set()
    assert await task == ([], ["coalition", "russia"])
