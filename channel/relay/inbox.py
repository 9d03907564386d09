"""Frames that have come and wait for their turn, by party (protocol.md 9.6, 10.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channel.protocol import limits
from channel.protocol.frames import UpFrame, UpItem


@dataclass(slots=True)
class Arrived:
    """A frame that waits, how much of it was taken, and the promise that releases its acknowledgement to the broker."""

    frame: UpFrame
    done: asyncio.Future[None]
    taken: int = 0

    @property
    def whole(self) -> bool:
        """Nothing of it waits any more."""
        return self.taken >= len(self.frame.items)


class Inboxes:
    """A queue a party. `wake` is set when there is something in one."""

    def __init__(self, parties: Iterable[str]) -> None:
        self._queues: dict[str, deque[Arrived]] = {party: deque() for party in parties}
        self.wake = asyncio.Event()

    def put(self, party: str, frame: UpFrame) -> asyncio.Future[None] | None:
        """The promise that it was dealt with; None if too many wait: then it is dropped."""
        queue = self._queues[party]
        if len(queue) >= limits.QUEUE_FRAMES_MAX:
            return None
        queue.append(Arrived(frame, asyncio.get_running_loop().create_future()))
        self.wake.set()
        return queue[-1].done

    def take(self) -> Iterator[tuple[str, Arrived, tuple[UpItem, ...]]]:
        """A bounded number of items of each party in turn: nobody's flood, in one frame or many, delays another.

        Of a frame that is not `whole` yet the rest comes at the next turn.
        """
        for party, queue in self._queues.items():
            budget = limits.BATCH_ITEMS_PER_PARTY_MAX
            while queue and budget > 0:
                arrived = queue[0]
                items = arrived.frame.items[arrived.taken : arrived.taken + budget]
                arrived.taken += len(items)
                budget -= max(1, len(items))
                if arrived.whole:
                    queue.popleft()
                yield party, arrived, items
            if queue:
                self.wake.set()

    def drain(self) -> list[tuple[str, UpFrame]]:
        """Everything, acknowledged: else a link brings nothing more. A client sends again what gets no receipt."""
        found = []
        for party, queue in self._queues.items():
            while queue:
                arrived = queue.popleft()
                release(arrived.done)
                found.append((party, arrived.frame))
        return found


def release(promise: asyncio.Future[None]) -> None:
    """Dealt with; its link may be gone by then."""
    if not promise.done():
        promise.set_result(None)
