"""Which of this home's private keys signs now (protocol.md 5.8): the newest valid one of a kind, by log position.

It is asked again for each signature, since a leaf may have enrolled or withdrawn a key. How keys are changed is
`rotation`; the files are the home's.
"""

from __future__ import annotations

from typing import Protocol

from channel.protocol.envelope import Signer
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.keys import KeyRecord, KeyRing
from clients.core.home import PartyHome

MACHINE = "sig/machine"
WITNESS = "wit"
ROOT = "root"


class Signing(Protocol):
    """What a session needs of `Signers`."""

    def find(self, ring: KeyRing, kind: str, index: int) -> Signer | None:
        """The key to sign with what becomes the leaf at `index`, or later; None if there is none."""
        ...


class Signers:
    """A home's keys, each read once."""

    def __init__(self, home: PartyHome, party: str) -> None:
        self._home, self._party = home, party
        self._read: dict[str, Signer] = {}

    def find(self, ring: KeyRing, kind: str, index: int) -> Signer | None:
        """`record` as a signer; None if there is none."""
        record = self.record(ring, kind, index)
        return None if record is None else self.of(record)

    def of(self, record: KeyRecord) -> Signer:
        """That key, whose file is here. FatalError if the file is not the key that was enrolled."""
        label = record.kid.partition("/")[2]
        signer = self._read.get(label) or self._home.signer(label)
        if signer.public != record.public:
            raise FatalError(f"the key file of {record.kid} is not the one that was enrolled: restore it")
        self._read[label] = signer
        return signer

    def record(self, ring: KeyRing, kind: str, index: int) -> KeyRecord | None:
        """The newest valid key of a kind whose file is here; of `enc` too."""
        valid = ring.valid(self._party, kind, index)
        return next((one for one in valid if self._home.has_key(one.kid.partition("/")[2])), None)

    def take(self, ring: KeyRing, kind: str, index: int) -> Signer:
        """`find`; UsageError, saying what to do, if there is none."""
        found = self.find(ring, kind, index)
        if found is not None:
            return found
        valid = [record.kid for record in ring.valid(self._party, kind, index)]
        known = [record.kid for record in ring.of_party(self._party) if ring.kind(record.kid) == kind]
        why = f"valid are {', '.join(valid)}, held elsewhere" if valid else "all of that kind were withdrawn"
        if not known:
            why = f"{self._party} never had one"
        raise UsageError(f"there is no key file of a {kind} key in {self._home.keys}: {why}; see `party key list`")
