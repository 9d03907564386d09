"""A log that tests let grow: rightly signed statements, numbered, stamped and committed, on any store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from channel.log.checkpoint import Checkpoint, sign
from channel.log.cosignature import cosign
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.report import Report
from channel.log.store import Cosignature, LogStore, StoredLeaf
from channel.log.verify import verify_log
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.keys import chained
from channel.testing.memory import MemoryLog
from tests.vectors import bodies

ORIGIN = f"dcn/{bodies.NET}"
LOG_KID = "relay/sig/log-1"
LOG_SIGNER = Signer(LOG_KID, bodies.seed(LOG_KID))
CHARTER = seal(bodies.body("charter"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1")))
STAMP = 1_505_521_800_000


def note_of(size: int, root: bytes, signer: Signer = LOG_SIGNER) -> str:
    """The log's checkpoint of that size and root."""
    return sign(Checkpoint(ORIGIN, size, root), ORIGIN, signer)


class GrowingLog:
    """Leaf 0 is the charter, in a commit group of its own."""

    def __init__(self, store: LogStore | None = None, charter: bytes = CHARTER) -> None:
        self.store = MemoryLog() if store is None else store
        self.tree = Tree()
        self.tokens: list[bytes] = []
        self.stamp = STAMP
        self._last: dict[str, tuple[int, str]] = {}
        self._group: list[StoredLeaf] = []
        self.charter_of = self.chain = ids.sha256(charter)
        self._add(charter)
        self.commit()

    def add(self, type_: str, *, by: str | None = None, **changes: Any) -> int:
        """One more statement of the vectors, signed `by` a key id, with its next number. Returns its leaf index."""
        kid = by or bodies.kid(type_)
        seq, prev = self._last.get(kid, (0, self.charter_of))
        own = {
            "from": ids.kid_party(kid),
            "seq": seq + 1,
            "prev": prev,
            "seen": {"size": self.store.size, "root": ids.b64url(self.tree.root(self.store.size))},
        }
        if type_ in ("key", "revocation"):
            own["keys"] = self.chain
        if type_ == "accession":
            own["charter"] = self.charter_of
        members = {**own, **changes}
        body = bodies.body(type_, **members)
        token = seal(body, Signer(kid, bodies.seed(kid)))
        self._last[kid] = (members["seq"], ids.sha256(token))
        if type_ in ("accession", "key", "revocation"):
            self.chain = chained(self.chain, ids.sha256(token))
        return self.add_token(token)

    def add_token(self, token: bytes) -> int:
        """Any token as the next leaf, a second later."""
        self.stamp += 1000
        return self._add(token)

    def _add(self, token: bytes) -> int:
        index = self.tree.append(leaf_hash(encode(self.stamp, token)))
        self._group.append(StoredLeaf(index, self.stamp, token))
        self.tokens.append(token)
        return index

    def commit(self) -> None:
        """Store the group with its checkpoint."""
        self.store.append(self._group, note_of(self.tree.size, self.tree.root()))
        self._group = []

    def grow(self, groups: int, each: int) -> GrowingLog:
        """Add so many groups of so many notices."""
        for _ in range(groups):
            for _ in range(each):
                self.add("notice")
            self.commit()
        return self

    def rows(self) -> list[StoredLeaf]:
        """Everything stored."""
        return list(self.store.leaves())

    def notes(self) -> list[tuple[int, str]]:
        """All checkpoints."""
        return list(self.store.notes())

    def verify(self, charter: bytes | None = CHARTER) -> Report:
        """The report on what is stored."""
        return verify_log(self.store.leaves(), self.store.notes(), charter, self.store.cosignatures)

    def cosign(self, size: int, *kids: str) -> None:
        """Keep cosignatures by these witness keys on the checkpoint of that size."""
        note = str(self.store.note(size))
        for kid in kids:
            line = cosign(note, bodies.NET, Signer(kid, bodies.seed(kid)), STAMP // 1000 + size)
            self.store.put_cosignatures([Cosignature(size, ids.kid_party(kid), line)])
        self.store.flush()


def changed(rows: list[StoredLeaf], index: int, **members: Any) -> list[StoredLeaf]:
    """The rows with one row's members changed. The hash kept beside it stays, unless it is given."""
    return [replace(row, **members) if row.index == index else row for row in rows]
