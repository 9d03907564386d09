"""What goes down to one party: its feed from where it is, relay words, checkpoints (protocol.md section 10).

Nothing here is state that must survive: a client says on connecting where it is, and is sent everything after that.
Spans are on the monotonic clock, which only paces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from channel.ledger.fold import Folded
from channel.ledger.records import Entry
from channel.protocol import ids, limits
from channel.protocol.frames import (
    CheckpointItem,
    CompareItem,
    CosignedItem,
    DownFrame,
    DownItem,
    HaveItem,
    LeafItem,
    ProveItem,
    SealedItem,
    WantItem,
    WordItem,
)
from channel.relay.bodies import Bodies, sealed_of
from channel.relay.proofs import answer, compared
from channel.relay.witness import Cosigned

FRAME_BUDGET_BYTES = 200 * 1024  # items are packed up to this, which leaves room for proofs and padding

Body = Callable[[ids.Hash], bytes | None]
"""The body of a sealed notice by its `ct`, if it is still kept."""


def no_body(_: ids.Hash) -> bytes | None:
    """Where nothing is sealed."""
    return None


ROOM_BYTES = 12_000  # of it, for two notes with a line a party and their proofs


@dataclass(frozen=True, slots=True)
class Head:
    """What is durable and may be shown: the tree, its checkpoint, and how much of each party's feed.

    `witnessed`: the newest checkpoint with a quorum of cosignatures.
    """

    size: int
    note: str
    feeds: Mapping[str, int]
    witnessed: Cosigned | None = None


@dataclass(slots=True)
class Session:
    """One party's link, as far as the relay knows it. `live`: it said `have` lately, and is worth sending to."""

    party: str
    have_n: int = 0
    size: int = 0
    root: str = ""
    sent_n: int = 0
    sent_size: int = 0
    waits_since_ms: int = 0  # since when what was sent is unconfirmed, or when some of it last was confirmed
    live: bool = False
    heard_at_ms: int = 0
    muted: bool = False  # in quarantine: words go down, and nothing of the log
    words: list[bytes] = field(default_factory=list)
    checkpoint_due: bool = False
    asked: ProveItem | None = None  # the newest question for proofs, until it is answered or passed over
    compare: CompareItem | None = None  # the newest question about other trees, likewise
    wanted: WantItem | None = None  # the newest question for bodies, likewise

    def have(self, item: HaveItem, mono_ms: int, head: Head) -> None:
        """Take the party's word of where it is. `hello`: begin again from there."""
        hello = item.hello or not self.live  # after our own restart a client does not know that it must greet
        self.live, self.heard_at_ms = True, mono_ms
        if item.n > self.have_n:
            self.waits_since_ms = mono_ms
        self.have_n = max(item.n, 0 if hello else self.have_n)
        if hello:
            self.have_n = self.sent_n = item.n
            self.sent_size = item.size if item.size <= head.size else 0
            self.checkpoint_due = True
        self.size, self.root = item.size, item.root

    def gone(self) -> None:
        """It was not heard for long, or said goodbye: nothing more is sent until it says where it is."""
        self.live, self.asked, self.compare, self.wanted = False, None, None, None
        self.sent_n = self.have_n
        self.words.clear()

    def resend(self, mono_ms: int) -> None:
        """Begin again from what it has, if what was sent is not confirmed in time."""
        if self.live and self.have_n < self.sent_n and mono_ms - self.waits_since_ms >= limits.RESEND_MS:
            self.sent_n = self.have_n
            self.sent_size = min(self.sent_size, self.size)

    def next_frame(self, folded: Folded, head: Head, mono_ms: int, body: Body = no_body) -> DownFrame | None:
        """The next frame due to the party, of bounded size; nothing that is not durable (law 1). None: nothing is due.

        One at a time, so that a party that asks for everything from the beginning holds up nobody.
        """
        visible = head.feeds[self.party]
        behind = not self.muted and (self.sent_n < visible or self.checkpoint_due)
        if not self.live or not (self.words or behind):
            return None
        items, budget = self._words(FRAME_BUDGET_BYTES)
        if behind:
            asked = self.checkpoint_due
            items.append(self._checkpoint(folded, head))
            items.extend(_cosigned(folded, head) if asked else ())
            feed = folded.ledger.parties[self.party].feed
            if self.sent_n <= self.have_n:  # else what is unconfirmed waits on, whatever goes out behind it
                self.waits_since_ms = mono_ms
            items.extend(self._leaves(folded, feed[:visible], head, budget - ROOM_BYTES, body))
        return DownFrame(items=tuple(items))

    def beat(self, folded: Folded, head: Head, token: bytes) -> DownFrame:
        """A heartbeat frame: always the heartbeat and the newest checkpoint, whatever happened in between."""
        word = WordItem(token=token.decode("ascii"))
        if not self.live:
            return DownFrame(items=(word, CheckpointItem(old=0, proof=(), note=head.note)))
        return DownFrame(items=(word, self._checkpoint(folded, head), *_cosigned(folded, head)))

    def proofs(
        self, folded: Folded, head: Head, note: Callable[[int], str | None], beat: Callable[[int], bytes]
    ) -> DownFrame | None:
        """The answer to what was `asked`, which is done with then; None: nothing is said (protocol.md 10.11).

        `beat`: a heartbeat at a size, to confirm the key chain up to there.
        """
        item, self.asked = self.asked, None
        if item is None or item.size > head.size:
            return None
        released = folded.ledger.parties[self.party].feed[: head.feeds[self.party]]
        return answer(item, folded, released, note(item.size), beat)

    def compared(self, folded: Folded, head: Head) -> DownFrame | None:
        """The answer to what was asked to `compare`, which is done with then; None: nothing is said (10.13)."""
        item, self.compare = self.compare, None
        return None if item is None else compared(item, folded, head.size)

    def bodies(self, bodies: Bodies, head: Head, body: Body) -> DownFrame | None:
        """The answer to what is `wanted`, which is done with then; None: nothing is said (protocol.md 10.12)."""
        item, self.wanted = self.wanted, None
        if item is None or not self.live:
            return None
        visible = head.feeds[self.party]
        granted = (ct for ct in dict.fromkeys(item.cts) if bodies.may_have(self.party, ct, visible))
        items = list(_fitting(_sealed(ct, body) for ct in granted))
        return DownFrame(items=tuple(items)) if items else None

    def _words(self, budget: int) -> tuple[list[DownItem], int]:
        items: list[DownItem] = []
        while self.words and budget > len(self.words[0]) and len(items) < limits.FRAME_ITEMS_MAX // 2:
            token = self.words.pop(0)
            budget -= len(token) + 40
            items.append(WordItem(token=token.decode("ascii")))
        return items, budget

    def _checkpoint(self, folded: Folded, head: Head) -> CheckpointItem:
        old = min(self.sent_size, head.size)
        proof = folded.tree.consistency(old, head.size) if 0 < old < head.size else []
        self.sent_size = head.size
        self.checkpoint_due = False
        return CheckpointItem(old=old, proof=tuple(ids.b64url(node) for node in proof), note=head.note)

    def _leaves(self, folded: Folded, feed: list[int], head: Head, budget: int, body: Body) -> list[DownItem]:
        items: list[DownItem] = []
        while self.sent_n < len(feed) and len(items) < limits.FRAME_ITEMS_MAX // 2:
            entry = folded.ledger.entries[feed[self.sent_n]]
            proof = folded.tree.inclusion(entry.index, head.size)
            sealed = self._body(folded, entry, body)
            cost = len(entry.opened.token) + 47 * len(proof) + 120 + (0 if sealed is None else sealed.cost)
            if items and cost > budget:
                break
            budget -= cost
            self.sent_n += 1
            items += [] if sealed is None else [sealed]
            items.append(
                LeafItem(
                    n=self.sent_n,
                    index=entry.index,
                    stamp=entry.stamp_ms,
                    token=entry.opened.token.decode("ascii"),
                    proof=tuple(ids.b64url(node) for node in proof),
                )
            )
        return items

    def _body(self, folded: Folded, entry: Entry, body: Body) -> SealedItem | None:
        """What goes beside a sealed notice: to its addressees, and neither to its author nor to an intermediary."""
        sealed = sealed_of(entry.opened.body)
        if sealed is None or self.party not in folded.ledger.notices[entry.opened.of].parties:
            return None
        return _sealed(sealed.ct, body)


def _sealed(ct: ids.Hash, body: Body) -> SealedItem | None:
    jwe = body(ct)
    return None if jwe is None else SealedItem(ct=ct, jwe=jwe.decode("ascii"))


def _fitting(found: Iterable[SealedItem | None]) -> Iterable[SealedItem]:
    """As many as fit in a frame."""
    budget = FRAME_BUDGET_BYTES
    for item in found:
        if item is not None and item.cost <= budget:
            budget -= item.cost
            yield item


def _cosigned(folded: Folded, head: Head) -> list[CosignedItem]:
    """What most have witnessed, if the newest checkpoint has not come so far yet."""
    found = head.witnessed
    if found is None or found.size >= head.size:
        return []
    proof = folded.tree.consistency(found.size, head.size)
    return [CosignedItem(note=found.note, proof=tuple(ids.b64url(node) for node in proof))]
