"""The writer that the crash tests kill: appends what a seed says and tells on stdout what was acknowledged.

    python -m tests.crash.appender loop DIR SEED           append until killed
    python -m tests.crash.appender each DIR SEED FAULT     one process for each operation of the disk, ended there

Lines: `<run> <size>` after each append that returned, size 0 after the log was made; `<run> done` from a run that was
not ended.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from channel.log import sqlite
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.log.store import LinkRow, StoredLeaf
from tests.crash.disk import Disk, Fault

GROUPS = 6
WAL_PAGES_MAX = 9  # so small that pages are moved out of the WAL within a few appends
ROOT = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def groups(seed: int) -> Iterator[tuple[list[StoredLeaf], str]]:
    """The commit groups of a seed, for ever: leaves, and in place of a note the tree's size and root."""
    chance, tree = random.Random(seed), Tree()
    while True:
        group = []
        for _ in range(chance.randint(1, 4)):
            token = b"a.b." + b"c" * chance.choice((1, 700, 9000))
            group.append(StoredLeaf(tree.size, tree.size, token))
            tree.append(leaf_hash(encode(tree.size, token)))
        yield group, note(tree)


def note(tree: Tree) -> str:
    """What stands for a checkpoint here."""
    return f"{tree.size} {tree.root().hex()}"


def work(directory: Path, seed: int, acknowledge: Callable[[int], None], vfs: str | None) -> None:
    """Make a log, append, close it, go on with it, close it. Stops at the first error."""
    source = groups(seed)
    for mode in ("create", "write"):
        log = SqliteLog(directory / "log.sqlite", mode, vfs=vfs)  # type: ignore[arg-type]
        try:
            acknowledge(log.size)
            for _ in range(GROUPS):
                group, text = next(source)
                log.put_links({"coalition": LinkRow(log.size, log.size, ROOT, 0)})
                log.append(group, text)
                acknowledge(log.size)
        finally:
            log.close()


def _tell(run: int, word: int | str) -> None:
    os.write(1, f"{run} {word}\n".encode())


def _loop(directory: Path, seed: int) -> None:
    log = SqliteLog(directory / "log.sqlite", "create")
    for group, text in groups(seed):
        log.append(group, text)
        _tell(0, log.size)


def _each(directory: Path, seed: int, fault: Fault) -> None:
    for run in count(1):
        place = directory / str(run)
        place.mkdir()
        child = os.fork()
        if child == 0:
            disk = Disk(f"disk-{run}", fault, run)
            work(place, seed, partial(_tell, run), disk.vfs)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            _tell(run, "done")
            return


if __name__ == "__main__":
    sqlite._WAL_PAGES_MAX = WAL_PAGES_MAX
    if sys.argv[1] == "loop":
        _loop(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _each(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])  # type: ignore[arg-type]
