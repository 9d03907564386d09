"""A log played back leaf by leaf: what each says, for everybody or as one party was shown it, and the pauses between.

Nothing here reads a clock: whoever plays hands in what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from channel.ledger import wording
from channel.ledger.fold import Folded, begin
from channel.ledger.ledger import Ledger
from channel.log.store import StoredLeaf
from channel.protocol.errors import FatalError, UsageError
from channel.replay.view import check_party

FASTEST = "max"


@dataclass(frozen=True, slots=True)
class Played:
    """One leaf of the log. `lines` is empty if it brought the party nothing."""

    index: int
    stamp_ms: int
    lines: tuple[str, ...]


def speed_of(text: str) -> float | None:
    """What `--speed` says: times real pace, None for as fast as it goes. UsageError on anything else."""
    if text == FASTEST:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"a speed is a positive number or {FASTEST}, not {text!r}")
    return speed


class Playback:
    """Takes leaves in their order. `ledger` is the whole log's so far, `own` the party's, made of its feed alone."""

    def __init__(self, party: str | None = None) -> None:
        self._party = party
        self._folded: Folded | None = None
        self._own: Ledger | None = None

    @property
    def folded(self) -> Folded:
        """What has been taken so far. FatalError if there was nothing."""
        if self._folded is None:
            raise FatalError("the log is empty: found the channel first with `channel init`")
        return self._folded

    @property
    def own(self) -> Ledger:
        """The party's ledger, or the whole log's if no party was named."""
        return self.folded.ledger if self._own is None else self._own

    def take(self, leaf: StoredLeaf) -> Played:
        """Fold one more leaf, and say what it brought."""
        if self._folded is None:
            self._folded = begin(leaf)
            self._begin_own(self._folded.ledger)
        else:
            self._folded.apply(leaf)
        return Played(leaf.index, leaf.stamp, tuple(self._lines(self._folded.ledger, leaf.index)))

    def _begin_own(self, ledger: Ledger) -> None:
        if self._party is not None:
            check_party(ledger, self._party)
            self._own = Ledger(ledger.charter, ledger.charter_of)

    def _lines(self, ledger: Ledger, index: int) -> Iterator[str]:
        if self._own is None:
            yield from wording.entry_lines(ledger, ledger.entries[index])
            return
        feed = ledger.parties[str(self._party)].feed
        for released in feed[len(self._own.entries) :]:
            entry = ledger.entries[released]
            self._own.apply(released, entry.stamp_ms, entry.opened)
            yield from wording.entry_lines(self._own, entry, f"party -p {self._party}")


def play(
    leaves: Iterable[StoredLeaf], playback: Playback, speed: float | None, wait_s: Callable[[float], None]
) -> Iterator[Played]:
    """Take the leaves, each `speed` times sooner after the one before than it came; None: at once."""
    before_ms: int | None = None
    for leaf in leaves:
        if speed is not None and before_ms is not None and leaf.stamp > before_ms:
            wait_s((leaf.stamp - before_ms) / 1000 / speed)
        before_ms = leaf.stamp
        yield playback.take(leaf)
