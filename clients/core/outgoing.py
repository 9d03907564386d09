"""What goes up: where we are, and the outbox, sent again until a receipt or refusal is here (protocol.md 11.1).

Sans I/O. What `frames` gives is taken for sent; a lost link or time brings it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from channel.protocol import ids, limits
from channel.protocol.frames import (
    CompareItem,
    CosignatureItem,
    HaveItem,
    ProveItem,
    SealedItem,
    TokenItem,
    UpFrame,
    UpItem,
    WantItem,
)
from clients.core.replica import Replica
from clients.core.store import OutboxRow, Store

HELLO_MS = 1_000  # the least time between two requests to begin again
WINDOW = 512  # statements out at once; the others wait in the outbox
FRAME_BUDGET_BYTES = 200 * 1024
OTHER_BYTES = 8_192  # what is no token is shorter than this


class Outgoing:
    """Pacing of one link. `hello` and `have` are set by whoever finds them due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.up = False
        self.hello = False
        self.have = False
        self._hello_at_ms: int | None = None
        self._heard_at_ms: int | None = None
        self._rows: dict[ids.Hash, OutboxRow] = {}
        self._bodies: dict[ids.Hash, tuple[ids.Hash, bytes]] = {}
        self._stale = True
        self._sent: dict[ids.Hash, int] = {}
        self._retry: dict[ids.Hash, tuple[int, int]] = {}  # on the net's clock and on the monotonic one

    def connected(self) -> None:
        """Say where we are, and send everything again."""
        self.up = self.hello = True
        self._hello_at_ms = None
        self._sent.clear()
        self._retry.clear()

    def disconnected(self) -> None:
        """What was not confirmed goes out again over the next link."""
        self.up = False
        self._sent.clear()

    def heard(self, mono_ms: int) -> None:
        """A word of the relay came: it is there to take what is sent."""
        self._heard_at_ms = mono_ms

    def changed(self) -> None:
        """The outbox is not as it was: read it again before the next use."""
        self._stale = True

    def busy(self, of: ids.Hash, retry_ms: int, now_ms: int, mono_ms: int) -> None:
        """Not before that span has passed on either clock: one may be put back, or stand."""
        self._retry[of] = (now_ms + retry_ms, mono_ms + retry_ms)
        self._sent.pop(of, None)

    def rows(self) -> dict[ids.Hash, OutboxRow]:
        """Everything without receipt or refusal, in the order of signing."""
        if self._stale:
            self._rows = {row.of: row for row in self._store.queued()}
            self._bodies = self._store.queued_bodies()
            self._retry = {of: until for of, until in self._retry.items() if of in self._rows}
            self._stale = False
        return self._rows

    def waiting(self, now_ms: int, mono_ms: int) -> list[ids.Hash]:
        """Those of them that the relay did not ask to send later."""
        free = (now_ms, mono_ms)
        untils = ((of, *self._retry.get(of, free)) for of in self.rows())
        return [of for of, until_ms, until_mono_ms in untils if until_ms <= now_ms or until_mono_ms <= mono_ms]

    def frames(
        self,
        replica: Replica,
        now_ms: int,
        mono_ms: int,
        more: Sequence[CosignatureItem | ProveItem | CompareItem | WantItem] = (),
    ) -> list[UpFrame]:
        """What is due to the relay now; `more`: what else goes up."""
        if not self.up:
            return []
        units: list[list[UpItem]] = []  # what stays together in one frame
        hello = self.hello and (self._hello_at_ms is None or mono_ms - self._hello_at_ms >= HELLO_MS)
        if hello:
            self.hello, self._hello_at_ms = False, mono_ms
            self._sent.clear()
        if hello or self.have:
            self.have = False
            units.append([HaveItem(n=replica.n, size=replica.pin.size, root=replica.pin.root, hello=hello)])
        if self._heard_at_ms is None:
            self._heard_at_ms = mono_ms
        silent = mono_ms - self._heard_at_ms >= limits.SILENT_MS  # then the broker keeps every copy
        for of in self.waiting(now_ms, mono_ms)[:WINDOW]:
            sent_at_ms = self._sent.get(of)
            if sent_at_ms is None or (mono_ms - sent_at_ms >= limits.RESEND_MS and not silent):
                self._sent[of] = mono_ms
                units.append(self._statement(of))
        units += [[item] for item in more]
        return _packed(units)

    def _statement(self, of: ids.Hash) -> list[UpItem]:
        """A token, and of a sealed notice its body before it: the relay takes neither alone (protocol.md 10.12)."""
        token = TokenItem(token=self.rows()[of].token.decode("ascii"))
        if of not in self._bodies:
            return [token]
        ct, jwe = self._bodies[of]
        return [SealedItem(ct=ct, jwe=jwe.decode("ascii")), token]


def _packed(units: list[list[UpItem]]) -> list[UpFrame]:
    """What stays together, in its order, in as few frames as it fits."""
    frames: list[UpFrame] = []
    group: list[UpItem] = []
    size = 0
    for unit in units:
        cost = sum(map(_cost, unit))
        full = size + cost > FRAME_BUDGET_BYTES or len(group) + len(unit) > limits.FRAME_ITEMS_MAX
        if group and full:
            frames.append(UpFrame(items=tuple(group)))
            group, size = [], 0
        group += unit
        size += cost
    if group:
        frames.append(UpFrame(items=tuple(group)))
    return frames


def _cost(item: UpItem) -> int:
    match item:
        case TokenItem(token=token):
            return len(token) + 40
        case SealedItem():
            return item.cost
        case _:
            return OTHER_BYTES
