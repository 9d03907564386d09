"""The part of a client's store that holds what was sealed: inner tokens, and bodies on their way. `store` makes the
table. Nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass

from channel.protocol import ids
from clients.core.store_rows import Rows

TABLE = """
CREATE TABLE IF NOT EXISTS sealed (of TEXT PRIMARY KEY, ct TEXT NOT NULL, jwe BLOB, inner BLOB, fault TEXT) STRICT;
"""


@dataclass(frozen=True, slots=True)
class OwnBody:
    """What we sealed: the inner token, and the body with its hash."""

    ct: ids.Hash
    jwe: bytes
    inner: bytes


class SealedRows(Rows):
    """Of one home, by the hash of the outer's token."""

    def put_own(self, of: ids.Hash, body: OwnBody) -> None:
        """Keep what we sealed, in the transaction in which its outer is queued."""
        with self.transaction():
            values = (of, body.ct, body.jwe, body.inner)
            self._db.execute("INSERT INTO sealed (of, ct, jwe, inner) VALUES (?, ?, ?, ?)", values)

    def queued_bodies(self) -> dict[ids.Hash, tuple[ids.Hash, bytes]]:
        """Outer -> (`ct`, body) of what is in the outbox."""
        sql = "SELECT of, ct, jwe FROM sealed JOIN outbox USING (of) WHERE state = 'queued' AND jwe IS NOT NULL"
        return {of: (ct, jwe) for of, ct, jwe in self._all(sql)}

    def drop_body(self, of: ids.Hash) -> None:
        """The relay has our body durably, or refused it."""
        with self.transaction():
            self._db.execute("UPDATE sealed SET jwe = NULL WHERE of = ?", (of,))

    def put_inner(self, of: ids.Hash, ct: ids.Hash, inner: bytes) -> None:
        """An inner token that was found good. Its body is needed no more."""
        with self.transaction():
            sql = "INSERT OR REPLACE INTO sealed (of, ct, inner) VALUES (?, ?, ?)"
            self._db.execute(sql, (of, ct, inner))

    def inner(self, of: ids.Hash) -> bytes | None:
        """The inner token of an outer, if it is here."""
        row = self._one("SELECT inner FROM sealed WHERE of = ?", (of,))
        return None if row is None else row[0]

    def put_fault(self, of: ids.Hash, ct: ids.Hash, jwe: bytes, code: str) -> None:
        """A body that is the one its outer names, and cannot be taken: kept as what was sent."""
        with self.transaction():
            sql = "INSERT OR REPLACE INTO sealed (of, ct, jwe, fault) VALUES (?, ?, ?, ?)"
            self._db.execute(sql, (of, ct, jwe, code))

    def faults(self) -> dict[ids.Hash, tuple[str, bytes]]:
        """Outer -> (code, body) of those."""
        sql = "SELECT of, fault, jwe FROM sealed WHERE fault IS NOT NULL AND inner IS NULL"
        return {of: (code, jwe) for of, code, jwe in self._all(sql)}
