"""Who signed in and who did what: one JSON line each, chained by hash, beside the log.

A line carries the SHA-256 of the line before (of the first: of nothing), so that one that was changed, taken out or
put in shows. What was cut off at the end shows only to somebody who kept a later line's hash: keep copies.
One console of a home writes it, and a command beside it: each line is written under a lock, after those of others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channel.protocol.errors import FatalError, UsageError
from channel.protocol.times import to_wire

AUDIT_FILE = "console-audit.jsonl"
LOCK_FILE = "console.lock"  # held while a console of the home runs
FIRST = hashlib.sha256(b"").hexdigest()
LINE_BYTES_MAX = 16 * 1024
TAIL_LINES = 20_000  # how far back sign-ins are looked for


class Audit:
    """Appends to the file; each line is durable before the action goes on."""

    def __init__(self, path: Path, *, console: bool = True) -> None:
        """UsageError if another console of the home runs, unless this is a command; FatalError for a damaged file."""
        self._path = path
        self._lock = _locked(path.with_name(LOCK_FILE)) if console else None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._release()
            raise FatalError(f"cannot open {path}: {error.strerror}; check the directory and the disk") from error
        self._n, self._before, self._size = 0, FIRST, 0
        try:
            with self._alone():
                self._follow()
        except BaseException:
            self.close()
            raise

    def write(self, at_ms: int, who: str, what: str, **details: Any) -> int:
        """One line; its number. FatalError if it cannot be made durable: then the action must not happen."""
        with self._alone():
            self._follow()
            line = {"n": self._n + 1, "at": to_wire(at_ms), "who": who, "what": what, **details, "before": self._before}
            data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode()
            if len(data) > LINE_BYTES_MAX:
                raise UsageError(f"this is too long for the audit: {len(data)} bytes of {LINE_BYTES_MAX}")
            try:
                os.write(self._file, data + b"\n")
                os.fsync(self._file)
            except OSError as error:
                raise FatalError(f"cannot write {self._path}: {error.strerror}; nothing was done") from error
            self._n, self._before = self._n + 1, hashlib.sha256(data).hexdigest()
            self._size += len(data) + 1
            return self._n

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _follow(self) -> None:
        """Take in what another process has written since, and check that it goes on from what was here."""
        size = os.fstat(self._file).st_size
        if size == self._size:
            return
        found = check(self._path, Checked(self._n, self._before, None), self._size)
        fault = found.fault if size > self._size else f"line {self._n} was cut off"
        if fault is not None:
            raise FatalError(
                f"{self._path}: {fault}; move it away, as evidence, and a new one is begun at the next start"
            )
        self._n, self._before, self._size = found.lines, found.head, size

    def sign_ins(self, count: int) -> list[tuple[str, str]]:
        """(who, address) of those who have signed in, the newest last."""
        lines = deque((json.loads(data) for data in _lines(self._path, 0)), maxlen=TAIL_LINES)
        found = [(str(one["who"]), str(one.get("address"))) for one in lines if one.get("what") == "sign-in"]
        return list(dict.fromkeys(reversed(found)))[:count][::-1]

    def close(self) -> None:
        """Let another console have it."""
        os.close(self._file)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path) -> int:
    """The lock of the home's one console. UsageError if another one holds it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FatalError(f"cannot open {path}: {error.strerror}; check the directory and the disk") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise UsageError(f"a console of {path.parent} runs already: use that one, or stop it first") from error
    return file


@dataclass(frozen=True, slots=True)
class Checked:
    """How many lines hold, the newest one's hash, and what does not hold."""

    lines: int
    head: str
    fault: str | None


def check(path: Path, known: Checked = Checked(0, FIRST, None), start: int = 0) -> Checked:
    """Read the file; from byte `start` on, which goes on from `known`."""
    before, count = known.head, known.lines
    for number, data in enumerate(_lines(path, start), start=count + 1):
        fault = _fault(number, data, before)
        if fault is not None:
            return Checked(count, before, fault)
        before, count = hashlib.sha256(data).hexdigest(), number
    return Checked(count, before, None)


def _lines(path: Path, start: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            while data := file.readline(LINE_BYTES_MAX + 2):
                yield data.removesuffix(b"\n") if data.endswith(b"\n") else data + b"\x00"
    except FileNotFoundError:
        raise UsageError(f"there is no audit at {path}: no console of this home has run yet") from None


def _fault(number: int, data: bytes, before: str) -> str | None:
    if data.endswith(b"\x00"):
        return f"line {number} is cut off"
    try:
        line = json.loads(data)
    except ValueError:
        return f"line {number} is no JSON"
    if not isinstance(line, dict) or line.get("n") != number:
        return f"line {number} does not say that it is that line: one was taken out or put in"
    if line.get("before") != before:
        return f"line {number} does not go on from the line before: that one was changed"
    return None
