"""What a party's client must not lose, in `HOME/client.sqlite`: leaves, outbox, device numbers, pin, what was shown.

Several processes use the file at once, a running client and commands: every write is one short transaction that takes
the write lock first. WAL with synchronous FULL: what returned is on the disk. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw

from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.errors import FatalError
from channel.protocol.statements import Statement
from clients.core import store_sealed
from clients.core.store_evidence import BEATS_MAX, NO_PIN, EvidenceRows, PinRow, SeenRow

__all__ = ["BEATS_MAX", "NO_PIN", "LeafRow", "OutboxRow", "PinRow", "SeenRow", "Store"]

STORE_FILE = "client.sqlite"
APPLICATION_ID = 0x44434E43  # "DCNC"
VERSION = 5  # raised by a migration
NUMBERS_JUMP_MAX = 1_000_000  # more than a key signs in a year: what a store from an old copy may have missed
BUSY_MS = 10_000  # writes of others are short; longer means that something hangs

_ADDED_2 = "CREATE TABLE cosigned (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;"
_ADDED_3 = """
CREATE TABLE IF NOT EXISTS beat (size INTEGER PRIMARY KEY, token BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS proof (size INTEGER NOT NULL, idx INTEGER NOT NULL, nodes TEXT, PRIMARY KEY (size, idx))
  STRICT;
CREATE TABLE IF NOT EXISTS proof_note (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
"""
_ADDED_4 = """
CREATE TABLE IF NOT EXISTS tree (size INTEGER PRIMARY KEY, root TEXT NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seen (party TEXT, newest INTEGER, size INTEGER NOT NULL, root TEXT NOT NULL,
  token BLOB NOT NULL, PRIMARY KEY (party, newest)) STRICT;
INSERT OR IGNORE INTO tree (size, root, note) SELECT size, root, note FROM pin;
"""
_SCHEMA = f"""
CREATE TABLE leaf (n INTEGER PRIMARY KEY, idx INTEGER NOT NULL UNIQUE, stamp INTEGER NOT NULL, token BLOB NOT NULL)
  STRICT;
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY, of TEXT NOT NULL UNIQUE, kid TEXT NOT NULL, type TEXT NOT NULL, refers TEXT, nid TEXT,
  token BLOB NOT NULL, created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'queued',
  idx INTEGER, stamp INTEGER, receipt BLOB, code TEXT, detail TEXT
) STRICT;
CREATE INDEX outbox_state ON outbox (state, id);
CREATE TABLE device (kid TEXT PRIMARY KEY, seq INTEGER NOT NULL, prev TEXT NOT NULL) STRICT;
CREATE TABLE pin (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, root TEXT NOT NULL,
  note TEXT NOT NULL) STRICT;
CREATE TABLE shown (of TEXT PRIMARY KEY) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
{_ADDED_2}
{_ADDED_3}
{_ADDED_4}
{store_sealed.TABLE}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
_COLUMNS = "of, kid, type, refers, nid, token, created_ms, due_ms, state, idx, stamp, receipt, code, detail"

State = Literal["queued", "logged", "refused"]


@dataclass(frozen=True, slots=True)
class LeafRow:
    """A leaf at position `n` of the own feed, counted from 1."""

    n: int
    index: int
    stamp: int
    token: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A statement of ours and what became of it. `refers` is its `of`; times are ms since 1970 in the net's time."""

    of: ids.Hash
    kid: str
    type: str
    refers: str | None
    nid: str | None
    token: bytes
    created_ms: int
    due_ms: int  # without a receipt by then the client alarms
    state: State
    index: int | None = None
    stamp: int | None = None  # of its leaf; of what was refused: when we learned of that
    receipt: bytes | None = None
    code: str | None = None
    detail: str | None = None


class Store(EvidenceRows, store_sealed.SealedRows):
    """One process's connection to the file. FatalError when its state is unknown: stop, and start again."""

    def __init__(self, path: Path, charter_of: ids.Hash) -> None:
        self._path = path
        self._charter_of = charter_of
        self._depth = 0
        with self._errors():
            if not path.exists():
                path.touch(mode=0o600)
            self._db = apsw.Connection(str(path))
        try:
            with self._errors():
                self._db.set_busy_timeout(BUSY_MS)
                self._db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
                self._prepare()
            self._version = self._data_version()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        with self.transaction():
            kind, version = self._db.pragma("application_id"), self._db.pragma("user_version")
            if (kind, version) == (0, 0):
                self._db.execute(_SCHEMA)
                self._db.execute("INSERT INTO meta (key, value) VALUES ('charter', ?)", (self._charter_of,))
            elif kind == APPLICATION_ID and version in (1, 2, 3, 4):
                added = _ADDED_2 if version == 1 else ""
                self._db.execute(f"{added} {_ADDED_3} {_ADDED_4} {store_sealed.TABLE} PRAGMA user_version = {VERSION}")
            elif (kind, version) != (APPLICATION_ID, VERSION):
                raise FatalError(f"{self._path} is not a client's store of version {VERSION}: move it away")
            row = self._one("SELECT value FROM meta WHERE key = 'charter'")
            if row is None or row[0] != self._charter_of:
                raise FatalError(f"{self._path} belongs to another charter: move it away, or restore the charter")

    def close(self) -> None:
        """Release the file; the last process leaves it as one file."""
        self._db.close()

    def changed(self) -> bool:
        """Whether another process has written since this was last asked."""
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    # --- leaves -----------------------------------------------------------------------------------------------------

    def leaves(self, after_n: int = 0) -> list[LeafRow]:
        """Leaves above a feed position, in order."""
        rows = self._all("SELECT n, idx, stamp, token FROM leaf WHERE n > ? ORDER BY n", (after_n,))
        return [LeafRow(*row) for row in rows]

    def put_leaves(self, rows: Iterable[LeafRow]) -> None:
        """Store leaves; positions and indexes are used once."""
        with self.transaction():
            self._db.executemany(
                "INSERT INTO leaf (n, idx, stamp, token) VALUES (?, ?, ?, ?)",
                [(row.n, row.index, row.stamp, row.token) for row in rows],
            )

    # --- outbox -----------------------------------------------------------------------------------------------------

    def sign_and_queue(
        self, build: Callable[[int, ids.Hash], Statement], signer: Signer, *, created_ms: int, due_ms: int
    ) -> OutboxRow:
        """Take the key's next number, sign and queue, in one transaction: no number is ever under two tokens."""
        with self.transaction():
            seq, prev = self._device(signer.kid)
            body = build(seq + 1, prev)
            token = seal(body, signer)
            row = OutboxRow(
                of=ids.sha256(token),
                kid=signer.kid,
                type=body.TYPE,
                refers=getattr(body, "of", None),
                nid=getattr(body, "nid", None),
                token=token,
                created_ms=created_ms,
                due_ms=due_ms,
                state="queued",
            )
            self._put_device(signer.kid, seq + 1, row.of)
            self._db.execute(
                "INSERT INTO outbox (of, kid, type, refers, nid, token, created_ms, due_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (row.of, row.kid, row.type, row.refers, row.nid, row.token, created_ms, due_ms),
            )
            return row

    def queued(self) -> list[OutboxRow]:
        """What waits for its receipt, in the order of signing."""
        return self._outbox("WHERE state = 'queued' ORDER BY id")

    def receipted(self) -> list[OutboxRow]:
        """What has its receipt and is not among our leaves yet."""
        return self._outbox("WHERE state = 'logged' AND token NOT IN (SELECT token FROM leaf) ORDER BY id")

    def refused(self, since_ms: int) -> list[OutboxRow]:
        """What we learned since then is refused, and nobody was told of it, nor has anything taken its place."""
        untold = "coalesce(stamp, created_ms) >= ? AND 'refused/' || of NOT IN (SELECT of FROM shown)"
        return self._outbox(f"WHERE state = 'refused' AND {untold} ORDER BY id", (since_ms,))

    def tell_refused(self, of: ids.Hash) -> None:
        """Somebody knows that it was refused, or something else has taken its place."""
        self.show(f"refused/{of}")

    def outbox(self) -> list[OutboxRow]:
        """Everything that this home ever signed through the outbox, in the order of signing."""
        return self._outbox("ORDER BY id")

    def outbox_row(self, of: ids.Hash) -> OutboxRow | None:
        """One statement of ours by its token's hash."""
        rows = self._outbox("WHERE of = ?", (of,))
        return rows[0] if rows else None

    def newest_logged(self) -> int:
        """The highest leaf index that a receipt of ours names, -1 if there is none."""
        return int(self._one("SELECT coalesce(max(idx), -1) FROM outbox")[0])

    def signed_for(self, type_: str, refers: str) -> list[OutboxRow]:
        """Statements of ours of a type that refer to a notice."""
        return self._outbox("WHERE type = ? AND refers = ? ORDER BY id", (type_, refers))

    def settle_logged(self, of: ids.Hash, index: int, stamp: int, receipt: bytes) -> None:
        """The verified receipt is here."""
        with self.transaction():
            self._db.execute(
                "UPDATE outbox SET state = 'logged', idx = ?, stamp = ?, receipt = ? WHERE of = ?",
                (index, stamp, receipt, of),
            )
            self.drop_body(of)

    def settle_refused(self, of: ids.Hash, code: str, detail: str, at_ms: int) -> None:
        """The verified refusal is here, since `at_ms`."""
        with self.transaction():
            self._db.execute(
                "UPDATE outbox SET state = 'refused', stamp = ?, code = ?, detail = ? "
                "WHERE of = ? AND state = 'queued'",
                (at_ms, code, detail, of),
            )
            self.drop_body(of)

    def hear_device(self, kid: str, seq: int) -> bool:
        """Take the relay's word for a number, within reason: else one word could leave a key none to sign under."""
        with self.transaction():
            believed = seq <= self._device(kid)[0] + NUMBERS_JUMP_MAX
            if believed:
                self.raise_device(kid, seq)
            return believed

    def raise_device(self, kid: str, seq: int, prev: ids.Hash | None = None) -> None:
        """Never sign at or below `seq`. `prev` is that number's token if it is known."""
        with self.transaction():
            known, known_prev = self._device(kid)
            if seq > known or (seq == known and prev is not None):
                self._put_device(kid, seq, prev or known_prev)

    # --- shown ------------------------------------------------------------------------------------------------------

    def show(self, key: str) -> bool:
        """Whether the caller is the first, over all processes and restarts, to hand this to an application."""
        with self.transaction():
            self._db.execute("INSERT OR IGNORE INTO shown (of) VALUES (?)", (key,))
            return self._db.changes() == 1

    def shown(self) -> set[str]:
        """What was handed out."""
        return {row[0] for row in self._all("SELECT of FROM shown")}

    # --- inside -----------------------------------------------------------------------------------------------------

    def _device(self, kid: str) -> tuple[int, ids.Hash]:
        row = self._one("SELECT seq, prev FROM device WHERE kid = ?", (kid,))
        return (0, self._charter_of) if row is None else (row[0], row[1])

    def _put_device(self, kid: str, seq: int, prev: ids.Hash) -> None:
        self._db.execute("INSERT OR REPLACE INTO device (kid, seq, prev) VALUES (?, ?, ?)", (kid, seq, prev))

    def _outbox(self, where: str, values: tuple[Any, ...] = ()) -> list[OutboxRow]:
        rows = self._all(f"SELECT {_COLUMNS} FROM outbox {where}", values)  # noqa: S608 - our own text
        return [OutboxRow(*row) for row in rows]

    def _data_version(self) -> int:
        with self._errors():
            return int(self._db.pragma("data_version"))
