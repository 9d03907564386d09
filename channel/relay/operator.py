"""The operator's own statements: signed by the command that types them, handed to the running relay through a file.

`HOME/operator.sqlite` is a spool: a command puts a signed token in, the relay judges it like any other, commits, and
writes the outcome beside it. The command waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw

from channel.ledger.fold import Folded
from channel.ledger.ledger import Ledger
from channel.log.store import StoredLeaf
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.statements import Seen, Statement
from channel.protocol.times import to_wire
from channel.relay.clock import SystemClock, pause
from channel.relay.home import ChannelHome

_SCHEMA = """
CREATE TABLE IF NOT EXISTS device (kid TEXT PRIMARY KEY, seq INTEGER NOT NULL, prev TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS submission (
  id INTEGER PRIMARY KEY, token BLOB NOT NULL, done INTEGER NOT NULL DEFAULT 0,
  idx INTEGER, code TEXT, detail TEXT NOT NULL DEFAULT ''
) STRICT;
"""
_UNREAD = """
CREATE TABLE IF NOT EXISTS unread (idx INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, token BLOB NOT NULL) STRICT;
"""
_BUSY_MS = 5_000


S = TypeVar("S", bound=Statement)


def statement(model: type[S], folded: Folded, now_ms: int, seq: int, prev: str, **members: object) -> S:
    """A statement of the operator's desk, to be sealed with its key `relay/sig/desk-operations`."""
    return model.model_validate(
        {
            "net": folded.ledger.charter.net,
            "from": ids.RELAY,
            "desk": "operations",
            "issued": to_wire(now_ms),
            "seen": Seen(size=folded.tree.size, root=ids.b64url(folded.tree.root())),
            "seq": seq,
            "prev": prev,
            **members,
        }
    )


def newest(ledger: Ledger, kid: str) -> tuple[int, str]:
    """(highest sequence number in the log, its token's hash) of a key; a key's first follows the charter."""
    device = ledger.devices.get(kid)
    return (0, ledger.charter_of) if device is None else (device.highest, device.taken[device.highest])


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a submission: in the log at `index`, or refused with a code."""

    index: int | None
    code: str | None
    detail: str


class Spool:
    """One connection to the spool; the relay and the commands have one each."""

    def __init__(self, path: Path, busy_ms: int = _BUSY_MS) -> None:
        new = not path.exists()
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(busy_ms)
        if new:
            path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._db.execute(_SCHEMA + _UNREAD)
        self._version = -1

    def submit(self, build: Callable[[int, str], Statement], signer: Signer, known: tuple[int, str]) -> int:
        """Sign under the next sequence number and put it in, in one transaction. `known`: (highest seq, its hash)."""
        with self._immediate():
            row = self._db.execute("SELECT seq, prev FROM device WHERE kid = ?", (signer.kid,)).fetchone()
            seq, prev = row if row is not None and row[0] >= known[0] else known
            token = seal(build(seq + 1, prev), signer)
            values = (signer.kid, seq + 1, ids.sha256(token))
            self._db.execute("INSERT OR REPLACE INTO device (kid, seq, prev) VALUES (?, ?, ?)", values)
            self._db.execute("INSERT INTO submission (token) VALUES (?)", (token,))
            return self._db.last_insert_rowid()

    def waiting(self) -> list[tuple[int, bytes]]:
        """(id, token) of what was not judged yet; cheap when nothing changed."""
        try:
            version = self._db.pragma("data_version")
            if version == self._version:
                return []
            rows: list[Any] = self._db.execute("SELECT id, token FROM submission WHERE done = 0 ORDER BY id").fetchall()
        except apsw.BusyError:
            return []  # somebody holds the file: look again at the next turn
        self._version = int(version)
        return [(row[0], row[1]) for row in rows]

    def settle(self, id_: int, settled: Settled) -> None:
        """Write the outcome down, after the commit."""
        values = (settled.index, settled.code, settled.detail, id_)
        try:
            self._db.execute("UPDATE submission SET done = 1, idx = ?, code = ?, detail = ? WHERE id = ?", values)
        except apsw.BusyError:
            self._version = -1  # it is judged again, and found to be known, at the next turn

    def outcome(self, id_: int) -> Settled | None:
        """None while the relay has not judged it."""
        row = self._db.execute("SELECT done, idx, code, detail FROM submission WHERE id = ?", (id_,)).fetchone()
        return None if row is None or not row[0] else Settled(row[1], row[2], row[3])

    def keep_unread(self, leaves: Iterable[StoredLeaf]) -> None:
        """Keep leaves that no party reads, and so none could hand back (protocol.md 10.15)."""
        rows = [(leaf.index, leaf.stamp, leaf.token) for leaf in leaves]
        if not rows:
            return
        try:
            self._db.executemany("INSERT OR REPLACE INTO unread (idx, stamp, token) VALUES (?, ?, ?)", rows)
        except apsw.BusyError:
            pass  # a copy less of a leaf that is durable in the log

    def unread(self) -> dict[int, tuple[int, bytes]]:
        """Those leaves by index: (stamp, token)."""
        rows: list[Any] = self._db.execute("SELECT idx, stamp, token FROM unread ORDER BY idx").fetchall()
        return {row[0]: (row[1], row[2]) for row in rows}

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def _immediate(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


WAIT_S_MAX = 10.0


def say(channel: ChannelHome, folded: Folded, model: type[Statement], **members: object) -> Settled | None:
    """Sign a statement of the operator's desk, hand it to the running relay, wait for its verdict. None: no answer."""
    clock, signer = SystemClock.of_home(channel.path), channel.signer("sig/desk-operations")
    spool = Spool(channel.path / "operator.sqlite")
    try:

        def build(seq: int, prev: str) -> Statement:
            return statement(model, folded, clock.now_ms(), seq, prev, **members)

        id_ = spool.submit(build, signer, newest(folded.ledger, signer.kid))
        until_ms = clock.monotonic_ms() + WAIT_S_MAX * 1000
        while (settled := spool.outcome(id_)) is None and clock.monotonic_ms() < until_ms:
            pause(0.05)
        return settled
    finally:
        spool.close()
