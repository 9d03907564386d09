"""Before a starting relay writes its first leaf: which trees do the parties hold (protocol.md 10.14)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from channel.protocol import limits
from channel.protocol.frames import HaveItem, ShownItem, UpFrame
from channel.relay.guard import Guard
from channel.relay.inbox import Inboxes


async def hear(
    guard: Guard,
    known: Iterable[str],
    inboxes: Inboxes,
    asked: Callable[[], None],
    now_ms: Callable[[], int],
) -> list[tuple[str, UpFrame]]:
    """Until every party that was `known` has said `have`, another history is shown, or the time is over.

    What came meanwhile is given back, to be judged in its turn. `asked` is called when something may have to be asked
    of a party.
    """
    silent, heard = set(known), list[tuple[str, UpFrame]]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limits.HEARING_MS / 1000):
            while (silent or guard.asked) and not guard.closed:
                await inboxes.wake.wait()
                inboxes.wake.clear()
                for party, frame in inboxes.drain():
                    heard.append((party, frame))
                    for item in frame.items:
                        if isinstance(item, HaveItem):
                            guard.have(party, item)
                            silent.discard(party)
                        elif isinstance(item, ShownItem):
                            guard.shown(party, item, now_ms())
                asked()
    inboxes.wake.set()
    return heard
