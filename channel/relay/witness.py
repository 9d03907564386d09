"""The relay's witnesses (protocol.md 7.8, 7.9): cosignatures judged and counted, and what is published of them.

Sans I/O. What `take` finds good waits in `rows` until the shell has handed it to the store and says `kept`; then it
counts and is published. Cosignatures are no leaves: nothing here is part of the fold, and one that a crash takes away
was its witness's word all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from channel.ledger import deadlines
from channel.ledger.deadlines import AlertDraft
from channel.ledger.ledger import Ledger
from channel.log import cosignature
from channel.log.store import Cosignature, LogStore
from channel.protocol.errors import ProofError
from channel.protocol.frames import CosignatureItem

RECENT_MAX = 1_024  # checkpoints that may still be cosigned: witnesses sign the newest that they have seen


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with the cosignatures that there are for it."""

    size: int
    note: str


@dataclass(slots=True)
class _Checkpoint:
    note: str
    lines: dict[str, str] = field(default_factory=dict)


class Witnesses:
    """Who has cosigned what. `witnessed`: the newest checkpoint with a quorum, None before the first."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._net, self._quorum = ledger.charter.net, ledger.charter.terms.quorum
        self._recent: dict[int, _Checkpoint] = {}
        self._fresh: dict[tuple[int, str], str] = {}
        self._reached: dict[str, int] = {}  # party -> the largest size that it has cosigned
        self.witnessed: Cosigned | None = None
        self.since_ms = 0
        """Nobody is missed for what was so before: the relay started then."""

    @classmethod
    def of_store(cls, ledger: Ledger, store: LogStore) -> Witnesses:
        """As the log's store knows them at a start."""
        made = cls(ledger)
        for size in sorted({store.witnessed(made._quorum), store.size}):
            note = store.note(size)
            if note is not None:
                made.committed(size, note)
                made._count(size, store.cosignatures(size))
        return made

    def committed(self, size: int, note: str) -> None:
        """There is a new checkpoint."""
        self._recent[size] = _Checkpoint(note)
        while len(self._recent) > RECENT_MAX:
            self._recent.pop(next(iter(self._recent)))

    # --- cosignatures -----------------------------------------------------------------------------------------------

    def take(self, item: CosignatureItem) -> str | None:
        """Judge one line. The code to count it under if it is dropped; None if it is good, or was here before."""
        known = self._recent.get(item.size)
        if known is None:
            return "cosignature-of-nothing"
        if item.line in known.lines.values():
            return None
        keys = cosignature.witnesses(self._ledger.ring, item.size)
        try:
            party, _ = cosignature.open_line(known.note, item.line, self._net, keys)
        except ProofError as error:
            return error.code
        if party not in known.lines:
            self._fresh.setdefault((item.size, party), item.line)
        return None

    def rows(self) -> list[Cosignature]:
        """What is good and not in the store yet."""
        return [Cosignature(size, party, line) for (size, party), line in self._fresh.items()]

    def kept(self, rows: Sequence[Cosignature]) -> None:
        """The store has those rows now."""
        for row in rows:
            self._fresh.pop((row.size, row.party), None)
            self._count(row.size, {row.party: row.line})

    def _count(self, size: int, lines: Mapping[str, str]) -> None:
        for party in lines:
            self._reached[party] = max(size, self._reached.get(party, 0))
        known = self._recent.get(size)
        if known is None:
            return
        known.lines |= {party: line for party, line in lines.items() if party not in known.lines}
        if len(known.lines) >= self._quorum and size >= self._size:
            self.witnessed = Cosigned(size, self.note(size, known.note))

    # --- what is known of them --------------------------------------------------------------------------------------

    @property
    def _size(self) -> int:
        return 0 if self.witnessed is None else self.witnessed.size

    def note(self, size: int, note: str) -> str:
        """The checkpoint's note with every cosignature that there is: at most one line a party."""
        known = self._recent.get(size)
        return cosignature.merge(note, known.lines.values()) if known is not None and known.lines else note

    def missing(self, size: int) -> list[str]:
        """Parties that have not cosigned a checkpoint of at least that size."""
        return [party for party in self._ledger.parties if self._reached.get(party, 0) < size]

    def due(self, size: int) -> AlertDraft | None:
        """The alert that leaves below `size` stay without a quorum; None if there is none, or it was raised."""
        if self._size >= size:
            return None
        missing = self.missing(self._size + 1) or self.missing(size)
        return deadlines.unwitnessed(self._ledger, self._size, missing, self.since_ms)
