"""An export as tlog-tiles has the published paths and bytes, reads back, and shows every changed byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

import pytest

from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.report import REASONS as LOG_REASONS
from channel.log.report import Verdict
from channel.log.store import StoredLeaf
from channel.log.tiles import (
    CHECKPOINT,
    REASONS,
    WIDTH,
    Tile,
    TileWriter,
    entry_bundle,
    export,
    parse_path,
    read_bundle,
    tiles_of,
    verify_tiles,
)
from channel.protocol import codes
from channel.protocol.errors import InvariantError, ProofError
from tests.unit.log.growing import CHARTER, GrowingLog, note_of

Files = dict[str, bytes]
NO_PATHS = [
    "",
    "",
    "checkpoint",
    "tile/0/0",
    "tile/0/0000",
    "tile/00/000",
    "tile/64/000",
    "tile/0/x000/001",
    "tile/0/001/002",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/07",
    "tile/-1/000",
    "tile/0/000/",
    "tile/data/000",
    "tile/0/٠٠٠",
]


@cache
def _log() -> GrowingLog:
    return GrowingLog().grow(4, 2)


def _exported() -> Files:
    log = _log()
    return dict(export(log.store.leaves(), log.notes()[-1][1]))


def _found(files: Files) -> list[tuple[str, int | None]]:
    report = verify_tiles(files.get, CHARTER)
    assert report.verdict is Verdict.REFUTED
    return [(reason.code, reason.leaf) for reason in report.reasons]


def _made(count: int) -> Iterator[tuple[Tile, bytes]]:
    writer = TileWriter()
    for index in range(count):
        yield from writer.add(b"entry %d" % index)
    yield from writer.finish()


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(4, 1234067), "tile/4/x001/x234/067"),
        (Tile(1, 1000, 1), "tile/1/x001/000.p/1"),
        (Tile(None, 5, 255), "tile/entries/005.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize("path", NO_PATHS)
def test_other_texts_are_no_paths(path: str) -> None:
    with pytest.raises(ProofError):
        parse_path(path)


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_of(70_000))
    assert sum(tile.level == 0 and tile.width == WIDTH for tile in tiles) == 273
    assert [tile for tile in tiles if tile.level is not None and tile.width < WIDTH] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert sum(tile.level == 1 and tile.width == WIDTH for tile in tiles) == 1
    assert sum(tile.level is None for tile in tiles) == 274


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_536, 65_537, 70_000])
def test_the_writer_makes_exactly_the_tiles_of_the_size(size: int) -> None:
    made = [tile for tile, _ in _made(size)]
    assert sorted(made, key=str) == sorted(tiles_of(size), key=str)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_each_hash_is_that_of_the_subtree_it_stands_for(size: int) -> None:
    tree = Tree()
    for index in range(size):
        tree.append(leaf_hash(b"entry %d" % index))
    for tile, data in _made(size):
        hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
        if tile.level is None:
            assert read_bundle(data, tile.width) == [b"entry %d" % (tile.index * WIDTH + n) for n in range(tile.width)]
        elif tile.level == 0:
            assert hashes == [tree.leaf(tile.index * WIDTH + n) for n in range(tile.width)]
        else:
            assert hashes[0] == tree.root(WIDTH)


def test_entries_carry_their_length_in_two_bytes() -> None:
    assert entry_bundle([b"ab", b"c" * 300]) == b"\x00\x02ab\x01\x2c" + b"c" * 300


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x01", b"\x00\x01a\x00", b"\x00\x01a\x00\x02b", b"\x00\x01a" * 3])
def test_a_bundle_holds_exactly_its_entries(data: bytes) -> None:
    with pytest.raises(ProofError):
        read_bundle(data, 2)


def test_an_export_reads_back_as_the_log() -> None:
    files = _exported()
    assert list(files) == ["tile/entries/000.p/9", "tile/0/000.p/9", CHECKPOINT]
    report = verify_tiles(files.get, CHARTER)
    assert (report.verdict, report.size, report.reasons) == (Verdict.VERIFIED, 9, ())
    assert verify_tiles(files.get, None).verdict is Verdict.INCOMPLETE
    rows = _log().rows()
    assert read_bundle(files["tile/entries/000.p/9"], 9) == [encode(row.stamp, row.token) for row in rows]


def test_an_export_of_other_leaves_than_the_checkpoints_is_not_made() -> None:
    log = _log()
    with pytest.raises(InvariantError):
        list(export(log.store.leaves(0, 8), log.notes()[-1][1]))
    with pytest.raises(InvariantError):
        list(export(log.store.leaves(), note_of(9, bytes(32))))


def test_every_changed_byte_is_found() -> None:
    log = GrowingLog().grow(1, 2)
    files = dict(export(log.store.leaves(), log.notes()[-1][1]))
    for path, data in files.items():
        for at in range(0, len(data), 7 if path.startswith("tile/entries") else 1):
            bit = 1 << (hashlib.sha256(b"%d %s" % (at, path.encode())).digest()[0] % 8)
            changed = {**files, path: data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]}
            assert _found(changed), (path, at)


def test_a_changed_hash_names_its_leaf() -> None:
    files = _exported()
    path = "tile/0/000.p/9"
    data = files[path]
    assert _found({**files, path: data[:100] + b"x" + data[101:]}) == [("tile-changed", 3)]
    assert _found({**files, path: data[:-32]}) == [("tile-changed", 8)]


@pytest.mark.parametrize("path", ["tile/entries/000.p/9", "tile/0/000.p/9", CHECKPOINT])
@pytest.mark.parametrize("data", [None, b"", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_is_missing_or_something_else_is_told(path: str, data: bytes | None) -> None:
    files = _exported()
    del files[path]
    found = _found(files if data is None else {**files, path: data})
    assert {code for code, _ in found} <= {*REASONS, *LOG_REASONS, *codes.UNATTRIBUTABLE}


def test_a_size_that_nobody_has_the_tiles_for_ends_at_the_first() -> None:
    files = {CHECKPOINT: note_of(2**53 - 1, bytes(32)).encode()}
    assert ("missing-tile", 0) in _found(files)


def test_a_longer_log_than_its_checkpoint_is_refuted() -> None:
    log = _log()
    files = dict(export(log.store.leaves(), log.notes()[-1][1]))
    files[CHECKPOINT] = note_of(9, log.tree.root(8)).encode()
    assert ("root-mismatch", 0) in _found(files)


def test_rows_of_a_large_export_stream() -> None:
    log = GrowingLog()
    for _ in range(300):
        log.add("notice")
    log.commit()
    files = dict(export(log.store.leaves(), log.notes()[-1][1]))
    assert set(files) == {tile.path for tile in tiles_of(301)} | {CHECKPOINT}
    assert verify_tiles(files.get, CHARTER).verdict is Verdict.VERIFIED
    assert next(iter(export(iter([StoredLeaf(0, 1, b"a.b.c")] * 256), "")))[0] == "tile/entries/000"
