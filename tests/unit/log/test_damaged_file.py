"""Bytes of a log file changed at random: what is read is the same, or the change is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from channel.log.report import Report, Verdict
from channel.log.sqlite import SqliteLog
from channel.log.verify import verify_log
from channel.protocol.errors import FatalError
from tests.unit.log.growing import CHARTER, GrowingLog

BATCHES = 12
FLIPS = 25


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a cleanly closed log."""
    path = tmp_path_factory.mktemp("damaged") / "log.sqlite"
    log = GrowingLog(SqliteLog(path, "create")).grow(4, 3)
    log.store.close()
    return path.read_bytes()


def _verify(path: Path) -> Report | None:
    """None if the file cannot be read to its end."""
    try:
        log = SqliteLog(path, "read")
    except FatalError:
        return None
    try:
        return verify_log(log.rows(), log.notes(), CHARTER)
    except FatalError:
        return None
    finally:
        log.close()


def test_the_file_as_it_was_written_is_valid(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes(content)
    report = _verify(tmp_path / "log.sqlite")
    assert report is not None
    assert report.verdict is Verdict.VERIFIED


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_flipped_bit_anywhere_is_told_or_changes_nothing_that_is_read(
    seed: int, content: bytes, tmp_path: Path
) -> None:
    """Some bytes of a page hold nothing. A flip there leaves rows and notes as they were: only then is it valid."""
    chance, path = random.Random(seed), tmp_path / "log.sqlite"
    path.write_bytes(content)
    original = _read(path)
    for _ in range(FLIPS):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        report = _verify(path)
        if report is not None and report.verdict is Verdict.VERIFIED:
            assert _read(path) == original


def test_a_flipped_bit_in_any_token_names_its_leaf(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(content)
    leaves, _ = _read(path)
    for index, (_, token) in enumerate(leaves):
        if len(token) > 2000:
            continue  # spread over several pages: not to be found as one piece
        at = content.index(token[-40:])
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        report = _verify(path)
        assert report is not None
        assert {reason.leaf for reason in report.reasons} == {index}


def test_rows_out_of_order_do_not_keep_the_reader_for_ever(content: bytes, tmp_path: Path) -> None:
    """Each byte 7 may be the number of row 7; as a 3 it would send the reader back to row 4."""
    path = tmp_path / "log.sqlite"
    told = 0
    for at in (at for at, byte in enumerate(content) if byte == 7):
        path.write_bytes(content[:at] + b"\x03" + content[at + 1 :])
        try:
            log = SqliteLog(path, "read")
            assert len(list(log.rows())) + len(list(log.notes())) < 20
            log.close()
        except FatalError as error:
            told += "comes after" in str(error)
    assert told


def _read(path: Path) -> tuple[list[tuple[int, bytes]], list[tuple[int, str]]]:
    log = SqliteLog(path, "read")
    rows, notes = [(row.stamp, row.token) for row in log.rows()], list(log.notes())
    log.close()
    return rows, notes
