"""What goes up: where we are, and the outbox, sent again until a receipt or refusal is here (protocol.md 11.1).

Sans I/O. What `frames` gives is taken for sent; a lost link or time brings it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from channel.protocol import ids, limits
from channel.protocol.frames import CosignatureItem, HaveItem, ProveItem, TokenItem, UpFrame, UpItem
from clients.core.replica import Replica
from clients.core.store import OutboxRow, Store

HELLO_MS = 1_000  # the least time between two requests to begin again
WINDOW = 512  # statements out at once; the others wait in the outbox
FRAME_BUDGET_BYTES = 200 * 1024
OTHER_BYTES = 4_096  # what is no token is shorter than this


class Outgoing:
    """Pacing of one link. `hello` and `have` are set by whoever finds them due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.up = False
        self.hello = False
        self.have = False
        self._hello_at_ms: int | None = None
        self._rows: dict[ids.Hash, OutboxRow] = {}
        self._stale = True
        self._sent: dict[ids.Hash, int] = {}
        self._retry: dict[ids.Hash, int] = {}

    def connected(self) -> None:
        """Say where we are, and send everything again."""
        self.up = self.hello = True
        self._hello_at_ms = None
        self._sent.clear()

    def disconnected(self) -> None:
        """What was not confirmed goes out again over the next link."""
        self.up = False
        self._sent.clear()

    def changed(self) -> None:
        """The outbox is not as it was: read it again before the next use."""
        self._stale = True

    def busy(self, of: ids.Hash, until_ms: int) -> None:
        """Not before that time."""
        self._retry[of] = until_ms
        self._sent.pop(of, None)

    def rows(self) -> dict[ids.Hash, OutboxRow]:
        """Everything without receipt or refusal, in the order of signing."""
        if self._stale:
            self._rows = {row.of: row for row in self._store.queued()}
            self._retry = {of: at_ms for of, at_ms in self._retry.items() if of in self._rows}
            self._stale = False
        return self._rows

    def waiting(self, now_ms: int) -> list[ids.Hash]:
        """Those of them that the relay did not ask to send later."""
        return [of for of in self.rows() if self._retry.get(of, 0) <= now_ms]

    def frames(
        self, replica: Replica, now_ms: int, mono_ms: int, more: Sequence[CosignatureItem | ProveItem] = ()
    ) -> list[UpFrame]:
        """What is due to the relay now; `more`: what else goes up."""
        if not self.up:
            return []
        items: list[UpItem] = []
        hello = self.hello and (self._hello_at_ms is None or mono_ms - self._hello_at_ms >= HELLO_MS)
        if hello:
            self.hello, self._hello_at_ms = False, mono_ms
            self._sent.clear()
        if hello or self.have:
            self.have = False
            items.append(HaveItem(n=replica.n, size=replica.pin.size, root=replica.pin.root, hello=hello))
        for of in self.waiting(now_ms)[:WINDOW]:
            if mono_ms - self._sent.get(of, mono_ms - limits.RESEND_MS) >= limits.RESEND_MS:
                self._sent[of] = mono_ms
                items.append(TokenItem(token=self.rows()[of].token.decode("ascii")))
        items.extend(more)
        return _packed(items)


def _packed(items: list[UpItem]) -> list[UpFrame]:
    """Items in their order, in as few frames as they fit."""
    frames: list[UpFrame] = []
    group: list[UpItem] = []
    size = 0
    for item in items:
        cost = len(item.token) + 40 if isinstance(item, TokenItem) else OTHER_BYTES
        if group and (size + cost > FRAME_BUDGET_BYTES or len(group) >= limits.FRAME_ITEMS_MAX):
            frames.append(UpFrame(items=tuple(group)))
            group, size = [], 0
        group.append(item)
        size += cost
    if group:
        frames.append(UpFrame(items=tuple(group)))
    return frames
