"""Live: what is new goes out once encoded; a slow browser owes ids, never messages; nothing is lost when it is back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channel.console import live as live_module
from channel.console.access import Session
from channel.console.live import LIVE_MAX, LIVE_SESSION_MAX, TICK_S, Browser
from channel.console.model import Delta
from channel.console.source import Standing
from channel.protocol.errors import FatalError
from channel.protocol.statements import Answer, Receiving
from channel.protocol.times import to_wire
from tests.unit.console.rooms import NetSource, Room
from tests.unit.ledger.nets import START_MS, Net

S = 1000
CIRCLE = {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 3000}


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def room(tmp_path: Path, net: Net) -> Iterator[Room]:
    made = Room(tmp_path, NetSource(net))
    yield made
    made.close()


def said(room: Room, browser: Browser) -> list[dict[str, Any]]:
    """Everything that it would be told now."""
    found = []
    while browser.ready.is_set():
        text = room.live.message(browser)
        if text is not None:
            found.append(json.loads(text))
    return found


def joined(room: Room) -> Browser:
    browser = Browser()
    room.live.browsers.add(browser)
    return browser


def take(state: dict[str, Any], messages: list[dict[str, Any]]) -> None:
    """What the page does with them."""
    for message in messages:
        if message["kind"] == "view":
            state.clear()
            state.update({row["of"]: row for row in message["board"]})
        elif message["kind"] == "change":
            state.update({row["of"]: row for row in message["board"]})
            for of in message["board_gone"]:
                state.pop(of, None)


async def test_the_view_first_then_only_what_differs(room: Room, net: Net) -> None:
    first = net.notice("coalition", START_MS, "russia")
    await room.turn()
    browser = joined(room)
    assert [message["kind"] for message in said(room, browser)] == ["view"]
    second = net.notice("sdf", START_MS + S, "russia")
    await room.turn()
    change = next(message for message in said(room, browser) if message["kind"] == "change")
    assert [row["of"] for row in change["board"]] == [second] != [first]


async def test_one_encoding_serves_all_who_join_at_once(room: Room, net: Net) -> None:
    net.notice("coalition", START_MS, "russia")
    await room.turn()
    first = room.live.message(joined(room))
    assert first is room.live.message(joined(room))
    later = net.notice("sdf", START_MS + S, "russia")
    await room.turn()
    text = room.live.message(joined(room))
    assert text is not None
    assert later in text


async def test_one_session_has_so_many_live_sockets_and_all_of_them_too(room: Room) -> None:
    """Equal sessions are not the same one."""
    one, other = (Session("anna", "x", 0, 0) for _ in range(2))
    mine = [room.live.join(one) for _ in range(LIVE_SESSION_MAX + 1)]
    assert [browser is None for browser in mine] == [False] * LIVE_SESSION_MAX + [True]
    gone = mine[0]
    assert gone is not None
    assert room.live.join(other) is not None
    room.live.browsers.discard(gone)
    assert room.live.join(one) is not None
    while len(room.live.browsers) < LIVE_MAX:
        assert room.live.join(object()) is not None
    assert room.live.join(object()) is None


async def test_one_encoding_serves_all_who_keep_up(room: Room, net: Net) -> None:
    await room.turn()
    browsers = [joined(room) for _ in range(3)]
    for browser in browsers:
        said(room, browser)
    net.notice("coalition", START_MS, "russia")
    await room.turn()
    texts = [room.live.message(browser) for browser in browsers]
    assert texts[0] is texts[1] is texts[2]


async def test_a_slow_browser_owes_each_row_once_and_gets_its_newest_state(room: Room, net: Net) -> None:
    await room.turn()
    browser, state = joined(room), dict[str, Any]()
    take(state, said(room, browser))
    of = net.notice("coalition", START_MS, "russia")
    for number in range(1, 40):
        net.sign("russia", Receiving, START_MS + number * S, of=of, stage="received")
        net.notice("sdf", START_MS + number * S, "coalition") if number < 3 else None
        await room.turn()
    net.sign("russia", Answer, START_MS + 50 * S, of=of, word="WILCO")
    await room.turn()
    assert browser.waiting == 3
    messages = said(room, browser)
    assert [message["kind"] for message in messages] == ["change", "tick"]
    take(state, messages)
    assert state == {key: json.loads(text) for key, text in room.live.model.rows.items()}
    assert state[of]["deliveries"][0]["cell"] == "wilco"


async def test_of_the_picture_only_what_differs_is_told(room: Room, net: Net) -> None:
    window = [{"shape": CIRCLE, "from": to_wire(START_MS), "until": to_wire(START_MS + 3600 * S)}]
    first = net.notice("coalition", START_MS, "russia", volumes=window)
    await room.turn()
    browser = joined(room)
    seen = {one["id"]: one for one in said(room, browser)[0]["picture"]["features"]}
    assert [(one["properties"]["of"], one["geometry"]["type"]) for one in seen.values()] == [(first, "Point")]
    second = net.notice("sdf", START_MS + S, "russia", volumes=window)
    body = net.ledger.notices[first].body
    taken_back = {name: getattr(body, name) for name in ("info", "kind", "status", "how")}
    net.notice("coalition", START_MS + 2 * S, "russia", **taken_back, text="", withdraws=first)
    await room.turn()
    change = next(message for message in said(room, browser) if message["kind"] == "change")
    assert [one["properties"]["of"] for one in change["picture"]["features"]] == [second]
    assert change["picture_gone"] == list(seen)
    net.sign("russia", Receiving, START_MS + 3 * S, of=second, stage="received")
    await room.turn()
    change = next(message for message in said(room, browser) if message["kind"] == "change")
    assert (change["picture"], change["picture_gone"]) == (None, [])


async def test_what_a_browser_owes_is_bounded(room: Room, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "IDS_MAX", 10)
    await room.turn()
    browser, state = joined(room), dict[str, Any]()
    take(state, said(room, browser))
    for number in range(60):
        net.notice("coalition", START_MS + number * S, "russia")
        await room.turn()
        assert browser.waiting <= 10
        assert browser.shared is None or browser.waiting <= 10
    assert browser.whole
    take(state, said(room, browser))
    assert state == {key: json.loads(text) for key, text in room.live.model.rows.items()}


async def test_a_tick_comes_also_when_nothing_happens_and_says_when_it_is_stale(room: Room) -> None:
    await room.turn()
    browser = joined(room)
    said(room, browser)
    await room.turn()
    assert [m["stale"] for m in said(room, browser) if m["kind"] == "tick"] == [False]
    room.source.fault = FatalError("the disk has gone")
    await room.turn()
    assert [m["stale"] for m in said(room, browser) if m["kind"] == "tick"] == [True]
    room.source.fault = None
    await room.turn()
    assert [m["stale"] for m in said(room, browser) if m["kind"] == "tick"] == [False]


async def test_whatever_goes_wrong_the_loop_goes_on_and_the_pages_say_that_they_are_old(room: Room, net: Net) -> None:
    """A log that is moved away for a moment is no `ChannelError` (docs/operations.md 5)."""
    await room.turn()
    browser = joined(room)
    said(room, browser)
    for fault in (FileNotFoundError("log.sqlite"), ValueError("odd")):
        room.source.fault = None
        room.source.standing_fault = fault
        await room.turn()
        assert [m["stale"] for m in said(room, browser) if m["kind"] == "tick"] == [True]
        room.source.fault, room.source.standing_fault = fault, None
        await room.turn()
        assert [m["stale"] for m in said(room, browser) if m["kind"] == "tick"] == [True]
    room.source.fault = None
    of = net.notice("coalition", START_MS, "russia")
    await room.turn()
    messages = said(room, browser)
    assert [row["of"] for m in messages if m["kind"] == "change" for row in m["board"]] == [of]
    assert [m["stale"] for m in messages if m["kind"] == "tick"] == [False]


async def test_a_turn_that_fails_at_what_is_shown_does_not_end_the_loop(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.turn()
    pauses: list[float] = []

    def refresh(standing: Standing, mono_ms: int) -> Delta:
        raise FatalError("clock.json is damaged")

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 2:
            assert room.live.stale == "clock.json is damaged"
            raise asyncio.CancelledError

    monkeypatch.setattr(room.live.model, "refresh", refresh)
    monkeypatch.setattr(live_module, "FLUSH_S", 0.0)
    with pytest.raises(asyncio.CancelledError):
        await room.live.run(sleep)
    assert pauses == [TICK_S, TICK_S]


async def test_nobody_is_told_anything_before_the_log_is_read(room: Room, net: Net) -> None:
    net.notice("coalition", START_MS, "russia")
    assert not room.live.folded.is_set()
    await room.turn()
    assert room.live.folded.is_set()
    assert len(room.live.model.rows) == 1
