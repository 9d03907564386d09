"""The writer's lock: one process at a time may write a log. The lock is the open file, so it ends with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from threading import Event

from channel.protocol.errors import FatalError

_TRIES, _PAUSE_S = 10, 0.01  # `holder` shares the lock for some microseconds: that stops no writer


class WriterLock:
    """Holds `<log>.lock` until `release`. The file names the holder; only a killed process leaves it behind."""

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(log.name + ".lock")
        self._file: int | None = _take(self._path, log)

    def release(self) -> None:
        """Let go and take the file away. Calling it twice is allowed."""
        if self._file is None:
            return
        self._path.unlink(missing_ok=True)  # while it is held: nobody else's file can be taken away
        os.close(self._file)
        self._file = None


def holder(log: Path) -> int | None:
    """Process id of whoever writes this log now; None if nobody does."""
    try:
        with log.with_name(log.name + ".lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read(20) or b"0")
    except FileNotFoundError:
        pass
    return None


def _take(path: Path, log: Path) -> int:
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FatalError(f"cannot write beside {log}: {error.strerror}") from error
        try:
            _lock(file)
        except OSError as error:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise FatalError(
                f"{log} is being written by process {holder}: stop it first (two writers would fork the log)"
            ) from error
        if _is_at(file, path):
            os.ftruncate(file, 0)
            os.pwrite(file, b"%d\n" % os.getpid(), 0)
            return file
        os.close(file)  # its holder removed it between our open and our lock: this lock would exclude nobody


def _lock(file: int) -> None:
    """OSError if somebody keeps it."""
    for left in reversed(range(_TRIES)):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not left:
                raise
        _pause()


def _pause() -> None:
    Event().wait(_PAUSE_S)


def _is_at(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(file)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
