"""The log as C2SP tlog-tiles: paths and bytes of checkpoint, hash tiles and entry bundles, and reading them back.

Pure: `export` yields (path, bytes), `verify_tiles` takes a function that gets bytes by path. Files are others'. Entries
are the leaves' bytes (protocol.md 7.1), so who holds an export with entries holds every leaf: it is the operator's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from channel.log import checkpoint as checkpoints
from channel.log import leaf as leaves
from channel.log.merkle import HASH_BYTES, Tree
from channel.log.report import Reasons, Report, Verdict
from channel.log.store import StoredLeaf
from channel.log.verify import verify_log
from channel.protocol import limits
from channel.protocol.errors import InvariantError, PeerError, ProofError

CHECKPOINT = "checkpoint"
WIDTH = 256  # hashes or entries in a full tile
LEVEL_MAX = 63
_LENGTH_BYTES = 2  # before each entry, big-endian
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

Get = Callable[[str], bytes | None]
"""Bytes at a path of the export, None if there are none."""

REASONS: dict[str, str] = {
    "missing-tile": "a tile or entry bundle that the checkpoint's size asks for is not there",
    "bad-tile": "an entry bundle does not hold so many leaves, each with its length before it",
    "tile-changed": "a hash tile is not the one that the entries give",
}
"""Codes of `verify_tiles` beside those of a log's verification (`channel.log.report`)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile stands: `level` None for an entry bundle; `width` hashes or entries, 256 when full."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path below the export's root, such as `tile/0/x001/067` or `tile/entries/000.p/7`."""
        rest, last = divmod(self.index, 1000)
        number = f"{last:03d}"
        while rest:
            rest, part = divmod(rest, 1000)
            number = f"x{part:03d}/{number}"
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{number}" + ("" if self.width == WIDTH else f".p/{self.width}")


def parse_path(path: str) -> Tile:
    """The inverse of `Tile.path`. ProofError(`bad-tile`) for any other text."""
    match = _PATH.fullmatch(path)
    if match is not None and path.isascii():
        level = None if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("x", "").replace("/", ""))
        tile = Tile(level, index, int(match[3] or WIDTH))
        if tile.path == path and (level or 0) <= LEVEL_MAX and index <= limits.SEQ_MAX:
            return tile
    raise ProofError("bad-tile", "not the path of a tile")


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves: entry bundles first, then hash tiles, level by level."""
    yield from _level(None, size)
    level, count = 0, size
    while count:
        yield from _level(level, count)
        level, count = level + 1, count // WIDTH


def _level(level: int | None, count: int) -> Iterator[Tile]:
    for index in range(count // WIDTH):
        yield Tile(level, index)
    if count % WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)


@dataclass(slots=True)
class _Column:
    """What is not yet a full tile at one level."""

    hashes: list[bytes] = field(default_factory=list)
    index: int = 0


class TileWriter:
    """Takes leaves in order, gives tiles as they are full, and the partial ones at the end."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._columns: list[_Column] = [_Column()]

    def add(self, leaf: bytes) -> Iterator[tuple[Tile, bytes]]:
        """One leaf's bytes more; yields what it completes."""
        self._entries.append(leaf)
        if len(self._entries) == WIDTH:
            yield Tile(None, self._columns[0].index), entry_bundle(self._entries)
            self._entries.clear()
        digest, level = leaves.leaf_hash(leaf), 0
        while True:
            column = self._columns[level]
            column.hashes.append(digest)
            if len(column.hashes) < WIDTH:
                return
            yield Tile(level, column.index), b"".join(column.hashes)
            digest = _root(column.hashes)
            column.index += 1
            column.hashes.clear()
            level += 1
            if level == len(self._columns):
                self._columns.append(_Column())

    def finish(self) -> Iterator[tuple[Tile, bytes]]:
        """The partial tiles at the right edge."""
        if self._entries:
            yield Tile(None, self._columns[0].index, len(self._entries)), entry_bundle(self._entries)
        for level, column in enumerate(self._columns):
            if column.hashes:
                yield Tile(level, column.index, len(column.hashes)), b"".join(column.hashes)


def export(rows: Iterable[StoredLeaf], note: str) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of the whole export; the checkpoint comes last, when all that it covers is there.

    InvariantError if the rows are not exactly those of the note's tree.
    """
    writer, tree = TileWriter(), Tree()
    for row in rows:
        data = leaves.encode(row.stamp, row.token)
        tree.append(leaves.leaf_hash(data))
        for tile, written in writer.add(data):
            yield tile.path, written
    for tile, written in writer.finish():
        yield tile.path, written
    head = checkpoints.parse_body(checkpoints.split_note(note)[0])
    if (head.size, head.root) != (tree.size, tree.root()):
        raise InvariantError(f"the checkpoint of size {head.size} is not that of these {tree.size} leaves")
    yield CHECKPOINT, note.encode()


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Leaves' bytes, each behind its length in two bytes."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. ProofError(`bad-tile`) if it holds fewer, more, or anything else."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        start, at = at + _LENGTH_BYTES, at + _LENGTH_BYTES + length
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise ProofError("bad-tile", f"expected {width} entries")
    return entries


def verify_tiles(get: Get, charter: bytes | None) -> Report:
    """Verify an export: its leaves as a log under its checkpoint, and every hash tile against the leaves.

    Exports are read whole. What is wrong is a reason in the report; errors of `get` itself go through.
    """
    reading = _Reading(get)
    try:
        size, note = _head(get(CHECKPOINT))
        report = verify_log(reading.rows(size), [(size, note)], charter)
    except ProofError as error:
        report = verify_log([], [], charter)
        reading.reasons.add(error.code, None, f"{CHECKPOINT}: {error.detail}")
    if not reading.reasons:
        return report
    return replace(report, verdict=Verdict.REFUTED, reasons=(*report.reasons, *reading.reasons.listed()))


class _Reading:
    """Rows out of an export; on the way every hash tile is compared with what the rows give."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._writer = TileWriter()
        self.reasons = Reasons()

    def rows(self, size: int) -> Iterator[StoredLeaf]:
        index = 0
        for tile in _level(None, size):
            data = self._get(tile.path)
            if data is None:
                self.reasons.add("missing-tile", index, f"{tile.path} is not there")
                return
            try:
                for entry in read_bundle(data, tile.width):
                    stamp, token = leaves.decode(entry)
                    yield StoredLeaf(index, stamp, token)
                    self._compare(self._writer.add(entry), index)
                    index += 1
            except (PeerError, ProofError) as error:
                self.reasons.add("bad-tile", index, f"{tile.path}: {error.detail}")
                return
        self._compare(self._writer.finish(), max(index - 1, 0))

    def _compare(self, made: Iterator[tuple[Tile, bytes]], index: int) -> None:
        for tile, data in made:
            if tile.level is None:
                continue
            there = self._get(tile.path)
            if there is None:
                self.reasons.add("missing-tile", index, f"{tile.path} is not there")
            elif there != data:
                first = _differs(there, data) * WIDTH**tile.level + tile.index * WIDTH ** (tile.level + 1)
                self.reasons.add("tile-changed", first, f"{tile.path} is not what the entries give")


def _head(data: bytes | None) -> tuple[int, str]:
    """(size, note) of an export's checkpoint, nothing verified. ProofError(`bad-note`) if it is none."""
    if data is None or len(data) > 4 * checkpoints.NOTE_CHARS_MAX:
        raise ProofError("bad-note", "there is no checkpoint, or it is too long")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise ProofError("bad-note", "expected UTF-8") from None
    return checkpoints.parse_body(checkpoints.split_note(note)[0]).size, note


def _differs(there: bytes, data: bytes) -> int:
    """Which hash of a tile is the first that differs."""
    pairs = zip(range(0, len(data), HASH_BYTES), range(0, len(there), HASH_BYTES), strict=False)
    wrong = (n for n, (at, _) in enumerate(pairs) if there[at : at + HASH_BYTES] != data[at : at + HASH_BYTES])
    return next(wrong, min(len(data), len(there)) // HASH_BYTES)


def _root(hashes: Iterable[bytes]) -> bytes:
    tree = Tree()
    for digest in hashes:
        tree.append(digest)
    return tree.root()
