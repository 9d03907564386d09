"""Who signed in and who did what: one JSON line each, chained by hash, beside the log.

A line carries the SHA-256 of the line before (of the first: of nothing), so that one that was changed, taken out or
put in shows. What was cut off at the end shows only to somebody who kept a later line's hash: keep copies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channel.protocol.errors import FatalError, UsageError
from channel.protocol.times import to_wire

AUDIT_FILE = "console-audit.jsonl"
FIRST = hashlib.sha256(b"").hexdigest()
LINE_BYTES_MAX = 16 * 1024


class Audit:
    """Appends to the file; one process at a time, each line durable before the action goes on."""

    def __init__(self, path: Path) -> None:
        """FatalError if another console holds it, or if its end is damaged."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FatalError(f"cannot open {path}: {error.strerror}; check the directory and the disk") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise UsageError(f"a console of {path.parent} runs already: use that one, or stop it first") from error
        found = check(path)
        if found.fault is not None:
            os.close(self._file)
            raise FatalError(
                f"{path}: {found.fault}; move it away, as evidence, and a new one is begun at the next start"
            )
        self._n, self._before = found.lines, found.head

    def write(self, at_ms: int, who: str, what: str, **details: Any) -> None:
        """One line. FatalError if it cannot be made durable: then the action must not happen."""
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

    def close(self) -> None:
        """Let another console have it."""
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Checked:
    """How many lines hold, the newest one's hash, and what does not hold."""

    lines: int
    head: str
    fault: str | None


def check(path: Path) -> Checked:
    """Read the whole file."""
    before, count = FIRST, 0
    for number, data in enumerate(_lines(path), start=1):
        fault = _fault(number, data, before)
        if fault is not None:
            return Checked(count, before, fault)
        before, count = hashlib.sha256(data).hexdigest(), number
    return Checked(count, before, None)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
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
