"""The file of a SQLite log: its tables, its formats, telling one from another, and copies. What is in it: `sqlite`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from channel.protocol.errors import DamagedError, FatalError

APPLICATION_ID = 0x44434E31  # "DCN1" in the file's header, which `file` and other programs can see
FORMAT = 3  # user_version; raised by a migration, never reused
# Notes are blobs too: bytes that somebody changed must reach the verifier, not fail as text on the way.
_SCHEMA_1 = {
    "leaf": "CREATE TABLE leaf (idx INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, token BLOB NOT NULL,"
    " hash BLOB NOT NULL) STRICT",
    "link": "CREATE TABLE link (party TEXT PRIMARY KEY, have_n INTEGER NOT NULL, size INTEGER NOT NULL,"
    " root TEXT NOT NULL, heard_ms INTEGER NOT NULL) STRICT",
    "note": "CREATE TABLE note (size INTEGER PRIMARY KEY, text BLOB NOT NULL) STRICT",
}
_ADDED_2 = {
    "cosignature": "CREATE TABLE cosignature (size INTEGER NOT NULL, party TEXT NOT NULL, line BLOB NOT NULL,"
    " PRIMARY KEY (size, party)) STRICT, WITHOUT ROWID",
}
_ADDED_3 = {
    "body": "CREATE TABLE body (ct TEXT PRIMARY KEY, jwe BLOB NOT NULL) STRICT, WITHOUT ROWID",
}
_ADDED = {2: _ADDED_2, FORMAT: _ADDED_3}
SCHEMAS = {1: _SCHEMA_1, 2: _SCHEMA_1 | _ADDED_2, FORMAT: _SCHEMA_1 | _ADDED_2 | _ADDED_3}


def refuse_leftovers(path: Path) -> None:
    """FatalError if anything of an earlier file is in the way."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        there = path.with_name(path.name + suffix)
        if there.exists():
            raise FatalError(f"{there} is there already: choose another place, or move it away if nobody needs it")


def make(db: apsw.Connection) -> None:
    """Everything in one transaction: after a crash in between the file is empty, and `check_file` says so."""
    db.execute("BEGIN EXCLUSIVE")
    for statement in SCHEMAS[FORMAT].values():
        db.execute(statement)
    db.pragma("application_id", APPLICATION_ID)
    db.pragma("user_version", FORMAT)
    db.execute("COMMIT")


def migrate(db: apsw.Connection) -> None:
    """From format 1, which had no cosignatures, or 2, which had no bodies: all or nothing; readers need not notice."""
    db.execute("BEGIN IMMEDIATE")
    for version in range(db.pragma("user_version") + 1, FORMAT + 1):
        for statement in _ADDED[version].values():
            db.execute(statement)
    db.pragma("user_version", FORMAT)
    db.execute("COMMIT")


def check_file(db: apsw.Connection, path: Path) -> None:
    """FatalError if the file is not a log of a format that this version reads, table by table."""
    found = dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL"))
    if not found and not db.pragma("application_id"):
        raise DamagedError(
            f"{path} was never finished, nothing is in it: restore it from a backup, or if it was never in use, remove "
            "it and make the log again"
        )
    if db.pragma("application_id") != APPLICATION_ID:
        raise DamagedError(
            f"{path} is another program's database, not a log of this channel: name the right one, or restore it from "
            "a backup"
        )
    if (version := db.pragma("user_version")) not in SCHEMAS:
        raise FatalError(
            f"{path} has format {version}, this version reads 1 to {FORMAT}: use the version that wrote it"
        )
    if found != SCHEMAS[version]:
        raise DamagedError(f"{path} has other tables than a log has: it was changed by hand; restore it")


def sync_directory(path: Path) -> None:
    """So that a new file is found again after a power cut."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def fatal(path: Path, verb: str) -> Iterator[None]:
    """SQLite's errors as ours, with what to do next. Their text names files and pages, never contents."""
    try:
        yield
    except apsw.BusyError as error:
        raise FatalError(f"cannot {verb} {path}: another process holds it; stop that and try again") from error
    except (apsw.NotADBError, apsw.CorruptError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"cannot {verb} {path}: it is damaged or no log ({error}); restore it from a backup"
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise FatalError(
            f"cannot {verb} {path} ({error}): it needs read access, and after an unclean stop write access to its"
            " directory; copy it together with its -wal file to a place of your own"
        ) from error
    except (apsw.Error, OSError) as error:
        raise FatalError(f"cannot {verb} {path} ({error}): check the disk, then start again") from error


def copy_log(source: Path, target: Path) -> None:
    """Copy `source` to `target`, which must not exist; durable when this returns. FatalError if it cannot be done."""
    if not source.is_file():
        raise FatalError(f"there is no log at {source}")
    refuse_leftovers(target)
    try:
        read = apsw.Connection(str(source), apsw.SQLITE_OPEN_READONLY)
        read.set_busy_timeout(5_000)
        target.touch(mode=0o600)
        written = apsw.Connection(str(target))
        try:
            check_file(read, source)
            with written.backup("main", read, "main") as backup:
                backup.step(-1)
            written.pragma("journal_mode", "delete")
            written.pragma("synchronous", "full")
        finally:
            written.close()
            read.close()
    except apsw.Error as error:
        target.unlink(missing_ok=True)
        raise FatalError(f"cannot copy {source} to {target} ({error}): check both disks and try again") from error
    except FatalError:
        target.unlink(missing_ok=True)
        raise
