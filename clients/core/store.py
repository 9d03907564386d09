"""What a party's client must not lose, in `HOME/client.sqlite`: leaves, outbox, device numbers, pin, what was shown.

Several processes use the file at once, a running client and commands: every write is one short transaction that takes
the write lock first. WAL with synchronous FULL: what returned is on the disk. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw

from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.errors import FatalError
from channel.protocol.statements import Statement

STORE_FILE = "client.sqlite"
APPLICATION_ID = 0x44434E43  # "DCNC"
VERSION = 3  # raised by a migration
NUMBERS_JUMP_MAX = 1_000_000  # more than a key signs in a year: what a store from an old copy may have missed
BEATS_MAX = 32  # heartbeats kept of trees that no quorum has witnessed yet
BUSY_MS = 10_000  # writes of others are short; longer means that something hangs

_ADDED_2 = "CREATE TABLE cosigned (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;"
_ADDED_3 = """
CREATE TABLE IF NOT EXISTS beat (size INTEGER PRIMARY KEY, token BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS proof (size INTEGER NOT NULL, idx INTEGER NOT NULL, nodes TEXT, PRIMARY KEY (size, idx))
  STRICT;
CREATE TABLE IF NOT EXISTS proof_note (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
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
    stamp: int | None = None
    receipt: bytes | None = None
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class PinRow:
    """The newest tree that was verified: `note` is its signed checkpoint, empty at size 0."""

    size: int
    root: ids.Hash
    note: str


NO_PIN = PinRow(0, ids.sha256(b""), "")


class Store:
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
            elif kind == APPLICATION_ID and version in (1, 2):
                added = _ADDED_2 if version == 1 else ""
                self._db.execute(f"{added} {_ADDED_3} PRAGMA user_version = {VERSION}")
            elif (kind, version) != (APPLICATION_ID, VERSION):
                raise FatalError(f"{self._path} is not a client's store of version {VERSION}: move it away")
            row = self._one("SELECT value FROM meta WHERE key = 'charter'")
            if row is None or row[0] != self._charter_of:
                raise FatalError(f"{self._path} belongs to another charter: move it away, or restore the charter")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are durable together when it ends, or none is. May be nested."""
        if self._depth:
            yield
            return
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if not self._db.get_autocommit():
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

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

    def pin(self) -> PinRow:
        """The newest verified tree; size 0 in the beginning."""
        row = self._one("SELECT size, root, note FROM pin")
        return NO_PIN if row is None else PinRow(*row)

    def put_pin(self, pin: PinRow) -> None:
        """Replace the pin."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO pin (one, size, root, note) VALUES (1, ?, ?, ?)", (pin.size, pin.root, pin.note)
            )

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

    # --- evidence ---------------------------------------------------------------------------------------------------

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

    def settle_refused(self, of: ids.Hash, code: str, detail: str) -> None:
        """The verified refusal is here."""
        with self.transaction():
            self._db.execute(
                "UPDATE outbox SET state = 'refused', code = ?, detail = ? WHERE of = ? AND state = 'queued'",
                (code, detail, of),
            )

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

    def _all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(sql, values).fetchall()

    def _one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        rows = self._all(sql, values)
        return rows[0] if rows else None

    def _data_version(self) -> int:
        with self._errors():
            return int(self._db.pragma("data_version"))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise FatalError(
                f"{self._path}: {type(error).__name__}: {error}; stop every client of this party, see that the disk "
                "has room, and start again"
            ) from error
        except OSError as error:
            raise FatalError(f"{self._path}: {error.strerror}") from error
