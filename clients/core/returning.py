"""What a relay asks back (protocol.md 10.14, 10.15): the checkpoint that we have pinned, and our leaves. Sans I/O.

Nothing goes up here that the relay did not log, and nothing of it is signed anew.
"""

from __future__ import annotations

from channel.protocol import limits
from channel.protocol.frames import ReturnedItem, ReturnedLeaf, ShownItem, UpFrame
from clients.core.replica import Replica
from clients.core.store import Store

FRAME_BUDGET_BYTES = 200 * 1024


class Returner:
    """What is due to the relay. Also a client that takes nothing any more answers."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica, self._store = replica, store
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

    def _held(self, start: int) -> list[ReturnedLeaf]:
        """Our leaves, and what we said ourselves and have a receipt for: it names index and stamp."""
        held = {
            entry.index: ReturnedLeaf(index=entry.index, stamp=entry.stamp_ms, token=entry.opened.token.decode("ascii"))
            for entry in self._replica.from_index(start)
        }
        for row in self._store.receipted():
            if row.index is not None and row.stamp is not None and row.receipt is not None and row.index >= start:
                token, receipt = row.token.decode("ascii"), row.receipt.decode("ascii")
                leaf = ReturnedLeaf(index=row.index, stamp=row.stamp, token=token, receipt=receipt)
                held.setdefault(row.index, leaf)
        return [held[index] for index in sorted(held)]

    def _returned(self, start: int) -> ReturnedItem:
        found: list[ReturnedLeaf] = []
        budget, done = FRAME_BUDGET_BYTES, True
        for leaf in self._held(start):
            budget -= len(leaf.token) + len(leaf.receipt or "") + 80
            if (found and budget < 0) or len(found) == limits.RETURNED_LEAVES_MAX:
                done = False
                break
            found.append(leaf)
        return ReturnedItem(start=start, leaves=tuple(found), done=done)
