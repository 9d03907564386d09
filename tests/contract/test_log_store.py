"""The log store's contract: every backend passes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from channel.log.leaf import encode, leaf_hash
from channel.log.sqlite import SqliteLog
from channel.log.store import Cosignature, LinkRow, LogStore, StoredLeaf
from channel.protocol.errors import FatalError, InvariantError
from channel.testing.memory import MemoryLog

ROOT = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def _sqlite(path: Path) -> LogStore:
    return SqliteLog(path / "log.sqlite", "create")


def _memory(_path: Path) -> LogStore:
    return MemoryLog()


@pytest.fixture(params=[_sqlite, _memory], ids=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    make: Callable[[Path], LogStore] = request.param
    made = make(tmp_path)
    yield made
    made.close()


def _leaf(index: int, stamp: int = 5) -> StoredLeaf:
    return StoredLeaf(index, stamp, b"a.b.leaf-%d" % index)


def _group(start: int, stop: int) -> list[StoredLeaf]:
    return [_leaf(index, 1000 + index) for index in range(start, stop)]


def test_a_new_store_is_empty(store: LogStore) -> None:
    assert store.size == 0
    assert store.newest_note() is None
    assert list(store.leaves()) == list(store.notes()) == []
    assert store.links() == {}


def test_what_is_appended_can_be_read(store: LogStore) -> None:
    store.append(_group(0, 3), "first")
    store.append(_group(3, 4), "second — with a dash")
    assert store.size == 4
    assert list(store.leaves()) == _group(0, 4)
    assert store.newest_note() == "second — with a dash"
    assert list(store.notes()) == [(3, "first"), (4, "second — with a dash")]


def test_each_leaf_carries_its_hash(store: LogStore) -> None:
    store.append(_group(0, 3), "note")
    for leaf in store.leaves():
        assert leaf.leaf_hash == leaf_hash(encode(leaf.stamp, leaf.token))


def test_a_hash_that_the_caller_gives_is_not_believed(store: LogStore) -> None:
    store.append([StoredLeaf(0, 5, b"a.b.c", bytes(32))], "note")
    assert next(store.leaves()).leaf_hash == leaf_hash(b"5 a.b.c")


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [(0, None, range(700)), (690, None, range(690, 700)), (5, 300, range(5, 300)), (0, 256, range(256)),
     (256, 512, range(256, 512)), (699, 9999, range(699, 700)), (700, None, range(0)), (9, 9, range(0)),
     (9, 3, range(0)), (-3, 2, range(2))],
)  # fmt: skip
def test_any_stretch_can_be_read(store: LogStore, start: int, stop: int | None, expected: range) -> None:
    store.append(_group(0, 700), "note")
    assert [leaf.index for leaf in store.leaves(start, stop)] == list(expected)


def test_leaves_appended_while_reading_are_not_in_the_reading(store: LogStore) -> None:
    store.append(_group(0, 600), "note")
    reading = store.leaves()
    first = next(reading)
    store.append(_group(600, 601), "later")
    assert [first, *reading] == _group(0, 600)


def test_many_notes_are_read_in_order(store: LogStore) -> None:
    for index in range(300):
        store.append([_leaf(index)], f"note {index + 1}")
    assert list(store.notes()) == [(size, f"note {size}") for size in range(1, 301)]


@pytest.mark.parametrize(
    "group",
    [[], [_leaf(1)], [_leaf(3)], [_leaf(2), _leaf(2)], [_leaf(2), _leaf(4)], [_leaf(2, 4)], [_leaf(2, 6), _leaf(3, 5)],
     [StoredLeaf(2, 5, b"not a token")], [_leaf(2), StoredLeaf(3, 5, b"")], [StoredLeaf(2, 2**53, b"a.b.c")]],
)  # fmt: skip
def test_a_group_that_does_not_continue_the_log_is_refused_whole(store: LogStore, group: list[StoredLeaf]) -> None:
    store.append([_leaf(0), _leaf(1)], "note")
    with pytest.raises(InvariantError):
        store.append(group, "wrong")
    assert list(store.leaves()) == [_leaf(0), _leaf(1)]
    assert store.newest_note() == "note"
    store.append([_leaf(2)], "right")
    assert store.size == 3


def test_equal_stamps_are_in_order(store: LogStore) -> None:
    store.append([_leaf(0), _leaf(1)], "note")
    store.append([_leaf(2)], "note")
    assert [leaf.stamp for leaf in store.leaves()] == [5, 5, 5]


def test_links_are_remembered_and_replaced(store: LogStore) -> None:
    store.put_links({"coalition": LinkRow(1, 2, ROOT, 3), "russia": LinkRow(4, 5, ROOT, 6)})
    store.put_links({"coalition": LinkRow(7, 8, ROOT, 9)})
    assert store.links() == {"coalition": LinkRow(7, 8, ROOT, 9), "russia": LinkRow(4, 5, ROOT, 6)}
    store.append([_leaf(0)], "note")
    assert store.links()["coalition"] == LinkRow(7, 8, ROOT, 9)


def test_links_that_are_handed_out_are_a_copy(store: LogStore) -> None:
    store.put_links({"coalition": LinkRow(1, 2, ROOT, 3)})
    store.links().clear()
    assert store.links()


def test_a_closed_store_refuses_work_and_closes_again(store: LogStore) -> None:
    store.append([_leaf(0)], "note")
    store.close()
    store.close()
    for call in _calls(store):
        with pytest.raises(InvariantError, match="closed"):
            call()


@pytest.mark.parametrize("make", [_sqlite, _memory], ids=["sqlite", "memory"])
def test_after_a_failure_everything_is_refused(
    make: Callable[[Path], LogStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path)
    store.append([_leaf(0)], "note")
    if isinstance(store, MemoryLog):
        store.fail_next = True
    else:
        monkeypatch.setattr("channel.log.sqlite._INSERT_NOTE", "INSERT INTO nowhere VALUES (?, ?)")
    with pytest.raises(FatalError):
        store.append([_leaf(1)], "lost")
    for call in _calls(store):
        with pytest.raises(FatalError, match=re.escape("failed before")):
            call()
    store.close()


def _calls(store: LogStore) -> list[Callable[[], object]]:
    return [
        lambda: store.size,
        lambda: list(store.leaves()),
        lambda: list(store.notes()),
        store.newest_note,
        lambda: store.note(1),
        lambda: store.cosignatures(1),
        lambda: store.witnessed(1),
        lambda: store.body(CT),
        store.bodies,
        lambda: store.put_cosignatures([]),
        store.flush,
        store.links,
        lambda: store.put_links({}),
        lambda: store.append([_leaf(1)], "more"),
    ]


# --- bodies -----------------------------------------------------------------------------------------------------------

CT, OTHER = "A" * 43, "B" * 42 + "A"


def test_a_body_is_kept_with_its_leaf_and_deleted_with_another(store: LogStore) -> None:
    store.append([_leaf(0)], "first", {CT: b"body", OTHER: b"other"})
    assert (store.body(CT), store.body(OTHER), store.bodies()) == (b"body", b"other", {CT, OTHER})
    store.append([_leaf(1)], "second", spent=[CT])
    assert (store.body(CT), store.body(OTHER), store.bodies()) == (None, b"other", {OTHER})
    assert (store.size, list(store.notes())) == (2, [(1, "first"), (2, "second")])


def test_what_is_not_there_may_be_spent_and_what_is_there_kept_again(store: LogStore) -> None:
    store.append([_leaf(0)], "first", {CT: b"body"}, [OTHER])
    store.append([_leaf(1)], "second", {CT: b"body"})
    assert store.bodies() == {CT}


def test_a_group_that_is_refused_keeps_and_spends_no_body(store: LogStore) -> None:
    store.append([_leaf(0)], "first", {CT: b"body"})
    with pytest.raises(InvariantError):
        store.append([_leaf(5)], "never", {OTHER: b"other"}, [CT])
    assert store.bodies() == {CT}


def test_bodies_survive_a_restart(tmp_path: Path) -> None:
    store = _sqlite(tmp_path)
    store.append([_leaf(0)], "first", {CT: b"body"})
    store.close()
    for mode in ("write", "read"):
        again = SqliteLog(tmp_path / "log.sqlite", mode)  # type: ignore[arg-type]
        assert again.body(CT) == b"body"
        again.close()


# --- cosignatures -----------------------------------------------------------------------------------------------------


def _lines(size: int, *parties: str) -> list[Cosignature]:
    return [Cosignature(size, party, f"— dcn/net/{party} line on {size}\n") for party in parties]


def test_a_note_is_found_by_its_size(store: LogStore) -> None:
    store.append(_group(0, 3), "first")
    store.append(_group(3, 4), "second")
    assert [store.note(size) for size in (0, 2, 3, 4, 5)] == [None, None, "first", "second", None]


def test_cosignatures_are_kept_beside_the_notes(store: LogStore) -> None:
    store.append(_group(0, 3), "first")
    assert store.cosignatures(3) == {}
    store.put_cosignatures(_lines(3, "russia", "coalition"))
    assert store.cosignatures(3) == {}, "nothing is reported that is not durable"
    store.flush()
    assert list(store.cosignatures(3).items()) == [(row.party, row.line) for row in _lines(3, "coalition", "russia")]
    assert (store.size, store.newest_note(), list(store.notes())) == (3, "first", [(3, "first")])
    assert store.cosignatures(2) == {}


def test_the_first_cosignature_of_a_party_on_a_size_stays(store: LogStore) -> None:
    store.append(_group(0, 3), "first")
    store.put_cosignatures(_lines(3, "russia"))
    store.put_cosignatures([Cosignature(3, "russia", "later\n"), *_lines(3, "sdf")])
    store.append([_leaf(3, 1003)], "second")
    assert store.cosignatures(3) == {row.party: row.line for row in _lines(3, "russia", "sdf")}


@pytest.mark.parametrize("size", [0, 2, 4])
def test_what_is_no_checkpoint_is_not_cosigned(store: LogStore, size: int) -> None:
    store.append(_group(0, 3), "first")
    with pytest.raises(InvariantError, match=f"no checkpoint of size {size}"):
        store.put_cosignatures([*_lines(3, "sdf"), *_lines(size, "russia")])
    store.flush()
    assert store.cosignatures(3) == {}
    store.put_cosignatures(_lines(3, "russia"))


def test_the_newest_witnessed_size_has_a_quorum_of_its_own(store: LogStore) -> None:
    for index in range(4):
        store.append([_leaf(index)], f"note {index + 1}")
    assert store.witnessed(1) == 0
    store.put_cosignatures([*_lines(1, "a", "b", "c"), *_lines(2, "a", "b"), *_lines(3, "c"), *_lines(4, "a")])
    store.flush()
    assert [store.witnessed(quorum) for quorum in (1, 2, 3, 4)] == [4, 2, 1, 0]


@pytest.mark.parametrize("make", [_sqlite, _memory], ids=["sqlite", "memory"])
def test_after_a_failed_cosignature_everything_is_refused(
    make: Callable[[Path], LogStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path)
    store.append([_leaf(0)], "note")
    if isinstance(store, MemoryLog):
        store.fail_next = True
    else:
        monkeypatch.setattr("channel.log.sqlite._INSERT_COSIGNATURE", "INSERT INTO nowhere VALUES (?, ?, ?)")
    store.put_cosignatures(_lines(1, "russia"))
    with pytest.raises(FatalError):
        store.flush()
    with pytest.raises(FatalError, match=re.escape("failed before")):
        store.append([_leaf(1)], "more")
    store.close()
