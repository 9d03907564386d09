"""An append that returned is in the log, whatever happens to the process, the power or the disk at any operation."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest

from channel.log import sqlite
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import FatalError
from tests.crash import appender
from tests.crash.disk import Disk, Fault

REPOSITORY = Path(__file__).parents[2]
SEED = 2017
OPERATIONS_MIN = 100  # fewer would mean that the disk of the test is not the one in use


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "tests.crash.appender", *map(str, words)]


def _check(directory: Path, seed: int, acknowledged: int | None) -> None:
    """The log holds what was acknowledged, and beyond it at most the one whole group under way; it can go on."""
    path = directory / "log.sqlite"
    if acknowledged is None and not _is_made(path):
        return
    log = SqliteLog(path, "write")
    source, tree, ends = appender.groups(seed), Tree(), [0]
    expected = []
    while len(expected) < log.size:
        group, _ = next(source)
        expected += group
        ends.append(len(expected))
    assert list(log.leaves()) == expected
    assert log.size >= (acknowledged or 0)
    assert (acknowledged or 0) in ends[-2:], "a group that was not acknowledged is whole or not there, and is the last"
    for leaf in log.leaves():
        tree.append(leaf_hash(encode(leaf.stamp, leaf.token)))
    assert log.newest_note() == (appender.note(tree) if tree.size else None)
    assert [size for size, _ in log.notes()] == ends[1:]
    log.append(*next(source))
    log.close()
    assert [entry.name for entry in directory.iterdir()] == ["log.sqlite"]


def _is_made(path: Path) -> bool:
    try:
        SqliteLog(path, "write").close()
    except FatalError as error:
        if "never finished" in str(error) or "there is no log" in str(error):
            return False
        raise
    return True


@pytest.mark.parametrize("fault", ["kill", "power"])
def test_nothing_acknowledged_is_lost_when_the_writer_ends_at_any_operation(fault: Fault, tmp_path: Path) -> None:
    done = subprocess.run(
        _command("each", tmp_path, SEED, fault), cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    acknowledged: dict[int, int] = defaultdict(int)
    *lines, last = [line.split() for line in done.stdout.splitlines()]
    for run, size in lines:
        acknowledged[int(run)] = int(size)
    runs = int(last[0])
    assert last[1] == "done"
    assert runs > OPERATIONS_MIN
    for run in range(1, runs + 1):
        _check(tmp_path / str(run), SEED, acknowledged.get(run))


@pytest.mark.parametrize("fault", ["fail", "late-fail"])
def test_an_operation_that_fails_is_fatal_or_costs_nothing(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAL_PAGES_MAX", appender.WAL_PAGES_MAX)
    for at in count(1):
        directory = tmp_path / str(at)
        directory.mkdir()
        disk = Disk(f"{fault}-{at}", fault, at)
        acknowledged: list[int] = []
        try:
            appender.work(directory, SEED, acknowledged.append, disk.vfs)
        except FatalError:
            if not disk.is_over:
                raise
        _check(directory, SEED, acknowledged[-1] if acknowledged else None)
        if not disk.is_over:
            break
    assert at > OPERATIONS_MIN


@pytest.mark.parametrize("fault", ["fail", "late-fail"])
def test_after_a_failed_sync_the_store_does_nothing_more(fault: Fault, tmp_path: Path) -> None:
    """The next sync would succeed and mean nothing: the pages that failed are no longer marked as unwritten."""
    probe = Disk(f"probe-{fault}")
    log = SqliteLog(tmp_path / "log.sqlite", "create", vfs=probe.vfs)
    source = appender.groups(SEED)
    log.append(*next(source))
    before = probe.operations
    probe.fail_at(before + 3, fault)
    with pytest.raises(FatalError):
        log.append(*next(source))
    failed = probe.operations
    group, text = next(source)
    for call in (lambda: log.append(group, text), lambda: log.size, lambda: list(log.leaves())):
        with pytest.raises(FatalError, match="stop and start again"):
            call()
    log.close()
    assert probe.operations == failed


@pytest.mark.parametrize("seed", range(5))
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed_from_outside(seed: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        _command("loop", tmp_path, seed), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(7 * seed + 3)]
        writer.kill()
        lines += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    _check(tmp_path, seed, int(lines[-1].split()[1]))
