"""The log as it grows, read beside the relay: each new leaf opened and folded, to be told, and to find alerts in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channel.ledger.fold import Folded, begin
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.log.store import LogStore
from channel.protocol.envelope import Opened
from channel.protocol.errors import FatalError
from channel.protocol.statements import Level


@dataclass(frozen=True, slots=True)
class Told:
    """A leaf that was taken in just now. The ledger is as it is right after it."""

    index: int
    stamp_ms: int
    opened: Opened


class Journal:
    """A fold of its own over somebody's log. `store` may be written by another process meanwhile."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._folded: Folded | None = None

    @property
    def folded(self) -> Folded:
        """Ledger and tree so far. FatalError before the first leaf was read."""
        if self._folded is None:
            raise FatalError("the log has not been read yet")
        return self._folded

    @property
    def ledger(self) -> Ledger:
        """The ledger so far."""
        return self.folded.ledger

    def news(self) -> Iterator[Told]:
        """Every leaf that came since the last time, one by one."""
        start = 0 if self._folded is None else self._folded.tree.size
        for leaf in self._store.leaves(start):
            if self._folded is None:
                self._folded = begin(leaf)
            else:
                self._folded.apply(leaf)
            ledger = self._folded.ledger
            ledger.touched.clear()  # an index of due times would read it; here is none
            yield Told(leaf.index, leaf.stamp, ledger.entries[leaf.index].opened)

    def alert(
        self, *, of: str | None, party: str | None, stage: str, rung: Level, addressee: str | None, round_: int, by: str
    ) -> AlertRecord | None:
        """The alert that is meant: standing ones first, then what `by` has not acknowledged, then the oldest."""
        found = [
            record
            for record in self.ledger.alerts.values()
            if (record.body.of == of if of is not None else record.body.fault == party)
            and (record.body.stage, record.body.rung, record.body.round) == (stage, rung, round_)
            and (addressee is None or record.body.addressee == addressee)
        ]
        return min(found, key=lambda record: (not record.standing, by in record.acked, record.index), default=None)

    def close(self) -> None:
        """Let go of the log, so that its writer can leave one file."""
        self._store.close()
