"""A relay's start: open the log, fold it, compare it with its newest checkpoint, or say what to do (clause 7.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from channel.ledger.fold import Folded, fold
from channel.log import checkpoint
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import FatalError, ProofError
from channel.relay.core import Core, Keys
from channel.relay.home import ChannelHome


@dataclass(slots=True)
class Booted:
    """An open log and the core that goes on with it."""

    store: SqliteLog
    core: Core


def boot(home: ChannelHome, progress: Callable[[int], None] | None = None) -> Booted:
    """Take the log for writing and rebuild everything from it. FatalError if it does not agree with itself."""
    _, of = home.charter()
    keys = Keys(machine=home.signer("sig/machine-1"), log=home.signer("sig/log-1"))
    store = SqliteLog(home.log_file, "write")
    try:
        folded = fold(store.leaves(), progress)
        note = store.newest_note()
        if folded.ledger.charter_of != of:
            raise _disagrees(home, "leaf 0 is another charter than charter.jws")
        _check(home, folded, keys, note)
    except BaseException:
        store.close()
        raise
    return Booted(store, Core(folded, keys, note or ""))


def _check(home: ChannelHome, folded: Folded, keys: Keys, note: str | None) -> None:
    if note is None:
        raise _disagrees(home, "it has no checkpoint")
    origin = f"dcn/{folded.ledger.charter.net}"
    try:
        newest = checkpoint.open_note(note, origin, keys.log.public)
    except ProofError as error:
        raise _disagrees(home, f"its newest checkpoint does not verify ({error.code})") from error
    if (newest.size, newest.root) != (folded.tree.size, folded.tree.root()):
        raise _disagrees(home, f"its {folded.tree.size} leaves do not add up to the checkpoint of size {newest.size}")


def _disagrees(home: ChannelHome, why: str) -> FatalError:
    return FatalError(
        f"{home.log_file} is damaged or was changed: {why}. The relay does not start, so that no second history comes "
        f"about. See what is wrong: channel verify {home.log_file} --charter {home.charter_file}; then restore a copy"
    )
