"""A party's client as a witness (protocol.md 7.8, 11.11): it cosigns the tree it has pinned, and reads what others did.

Sans I/O. A tree is cosigned only once its pin is durable, so never two roots of one size, nor a smaller size. Frames
are nobody's word: of a note's lines only those count that verify under a witness key of the log.
"""

from __future__ import annotations

from channel.log import cosignature
from channel.protocol import limits
from channel.protocol.envelope import Signer
from channel.protocol.frames import CosignatureItem
from clients.core.replica import Replica
from clients.core.signers import WITNESS, Signing
from clients.core.store import Store

COSIGN_MS = 1_000  # at most one cosignature in this time


class Witness:
    """What this party has cosigned, and the newest tree that a quorum has: leaves below `witnessed` have that grade."""

    def __init__(self, replica: Replica, store: Store, signers: Signing | None) -> None:
        self._replica, self._store, self._signers = replica, store, signers
        self.witnessed = store.cosigned()
        self.limit: int | None = None
        """In a scenario: the largest size to be cosigned for now. None: pacing is by real time."""
        self._line: CosignatureItem | None = None
        self._sent = False
        self._signed_at_ms: int | None = None
        self._beat_at_ms: int | None = None

    @property
    def cosigned(self) -> bool:
        """Whether the newest tree is cosigned, and on its way to the relay."""
        return self._line is not None and self._line.size == self._replica.pin.size and self._sent

    def again(self) -> None:
        """What was sent may be lost: the newest line goes out once more."""
        self._sent = False

    def beat(self, mono_ms: int) -> None:
        """A heartbeat came: it shows every witness one and the same checkpoint."""
        self._beat_at_ms = mono_ms

    def items(self, now_ms: int, mono_ms: int) -> list[CosignatureItem]:
        """The newest tree's cosignature, if it is due now; `now_ms` is the witness's own word of the time."""
        pin = self._replica.pin
        newest = 0 if self._line is None else self._line.size
        signer = self._signer(pin.size) if pin.size > newest and self._may(mono_ms) else None
        if signer is not None:
            line = cosignature.cosign(pin.note, self._replica.charter.net, signer, now_ms // 1000)
            self._line, self._sent = CosignatureItem(size=pin.size, line=line), False
            self._signed_at_ms = mono_ms
        if self._line is None or self._sent:
            return []
        self._sent = True
        return [self._line]

    def _signer(self, size: int) -> Signer | None:
        """The newest witness key that is valid after the leaves of a tree of `size`, if this is a witness."""
        return None if self._signers is None else self._signers.find(self._replica.ledger.ring, WITNESS, size)

    def _may(self, mono_ms: int) -> bool:
        """Once a second; and the second before a heartbeat is kept free for it, else a busy log gets no quorum."""
        if self.limit is not None:
            return self._replica.pin.size <= self.limit
        if self._signed_at_ms is not None and mono_ms - self._signed_at_ms < COSIGN_MS:
            return False
        since_ms = 0 if self._beat_at_ms is None else mono_ms - self._beat_at_ms
        return not limits.HEARTBEAT_MS - COSIGN_MS <= since_ms < limits.HEARTBEAT_MS + COSIGN_MS

    # --- of others --------------------------------------------------------------------------------------------------

    def wants(self, note: str) -> bool:
        """Whether it has lines enough for a quorum, and so is worth a look."""
        return note.count("\n\u2014 ") > self._replica.charter.terms.quorum

    def read(self, note: str, size: int) -> None:
        """Take in the lines of a note that was found to be of our history. ProofError if one is forged."""
        if size <= self.witnessed:
            return
        charter = self._replica.charter
        keys = cosignature.witnesses(self._replica.ledger.ring, size)
        if len(cosignature.open_cosignatures(note, charter.net, keys)) >= charter.terms.quorum:
            self._keep(size, note)

    def _keep(self, size: int, note: str) -> None:
        """Of notes that witness no leaf of ours more than the one before, only the newest is worth its place."""
        before = self._store.cosigned(below=self.witnessed)
        needed = self._replica.holds(before, self.witnessed)
        self._store.put_cosigned(size, note, replaces=None if needed else self.witnessed)
        self.witnessed = size

    def follow(self) -> None:
        """Take in what another process of this home has stored."""
        self.witnessed = max(self.witnessed, self._store.cosigned())
