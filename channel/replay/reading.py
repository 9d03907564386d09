"""Read a log file and fold it, whole or up to a moment, without touching it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channel.ledger.digest import state_digest
from channel.ledger.fold import Folded, fold
from channel.log.checkpoint import open_under
from channel.log.cosignature import merge
from channel.log.sqlite import SqliteLog
from channel.log.store import LinkRow, StoredLeaf
from channel.protocol import ids
from channel.protocol.errors import FatalError, ProofError, UsageError
from channel.protocol.times import to_wire
from channel.replay.moment import END, Moment


@dataclass(frozen=True, slots=True)
class Reading:
    """A log folded to some point. `size` is that of the whole log, `note` its newest checkpoint.

    `cosigned`: the parties that have cosigned that; `witnessed`: the newest size with a quorum (protocol.md 7.9).
    """

    folded: Folded
    size: int
    note: str | None
    links: dict[str, LinkRow]
    cosigned: tuple[str, ...] = ()
    witnessed: int = 0

    def head(self) -> dict[str, Any]:
        """Tree size, root and state digest of what was folded."""
        return {
            "tree_size": self.folded.tree.size,
            "root": ids.b64url(self.folded.tree.root()),
            "state_digest": state_digest(self.folded.ledger),
        }


def read_log(path: Path, until: str | None = None, progress: Callable[[int, int], None] | None = None) -> Reading:
    """Fold `path` up to leaf index or time `until`, leaf and moment included. `progress(done, of those)`."""
    log = SqliteLog(path, "read")
    try:
        size = log.size
        moment = Moment.of(until)
        report = None if progress is None else _reporter(progress, count_inside(log, moment))
        folded = fold(inside(log.leaves(), moment), report)
        newest, charter = log.newest_note(), folded.ledger.charter
        cosigned, witnessed = tuple(log.cosignatures(size)), log.witnessed(charter.terms.quorum)
        return Reading(folded, size, newest, dict(log.links()), cosigned, witnessed)
    finally:
        log.close()


def _reporter(progress: Callable[[int, int], None], size: int) -> Callable[[int], None]:
    def report(index: int) -> None:
        progress(index + 1, size)

    return report


def cosigned(path: Path, size: int, note: str, lines: Mapping[str, str]) -> str:
    """The checkpoint's note with the cosignatures that are kept beside it, by party; nothing is verified.

    FatalError names what of these is no note or no signature line, and whose.
    """
    where = f"checkpoint of {size} leaves"
    try:
        merged = merge(note, ())
    except ProofError as error:
        raise FatalError(
            f"{path}: the {where} is damaged ({error.code}); run `channel verify` on it and restore it"
        ) from None
    for party, line in lines.items():
        try:
            merged = merge(merged, [line])
        except ProofError as error:
            raise FatalError(
                f"{path}: the cosignature of {party} on the {where} is damaged ({error.code}); restore the log from a "
                "copy, or try again when a newer checkpoint has its cosignatures"
            ) from None
    return merged


def check_signed(path: Path, log: SqliteLog, folded: Folded) -> None:
    """What was folded is what the log signed, as far as its checkpoints reach. FatalError says what differs."""
    charter, wrong = folded.ledger.charter, f"channel verify {path} says what was changed; restore a copy"
    sizes = range(folded.tree.size, 0, -1)
    nearest = next((note for note in map(log.note, sizes) if note is not None), None)
    try:
        for note in filter(None, (nearest, log.newest_note())):
            signed = open_under(note, charter)
            if signed.size > log.size:
                raise FatalError(f"{path} has {log.size} leaves and a signed checkpoint of {signed.size}; {wrong}")
            if signed.size <= folded.tree.size and folded.tree.root(signed.size) != signed.root:
                raise FatalError(f"{path}: its first {signed.size} leaves are not those that the log signed; {wrong}")
    except ProofError as error:
        raise FatalError(f"{path}: a checkpoint does not verify ({error.code}); {wrong}") from None


def count_inside(log: SqliteLog, until: Moment) -> int:
    """How many leaves of a log are inside a moment. Stamps never decrease, so few of them are looked at."""

    def is_after(index: int) -> bool:
        (leaf,) = log.leaves(index, index + 1)
        return not until.covers(index, leaf.stamp)

    return log.size if until == END else bisect_left(range(log.size), True, key=is_after)


def inside(leaves: Iterable[StoredLeaf], until: Moment) -> Iterator[StoredLeaf]:
    """Leaves up to a moment. UsageError if the log began only after it."""
    for leaf in leaves:
        if not until.covers(leaf.index, leaf.stamp):
            if leaf.index == 0:
                raise UsageError(
                    f"nothing was in the log at that time: its first leaf came at {to_wire(leaf.stamp)}; "
                    "name that time or a later one"
                )
            return
        yield leaf
