"""The SQLite file: who may open it, what is left of it, and what is said when something is wrong with it."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import apsw
import pytest

from channel.log.sqlite import SqliteLog
from channel.log.store import Cosignature, LinkRow, StoredLeaf
from channel.protocol.errors import ChannelError, FatalError, InvariantError

CT = "A" * 43
LINK = LinkRow(1, 2, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", 3)


def _group(start: int, stop: int) -> list[StoredLeaf]:
    return [StoredLeaf(index, index, b"a.b.leaf-%d" % index) for index in range(start, stop)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cleanly closed log of ten leaves."""
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path, "create")
    log.append(_group(0, 10), "note 10")
    log.put_links({"coalition": LINK})
    log.close()
    return path


def _change(path: Path, sql: str) -> None:
    database = apsw.Connection(str(path))
    database.execute(sql)
    database.close()


def _names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_clean_close_leaves_one_file(path: Path) -> None:
    assert _names(path) == ["log.sqlite"]


def test_a_log_is_found_again_as_it_was(path: Path) -> None:
    log = SqliteLog(path, "write")
    assert list(log.leaves()) == _group(0, 10)
    assert log.newest_note() == "note 10"
    assert log.links() == {"coalition": LINK}
    log.append(_group(10, 12), "note 12")
    log.close()
    assert [size for size, _ in SqliteLog(path, "read").notes()] == [10, 12]


def test_reading_a_closed_log_changes_and_adds_no_file(path: Path) -> None:
    before = path.read_bytes()
    path.chmod(stat.S_IRUSR)
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        log = SqliteLog(path, "read")
        assert len(list(log.leaves())) == log.size == 10
        assert log.links() == {"coalition": LINK}
        assert _names(path) == ["log.sqlite"]
        log.close()
        assert path.read_bytes() == before
    finally:
        path.parent.chmod(stat.S_IRWXU)


def test_the_header_names_the_application(path: Path) -> None:
    assert path.read_bytes()[68:72] == b"DCN1"


def test_pythons_own_sqlite_reads_it(path: Path) -> None:
    database = sqlite3.connect(path)
    assert database.execute("SELECT token FROM leaf WHERE idx = 3").fetchone() == (b"a.b.leaf-3",)
    database.close()


def test_a_reader_sees_what_a_writer_commits(path: Path) -> None:
    writer, reader = SqliteLog(path, "write"), SqliteLog(path, "read")
    assert reader.size == 10
    writer.append(_group(10, 11), "note 11")
    assert reader.size == 11
    assert reader.newest_note() == "note 11"
    assert [leaf.index for leaf in reader.leaves(9)] == [9, 10]
    reader.close()
    writer.close()
    assert _names(path) == ["log.sqlite"]


def test_a_reader_that_stays_costs_only_the_single_file(path: Path) -> None:
    writer, reader = SqliteLog(path, "write"), SqliteLog(path, "read")
    writer.append(_group(10, 11), "note 11")
    reading = reader.leaves()
    next(reading)
    writer.close()
    assert len(list(reading)) == 10
    reader.close()
    SqliteLog(path, "write").close()
    assert _names(path) == ["log.sqlite"]
    assert SqliteLog(path, "read").size == 11


def test_a_reader_does_not_write(path: Path) -> None:
    reader = SqliteLog(path, "read")
    with pytest.raises(InvariantError, match="reading only"):
        reader.append(_group(10, 11), "note 11")
    with pytest.raises(InvariantError, match="reading only"):
        reader.put_links({"coalition": LINK})
    reader.close()


def test_a_second_writer_is_told_who_holds_the_log(path: Path) -> None:
    first = SqliteLog(path, "write")
    with pytest.raises(FatalError, match=f"process {os.getpid()}: stop it first"):
        SqliteLog(path, "write")
    first.append(_group(10, 11), "note 11")
    first.close()
    SqliteLog(path, "write").close()


def test_a_lock_file_left_by_a_killed_process_is_no_hindrance(path: Path) -> None:
    path.with_name("log.sqlite.lock").write_text("1\n")
    SqliteLog(path, "write").close()
    assert _names(path) == ["log.sqlite"]


def test_reading_and_appending_go_on_in_two_threads(path: Path) -> None:
    log = SqliteLog(path, "write")
    faults: list[ChannelError] = []

    def append() -> None:
        try:
            for index in range(10, 210):
                log.append(_group(index, index + 1), f"note {index + 1}")
        except ChannelError as error:
            faults.append(error)

    thread = threading.Thread(target=append)
    thread.start()
    while thread.is_alive():
        size = log.size
        assert [leaf.index for leaf in log.leaves(size - 5, size)] == list(range(size - 5, size))
    thread.join()
    assert not faults
    assert log.size == 210
    log.close()


def test_the_write_ahead_log_stays_bounded(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite", "create")
    token = b"a.b." + b"c" * 30_000
    for index in range(600):
        log.append([StoredLeaf(index, 0, token)], f"note {index}")
    assert (tmp_path / "log.sqlite-wal").stat().st_size < 8 * 2**20 < 600 * 30_000
    log.close()


def test_links_may_be_lost_but_leaves_not_when_nothing_closes_the_log(path: Path) -> None:
    log = SqliteLog(path, "write")
    log.append(_group(10, 11), "note 11")
    log.put_links({"russia": LINK})
    log.put_cosignatures([Cosignature(11, "russia", "line\n")])
    reader = SqliteLog(path, "read")
    assert reader.size == 11
    assert reader.links() == {"coalition": LINK}
    assert reader.witnessed(1) == 0
    reader.close()
    log.close()
    assert SqliteLog(path, "read").witnessed(1) == 11
    assert set(SqliteLog(path, "read").links()) == {"coalition", "russia"}


@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_log_that_is_not_there_is_not_made(tmp_path: Path, mode: str) -> None:
    with pytest.raises(FatalError, match=r"there is no log at .* restore it"):
        SqliteLog(tmp_path / "log.sqlite", mode)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm", "log.sqlite-journal"])
def test_a_log_is_not_made_over_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"of somebody")
    with pytest.raises(FatalError, match="is there already"):
        SqliteLog(tmp_path / "log.sqlite", "create")
    assert (tmp_path / name).read_bytes() == b"of somebody"


@pytest.mark.parametrize("mode", ["write", "read"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "never finished.* restore it"),
        (b"some text, and more of it" * 100, "damaged or no log"),
        (b"SQLite format 3\0" * 9, "damaged or no log"),
    ],
)
def test_a_file_that_is_no_log_is_refused_and_left_alone(tmp_path: Path, mode: str, content: bytes, says: str) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(content)
    with pytest.raises(FatalError, match=says):
        SqliteLog(path, mode)  # type: ignore[arg-type]
    assert path.read_bytes() == content
    assert _names(path) == ["log.sqlite"]


@pytest.mark.parametrize("mode", ["write", "read"])
@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("PRAGMA application_id = 7", "another program's database.* restore it"),
        ("PRAGMA user_version = 4", "format 4, this version reads 1 to 3"),
        ("PRAGMA user_version = 1", "changed by hand"),
        ("CREATE TABLE more (a)", "changed by hand"),
        ("CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM leaf; END", "changed by hand"),
        ("DROP TABLE link", "changed by hand"),
    ],
)
def test_another_database_is_refused(path: Path, mode: str, sql: str, says: str) -> None:
    _change(path, sql)
    with pytest.raises(FatalError, match=says):
        SqliteLog(path, mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("sql", ["DELETE FROM leaf WHERE idx = 9", "DELETE FROM note"])
def test_a_writer_does_not_go_on_when_leaves_and_checkpoint_disagree(path: Path, sql: str) -> None:
    _change(path, sql)
    with pytest.raises(FatalError, match="newest checkpoint covers"):
        SqliteLog(path, "write")
    SqliteLog(path, "read").close()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM leaf WHERE idx = 4", "leaf 4 is missing"),
        ("UPDATE leaf SET token = X'612E622E63' WHERE idx = 4", "leaf 4 is damaged"),
        ("UPDATE leaf SET stamp = 5 WHERE idx = 4", "leaf 4 is damaged"),
        ("UPDATE leaf SET hash = X'00' WHERE idx = 4", "leaf 4 is damaged"),
    ],
)
def test_a_damaged_row_is_named_and_not_handed_out(path: Path, sql: str, says: str) -> None:
    _change(path, sql)
    log = SqliteLog(path, "write")
    seen: list[StoredLeaf] = []
    with pytest.raises(FatalError, match=says):
        seen.extend(log.leaves())
    assert [leaf.index for leaf in seen] == [0, 1, 2, 3]
    log.close()


def test_rows_hands_out_what_is_there(path: Path) -> None:
    _change(path, "DELETE FROM leaf WHERE idx = 4")
    _change(path, "UPDATE leaf SET token = X'00' WHERE idx = 5")
    log = SqliteLog(path, "read")
    rows = list(log.rows())
    assert [row.index for row in rows] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert rows[4].token == b"\0"
    log.close()


def test_a_note_that_is_no_text_is_handed_out_as_no_note(path: Path) -> None:
    _change(path, "UPDATE note SET text = X'FF'")
    log = SqliteLog(path, "read")
    assert list(log.notes()) == [(10, "\ufffd")]
    log.close()


# --- format 1 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def old(path: Path) -> Path:
    """The log as a version without cosignatures left it."""
    _change(path, "DROP TABLE cosignature")
    _change(path, "DROP TABLE body")
    _change(path, "PRAGMA user_version = 1")
    return path


def test_a_log_of_format_1_is_read_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    log = SqliteLog(old, "read")
    assert list(log.leaves()) == _group(0, 10)
    assert (log.cosignatures(10), log.witnessed(1)) == ({}, 0)
    assert (log.body(CT), log.bodies()) == (None, set())
    log.close()
    assert old.read_bytes() == before


def test_a_log_of_format_1_is_brought_up_to_date_by_its_writer(old: Path) -> None:
    reader, row = SqliteLog(old, "read"), Cosignature(10, "russia", "line\n")
    log = SqliteLog(old, "write")
    log.put_cosignatures([row])
    log.flush()
    assert reader.cosignatures(10) == {"russia": "line\n"}
    reader.close()
    log.close()
    assert _names(old) == ["log.sqlite"]
    again = SqliteLog(old, "write")
    assert (list(again.leaves()), again.cosignatures(10)) == (_group(0, 10), {"russia": "line\n"})
    again.close()


def test_a_log_of_format_2_is_read_as_it_is_and_brought_up_to_date(path: Path) -> None:
    _change(path, "DROP TABLE body")
    _change(path, "PRAGMA user_version = 2")
    reader = SqliteLog(path, "read")
    assert (reader.body(CT), reader.bodies()) == (None, set())
    log = SqliteLog(path, "write")
    log.append(_group(10, 11), "note", {CT: b"body"})
    assert (reader.body(CT), reader.bodies()) == (b"body", {CT})
    reader.close()
    log.close()


def test_of_a_body_that_is_deleted_nothing_stays_in_the_file(path: Path) -> None:
    log, jwe = SqliteLog(path, "write"), b"a body that is to go " * 500
    log.append(_group(10, 11), "note", {CT: jwe})
    log.append(_group(11, 12), "more", spent=[CT])
    log.close()
    assert b"a body that is to go" not in path.read_bytes()


def test_a_reader_keeps_no_cosignatures(path: Path) -> None:
    reader = SqliteLog(path, "read")
    with pytest.raises(InvariantError, match="reading only"):
        reader.put_cosignatures([Cosignature(10, "russia", "line\n")])
    reader.close()
