"""Before a starting relay writes its first leaf: which trees do the parties hold (protocol.md 10.14)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable

from channel.protocol import limits
from channel.protocol.frames import HaveItem, ShownItem, UpFrame
from channel.relay.guard import Guard
from channel.relay.inbox import Inboxes

Heard = list[tuple[str, UpFrame]]


async def hear(
    guard: Guard,
    known: Iterable[str],
    inboxes: Inboxes,
    linked: Callable[[str], bool],
    over: Callable[[], bool],
    asked: Callable[[], None],
    now_ms: Callable[[], int],
) -> tuple[Heard, list[str]]:
    """Until every party that was `known` has said `have`, another history is shown, the time is up, or it is `over`.

    Gives back what came meanwhile, to be judged in its turn, and who was not heard. The time runs from when the links
    to those parties are up (`linked`), for before that nobody can be heard; `inboxes.wake` is set when one comes up.
    `asked` is called when something may have to be asked of a party.
    """
    silent, heard, kept = set(known), Heard(), Counter[str]()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limits.HEARING_LINKS_MS / 1000) as time:
            waited = True
            while (silent or guard.asked) and not guard.closed and not over():
                if waited and all(linked(party) for party in silent):
                    waited = False
                    time.reschedule(loop.time() + limits.HEARING_MS / 1000)
                await inboxes.wake.wait()
                inboxes.wake.clear()
                for party, frame in inboxes.drain():
                    kept[party] += 1
                    if kept[party] <= limits.QUEUE_FRAMES_MAX:  # a client sends again what gets no receipt
                        heard.append((party, frame))
                    for item in frame.items:
                        if isinstance(item, HaveItem):
                            guard.have(party, item)
                            silent.discard(party)
                        elif isinstance(item, ShownItem):
                            guard.shown(party, item, now_ms())
                asked()
    inboxes.wake.set()
    return heard, sorted(silent)
