"""What a relay asks back (protocol.md 10.14, 10.15): the checkpoint that we have pinned, and our leaves. Sans I/O.

Nothing goes up here that the relay did not log, and nothing of it is signed anew.
"""

from __future__ import annotations

from channel.protocol import limits
from channel.protocol.frames import ReturnedItem, ReturnedLeaf, ShownItem, UpFrame
from clients.core.replica import Replica

FRAME_BUDGET_BYTES = 200 * 1024


class Returner:
    """What is due to the relay. Also a client that takes nothing any more answers."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self.show = False
        """Whether the relay must be told which checkpoint we hold."""
        self.start: int | None = None
        """From which index on it has asked for our leaves."""

    def frames(self) -> list[UpFrame]:
        """The answers, each in a frame of its own."""
        due: list[UpFrame] = []
        if self.show:
            due.append(UpFrame(items=(ShownItem(note=self._replica.pin.note),)))
        if self.start is not None:
            due.append(UpFrame(items=(self._returned(self.start),)))
        self.show, self.start = False, None
        return due

    def _returned(self, start: int) -> ReturnedItem:
        found: list[ReturnedLeaf] = []
        budget, done = FRAME_BUDGET_BYTES, True
        for entry in self._replica.from_index(start):
            token = entry.opened.token.decode("ascii")
            budget -= len(token) + 80
            if (found and budget < 0) or len(found) == limits.RETURNED_LEAVES_MAX:
                done = False
                break
            found.append(ReturnedLeaf(index=entry.index, stamp=entry.stamp_ms, token=token))
        return ReturnedItem(start=start, leaves=tuple(found), done=done)
