"""Putting a log back from a copy, so that no second history comes about (protocol.md 7.10, 10.14)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from channel.log.lock import holder
from channel.log.sqlite_file import copy_log, sync_directory
from channel.protocol import ids
from channel.protocol.errors import ChannelError, FatalError, UsageError
from channel.protocol.statements import Previous
from channel.relay import quarantine_file
from channel.relay.home import ChannelHome
from channel.replay import Reading, read_log

LISTED_MAX = 1_000  # what `previous` holds in a charter


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place. `aside`: where the log that was there is now, None if there was none."""

    size: int
    aside: Path | None


def restore(home: Path, copy: Path, now_ms: int) -> Restored:
    """Put a copy in the place of the log, and mark it: the relay takes nothing before every party was heard.

    UsageError, and nothing is changed, if a relay runs, the copy is of another net, or the log is whole and longer.
    """
    channel = ChannelHome(home)
    channel.refuse_unfinished()
    _refuse_running(channel)
    reading = _whole(channel, copy)
    size, there = reading.folded.tree.size, _size(channel.log_file)
    if there is not None and there >= size:
        raise UsageError(f"{channel.log_file} is whole and has {there} leaves, {copy} has {size}: nothing was done")
    part = channel.log_file.with_name("log.restored.sqlite")
    if not (part.exists() and part.samefile(copy)):  # what an interrupted restore left may be the only copy
        part.unlink(missing_ok=True)
        copy_log(copy, part)
    _mark(home, reading, now_ms)
    aside = _set_aside(channel.log_file)
    part.replace(channel.log_file)
    sync_directory(home)
    return Restored(size, aside)


def mark(home: Path, now_ms: int) -> int:
    """Mark the log that is there as put back from a copy; its size."""
    channel = ChannelHome.open(home)
    _refuse_running(channel)
    reading = _whole(channel, channel.log_file)
    _mark(home, reading, now_ms)
    return reading.folded.tree.size


def previous(home: Path) -> Previous:
    """The head of the log that a new net goes on from, and what is lost of it, for its charter (protocol.md 6.1)."""
    channel = ChannelHome.open(home)
    kept = quarantine_file.read(home)
    if kept is None:
        _refuse_running(channel)  # its head would move on
        reading = read_log(channel.log_file)
        tree = reading.folded.tree
        return Previous(net=channel.settings().net, size=tree.size, root=ids.b64url(tree.root()), missing=())
    if kept.state == "waiting":
        raise UsageError(
            f"{', '.join(kept.waiting)} may still hand leaves back, so what is lost of {home} is not known: have them "
            f"connect, or go on without one that cannot come (channel quarantine --without PARTY --home {home})"
        )
    if len(kept.missing) > LISTED_MAX:
        raise UsageError(
            f"{len(kept.missing)} leaves are missing and a charter lists at most {LISTED_MAX}: restore a newer copy "
            "first, or found the new net without --previous and tell the parties its head by voice"
        )
    return Previous(net=channel.settings().net, size=kept.shown, root=kept.shown_root, missing=kept.missing)


def _refuse_running(channel: ChannelHome) -> None:
    pid = holder(channel.log_file)
    if pid is not None:
        raise UsageError(f"the relay runs (process {pid}): stop it first")


def _whole(channel: ChannelHome, log: Path) -> Reading:
    reading = read_log(log)
    if reading.folded.ledger.charter_of != channel.charter()[1]:
        raise UsageError(f"{log} is the log of another charter than {channel.charter_file}: name the right copy")
    return reading


def _size(log: Path) -> int | None:
    """How many leaves a log has that can be read to its end; None of one that is damaged or not there."""
    try:
        return read_log(log).folded.tree.size
    except ChannelError:
        return None


def _set_aside(log: Path) -> Path | None:
    """The log that is there, with what SQLite keeps beside it, under another name: it may be evidence."""
    if not log.exists():
        return None
    number = 1
    while (aside := log.with_name(f"log.aside-{number}.sqlite")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        beside = log.with_name(log.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    return aside


def _mark(home: Path, reading: Reading, now_ms: int) -> None:
    """What was shown before stays shown; that a party cannot come was said of then."""
    quarantine_file.take_back(home)
    quarantine_file.mark(home, _kept(reading, now_ms, _shown_before(home)))


def _shown_before(home: Path) -> dict[str, str]:
    try:
        kept = quarantine_file.read(home)
    except FatalError:
        return {}  # the parties show again what they hold
    return {} if kept is None else kept.notes


def _kept(reading: Reading, now_ms: int, notes: dict[str, str]) -> quarantine_file.Kept:
    tree = reading.folded.tree
    root = ids.b64url(tree.root())
    return quarantine_file.Kept(
        since_ms=now_ms,
        why="the operator put back a copy",
        notes=notes,
        size=tree.size,
        root=root,
        shown=tree.size,
        shown_root=root,
        waiting=tuple(reading.folded.ledger.parties),
        missing=(),
        forked=False,
    )
