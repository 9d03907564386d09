"""The relay's findings: the picture's situation beside the ledger, and what of it becomes leaves (protocol.md 16.3).

Decided once, live; a replay only folds the leaves. Read-backs that do not fit are found where the answer is taken
(core.py); that they are over is found here.
"""

from __future__ import annotations

from channel.ledger import Ledger
from channel.picture import readback
from channel.picture.situation import Situation


class Findings:
    """What is to be raised and cleared, as members of statements."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._situation = Situation(ledger)

    def staged(self, index: int) -> None:
        """Take in a leaf that the ledger took."""
        self._situation.apply(self._ledger.entries[index])

    def due(self, now_ms: int) -> list[dict[str, object]]:
        """What is due now; make it leaves, then ask again until nothing is."""
        over = [readback.cleared(body) for body in readback.over(self._ledger)]
        return over + [draft.members() for draft in self._situation.due(now_ms)]

    def next_ms(self) -> int | None:
        """When something may be due though nothing is said."""
        return self._situation.next_ms()
