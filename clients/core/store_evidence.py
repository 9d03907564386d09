"""The part of a client's store that is evidence: pin, trees believed, trees that others named, cosigned notes, proofs.

`store` makes the tables and the rest. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from channel.protocol import ids
from clients.core.store_rows import Rows

BEATS_MAX = 32  # heartbeats kept of trees that no quorum has witnessed yet
TREES_MAX = 4_096  # trees remembered, so that another one of the same size is known for what it is


@dataclass(frozen=True, slots=True)
class PinRow:
    """The newest tree that was verified: `note` is its signed checkpoint, empty at size 0."""

    size: int
    root: ids.Hash
    note: str


NO_PIN = PinRow(0, ids.sha256(b""), "")


@dataclass(frozen=True, slots=True)
class SeenRow:
    """A tree that a key named in a statement or a word, still to be compared; of each key the oldest and the newest."""

    kid: str
    newest: bool
    size: int
    root: ids.Hash
    token: bytes


class EvidenceRows(Rows):
    """Of one home."""

    def pin(self) -> PinRow:
        """The newest verified tree; size 0 in the beginning."""
        row = self._one("SELECT size, root, note FROM pin")
        return NO_PIN if row is None else PinRow(*row)

    def put_pin(self, pin: PinRow) -> None:
        """Replace the pin; the tree is remembered."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO pin (one, size, root, note) VALUES (1, ?, ?, ?)", (pin.size, pin.root, pin.note)
            )
            values = (pin.size, pin.root, pin.note)
            self._db.execute("INSERT OR IGNORE INTO tree (size, root, note) VALUES (?, ?, ?)", values)
            oldest = "SELECT size FROM tree ORDER BY size DESC LIMIT 1 OFFSET ?"
            self._db.execute(f"DELETE FROM tree WHERE size <= ({oldest})", (TREES_MAX,))  # noqa: S608 - our own text

    def put_cosigned(self, size: int, note: str, replaces: int | None = None) -> None:
        """Keep a checkpoint's note with a quorum of cosignatures; `replaces`: the size of one that is not needed."""
        with self.transaction():
            self._db.execute("DELETE FROM cosigned WHERE size = ?", (replaces,))
            self._db.execute("INSERT OR IGNORE INTO cosigned (size, note) VALUES (?, ?)", (size, note))

    def cosigned(self, below: int | None = None) -> int:
        """The largest size of such a checkpoint, or the largest below a size; 0 if there is none."""
        row = self._one("SELECT max(size) FROM cosigned WHERE ? IS NULL OR size < ?", (below, below))
        return row[0] or 0

    def cosigned_notes(self) -> list[tuple[int, str]]:
        """Those that are kept, as (size, note), in order: each leaf of ours is below the first that witnesses it."""
        return [(row[0], row[1]) for row in self._all("SELECT size, note FROM cosigned ORDER BY size")]

    def cosigned_note(self, size: int) -> str | None:
        """The note of that size, if it is kept."""
        row = self._one("SELECT note FROM cosigned WHERE size = ?", (size,))
        return None if row is None else row[0]

    def put_beat(self, size: int, token: bytes, witnessed: int) -> None:
        """Keep a heartbeat of the tree of `size`: the newest, and those from the newest that `witnessed` covers on."""
        if self._one("SELECT 1 FROM beat WHERE size = ?", (size,)) is not None:
            return
        newest = "size IN (SELECT size FROM beat WHERE size > ? ORDER BY size DESC LIMIT -1 OFFSET ?)"
        with self.transaction():
            self._db.execute("INSERT INTO beat (size, token) VALUES (?, ?)", (size, token))
            covered = "size < (SELECT max(size) FROM beat WHERE size <= ?)"
            self._db.execute(f"DELETE FROM beat WHERE {covered}", (witnessed,))  # noqa: S608 - our own text
            self._db.execute(f"DELETE FROM beat WHERE {newest}", (witnessed, BEATS_MAX))  # noqa: S608 - our own text

    def words(self) -> list[bytes]:
        """The relay's signed words that are kept: receipts of ours, and heartbeats."""
        rows = self._all("SELECT receipt FROM outbox WHERE receipt IS NOT NULL UNION ALL SELECT token FROM beat")
        return [row[0] for row in rows]

    def want_proofs(self, size: int, indexes: Iterable[int]) -> None:
        """Ask for inclusion proofs under the checkpoint of `size`; whoever has the link sends the question."""
        with self.transaction():
            rows = [(size, index) for index in indexes]
            self._db.executemany("INSERT OR IGNORE INTO proof (size, idx) VALUES (?, ?)", rows)

    def wanted_proofs(self, count_max: int) -> tuple[int, list[int]]:
        """(size, indexes) of what is asked for and not here yet, of one checkpoint; (0, []) if there is nothing."""
        where = "nodes IS NULL AND size = (SELECT min(size) FROM proof WHERE nodes IS NULL)"
        sql = f"SELECT size, idx FROM proof WHERE {where} ORDER BY idx LIMIT ?"  # noqa: S608 - our own text
        rows = self._all(sql, (count_max,))
        return (rows[0][0], [row[1] for row in rows]) if rows else (0, [])

    def put_proofs(self, size: int, note: str, found: Mapping[int, Sequence[ids.Hash]]) -> None:
        """Verified proofs, and the note that came with them."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO proof_note (size, note) VALUES (?, ?)", (size, note))
            rows = [(" ".join(nodes), size, index) for index, nodes in found.items()]
            self._db.executemany("UPDATE proof SET nodes = ? WHERE size = ? AND idx = ?", rows)

    def proofs(self, size: int) -> tuple[str | None, dict[int, tuple[ids.Hash, ...]]]:
        """The note of a size and what is proven under it, by index."""
        note = self._one("SELECT note FROM proof_note WHERE size = ?", (size,))
        rows = self._all("SELECT idx, nodes FROM proof WHERE size = ? AND nodes IS NOT NULL", (size,))
        return None if note is None else note[0], {index: tuple(nodes.split()) for index, nodes in rows}

    def drop_proofs(self, size: int) -> None:
        """Nobody needs them any more, nor asks."""
        with self.transaction():
            self._db.execute("DELETE FROM proof WHERE size = ?", (size,))
            self._db.execute("DELETE FROM proof_note WHERE size = ?", (size,))

    # --- trees ------------------------------------------------------------------------------------------------------

    def trees(self, above: int = -1) -> list[PinRow]:
        """Trees that were believed, larger than a size, in order of size."""
        rows = self._all("SELECT size, root, note FROM tree WHERE size > ? ORDER BY size", (above,))
        return [PinRow(*row) for row in rows]

    def seen_rows(self) -> list[SeenRow]:
        """What is still to be compared."""
        rows = self._all("SELECT party, newest, size, root, token FROM seen ORDER BY party, newest")
        return [SeenRow(kid, bool(newest), *rest) for kid, newest, *rest in rows]

    def put_seen(self, row: SeenRow) -> None:
        """Keep it, in the place of the one before."""
        with self.transaction():
            values = (row.kid, row.newest, row.size, row.root, row.token)
            sql = "INSERT OR REPLACE INTO seen (party, newest, size, root, token) VALUES (?, ?, ?, ?, ?)"
            self._db.execute(sql, values)

    def drop_seen(self, row: SeenRow) -> None:
        """It was compared."""
        with self.transaction():
            sql = "DELETE FROM seen WHERE party = ? AND newest = ? AND size = ? AND root = ?"
            self._db.execute(sql, (row.kid, row.newest, row.size, row.root))
