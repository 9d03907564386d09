"""The log in one SQLite file: WAL, synchronous FULL, one writer, readers beside it. The port is in `store`.

A commit that fails leaves an unknown state, because a failed fsync may be followed by one that "succeeds": the object
then refuses all further work, and the next start reads what is there. Readers have a connection of their own, so they
see only what is committed and synced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import apsw

from channel.log.leaf import encode, leaf_hash
from channel.log.lock import WriterLock
from channel.log.sqlite_file import FORMAT, check_file, fatal, make, migrate, refuse_leftovers, sync_directory
from channel.log.store import Cosignature, LinkRow, StoredLeaf, check_group
from channel.protocol.errors import DamagedError, FatalError, InvariantError
from channel.protocol.ids import Hash

_BATCH_ROWS = 256  # rows a read takes at once: at most 8 MiB of tokens, and no long read holds up the WAL
_WAL_PAGES_MAX = 1_000  # pages in the WAL before they are moved into the file; SQLite's own default
_BUSY_MS = 5_000  # how long a step waits for another process that opens or closes the same file
_FIRST = -(2**63)

_INSERT_LEAF = "INSERT INTO leaf (idx, stamp, token, hash) VALUES (?, ?, ?, ?)"
_INSERT_NOTE = "INSERT INTO note (size, text) VALUES (?, ?)"
_INSERT_COSIGNATURE = "INSERT OR IGNORE INTO cosignature (size, party, line) VALUES (?, ?, ?)"
_UPSERT_LINK = "INSERT OR REPLACE INTO link (party, have_n, size, root, heard_ms) VALUES (?, ?, ?, ?, ?)"
_INSERT_BODY = "INSERT OR REPLACE INTO body (ct, jwe) VALUES (?, ?)"
_DELETE_BODY = "DELETE FROM body WHERE ct = ?"
_SELECT_BODY = "SELECT jwe FROM body WHERE ct = ?"
_SELECT_BODIES = "SELECT ct FROM body"
_SELECT_LEAVES = "SELECT idx, stamp, token, hash FROM leaf WHERE idx > ? ORDER BY idx LIMIT ?"
_SELECT_NOTES = "SELECT size, text FROM note WHERE size > ? ORDER BY size LIMIT ?"
_SELECT_NOTE = "SELECT text FROM note WHERE size = ?"
_SELECT_COSIGNATURES = "SELECT party, line FROM cosignature WHERE size = ? ORDER BY party"
_SELECT_WITNESSED = "SELECT size FROM cosignature GROUP BY size HAVING count(*) >= ? ORDER BY size DESC LIMIT 1"
_SELECT_NEWEST = "SELECT size, text FROM note ORDER BY size DESC LIMIT 1"
_SELECT_LAST = "SELECT idx, stamp FROM leaf ORDER BY idx DESC LIMIT 1"
_SELECT_LINKS = "SELECT party, have_n, size, root, heard_ms FROM link"

Mode = Literal["create", "write", "read"]


class SqliteLog:
    """A `LogStore` in one file. `create` makes it, `write` goes on with it, `read` only looks, also beside a writer.

    Reading and appending may happen in two threads. A clean `close` leaves one file, unless a reader is connected then.
    """

    def __init__(self, path: Path | str, mode: Mode, *, vfs: str | None = None) -> None:
        self._path = Path(path)
        self._mode = mode
        self._vfs = vfs
        self._ended: str | None = None
        self._closed = False
        self._write_lock, self._read_lock = Lock(), Lock()
        self._writer: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None
        self._lock: WriterLock | None = None
        self._links: dict[str, LinkRow] = {}
        self._links_new: set[str] = set()
        self._cosignatures_new: list[Cosignature] = []
        self._wal_pages = 0
        try:
            self._open()
        except BaseException:
            self._release(clean=False)
            raise

    def _open(self) -> None:
        if self._mode == "create":
            refuse_leftovers(self._path)
        elif not self._path.is_file():
            raise FatalError(
                f"there is no log at {self._path}: name the right one, restore it from a backup, or make a new channel "
                "with `channel init`"
            )
        if self._mode != "read":
            self._lock = WriterLock(self._path)
            with fatal(self._path, "open"):
                self._open_writer()
        with fatal(self._path, "open"):
            self._reader = self._connect(apsw.SQLITE_OPEN_READONLY)
            check_file(self._reader, self._path)
        self._recall()

    def _open_writer(self) -> None:
        create = apsw.SQLITE_OPEN_CREATE if self._mode == "create" else 0
        self._writer = db = self._connect(apsw.SQLITE_OPEN_READWRITE | create)
        if create:
            make(db)
        check_file(db, self._path)
        if db.pragma("journal_mode", "wal") != "wal":
            raise FatalError(f"{self._path} cannot use a write-ahead log: keep it on a local disk")
        db.pragma("synchronous", "full")
        db.pragma("secure_delete", True)  # of a body that is deleted nothing stays in the file
        for pragma in ("fullfsync", "checkpoint_fullfsync"):  # macOS: reach the disk, not only its cache
            db.pragma(pragma, True)
        db.set_wal_hook(self._on_wal)  # in place of automatic checkpoints, which hide their errors
        if db.pragma("user_version") < FORMAT:
            migrate(db)
        if create:
            sync_directory(self._path.parent)

    def _connect(self, flags: int) -> apsw.Connection:
        db = apsw.Connection(str(self._path), flags, vfs=self._vfs)
        db.set_busy_timeout(_BUSY_MS)
        db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        db.pragma("cell_size_check", True)
        return db

    def _recall(self) -> None:
        """What a writer keeps in memory. A reader asks each time, since a writer may be at work beside it."""
        self._size, self._last_stamp = self._select_last()
        self._newest = self._select_newest()
        self._links = self._select_links()
        if self._mode != "read" and (self._newest[0] if self._newest else 0) != self._size:
            covered = self._newest[0] if self._newest else 0
            raise FatalError(
                f"{self._path} holds {self._size} leaves, but its newest checkpoint covers {covered}:"
                " it was changed by hand; run `channel verify` on it and restore it"
            )

    @property
    def size(self) -> int:
        """How many leaves are durable."""
        self._check_usable()
        return self._select_last()[0] if self._mode == "read" else self._size

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        """Leaves start..stop in order, streamed; `stop` defaults to the size now. FatalError at a damaged row."""
        size = self.size
        return self._leaves(max(start, 0), size if stop is None else min(stop, size))

    def _leaves(self, start: int, stop: int) -> Iterator[StoredLeaf]:
        while start < stop:
            rows = self._fetch(_SELECT_LEAVES, (start - 1, min(_BATCH_ROWS, stop - start)))
            for leaf in map(_stored, rows):
                if leaf.index != start:
                    break
                if leaf.leaf_hash != leaf_hash(b"%d %s" % (leaf.stamp, leaf.token)):
                    raise DamagedError(
                        f"{self._path}: leaf {start} is damaged; run `channel verify` on it and restore it"
                    )
                yield leaf
                start += 1
            else:
                if rows:
                    continue
            raise DamagedError(f"{self._path}: leaf {start} is missing; run `channel verify` on it and restore it")

    def rows(self) -> Iterator[StoredLeaf]:
        """Every row as it is, gaps and all: for verifying a file that somebody may have changed."""
        for row in self._rising(_SELECT_LEAVES):
            yield _stored(row)

    def newest_note(self) -> str | None:
        """The note of the last append."""
        self._check_usable()
        newest = self._select_newest() if self._mode == "read" else self._newest
        return newest[1] if newest else None

    def notes(self) -> Iterator[tuple[int, str]]:
        """Every (size, note) in order of size, streamed."""
        self._check_usable()
        return self._notes()

    def _notes(self) -> Iterator[tuple[int, str]]:
        for size, text in self._rising(_SELECT_NOTES):
            yield size, _text(text)

    def _rising(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """All rows by their first column. A damaged tree can hand out rows in any order, and so for ever."""
        last = _FIRST
        while batch := self._fetch(sql, (last, _BATCH_ROWS)):
            for row in batch:
                if row[0] <= last:
                    raise DamagedError(f"{self._path}: row {row[0]} comes after {last}: it is damaged; restore it")
                yield row
                last = row[0]

    def append(
        self,
        leaves: Sequence[StoredLeaf],
        note: str,
        bodies: Mapping[Hash, bytes] | None = None,
        spent: Sequence[Hash] = (),
    ) -> None:
        """Store leaves and their checkpoint in one transaction; returns once they are durable. See the port."""
        with self._write_lock:
            self._check_usable()
            if self._writer is None:
                raise InvariantError(f"{self._path} is open for reading only")
            check_group(leaves, self._size, self._last_stamp)
            rows = [(leaf.index, leaf.stamp, leaf.token, leaf_hash(encode(leaf.stamp, leaf.token))) for leaf in leaves]
            text = note.encode()
            size = self._size + len(rows)
            with self._final("append"):
                self._commit(rows, size, text, bodies or {}, spent)
                if self._wal_pages >= _WAL_PAGES_MAX:
                    self._move_wal()
            self._size, self._last_stamp, self._newest = size, leaves[-1].stamp, (size, note)

    def _commit(
        self,
        rows: Sequence[tuple[Any, ...]],
        size: int,
        text: bytes,
        bodies: Mapping[Hash, bytes],
        spent: Sequence[Hash],
    ) -> None:
        db = self._open_db()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INSERT_LEAF, rows)
        db.execute(_INSERT_NOTE, (size, text))
        db.executemany(_INSERT_BODY, list(bodies.items()))
        db.executemany(_DELETE_BODY, [(ct,) for ct in spent])
        self._write_rest(db)
        db.execute("COMMIT")

    def body(self, ct: Hash) -> bytes | None:
        """The body of a sealed notice, while it is kept."""
        rows = self._fetch_since(3, _SELECT_BODY, (ct,))
        return rows[0][0] if rows else None

    def bodies(self) -> set[Hash]:
        """Which bodies are kept."""
        return {ct for (ct,) in self._fetch_since(3, _SELECT_BODIES)}

    def note(self, size: int) -> str | None:
        """The note of the checkpoint of that size."""
        rows = self._fetch(_SELECT_NOTE, (size,))
        return _text(rows[0][0]) if rows else None

    def put_cosignatures(self, rows: Sequence[Cosignature]) -> None:
        """Remember them; they become durable with the next append, `flush` or `close`. See the port."""
        self._check_usable()
        self._open_db()
        for size in {row.size for row in rows}:
            if not self._fetch(_SELECT_NOTE, (size,)):
                raise InvariantError(f"there is no checkpoint of size {size}")
        with self._write_lock:
            self._cosignatures_new += rows

    def flush(self) -> None:
        """Make durable what is only remembered."""
        with self._write_lock:
            self._check_usable()
            db = self._open_db()
            if self._links_new or self._cosignatures_new:
                with self._final("write"):
                    self._commit_rest(db)

    def _commit_rest(self, db: apsw.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        self._write_rest(db)
        db.execute("COMMIT")

    def cosignatures(self, size: int) -> dict[str, str]:
        """Party -> line on the checkpoint of that size."""
        return {party: _text(line) for party, line in self._fetch_since(2, _SELECT_COSIGNATURES, (size,))}

    def witnessed(self, quorum: int) -> int:
        """The largest size that so many parties have cosigned."""
        rows = self._fetch_since(2, _SELECT_WITNESSED, (quorum,))
        return rows[0][0] if rows else 0

    def links(self) -> dict[str, LinkRow]:
        """How far each party had got."""
        self._check_usable()
        return self._select_links() if self._mode == "read" else dict(self._links)

    def put_links(self, rows: Mapping[str, LinkRow]) -> None:
        """Remember rows; they become durable with the next append, `flush` or `close`."""
        self._check_usable()
        if self._writer is None:
            raise InvariantError(f"{self._path} is open for reading only")
        for party, row in rows.items():
            self._links[party] = row
            self._links_new.add(party)

    def _write_rest(self, db: apsw.Connection) -> None:
        while self._links_new:
            party = self._links_new.pop()
            row = self._links[party]
            db.execute(_UPSERT_LINK, (party, row.have_n, row.size, row.root, row.heard_ms))
        rows, self._cosignatures_new = self._cosignatures_new, []
        db.executemany(_INSERT_COSIGNATURE, [(row.size, row.party, row.line.encode()) for row in rows])

    def close(self) -> None:
        """Write what is left, move the WAL into the file and leave that one file. Calling it twice is allowed."""
        if self._closed:
            return
        try:
            if self._writer is not None and self._ended is None:
                with self._final("close"):
                    self._finish(self._writer)
        finally:
            self._release(clean=self._ended is None)

    def _finish(self, db: apsw.Connection) -> None:
        if self._links_new or self._cosignatures_new:
            self._commit_rest(db)
        if self._reader is not None:
            self._reader.close()
        db.set_busy_timeout(0)  # another process that reads just now only costs the tidiness, so do not wait for it
        try:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            db.pragma("journal_mode", "delete")
        except apsw.BusyError:
            pass

    def _release(self, *, clean: bool) -> None:
        self._closed = True
        for db in (self._reader, self._writer):
            if db is None:
                continue
            if not clean and db is self._writer:
                db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # touch nothing more in an unknown state
            db.close(True)
        if self._lock is not None:
            self._lock.release()

    def _on_wal(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _move_wal(self) -> None:
        try:
            self._open_db().wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass  # a reader is at it; the next append tries again

    def _select_last(self) -> tuple[int, int]:
        rows = self._fetch(_SELECT_LAST)
        return (rows[0][0] + 1, rows[0][1]) if rows else (0, 0)

    def _select_newest(self) -> tuple[int, str] | None:
        rows = self._fetch(_SELECT_NEWEST)
        return (rows[0][0], _text(rows[0][1])) if rows else None

    def _select_links(self) -> dict[str, LinkRow]:
        return {party: LinkRow(*rest) for party, *rest in self._fetch(_SELECT_LINKS)}

    def _fetch(self, sql: str, values: tuple[int | str, ...] = ()) -> list[tuple[Any, ...]]:
        with self._read_lock:
            self._check_usable()
            if self._reader is None:
                raise InvariantError(f"{self._path} is not open")
            with self._final("read"):
                return self._reader.execute(sql, values).fetchall()

    def _fetch_since(self, version: int, sql: str, values: tuple[int | str, ...] = ()) -> list[tuple[Any, ...]]:
        """What a file of an earlier format, which only a reader leaves as it is, has none of."""
        return self._fetch(sql, values) if self._fetch("PRAGMA user_version") >= [(version,)] else []

    def _open_db(self) -> apsw.Connection:
        if self._writer is None:
            raise InvariantError(f"{self._path} is open for reading only")
        return self._writer

    @contextmanager
    def _final(self, verb: str) -> Iterator[None]:
        """Whatever goes wrong in here, the state is unknown: nothing more is done with this object."""
        try:
            with fatal(self._path, verb):
                yield
        except BaseException as error:
            self._ended = str(error)
            raise

    def _check_usable(self) -> None:
        if self._ended is not None:
            raise FatalError(f"{self._path} failed before ({self._ended}): stop and start again")
        if self._closed:
            raise InvariantError(f"{self._path} is closed")


def _stored(row: tuple[Any, ...]) -> StoredLeaf:
    """A row as a leaf. A damaged file can hold other types, strict table or not: such a row becomes an empty leaf."""
    index, stamp, token, hashed = row
    if isinstance(stamp, int) and isinstance(token, bytes) and isinstance(hashed, bytes):
        return StoredLeaf(index, stamp, token, hashed)
    return StoredLeaf(index, -1, b"", b"")


def _text(data: Any) -> str:
    """A note's text; changed bytes become U+FFFD, which no signature covers."""
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
