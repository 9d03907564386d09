"""A disk that goes wrong at one chosen operation: for the log store's crash tests. Plain files lie under it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from typing import Literal

import apsw

Fault = Literal["kill", "power", "fail", "late-fail"]
Change = Callable[[bytearray], None]
_SECTOR = 512


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: apsw.URIFilename | str, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name

    def xWrite(self, data: bytes, offset: int) -> None:
        kept = bytes(data)
        self._disk.change(
            self._path, lambda content: _put(content, offset, kept), lambda: super(_File, self).xWrite(kept, offset)
        )

    def xTruncate(self, newsize: int) -> None:
        self._disk.change(
            self._path, lambda content: _cut(content, newsize), lambda: super(_File, self).xTruncate(newsize)
        )

    def xSync(self, flags: int) -> None:
        self._disk.sync(self._path)


class Disk(apsw.VFS):
    """Every write, truncation, sync and removal is one operation. At operation number `at` (1 is the first):

    `kill` ends the process; `power` too, and takes back what was not synced, all but a random part of it; `fail` fails
    the operation undone, `late-fail` fails it done. Nothing is synced to the real disk: that only takes time.
    """

    def __init__(self, name: str, fault: Fault | None = None, at: int = 0) -> None:
        super().__init__(name, "unix")
        self.vfs = name
        self._fault = fault
        self._at = at
        self.operations = 0
        self._synced: dict[str, bytes] = {}
        self._unsynced: dict[str, list[Change]] = {}

    @property
    def is_over(self) -> bool:
        """Whether the fault has happened."""
        return self.operations >= self._at

    def fail_at(self, operation: int, fault: Fault) -> None:
        """Choose the fault after all."""
        self._at, self._fault = operation, fault

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:
            raise apsw.CantOpenError("the log needs no temporary files")
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        def remove() -> None:
            super(Disk, self).xDelete(filename, syncdir)
            self._synced.pop(filename, None)
            self._unsynced.pop(filename, None)

        self._operate(remove)

    def change(self, path: str, change: Change, perform: Callable[[], None]) -> None:
        """An operation on a file's content, which a power cut may take back until `sync`."""

        def both() -> None:
            perform()
            self._unsynced.setdefault(path, []).append(change)

        self._operate(both)

    def sync(self, path: str) -> None:
        """All changes of a file are for good."""

        def settle() -> None:
            content = bytearray(self._synced.get(path, b""))
            for change in self._unsynced.pop(path, []):
                change(content)
            self._synced[path] = bytes(content)

        self._operate(settle)

    def _operate(self, perform: Callable[[], None]) -> None:
        self.operations += 1
        if self.operations != self._at:
            perform()
            return
        match self._fault:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "power":
                self._cut_power()
            case "late-fail":
                perform()
        raise apsw.IOError("the disk of this test fails here")

    def _cut_power(self) -> None:
        chance = random.Random(self._at)
        for path, changes in self._unsynced.items():
            content = bytearray(self._synced.get(path, b""))
            for change in changes:
                if chance.random() < 0.5:
                    before = bytes(content)
                    change(content)
                    if chance.random() < 0.3:  # only a part of its sectors was written
                        at = _SECTOR * chance.randrange(1 + len(content) // _SECTOR)
                        content[at:] = before[at:]
            with open(path, "wb") as file:
                file.write(content)
        os.kill(os.getpid(), signal.SIGKILL)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _cut(content: bytearray, size: int) -> None:
    content.extend(bytes(max(0, size - len(content))))
    del content[size:]
