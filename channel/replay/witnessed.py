"""When a quorum of witnesses had a leaf before them: the cosignatures that the log's store keeps, each one verified."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from channel.ledger.ledger import Ledger
from channel.log import cosignature
from channel.log.store import LogStore


@dataclass(frozen=True, slots=True)
class Quorum:
    """The checkpoint of `size` leaves, as cosigned: the quorum was complete before `before_ms`."""

    size: int
    before_ms: int
    parties: tuple[str, ...]
    doubted: tuple[str, ...] = ()
    """Those of them that call their witness key compromised by then (protocol.md 5.5)."""
    sound: bool = True
    """It is a quorum without these, too."""


class Witnessed:
    """Called with a leaf index: the first checkpoint covering it that a quorum cosigned, or None.

    A cosignature's time is its witness's own, in seconds, cut off: what it covers was there before the next second.
    """

    def __init__(self, ledger: Ledger, store: LogStore) -> None:
        self._ledger, self._store = ledger, store
        self._sizes = [size for size, _ in store.notes()]
        self._found: dict[int, Quorum | None] = {}

    def __call__(self, index: int) -> Quorum | None:
        passed = []
        found: Quorum | None = None
        for size in self._sizes[bisect_right(self._sizes, index) :]:
            found = self._found[size] if size in self._found else self._at(size)
            passed.append(size)
            if found is not None or size in self._found:
                break
        self._found.update(dict.fromkeys(passed, found))  # the next question in between need not go the way again
        return found

    def _at(self, size: int) -> Quorum | None:
        note, ring = self._store.note(size), self._ledger.ring
        net, quorum = self._ledger.charter.net, self._ledger.charter.terms.quorum
        if note is None:
            return None
        lines = self._store.cosignatures(size).values()
        # A line that does not hold proves nothing; `channel verify` is what names it.
        times = cosignature.cosigners(note, lines, net, cosignature.witnesses(ring, size))
        complete_s = cosignature.quorum_time(times, quorum)
        if complete_s is None:
            return None
        sound = cosignature.cosigners(note, lines, net, cosignature.sound(ring, size))
        doubted = tuple(sorted(times.keys() - sound.keys()))
        return Quorum(size, (complete_s + 1) * 1000, tuple(sorted(times)), doubted, len(sound) >= quorum)
