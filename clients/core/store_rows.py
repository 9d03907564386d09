"""One connection to a client's store: transactions, and SQLite's errors as ours. What is in it: `store`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from channel.protocol.errors import FatalError


class Rows:
    """What every part of the store reads and writes with."""

    _db: apsw.Connection
    _path: Path
    _depth: int

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

    def _all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(sql, values).fetchall()

    def _one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        rows = self._all(sql, values)
        return rows[0] if rows else None

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
